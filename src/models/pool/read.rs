//! Files, by a pool: each read has a worker that waits for it.
//!
//! ```text
//!   a worker    lock: arrived, next --> pread(2) ....waits in the call.... --> lock: arrived, next --> pread(2) ...
//!   a worker    ....waits in the call.... --> lock: arrived, next --> pread(2) ....waits in the call.... --> lock ...
//! ```
//!
// ANCHOR: hand-out
//! No thread hands the reads out. One that did would be woken for each of them, and would wake a worker for the next: two changes
//! of thread in addition to the one from the wait for the disk, which took a third of the reads per second at a depth of 64, and
//! nearly half of the CPU time. So whoever has read a range tells it, and asks for the next, while the others are kept out.
// ANCHOR_END: hand-out
//!
//! Turns are taken by whoever comes first, not in line: a worker whose read was in the page cache may have several before another one
//! that was woken for its own. A range may thus be told later than some that were asked for after it.
//!
//! - **Who waits?** A worker, in the call; this thread waits for the workers.
//! - **Where is the buffer meanwhile?** With the worker, for good: no octet changes threads.
//! - **Who moves the octets?** The kernel, on the worker's thread, before the call returns; or the disk.
//! - **How many at once?** One for each worker. A depth of 64 is 64 threads.
//! - **How is a read taken back?** It is not: its worker finishes it, and nobody looks.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread::{self, Scope, ScopedJoinHandle};

use crate::cost::Cost;
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;
use crate::reading::{Ranges, Reading, block_for};
use crate::sys::calls::{Call, Meter, enter};
use crate::sys::files::pread;
use crate::sys::gate::Gate;
use crate::sys::recorder;

pub(super) fn read_ranges(file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
    let meter = Meter::start("reader");
    let mut cost = Cost { threads_peak: 1, ..Cost::default() };
    let shared = Shared { turn: Gate::default(), ranges: Mutex::new(Ranges::new(file, workload)) };

    thread::scope(|scope| -> io::Result<()> {
        let mut workers = Vec::new();
        // It is this thread's turn: the first workers wait for the last, and each gets a range.
        let turn = Turn(&shared);
        let mut hired = Ok(());
        while workers.len() < in_flight.get()
            && hired.is_ok()
            && let Some(reading) = turn.act(|ranges| ranges.next())
        {
            match hire(scope, file, &shared, workers.len() + 1, reading) {
                Ok(worker) => workers.push(worker),
                Err(error) => hired = Err(too_many(workers.len(), error)),
            }
        }
        if hired.is_err() {
            turn.act(|ranges| {
                ranges.end();
                None
            });
        }
        drop(turn);

        cost.threads_peak += workers.len();
        let _wait = recorder::wait("join");
        for worker in workers {
            match worker.join() {
                Ok(its) => cost += its,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        hired
    })?;

    cost.calls += meter.read();
    Ok(cost)
}

/// Starts a thread that reads a range, and then others until there are no more.
fn hire<'scope>(
    scope: &'scope Scope<'scope, '_>,
    file: &'scope ReadFile,
    shared: &'scope Shared<'_>,
    number: usize,
    first: Reading,
) -> io::Result<ScopedJoinHandle<'scope, Cost>> {
    let _call = enter(Call::Clone3);
    thread::Builder::new().name("iolab-read".into()).spawn_scoped(scope, move || {
        let meter = Meter::start(format_args!("worker {number}"));
        let mut cost = Cost::default();
        let mut block = block_for(first.room(), file.alignment());
        let mut next = Some(first);
        // ANCHOR: worker
        while let Some(mut reading) = next {
            if block.len() < reading.room() {
                block = block_for(reading.room(), file.alignment());
            }
            let result = reading.fill(&mut block, |room, offset| {
                let count = pread(file, room, offset)?;
                cost.octets_in += count as u64;
                Ok(count)
            });
            cost.wakeups += shared.turn.take();
            next = Turn(shared).act(|ranges| {
                ranges.arrived(&reading, result, &block);
                ranges.next()
            });
        }
        // ANCHOR_END: worker
        cost.calls = meter.read();
        cost
    })
}

/// What the workers share.
struct Shared<'a> {
    /// Lets one in at a time. The mutex would do, but it waits by system calls of its own, preceded by turns of spinning, which
    /// nobody could count.
    turn: Gate,
    ranges: Mutex<Ranges<'a>>,
}

/// Somebody's turn at the workload, which ends with it, be it by a panic.
struct Turn<'s, 'a>(&'s Shared<'a>);

impl Turn<'_, '_> {
    /// Does something to the workload, unless it has been broken off, or has panicked.
    fn act(&self, act: impl FnOnce(&mut Ranges<'_>) -> Option<Reading>) -> Option<Reading> {
        let mut ranges = self.0.ranges.lock().ok()?;
        if ranges.broken() { None } else { act(&mut ranges) }
    }
}

impl Drop for Turn<'_, '_> {
    fn drop(&mut self) {
        self.0.turn.leave(1);
    }
}

fn too_many(hired: usize, error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!(
            "after {hired} workers no other can be started ({error}): ask for fewer reads at once, or raise RLIMIT_NPROC, the \
             control group's pids.max or kernel.threads-max"
        ),
    )
}
