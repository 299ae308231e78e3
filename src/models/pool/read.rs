//! Files, by a pool: each read is a job, and a worker waits for it.
//!
//! ```text
//!   this thread   next --> job ------------------------------- done --> arrived --> next --> job ...
//!                            \ channel                         / channel
//!   a worker                   pread(2) ..waits in the call.. /   (as many workers as reads in flight)
//! ```
//!
//! - **Who waits?** A worker, in the call; this thread waits for the workers.
//! - **Where is the buffer meanwhile?** With the worker: it travels in the job and comes back with it.
//! - **Who moves the octets?** The kernel, on the worker's thread, before the call returns; or the disk.
//! - **How many at once?** One for each worker. A depth of 64 is 64 threads.
//! - **How is a read taken back?** It is not: its worker finishes it, and nobody looks.

use std::io;
use std::num::NonZeroUsize;
use std::thread::{self, Scope, ScopedJoinHandle};

use super::queue::Queue;
use crate::cost::Cost;
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;
use crate::reading::{BATCH, Ranges, Reading, block_for};
use crate::sys::block::Block;
use crate::sys::calls::{Call, Meter, count};
use crate::sys::files::pread;

/// A range, and the block it is read into. It goes to a worker and comes back.
struct Job {
    reading: Reading,
    block: Block,
    result: io::Result<()>,
}

pub(super) fn read_ranges(file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
    let meter = Meter::start();
    let mut cost = Cost { threads_peak: 1, ..Cost::default() };
    let mut ranges = Ranges::new(file, workload);
    let (jobs, done) = (Queue::new(), Queue::new());

    thread::scope(|scope| -> io::Result<()> {
        let mut pool = Pool { jobs: &jobs, workers: Vec::new() };
        while pool.workers.len() < in_flight.get()
            && let Some(reading) = ranges.next()
        {
            pool.hire(scope, file, &done)?;
            let block = block_for(reading.room(), file.alignment());
            jobs.put([Some(Job { reading, block, result: Ok(()) })]);
        }
        cost.threads_peak += pool.workers.len();

        let mut in_flight = pool.workers.len();
        let mut batch = Vec::with_capacity(BATCH);
        while in_flight > 0 && !ranges.broken() {
            let mut finished = Some(done.take(&mut cost));
            while let Some(Job { reading, mut block, result }) = finished {
                ranges.arrived(&reading, result, &block);
                match ranges.next() {
                    Some(reading) => {
                        if block.len() < reading.room() {
                            block = block_for(reading.room(), file.alignment());
                        }
                        batch.push(Some(Job { reading, block, result: Ok(()) }));
                    }
                    None if ranges.broken() => break,
                    None => in_flight -= 1,
                }
                finished = if batch.len() < BATCH { done.try_take() } else { None };
            }
            jobs.put(batch.drain(..));
        }

        cost += pool.dismiss();
        Ok(())
    })?;

    cost.calls += meter.read();
    Ok(cost)
}

/// The workers, who go home when the pool is dropped, be it by an error or a panic.
struct Pool<'scope> {
    jobs: &'scope Queue<Option<Job>>,
    workers: Vec<ScopedJoinHandle<'scope, Cost>>,
}

impl<'scope> Pool<'scope> {
    /// Starts a thread that does jobs until it is told to go.
    fn hire(&mut self, scope: &'scope Scope<'scope, '_>, file: &'scope ReadFile, done: &'scope Queue<Job>) -> io::Result<()> {
        let jobs = self.jobs;
        count(Call::Clone3);
        let worker = thread::Builder::new().name("iolab-read".into()).spawn_scoped(scope, move || {
            let meter = Meter::start();
            let mut cost = Cost::default();
            while let Some(mut job) = jobs.take(&mut cost) {
                job.result = job.reading.fill(&mut job.block, |room, offset| {
                    let count = pread(file, room, offset)?;
                    cost.octets_in += count as u64;
                    Ok(count)
                });
                done.put([job]);
            }
            cost.calls = meter.read();
            cost
        });
        self.workers.push(worker.map_err(|error| too_many(self.workers.len(), error))?);
        Ok(())
    }

    /// Tells the workers to go, and waits until they have. Jobs that nobody has begun are dropped.
    fn dismiss(mut self) -> Cost {
        self.tell_to_go();
        let mut cost = Cost::default();
        for worker in self.workers.drain(..) {
            match worker.join() {
                Ok(its) => cost += its,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        cost
    }

    fn tell_to_go(&self) {
        while self.jobs.try_take().is_some() {}
        self.jobs.put(self.workers.iter().map(|_| None));
    }
}

impl Drop for Pool<'_> {
    fn drop(&mut self) {
        self.tell_to_go();
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
