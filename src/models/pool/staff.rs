//! Those who wait: the workers of a serving pool, and who hires them.

use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, Scope};

use bytes::Bytes;

use super::queue::Queue;
use crate::cost::Cost;
use crate::driver::slots::Key;
use crate::file_op::FileTicket;
use crate::limits::ACCEPTS_PER_TURN;
use crate::model::Shutdown;
use crate::models::accepting::{Failure, judge};
use crate::read_file::ReadFile;
use crate::reading::read_whole;
use crate::send_queue::{LENT_SEGMENTS, Lent};
use crate::sys::calls::{Call, Meter, count};
use crate::sys::files::pread;
use crate::sys::socket::{Mode, Socket, accept, poll_readable};

/// What a worker may use of stack: it calls the kernel and nothing else.
const STACK_OCTETS: usize = 64 << 10;

/// A call for a worker to make.
pub(super) enum Job {
    /// Wait for newcomers or the shutdown.
    Accept {
        listener: TcpListener,
    },
    Recv {
        key: Key,
        socket: Arc<Socket>,
        buffer: Vec<u8>,
    },
    Send {
        key: Key,
        socket: Arc<Socket>,
        lent: Lent,
    },
    Read {
        key: Key,
        ticket: FileTicket,
        file: Arc<ReadFile>,
        range: Range<u64>,
    },
}

/// What came of it.
pub(super) enum Report {
    /// The listener comes back unless the shutdown has begun; then it is closed.
    Accepted {
        listener: Option<TcpListener>,
        sockets: Vec<Socket>,
        error: Option<io::Error>,
    },
    Received {
        key: Key,
        buffer: Vec<u8>,
        result: io::Result<usize>,
    },
    Sent {
        key: Key,
        lent: Lent,
        result: io::Result<usize>,
    },
    Read {
        key: Key,
        ticket: FileTicket,
        result: io::Result<Bytes>,
    },
}

/// The workers. There are as many as can have to wait at one time, so that no job waits for another to be over: that one may
/// wait for a peer as long as the peer likes. Only files, which nobody waits for long, may have to share a worker where the kernel
/// gives no more.
pub(super) struct Staff<'scope, 'env> {
    pub(super) scope: &'scope Scope<'scope, 'env>,
    pub(super) worker: Worker<'env>,
    pub(super) hired: Vec<thread::ScopedJoinHandle<'scope, Cost>>,
    /// Jobs of this turn: handed over together, they cost one system call.
    pub(super) given: Vec<Option<Job>>,
    /// Jobs given and not reported on.
    pub(super) busy: usize,
}

impl Staff<'_, '_> {
    /// Gives a job to a worker; false if there is none and none can be hired.
    pub(super) fn give(&mut self, job: Job) -> bool {
        if self.busy >= self.hired.len() && !self.hire() && self.hired.is_empty() {
            return false;
        }
        self.busy += 1;
        self.given.push(Some(job));
        true
    }

    pub(super) fn send_off(&mut self) {
        if !self.given.is_empty() {
            self.worker.jobs.put(self.given.drain(..));
        }
    }

    fn hire(&mut self) -> bool {
        let worker = self.worker;
        count(Call::Clone3);
        let thread = thread::Builder::new().name("worker".into()).stack_size(STACK_OCTETS);
        match thread.spawn_scoped(self.scope, move || worker.work()) {
            Ok(handle) => {
                self.hired.push(handle);
                true
            }
            Err(_) => false,
        }
    }

    /// Whether there are workers for another connection beside so many. Each may keep two of them waiting for its peer, one more
    /// waits for newcomers, and one is left for what is done without waiting for anybody: so none ever waits for another one's
    /// peer. They are hired before the connection is let in, because the kernel may refuse later.
    pub(super) fn has_room(&mut self, connections: usize) -> bool {
        let needed = 2 * (connections + 1) + 2;
        while self.hired.len() < needed && self.hire() {}
        self.hired.len() >= needed
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

#[derive(Clone, Copy)]
pub(super) struct Worker<'env> {
    pub(super) jobs: &'env Queue<Option<Job>>,
    pub(super) reports: &'env Queue<Report>,
    pub(super) shutdown: &'env Shutdown,
}

impl Worker<'_> {
    /// Does jobs until there are no more.
    fn work(self) -> Cost {
        let meter = Meter::start();
        let mut cost = Cost::default();
        while let Some(job) = self.jobs.take(&mut cost) {
            let report = match job {
                Job::Accept { listener } => self.accept_some(listener),
                Job::Recv { key, socket, mut buffer } => {
                    let result = socket.recv(&mut buffer);
                    Report::Received { key, buffer, result }
                }
                Job::Send { key, socket, lent } => {
                    let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
                    let filled = lent.slices(&mut slices);
                    let result = socket.send(&slices[..filled]);
                    Report::Sent { key, lent, result }
                }
                Job::Read { key, ticket, file, range } => {
                    let read = |room: &mut [u8], offset| pread(&*file, room, offset);
                    Report::Read { key, ticket, result: read_whole(&file, range, read) }
                }
            };
            self.reports.put([report]);
        }
        cost.calls = meter.read();
        cost
    }

    /// Waits for newcomers or the shutdown; then takes in whoever is in the queue.
    fn accept_some(&self, listener: TcpListener) -> Report {
        let mut sockets = Vec::new();
        let (mut error, stopping) = match poll_readable([listener.as_fd(), self.shutdown.as_fd()], None) {
            Ok([_, stopping]) => (None, stopping),
            Err(error) => (Some(error), false),
        };
        while error.is_none() && (stopping || sockets.len() < ACCEPTS_PER_TURN) {
            match accept(&listener, Mode::Blocking) {
                Ok(socket) => sockets.push(socket),
                Err(refused) if judge(&refused) == Failure::TryNext => {}
                Err(refused) => error = Some(refused),
            }
        }
        Report::Accepted { listener: (!stopping).then_some(listener), sockets, error }
    }
}
