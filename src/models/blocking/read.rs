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
use crate::reading::{Ranges, block_for};
use crate::sys::calls::Meter;
use crate::sys::files::pread;

pub(super) fn read_ranges(file: &ReadFile, _in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
    let meter = Meter::start("reader");
    let mut cost = Cost { threads_peak: 1, ..Cost::default() };
    let mut ranges = Ranges::new(file, workload);
    let mut block = block_for(0, file.alignment());

    // ANCHOR: loop
    // ANCHOR: read
    while let Some(mut reading) = ranges.next() {
        if block.len() < reading.room() {
            block = block_for(reading.room(), file.alignment());
        }
        let result = reading.fill(&mut block, |room, offset| {
            let count = pread(file, room, offset)?;
            cost.octets_in += count as u64;
            Ok(count)
        });
        ranges.arrived(&reading, result, &block);
    }
    // ANCHOR_END: read
    // ANCHOR_END: loop

    cost.calls = meter.read();
    Ok(cost)
}
