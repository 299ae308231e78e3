//! Those who wait: the workers of a serving pool, and who hires them.

use std::io;
use std::thread::{self, Scope, ScopedJoinHandle};

use super::worker::{Job, Worker};
use crate::cost::Cost;
use crate::sys::calls::{Call, count};

/// What a worker may use of stack: it calls the kernel and nothing else.
const STACK_OCTETS: usize = 64 << 10;

/// Beside those that wait for peers: one waits for newcomers, and one is left for what is done without waiting for anybody.
const BESIDE: usize = 2;

/// The workers. There are as many as can have to wait for peers at one time, so that no job waits for another to be over: that one
/// may wait as long as the peer likes. Only files, which nobody waits for long, may have to share a worker where the kernel gives no
/// more.
pub(super) struct Staff<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pub(super) worker: Worker<'env>,
    hired: Vec<ScopedJoinHandle<'scope, Cost>>,
    /// Of these, so many may have to wait for peers.
    reserved: usize,
    /// Jobs of this turn: handed over together, they cost one system call.
    given: Vec<Option<Job>>,
    /// Jobs given and not reported on.
    busy: usize,
}

impl<'scope, 'env> Staff<'scope, 'env> {
    /// With one worker: there is nothing to be done without.
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, worker: Worker<'env>) -> io::Result<Self> {
        let mut staff = Staff { scope, worker, hired: Vec::new(), reserved: 0, given: Vec::new(), busy: 0 };
        staff.hire().map_err(|error| {
            let why = format!("not even one worker thread can be started ({error}): raise RLIMIT_NPROC or pids.max");
            io::Error::new(error.kind(), why)
        })?;
        Ok(staff)
    }

    /// Gives a job to a worker.
    pub(super) fn give(&mut self, job: Job) {
        if self.busy >= self.hired.len() {
            let _ = self.hire();
        }
        self.busy += 1;
        self.given.push(Some(job));
    }

    /// Sends the workers off with what was given.
    pub(super) fn send_off(&mut self) {
        if !self.given.is_empty() {
            self.worker.jobs.put(self.given.drain(..));
        }
    }

    /// A worker is back from its job.
    pub(super) fn is_back(&mut self) {
        self.busy -= 1;
    }

    /// Sees to it that so many workers more can wait for a peer, or says that the kernel gives no more. They are hired before they
    /// are needed, because the kernel may refuse later.
    pub(super) fn reserve(&mut self, workers: usize) -> io::Result<()> {
        while self.hired.len() < self.reserved + workers + BESIDE {
            self.hire()?;
        }
        self.reserved += workers;
        Ok(())
    }

    /// So many less need to.
    pub(super) fn release(&mut self, workers: usize) {
        self.reserved -= workers;
    }

    fn hire(&mut self) -> io::Result<()> {
        let worker = self.worker;
        count(Call::Clone3);
        let thread = thread::Builder::new().name("worker".into()).stack_size(STACK_OCTETS);
        self.hired.push(thread.spawn_scoped(self.scope, move || worker.work())?);
        Ok(())
    }

    /// Lets everyone go, and adds up what they did.
    pub(super) fn dismiss(mut self) -> Cost {
        self.worker.jobs.put(self.hired.iter().map(|_| None));
        let mut cost = Cost { threads_peak: 1 + self.hired.len(), ..Cost::default() };
        for worker in self.hired.drain(..) {
            match worker.join() {
                Ok(its) => cost += its,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        cost
    }
}

/// A `None` among the jobs says: go.
impl Drop for Staff<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // The worker that accepts waits for newcomers or for this.
            self.worker.shutdown.begin();
        }
        self.worker.jobs.put(self.hired.iter().map(|_| None));
    }
}
