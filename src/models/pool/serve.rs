//! Serving by a pool: one thread decides and never waits for a peer, the others make one blocking call each and report.

use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, Scope};

use bytes::Bytes;

use super::Pool;
use super::queue::Queue;
use crate::connection::{Connection, End};
use crate::cost::Cost;
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::{Armed, Timers};
use crate::limits::{ACCEPTS_PER_TURN, READ_OCTETS, ServeLimits};
use crate::model::Shutdown;
use crate::models::accepting::{BACK_OFF, Failure, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::{FileRead, FileTicket, Service};
use crate::reading::read_whole;
use crate::send_queue::{LENT_SEGMENTS, Lent};
use crate::sys::calls::{Call, Meter, count};
use crate::sys::clock;
use crate::sys::files::pread;
use crate::sys::socket::{Mode, Socket, accept, poll_readable};
use crate::time::{Now, Time};

/// What a worker may use of stack: it calls the kernel and nothing else.
const STACK_OCTETS: usize = 64 << 10;

/// The most reports taken in one turn before timers have theirs.
const REPORTS_PER_TURN: usize = 1024;

/// A call for a worker to make.
enum Job {
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
        asked: FileRead,
    },
}

/// What came of it.
enum Report {
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

pub(super) fn serve<S: Service>(options: &Pool, listener: TcpListener, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
    let meter = Meter::start();
    let (jobs, reports) = (Queue::new(), Queue::new());
    let worker = Worker { jobs: &jobs, reports: &reports, shutdown };
    let mut cost = thread::scope(|scope| -> io::Result<Cost> {
        let mut server = Server {
            service,
            limits: options.limits,
            staff: Staff { scope, worker, hired: Vec::new(), given: Vec::new(), busy: 0, refused_by_kernel: false },
            listener: Some(listener),
            accept_after: Time::default(),
            turned_away: TurnedAway::default(),
            peers: Slots::new(),
            timers: Timers::new(),
            buffers: Vec::new(),
            drain_until: None,
            cost: Cost::default(),
        };
        while !server.is_done() {
            server.turn()?;
        }
        server.cost.refused = server.turned_away.refused();
        let Server { staff, mut cost, .. } = server;
        cost += staff.dismiss();
        Ok(cost)
    })?;
    cost.calls += meter.read();
    Ok(cost)
}

// The thread that decides.

struct Server<'scope, 'env, S: Service> {
    service: &'env S,
    limits: ServeLimits,
    staff: Staff<'scope, 'env>,
    /// Away while a worker waits for newcomers, and gone once the shutdown has begun.
    listener: Option<TcpListener>,
    accept_after: Time,
    turned_away: TurnedAway,
    peers: Slots<Peer<S::Protocol>>,
    timers: Timers,
    /// To read into, while no worker does.
    buffers: Vec<Vec<u8>>,
    drain_until: Option<Time>,
    cost: Cost,
}

/// A connection, its socket, and how many workers sit in a call on it.
struct Peer<P> {
    socket: Arc<Socket>,
    connection: Connection<P>,
    is_reading: bool,
    is_sending: bool,
    files: usize,
    /// It has ended; only its workers are not back yet.
    is_leaving: bool,
    armed: Armed,
}

/// However a connection goes, its workers do not stay: a server that fails or panics would wait for them for ever.
impl<P> Drop for Peer<P> {
    fn drop(&mut self) {
        if self.is_reading || self.is_sending {
            self.socket.cut();
        }
    }
}

impl<S: Service> Server<'_, '_, S> {
    fn is_done(&self) -> bool {
        self.drain_until.is_some() && self.peers.len() == 0
    }

    /// Waits for a report, then takes all that are there, and lets everyone concerned go one step.
    fn turn(&mut self) -> io::Result<()> {
        let mut now = clock::now();
        if self.accept_after <= now.at
            && let Some(listener) = self.listener.take()
            && !self.staff.give(Job::Accept { listener })
        {
            return Err(io::Error::other("not even one worker thread can be started: raise RLIMIT_NPROC or pids.max"));
        }
        self.staff.send_off();
        let mut next = self.wait(now);
        now = clock::now();
        let mut left = REPORTS_PER_TURN;
        while let Some(report) = next {
            self.hear(report, now)?;
            left -= 1;
            next = if left > 0 { self.staff.worker.reports.try_take() } else { None };
        }
        self.turned_away.sweep(now.at);
        self.run_timers(now);
        Ok(())
    }

    fn wait(&mut self, now: Now) -> Option<Report> {
        let accept = self.listener.is_some().then_some(self.accept_after);
        let wakes = [accept, self.timers.next(), self.drain_until, self.turned_away.next_sweep()];
        let reports = self.staff.worker.reports;
        match wakes.into_iter().flatten().min() {
            None => Some(reports.take(&mut self.cost)),
            Some(wake) => reports.take_within(wake.after(now.at), &mut self.cost),
        }
    }

    fn hear(&mut self, report: Report, now: Now) -> io::Result<()> {
        self.staff.busy -= 1;
        match report {
            Report::Accepted { listener, sockets, error } => {
                for socket in sockets {
                    self.welcome(socket, now);
                }
                match error {
                    Some(error) if judge(&error) == Failure::BackOff => self.accept_after = now.at + BACK_OFF,
                    Some(error) if judge(&error) == Failure::Broken => return Err(error),
                    _ => {}
                }
                self.listener = listener;
                if self.listener.is_none() {
                    self.begin_drain(now);
                }
            }
            Report::Received { key, buffer, result } => {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.is_reading = false;
                    match result {
                        Ok(0) => peer.connection.peer_finished(now),
                        Ok(count) => {
                            self.cost.octets_in += count as u64;
                            peer.connection.received(&buffer[..count], now);
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => peer.connection.failed(),
                    }
                    self.settle(key, now);
                }
                self.buffers.push(buffer);
            }
            Report::Sent { key, lent, result } => {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.is_sending = false;
                    peer.connection.queue().give_back(lent, *result.as_ref().unwrap_or(&0));
                    match result {
                        Ok(count) => {
                            self.cost.octets_out += count as u64;
                            peer.connection.sent(now);
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => peer.connection.failed(),
                    }
                    self.settle(key, now);
                }
            }
            Report::Read { key, ticket, result } => {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.files -= 1;
                    peer.connection.file_read(ticket, result, now);
                    self.settle(key, now);
                }
            }
        }
        Ok(())
    }

    /// Gives workers what the connection needs.
    fn settle(&mut self, key: Key, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let mut needs = peer.connection.needs();
        if needs.end == Some(End::Finish) {
            peer.socket.finish();
            peer.connection.finished(now);
            needs = peer.connection.needs();
        }
        if let Some(end) = needs.end {
            return self.leave(key, end);
        }
        if needs.write
            && !peer.is_sending
            && let Some(lent) = peer.connection.queue().lend()
        {
            peer.is_sending = self.staff.give(Job::Send { key, socket: Arc::clone(&peer.socket), lent });
        }
        if needs.read && !peer.is_reading {
            let buffer = self.buffers.pop().unwrap_or_else(|| vec![0; READ_OCTETS]);
            peer.is_reading = self.staff.give(Job::Recv { key, socket: Arc::clone(&peer.socket), buffer });
        }
        for asked in peer.connection.take_file_reads() {
            peer.files += 1;
            self.staff.give(Job::Read { key, asked });
        }
        self.timers.arm(key, needs.deadline, &mut peer.armed);
    }

    /// Calls the connection's workers back, and closes it when the last of them has come.
    fn leave(&mut self, key: Key, end: End) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if !peer.is_leaving {
            peer.is_leaving = true;
            if end == End::Reset {
                peer.socket.reset_on_close();
            }
            if peer.is_sending {
                peer.socket.cut();
            } else if peer.is_reading {
                // Without a FIN, which would make a reset look like an orderly end.
                peer.socket.stop_reading();
            }
        }
        if !peer.is_reading && !peer.is_sending && peer.files == 0 {
            self.cost.octets_copied += peer.connection.octets_copied();
            self.peers.remove(key);
        }
    }

    fn welcome(&mut self, socket: Socket, now: Now) {
        let has_room = self.peers.len() < self.limits.connections && self.staff.has_room(self.peers.len());
        let protocol = if has_room { self.service.accept(now) } else { None };
        let Some(protocol) = protocol else {
            return self.turned_away.refuse(socket, &self.service.refusal(now), now.at);
        };
        let key = self.peers.insert(Peer {
            socket: Arc::new(socket),
            connection: Connection::new(protocol, now),
            is_reading: false,
            is_sending: false,
            files: 0,
            is_leaving: false,
            armed: Armed::default(),
        });
        self.cost.connections += 1;
        self.settle(key, now);
    }

    fn run_timers(&mut self, now: Now) {
        while let Some((key, due)) = self.timers.due(now.at) {
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if peer.armed.fired(due) {
                peer.connection.time(now);
                self.settle(key, now);
            }
        }
        let peers = &self.peers;
        self.timers.forget(peers.len(), |key| peers.get(key).is_some());
        if self.drain_until.is_some_and(|until| until <= now.at) {
            self.drain_until = Some(now.at + BACK_OFF);
            self.for_everyone(now, |connection| connection.drained());
        }
    }

    /// The worker that accepts has emptied the queue before it closed it, which would have reset those in it.
    fn begin_drain(&mut self, now: Now) {
        self.drain_until = Some(now.at + self.limits.drain);
        self.for_everyone(now, |connection| connection.stopping(now));
    }

    fn for_everyone(&mut self, now: Now, mut tell: impl FnMut(&mut Connection<S::Protocol>)) {
        for key in self.peers.keys() {
            if let Some(peer) = self.peers.get_mut(key) {
                tell(&mut peer.connection);
            }
            self.settle(key, now);
        }
    }
}

// Those who wait.

/// The workers. One is hired whenever all are busy, so that no job waits for another to be over: that one may wait for a peer as
/// long as the peer likes. Once the kernel refuses, jobs do wait, and no newcomer is taken in before there are workers for it.
struct Staff<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    worker: Worker<'env>,
    hired: Vec<thread::ScopedJoinHandle<'scope, Cost>>,
    /// Jobs of this turn: handed over together, they cost one system call.
    given: Vec<Option<Job>>,
    /// Jobs given and not reported on.
    busy: usize,
    refused_by_kernel: bool,
}

impl Staff<'_, '_> {
    /// Gives a job to a worker; false if there is none and none can be hired.
    fn give(&mut self, job: Job) -> bool {
        if self.busy == self.hired.len() && !self.hire() && self.hired.is_empty() {
            return false;
        }
        self.busy += 1;
        self.given.push(Some(job));
        true
    }

    fn send_off(&mut self) {
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
                self.refused_by_kernel = false;
            }
            Err(_) => self.refused_by_kernel = true,
        }
        !self.refused_by_kernel
    }

    /// Whether there is room for another connection. It may need two workers at once; where the kernel gives no more of them, those
    /// that exist are shared out, and one accepts.
    fn has_room(&mut self, connections: usize) -> bool {
        !self.refused_by_kernel || 2 * (connections + 1) < self.hired.len() || self.hire()
    }

    /// Lets everyone go, and adds up what they did.
    fn dismiss(mut self) -> Cost {
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
struct Worker<'env> {
    jobs: &'env Queue<Option<Job>>,
    reports: &'env Queue<Report>,
    shutdown: &'env Shutdown,
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
                Job::Read { key, asked } => {
                    let read = |room: &mut [u8], offset| pread(&*asked.file, room, offset);
                    Report::Read { key, ticket: asked.ticket, result: read_whole(&asked.file, asked.range, read) }
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
