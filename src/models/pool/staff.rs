//! Those who wait: the workers of a serving pool, and who hires them.

use std::io;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};

use super::worker::{Job, Worker};
use crate::cost::Cost;
use crate::driver::slots::Key;
use crate::sys::calls::{Call, enter};
use crate::sys::hang_ups::HangUps;
use crate::sys::recorder;
use crate::sys::socket::Socket;

/// What a worker may use of stack: it calls the kernel and nothing else.
const STACK_OCTETS: usize = 64 << 10;

/// Beside those that wait for peers: one waits for newcomers, and one is left for what is done without waiting for anybody.
const BESIDE: usize = 2;

/// The most workers for what waits for nobody and only takes a processor: more would take it from each other.
const SHORT: usize = 4;

/// The workers. There are as many as have to wait for peers at one time, and [`BESIDE`] more, so that no job waits for another to be
/// over that may wait as long as the peer likes. Only jobs that nobody waits for long, because they wait for no peer, may have to
/// share a worker.
pub(super) struct Staff<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pub(super) worker: Worker<'env>,
    hired: Vec<ScopedJoinHandle<'scope, Cost>>,
    /// Of these, so many may have to wait for peers.
    reserved: usize,
    /// Whom one of them watches, for good, since the first was parked.
    watched: Option<Arc<HangUps>>,
    /// Jobs of this turn: handed over together, they cost one system call.
    given: Vec<Option<Job>>,
    /// Jobs given and not reported on that wait for somebody or for a disk,
    lasting: usize,
    /// and those that do not.
    short: usize,
}

impl<'scope, 'env> Staff<'scope, 'env> {
    /// With those beside: there is nothing to be done without.
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, worker: Worker<'env>) -> io::Result<Self> {
        let (hired, given) = (Vec::new(), Vec::new());
        let mut staff = Staff { scope, worker, hired, reserved: 0, watched: None, given, lasting: 0, short: 0 };
        staff.reserve(0).map_err(|error| {
            let why = format!("not even {BESIDE} worker threads can be started ({error}): raise RLIMIT_NPROC or pids.max");
            io::Error::new(error.kind(), why)
        })?;
        Ok(staff)
    }

    /// Gives a job to a worker. If it may wait for a peer, one has been [reserved](Self::reserve) for it.
    pub(super) fn give(&mut self, job: Job) {
        // A word to all who are parked is as many short jobs, which would cost a thread each after all.
        if self.lasting + self.short.min(SHORT) >= self.hired.len() {
            let _ = self.hire();
        }
        *self.out(job.is_short()) += 1;
        self.given.push(Some(job));
    }

    fn out(&mut self, is_short: bool) -> &mut usize {
        if is_short { &mut self.short } else { &mut self.lasting }
    }

    /// Sends the workers off with what was given.
    pub(super) fn send_off(&mut self) {
        if !self.given.is_empty() {
            self.worker.jobs.put(self.given.drain(..));
        }
    }

    /// A worker is back from such a job.
    pub(super) fn is_back(&mut self, is_short: bool) {
        *self.out(is_short) -= 1;
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

    /// Has its hang-up reported, once. The first takes a worker to watch them all.
    pub(super) fn watch(&mut self, socket: &Socket, key: Key) -> io::Result<()> {
        let watched = match &self.watched {
            Some(watched) => watched,
            None => {
                let watched = Arc::new(HangUps::new()?);
                self.reserve(1)?;
                self.give(Job::Watch(Arc::clone(&watched)));
                self.watched.insert(watched)
            }
        };
        watched.add(socket, key.to_bits())
    }

    fn hire(&mut self) -> io::Result<()> {
        let (worker, number) = (self.worker, self.hired.len() + 1);
        let _call = enter(Call::Clone3);
        let thread = thread::Builder::new().name("worker".into()).stack_size(STACK_OCTETS);
        self.hired.push(thread.spawn_scoped(self.scope, move || worker.work(number))?);
        Ok(())
    }

    /// Lets everyone go, and adds up what they did.
    pub(super) fn dismiss(mut self) -> Cost {
        self.say_go();
        let mut cost = Cost { threads_peak: 1 + self.hired.len(), ..Cost::default() };
        let _wait = recorder::wait("join");
        for worker in self.hired.drain(..) {
            match worker.join() {
                Ok(its) => cost += its,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        cost
    }

    /// A `None` among the jobs says it.
    fn say_go(&self) {
        if let Some(watched) = &self.watched {
            watched.end();
        }
        self.worker.jobs.put(self.hired.iter().map(|_| None));
    }
}

/// Only where the server fails or panics is there still anybody.
impl Drop for Staff<'_, '_> {
    fn drop(&mut self) {
        if !self.hired.is_empty() {
            // The worker that accepts waits for newcomers or for this.
            self.worker.shutdown.begin();
            self.say_go();
        }
    }
}
