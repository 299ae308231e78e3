//! Files, beside epoll: readiness has nothing to say about them, so a loop does what it can.
//!
//! ```text
//!   page cache    next --> preadv2(RWF_NOWAIT) --> arrived           (there already)
//!                                 \ EAGAIN --> pread(2): the loop stalls, and counts it --> arrived
//!
//!   O_DIRECT      next --> io_submit(2) ... eventfd in the epoll set --> epoll_wait(2) --> io_getevents(2) --> arrived
//! ```
//!
//! `epoll_ctl(2)` refuses a regular file with `EPERM`, and `poll(2)` calls it ready at all times.
//!
//! - **Who waits?** Around the page cache this thread, in `epoll_wait`, for any read. Through it nobody should, and then this
//!   thread does, in `pread`, while everything else in its loop waits too: a stall.
//! - **Where is the buffer meanwhile?** With the kernel (direct), or with this thread, lent to the call.
//! - **Who moves the octets?** The disk (direct), or the kernel on this thread.
//! - **How many at once?** Direct: `in_flight`, at most [`MAX_DEPTH`]. Through the page cache: one.
//! - **How is a read taken back?** It is not: destroying the context waits until all are done.

use std::io;
use std::iter;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::cost::Cost;
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;
use crate::reading::{BATCH, Ranges, Reading, block_for, blocks_for};
use crate::sys::aio::Aio;
use crate::sys::block::Block;
use crate::sys::calls::Meter;
use crate::sys::epoll::Epoll;
use crate::sys::files::{pread, pread_nowait};

/// Reads in flight at most: the whole machine has `fs.aio-max-nr` (65,536 at first) to share.
const MAX_DEPTH: usize = 4096;

/// `io_submit(2)` waits where a file system must look up where a block lies, or a disk's queue is full. It does not say so; a
/// submission of a whole batch takes some tens of microseconds, and one that took this long counts as a stall.
const SUBMISSION_STALLED: Duration = Duration::from_millis(1);

pub(super) fn read_ranges(file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
    let meter = Meter::start("reader");
    let mut cost = Cost { threads_peak: 1, ..Cost::default() };
    let mut ranges = Ranges::new(file, workload);

    if file.is_direct() {
        read_direct(file, in_flight.get().min(MAX_DEPTH), &mut ranges, &mut cost)?;
    } else {
        read_cached(file, &mut ranges, &mut cost);
    }

    cost.calls = meter.read();
    Ok(cost)
}

fn read_direct(file: &ReadFile, depth: usize, ranges: &mut Ranges<'_>, cost: &mut Cost) -> io::Result<()> {
    let mut aio = Aio::new(depth)?;
    let mut epoll = Epoll::new(1)?;
    // Edge-triggered: each completion is a new event, and the eventfd need not be read to silence it.
    epoll.add_edges(aio.signals(), 0)?;

    // By number: a read's number is its token.
    let mut readings: Vec<_> = iter::from_fn(|| ranges.next()).take(depth).collect();
    let blocks = blocks_for(&readings, file.alignment());
    for (number, (reading, block)) in iter::zip(&readings, blocks).enumerate() {
        submit(&mut aio, file, number, reading, block);
    }

    let mut done = Vec::with_capacity(depth);
    while aio.in_flight() > 0 && !ranges.broken() {
        // ANCHOR: wait
        if hand_over(&mut aio, cost)? {
            cost.wakeups += 1;
            epoll.wait(None)?.for_each(drop);
        }
        aio.reap(&mut done)?;
        // ANCHOR_END: wait
        for completion in done.drain(..) {
            let number = completion.token as usize;
            let (reading, mut block) = (&mut readings[number], completion.block);
            let result = match completion.result {
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
                }
            }
            submit(&mut aio, file, number, reading, block);
            if aio.queued() >= BATCH {
                hand_over(&mut aio, cost)?;
            }
        }
    }
    Ok(())
}

/// Puts the next read of a range into the batch.
fn submit(aio: &mut Aio, file: &ReadFile, number: usize, reading: &Reading, block: Block) {
    // ANCHOR: submit
    let Some(rest) = reading.rest() else { return };
    aio.read(file, rest.offset, block, rest.at, rest.len, number as u64);
    // ANCHOR_END: submit
}

/// Submits the batch; false if there is no need to wait.
fn hand_over(aio: &mut Aio, cost: &mut Cost) -> io::Result<bool> {
    let begun = Instant::now();
    let wait = aio.submit()?;
    let took = begun.elapsed();
    if took >= SUBMISSION_STALLED {
        cost.stalls += 1;
        cost.stalled += took;
    }
    Ok(wait)
}

fn read_cached(file: &ReadFile, ranges: &mut Ranges<'_>, cost: &mut Cost) {
    let mut block = block_for(0, file.alignment());
    let mut can_tell = true;
    while let Some(mut reading) = ranges.next() {
        if block.len() < reading.room() {
            block = block_for(reading.room(), file.alignment());
        }
        let result = reading.fill(&mut block, |room, offset| {
            let count = read_or_stall(file, room, offset, &mut can_tell, cost)?;
            cost.octets_in += count as u64;
            Ok(count)
        });
        ranges.arrived(&reading, result, &block);
    }
}

// ANCHOR: stall
/// Reads without waiting, or finds out that it must wait. A file system that cannot tell is asked once.
pub(super) fn read_or_stall(
    file: &dyn AsFd,
    room: &mut [u8],
    offset: u64,
    can_tell: &mut bool,
    cost: &mut Cost,
) -> io::Result<usize> {
    if *can_tell {
        match pread_nowait(file, room, offset) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {}
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => *can_tell = false,
            read => return read,
        }
    }
    let begun = Instant::now();
    let read = pread(file, room, offset);
    cost.stalls += 1;
    cost.stalled += begun.elapsed();
    read
}
// ANCHOR_END: stall
