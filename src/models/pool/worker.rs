//! What a worker does: one call that waits, and a report of what came of it. One of them waits for many.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use crate::cost::Cost;
use crate::driver::slots::Key;
use crate::file_op::FileTicket;
use crate::identity::OfLoop;
use crate::limits::ACCEPTS_PER_TURN;
use crate::model::Shutdown;
use crate::models::accepting::{Failure, WHOLE_QUEUE, judge};
use crate::models::file_work::{self, FileWork, Outcome};
use crate::send_queue::{LENT_SEGMENTS, Lent};
use crate::sys::calls::Meter;
use crate::sys::hang_ups::HangUps;
use crate::sys::socket::{Mode, Socket, accept, poll_readable};

/// A job for a worker. What it works on goes along with it.
pub(super) enum Job {
    /// Wait for newcomers or the shutdown.
    Accept(TcpListener),
    /// Wait for all those to hang up who are parked, until there is nobody left to report to.
    Watch(Arc<HangUps>),
    /// Do something for a connection.
    For(Key, Task),
}

/// What may be done for a connection.
pub(super) enum Task {
    Connect {
        socket: Arc<Socket>,
        address: SocketAddr,
    },
    Recv {
        socket: Arc<Socket>,
        buffer: Vec<u8>,
        manner: Manner,
    },
    Send {
        socket: Arc<Socket>,
        lent: Lent,
        manner: Manner,
    },
    /// A file operation, all calls of it.
    File {
        ticket: FileTicket,
        work: FileWork,
    },
}

/// How a worker reads or sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// What is there, or what the kernel has room for.
    AtOnce,
    /// It waits until something is there, or until the kernel has taken all.
    Waiting,
}

/// What has happened.
pub(super) enum Report {
    /// Other loops have sent letters. No worker reports this, but whoever sends them.
    Mail,
    /// The listener comes back unless the shutdown has begun; then it is closed.
    Accepted { listener: Option<TcpListener>, sockets: Vec<Socket>, error: Option<io::Error> },
    /// The peer of one who has been parked has hung up. The worker goes on watching the others.
    HungUp(Key),
    /// Nobody is watched any more.
    Unwatched(io::Result<()>),
    /// A task of a connection is done, and was a [short](Job::is_short) one or not.
    For { key: Key, done: Done, is_short: bool },
}

/// What came of a [`Task`].
pub(super) enum Done {
    Connected { address: SocketAddr, result: io::Result<()> },
    Received { buffer: Vec<u8>, result: io::Result<usize> },
    Sent { lent: Lent, result: io::Result<usize> },
    File { ticket: FileTicket, result: io::Result<Outcome> },
}

#[derive(Clone, Copy)]
pub(super) struct Worker<'env> {
    /// The loop it works for.
    pub(super) shard: usize,
    pub(super) jobs: &'env Queue<Option<Job>>,
    pub(super) reports: &'env Queue<Report>,
    pub(super) shutdown: &'env Shutdown,
    /// How long one send may wait for a peer that takes nothing.
    pub(super) send_limit: Duration,
}

impl Worker<'_> {
    // ANCHOR: work
    /// Does jobs until there are no more. It is one of many, by this number.
    pub(super) fn work(self, number: usize) -> Cost {
        let meter = Meter::start(OfLoop { shard: self.shard, name: format_args!("worker {number}") });
        let mut cost = Cost::default();
        while let Some(job) = self.jobs.take(&mut cost) {
            let report = match job {
                Job::Accept(listener) => self.accept_some(listener),
                Job::Watch(watched) => Report::Unwatched(self.watch(&watched, &mut cost)),
                Job::For(key, task) => {
                    let is_short = task.is_short();
                    Report::For { key, done: task.make(), is_short }
                }
            };
            self.reports.put([report]);
        }
        cost.calls = meter.read();
        cost
    }
    // ANCHOR_END: work

    /// Waits for newcomers or the shutdown; then takes in whoever is in the queue.
    fn accept_some(&self, listener: TcpListener) -> Report {
        let mut sockets = Vec::new();
        let (mut error, stopping) = match poll_readable([listener.as_fd(), self.shutdown.as_fd()], None) {
            Ok([_, stopping]) => (None, stopping),
            Err(error) => (Some(error), false),
        };
        let most = if stopping { WHOLE_QUEUE } else { ACCEPTS_PER_TURN };
        while error.is_none() && sockets.len() < most {
            // Set at once, and not with the first long answer: a buffer that is full of short ones makes a send wait just as long.
            let limited = |socket: Socket| socket.set_write_timeout(Some(self.send_limit)).map(|()| socket);
            match accept(&listener, Mode::Blocking).and_then(limited) {
                Ok(socket) => sockets.push(socket),
                Err(refused) if judge(&refused) == Failure::TryNext => {}
                Err(refused) => error = Some(refused),
            }
        }
        Report::Accepted { listener: (!stopping).then_some(listener), sockets, error }
    }

    // ANCHOR: watch
    /// Sits in one wait for all who are parked. Only keys come out of it: of one who has left meanwhile, a key that names nobody.
    fn watch(&self, watched: &HangUps, cost: &mut Cost) -> io::Result<()> {
        while let Some(keys) = watched.wait()? {
            cost.wakeups += 1;
            self.reports.put(keys.into_iter().map(|key| Report::HungUp(Key::from_bits(key))));
        }
        Ok(())
    }
    // ANCHOR_END: watch
}

impl Job {
    /// Whether it waits for nobody, nor for a disk.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Job::For(_, task) if task.is_short())
    }
}

impl Task {
    fn is_short(&self) -> bool {
        matches!(self, Task::Recv { manner: Manner::AtOnce, .. } | Task::Send { manner: Manner::AtOnce, .. })
    }

    fn make(self) -> Done {
        match self {
            Task::Connect { socket, address } => Done::Connected { address, result: socket.connect(address) },
            // ANCHOR: echo_calls
            Task::Recv { socket, mut buffer, manner } => {
                let result = match manner {
                    Manner::AtOnce => socket.recv_now(&mut buffer),
                    Manner::Waiting => socket.recv(&mut buffer),
                };
                Done::Received { buffer, result }
            }
            Task::Send { socket, lent, manner } => {
                let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
                let filled = lent.slices(&mut slices);
                let result = match manner {
                    Manner::AtOnce => socket.send_now(&slices[..filled]),
                    Manner::Waiting => socket.send(&slices[..filled]),
                };
                Done::Sent { lent, result }
            }
            // ANCHOR_END: echo_calls
            Task::File { ticket, work } => Done::File { ticket, result: file_work::run(work) },
        }
    }
}
