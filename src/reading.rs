//! A range on its way: what is still to be read of it, and what is handed over. The same for every model.
//!
//! A read may be short at any time, so a range is read until it is full or the file ends. Around the page cache it is widened to
//! aligned blocks first, and the octets asked for are cut out at the end.
//!
//! **Invariant:** nothing here reads or waits.

use std::io;
use std::ops::{ControlFlow, Range};

use bytes::Bytes;

use crate::read_file::{Alignment, ReadFile};
use crate::read_workload::{MAX_BLOCK, ReadWorkload};
use crate::sys::block::Block;

/// One range on its way. Lengths fit in 32 bits: a range has at most [`MAX_BLOCK`] octets.
#[derive(Debug)]
pub(crate) struct Reading {
    index: usize,
    /// Where the aligned blocks that contain it begin.
    start: u64,
    /// Octets of these blocks.
    room: u32,
    /// Octets of them before those asked for.
    before: u32,
    /// Octets asked for.
    asked: u32,
    /// Octets read so far, from `start`.
    filled: u32,
    /// A block's octets, a power of two.
    unit: u32,
    ended: bool,
}

/// The next read of a range: `len` octets at `offset` of the file, to place `at` of its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) offset: u64,
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Reading {
    #[inline]
    fn new(index: usize, asked: Range<u64>, alignment: Alignment) -> io::Result<Reading> {
        let unit = alignment.offset;
        // A mask does what would be two divisions, which a read from the cache can feel.
        let within = u64::from(unit) - 1;
        let end = asked.end.checked_add(within).map(|end| end & !within).filter(|&end| i64::try_from(end).is_ok());
        let (Some(len), Some(end)) = (asked.end.checked_sub(asked.start).filter(|&len| len <= MAX_BLOCK as u64), end) else {
            return Err(impossible(&asked));
        };
        let start = asked.start & !within;
        let room = if len == 0 { 0 } else { (end - start) as u32 };
        let before = (asked.start - start) as u32;
        Ok(Reading { index, start, room, before, asked: len as u32, filled: 0, unit, ended: false })
    }

    /// A range on its own.
    pub(crate) fn of(asked: Range<u64>, alignment: Alignment) -> io::Result<Reading> {
        Reading::new(0, asked, alignment)
    }

    /// Whether it goes around the page cache.
    pub(crate) fn is_direct(&self) -> bool {
        self.unit != Alignment::BUFFERED.offset
    }

    /// How large a buffer it takes, in octets.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.room as usize
    }

    /// What is still to be read, if anything.
    #[inline]
    pub(crate) fn rest(&self) -> Option<Rest> {
        let (at, len) = (self.filled as usize, (self.room - self.filled) as usize);
        (len > 0 && !self.ended).then_some(Rest { offset: self.start + at as u64, at, len })
    }

    /// A read of the rest brought `count` octets. None, or no whole blocks where there are blocks, means that the file ends.
    #[inline]
    pub(crate) fn took(&mut self, count: usize) {
        self.filled += count as u32;
        self.ended = count == 0 || self.filled & (self.unit - 1) != 0;
    }

    /// Reads until the range is full or the file ends, by a `read` that waits. A signal is no reason to give up.
    #[inline]
    pub(crate) fn fill(
        &mut self,
        block: &mut [u8],
        mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    ) -> io::Result<()> {
        while let Some(rest) = self.rest() {
            match read(&mut block[rest.at..rest.at + rest.len], rest.offset) {
                Ok(count) => self.took(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The octets asked for, as far as the file has them.
    #[inline]
    pub(crate) fn octets<'b>(&self, block: &'b [u8]) -> &'b [u8] {
        &block[self.wanted()]
    }

    /// The same, together with the block they are in.
    pub(crate) fn into_bytes(self, block: Block) -> Bytes {
        Bytes::from_owner(block).slice(self.wanted())
    }

    /// Where in the block the octets asked for are.
    #[inline]
    fn wanted(&self) -> Range<usize> {
        let end = self.before + self.asked;
        self.before.min(self.filled) as usize..end.min(self.filled) as usize
    }
}

/// Why no file has this range, or nobody may ask for it.
#[cold]
fn impossible(asked: &Range<u64>) -> io::Error {
    let Range { start, end } = asked;
    let why = match end.checked_sub(*start) {
        None => format!("range {start}..{end} ends before it starts"),
        Some(len) if len > MAX_BLOCK as u64 => format!("range {start}..{end} is {len} octets long: at most {MAX_BLOCK}"),
        Some(_) => format!("range {start}..{end} lies beyond the largest offset, {}", i64::MAX),
    };
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Reads a whole range at once, by a `read` that waits: what a server does for a protocol that asked for it.
pub(crate) fn read_whole(
    file: &ReadFile,
    range: Range<u64>,
    read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<Bytes> {
    let mut reading = Reading::of(range, file.alignment())?;
    let mut block = block_for(reading.room(), file.alignment());
    reading.fill(&mut block, read)?;
    Ok(reading.into_bytes(block))
}

/// Reads handed to the kernel at once, at most. With 64 in flight, turns of over 20 left the disk idle for a tenth of the time
/// while they were handled; submitting one by one cost a third more CPU; with 4 to 16 the disk was busy all the time.
pub(crate) const BATCH: usize = 8;

/// A block for `room` octets. On page boundaries it can be read into around the page cache, and registered page by page.
pub(crate) fn block_for(room: usize, alignment: Alignment) -> Block {
    Block::new(room, PAGE.max(alignment.memory as usize))
}

/// A block for each of these.
pub(crate) fn blocks_for(readings: &[Reading], alignment: Alignment) -> Vec<Block> {
    let rooms: Vec<usize> = readings.iter().map(Reading::room).collect();
    Block::side_by_side(&rooms, PAGE.max(alignment.memory as usize))
}

const PAGE: usize = 4096;

/// A workload's ranges as a model sees them: numbered, checked, and over after a `Break`.
pub(crate) struct Ranges<'a> {
    workload: &'a mut dyn ReadWorkload,
    alignment: Alignment,
    asked: usize,
    over: bool,
    broken: bool,
}

impl<'a> Ranges<'a> {
    pub(crate) fn new(file: &ReadFile, workload: &'a mut dyn ReadWorkload) -> Self {
        Ranges { workload, alignment: file.alignment(), asked: 0, over: false, broken: false }
    }

    /// The next range that takes a read. Empty and impossible ones are answered on the way.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Reading> {
        while !self.over {
            let Some(range) = self.workload.next() else {
                self.over = true;
                break;
            };
            let index = self.asked;
            self.asked += 1;
            match Reading::new(index, range, self.alignment) {
                Ok(reading) if reading.room() > 0 => return Some(reading),
                Ok(_) => self.tell(index, Ok(&[])),
                Err(error) => self.tell(index, Err(error)),
            }
        }
        None
    }

    /// No more is asked for, nor told.
    pub(crate) fn end(&mut self) {
        (self.over, self.broken) = (true, true);
    }

    /// Hands a range over: `block` holds what was read of it, unless reading failed.
    #[inline]
    pub(crate) fn arrived(&mut self, reading: &Reading, result: io::Result<()>, block: &[u8]) {
        self.tell(reading.index, result.map(|()| reading.octets(block)));
    }

    /// Whether the workload wants no more, not even what is in flight.
    pub(crate) fn broken(&self) -> bool {
        self.broken
    }

    #[inline]
    fn tell(&mut self, index: usize, octets: io::Result<&[u8]>) {
        if self.workload.arrived(index, octets) == ControlFlow::Break(()) {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Alignment = Alignment { memory: 512, offset: 512 };

    #[test]
    fn a_buffered_range_is_read_on_until_it_is_full() {
        let mut reading = Reading::new(0, 100..110, Alignment::BUFFERED).unwrap();
        assert_eq!(reading.rest(), Some(Rest { offset: 100, at: 0, len: 10 }));
        reading.took(4);
        assert_eq!(reading.rest(), Some(Rest { offset: 104, at: 4, len: 6 }));
        reading.took(6);
        assert_eq!(reading.rest(), None);
        assert_eq!(reading.octets(b"0123456789"), b"0123456789");
    }

    #[test]
    fn a_file_that_ends_makes_a_range_short_or_empty() {
        let mut reading = Reading::new(0, 0..10, Alignment::BUFFERED).unwrap();
        reading.took(3);
        reading.took(0);
        assert_eq!(reading.rest(), None);
        assert_eq!(reading.octets(b"0123456789"), b"012");

        let mut reading = Reading::new(0, 600..700, DIRECT).unwrap();
        reading.took(40);
        assert_eq!(reading.rest(), None, "no whole block: the file ends here");
        assert_eq!(reading.octets(&[0; 512]), b"", "and before the range starts");
    }

    #[test]
    fn a_direct_range_is_widened_to_blocks_and_cut_to_what_was_asked() {
        let mut reading = Reading::new(0, 1000..1030, DIRECT).unwrap();
        assert_eq!(reading.rest(), Some(Rest { offset: 512, at: 0, len: 1024 }));
        reading.took(512);
        assert_eq!(reading.rest(), Some(Rest { offset: 1024, at: 512, len: 512 }));
        reading.took(512);
        let block: Vec<u8> = (0..1024).map(|place| (place % 251) as u8).collect();
        assert_eq!(reading.octets(&block), &block[488..518]);
    }

    #[test]
    fn impossible_ranges_say_what_is_wrong() {
        let wrong = |range: Range<u64>| Reading::new(0, range, DIRECT).unwrap_err().to_string();
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = 2..1;
        assert_eq!(wrong(reversed), "range 2..1 ends before it starts");
        assert_eq!(wrong(0..4194305), "range 0..4194305 is 4194305 octets long: at most 4194304");
        let last = i64::MAX as u64;
        assert!(wrong(last - 10..last).ends_with("beyond the largest offset, 9223372036854775807"), "once widened");
        assert!(wrong(u64::MAX - 1..u64::MAX).contains("beyond"));
        assert!(Reading::new(0, last - 10..last, Alignment::BUFFERED).is_ok());
        assert_eq!(Reading::new(0, last..last, Alignment::BUFFERED).unwrap().room(), 0);
    }
}
