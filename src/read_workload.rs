//! The file-read workload: which ranges to read, and who is told.

use std::io;
use std::ops::{ControlFlow, Range};

/// The longest range one read may ask for: 4 MiB.
pub const MAX_BLOCK: usize = 4 << 20;

/// What is to be read, pulled by a model one range at a time, and pushed back as it arrives.
///
/// A model asks for the next range at the moment it has room for one more in flight. Whoever wants latencies therefore takes
/// the time in `next` and again in `arrived`; whoever does not, pays nothing for clocks.
///
/// One thread at a time calls it. In a pool it is now this and now that one: whichever has read a range. Hence `Send`.
pub trait ReadWorkload: Send {
    /// The next range to read, at most [`MAX_BLOCK`] octets; `None` once there are no more. Ranges are numbered in the order of
    /// the asking, from 0.
    fn next(&mut self) -> Option<Range<u64>>;

    /// Range number `index` was read: all of its octets, fewer where the file ends inside it, none where it begins beyond the
    /// end. The octets are lent for this call. After `Break` no further range is asked for, those in flight are abandoned
    /// untold, and the model returns.
    fn arrived(&mut self, index: usize, octets: io::Result<&[u8]>) -> ControlFlow<()>;
}

/// A list of ranges and a closure, for when no clock is needed.
pub struct ReadList<'a, F> {
    ranges: std::slice::Iter<'a, Range<u64>>,
    arrived: F,
}

impl<'a, F: FnMut(usize, io::Result<&[u8]>) -> ControlFlow<()> + Send> ReadList<'a, F> {
    /// Reads `ranges` in turn and calls `arrived` with each one's number and octets.
    pub fn new(ranges: &'a [Range<u64>], arrived: F) -> Self {
        ReadList { ranges: ranges.iter(), arrived }
    }
}

impl<F: FnMut(usize, io::Result<&[u8]>) -> ControlFlow<()> + Send> ReadWorkload for ReadList<'_, F> {
    fn next(&mut self) -> Option<Range<u64>> {
        self.ranges.next().cloned()
    }

    fn arrived(&mut self, index: usize, octets: io::Result<&[u8]>) -> ControlFlow<()> {
        (self.arrived)(index, octets)
    }
}
