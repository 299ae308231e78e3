//! Files, by io_uring: reads are put into a queue, and their completions are taken from another.
//!
//! ```text
// ANCHOR: picture
//!   this thread   next --> submission queue --> io_uring_enter(2): submits all, waits for one --> completion queue --> arrived
//!                                                      |                          ^
//!   kernel, disk                                       reads in flight ...........
// ANCHOR_END: picture
//! ```
//!
//! - **Who waits?** This thread, for whichever read is done first.
//! - **Where is the buffer meanwhile?** With the kernel: the ring owns it until the completion.
//! - **Who moves the octets?** The kernel, on this thread, if the page cache has them; else the disk, or a kernel worker.
//! - **How many at once?** `in_flight`, at most [`MAX_DEPTH`], with one system call for all that became free in a turn.
//! - **How is a read taken back?** A cancel is submitted; the buffer is free when both have completed.

use std::io;
use std::iter;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;

use super::{Technique, Uring};
use crate::cost::Cost;
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;
use crate::reading::{BATCH, Ranges, Reading, block_for, blocks_for};
use crate::sys::block::Block;
use crate::sys::calls::Meter;
use crate::sys::ledger::Payload;
use crate::sys::ring::{Read, Ring, Target};
use crate::sys::ring_setup::RingOptions;

/// Reads in flight at most; more places in a ring only take memory.
const MAX_DEPTH: usize = 4096;

/// How files are read. Whether blocks are registered is a [technique](crate::models::uring::Technique::RegisteredBuffers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// The file is registered with the ring: no descriptor is looked up for each read.
    pub registered_file: bool,
    /// Direct reads handed over at once, at most: when a turn has freed this many places, they are filled before the rest of it is
    /// looked at. A disk whose queue drains while its client handles a large turn does nothing meanwhile. Through the page cache
    /// it is half of those in flight: these are over when they have been handed over, if the cache has them, and the fewer calls
    /// the better.
    pub batch: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { registered_file: true, batch: BATCH }
    }
}

pub(super) fn read_ranges(
    model: &Uring,
    file: &ReadFile,
    in_flight: NonZeroUsize,
    workload: &mut dyn ReadWorkload,
) -> io::Result<Cost> {
    let meter = Meter::start("reader");
    let mut cost = Cost { threads_peak: 1, ..Cost::default() };
    let mut ranges = Ranges::new(file, workload);
    let depth = in_flight.get().min(MAX_DEPTH);
    let options = &model.reads;
    let (places, techniques) = (depth as u32, model.techniques);
    let mut ring = Ring::new(&RingOptions { submissions: places, completions: places, techniques })?;

    // By number: a read's number is its token, and its block's number if blocks are registered.
    let mut readings: Vec<_> = iter::from_fn(|| ranges.next()).take(depth).collect();
    let mut blocks = blocks_for(&readings, file.alignment());
    let target = if options.registered_file {
        ring.register_files(&[file.as_fd()])?;
        Target::Registered(0)
    } else {
        Target::Descriptor(file.as_fd())
    };
    // Through the page cache octets are copied, and nothing is pinned.
    let registered_buffers = ring.has(Technique::RegisteredBuffers) && file.is_direct() && !blocks.is_empty();
    if registered_buffers {
        ring.register_blocks(&mut blocks)?;
    }
    for (number, (reading, block)) in iter::zip(&readings, blocks).enumerate() {
        submit(&mut ring, target, registered_buffers, number, reading, block)?;
    }

    let batch = if file.is_direct() { options.batch } else { (depth / 2).max(1) };
    // ANCHOR: turns
    while ring.in_flight() > 0 && !ranges.broken() {
        ring.submit_and_wait(1, None)?;
        cost.wakeups += 1;
        while let Some(completion) = ring.next() {
            let (number, result) = (completion.token as usize, completion.result());
            let Payload::Block(mut block) = completion.payload else { continue };
            let reading = &mut readings[number];
            let result = match result {
                Ok(count) => {
                    cost.octets_in += count as u64;
                    reading.took(count);
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(error),
            };
            if result.is_err() || reading.rest().is_none() {
                ranges.arrived(reading, result, &block);
                let Some(next) = ranges.next() else {
                    if ranges.broken() {
                        break;
                    }
                    continue;
                };
                *reading = next;
                if block.len() < reading.room() {
                    block = block_for(reading.room(), file.alignment());
                    if registered_buffers {
                        ring.register_block_again(number as u32, &mut block)?;
                    }
                }
            }
            submit(&mut ring, target, registered_buffers, number, reading, block)?;
            if ring.queued() >= batch {
                ring.submit()?;
            }
        }
    }
    // ANCHOR_END: turns

    drop(ring);
    cost.calls = meter.read();
    Ok(cost)
}

/// Puts the next read of a range into the queue.
fn submit(
    ring: &mut Ring,
    file: Target<'_>,
    registered_buffers: bool,
    number: usize,
    reading: &Reading,
    block: Block,
) -> io::Result<()> {
    // ANCHOR: submit
    let Some(rest) = reading.rest() else { return Ok(()) };
    let registered = registered_buffers.then_some(number as u16);
    ring.read(Read { file, offset: rest.offset, at: rest.at, len: rest.len, registered }, block, number as u64)?;
    // ANCHOR_END: submit
    Ok(())
}
