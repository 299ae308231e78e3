//! Files, blocking: one `pread(2)` after the other.
//!
//! ```text
//!   this thread   next --> pread(2) ....waits in the call.... --> arrived --> next --> pread(2) ...
//! ```
//!
//! - **Who waits?** This thread, in the call.
//! - **Where is the buffer meanwhile?** With this thread, lent to the call.
//! - **Who moves the octets?** The kernel, on this thread, before the call returns; or the disk, around the page cache.
//! - **How many at once?** One: that is what blocking means. `in_flight` changes nothing.
//! - **How is a read taken back?** It is not: the call returns when it is done.

use std::io;
use std::num::NonZeroUsize;

use crate::cost::Cost;
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;
use crate::reading::{Ranges, Reading, block_for};
use crate::sys::block::Block;
use crate::sys::calls::Meter;
use crate::sys::files::pread;

pub(super) fn read_ranges(file: &ReadFile, _in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
    let meter = Meter::start();
    let mut cost = Cost { threads_peak: 1, ..Cost::default() };
    let mut ranges = Ranges::new(file, workload);
    let mut block = block_for(0, file.alignment());

    while let Some(mut reading) = ranges.next() {
        if block.len() < reading.room() {
            block = block_for(reading.room(), file.alignment());
        }
        let result = fill(file, &mut reading, &mut block, &mut cost);
        ranges.arrived(&reading, result, &block);
    }

    cost.calls = meter.read();
    Ok(cost)
}

/// Reads until the range is full or the file ends.
fn fill(file: &ReadFile, reading: &mut Reading, block: &mut Block, cost: &mut Cost) -> io::Result<()> {
    while let Some(rest) = reading.rest() {
        match pread(file, &mut block[rest.at..rest.at + rest.len], rest.offset) {
            Ok(count) => {
                cost.octets_in += count as u64;
                reading.took(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
