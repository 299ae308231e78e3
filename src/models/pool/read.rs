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

use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, unbounded};

use crate::cost::Cost;
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;
use crate::reading::{Ranges, Reading, block_for};
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

    thread::scope(|scope| -> io::Result<()> {
        let (jobs, waiting) = unbounded();
        let (finished, done) = unbounded();

        let mut workers = Vec::new();
        while workers.len() < in_flight.get()
            && let Some(reading) = ranges.next()
        {
            workers.push(hire(scope, file, &waiting, &finished).map_err(|error| too_many(workers.len(), error))?);
            let block = block_for(reading.room(), file.alignment());
            let _ = jobs.send(Job { reading, block, result: Ok(()) });
        }
        drop((waiting, finished));
        cost.threads_peak += workers.len();

        let mut in_flight = workers.len();
        while in_flight > 0 && !ranges.broken() {
            let Ok(Job { reading, mut block, result }) = receive(&done, &mut cost) else { break };
            ranges.arrived(&reading, result, &block);
            match ranges.next() {
                Some(reading) => {
                    if block.len() < reading.room() {
                        block = block_for(reading.room(), file.alignment());
                    }
                    let _ = jobs.send(Job { reading, block, result: Ok(()) });
                }
                None => in_flight -= 1,
            }
        }

        drop(jobs);
        for worker in workers {
            match worker.join() {
                Ok(its) => cost += its,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;

    cost.calls += meter.read();
    Ok(cost)
}

/// A thread that does jobs until there are no more.
fn hire<'scope>(
    scope: &'scope Scope<'scope, '_>,
    file: &'scope ReadFile,
    waiting: &Receiver<Job>,
    finished: &Sender<Job>,
) -> io::Result<ScopedJoinHandle<'scope, Cost>> {
    let (waiting, finished) = (waiting.clone(), finished.clone());
    count(Call::Clone3);
    thread::Builder::new().name("iolab-read".into()).spawn_scoped(scope, move || {
        let meter = Meter::start();
        let mut cost = Cost::default();
        while let Ok(mut job) = receive(&waiting, &mut cost) {
            job.result = fill(file, &mut job.reading, &mut job.block, &mut cost);
            if finished.send(job).is_err() {
                break;
            }
        }
        cost.calls = meter.read();
        cost
    })
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

/// Takes from a channel, waiting if it is empty.
fn receive(channel: &Receiver<Job>, cost: &mut Cost) -> Result<Job, RecvError> {
    match channel.try_recv() {
        Ok(job) => Ok(job),
        Err(TryRecvError::Disconnected) => Err(RecvError),
        Err(TryRecvError::Empty) => {
            cost.wakeups += 1;
            channel.recv()
        }
    }
}

fn too_many(hired: usize, error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!(
            "after {hired} workers no other can be started ({error}): ask for fewer reads at once, or raise RLIMIT_NPROC, the control group's pids.max or kernel.threads-max"
        ),
    )
}
