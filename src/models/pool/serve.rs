//! Serving by a pool: one thread decides and never waits for a peer, the others make one blocking call each and report.

use std::io::{self};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self};

use super::Pool;
use super::queue::Queue;
use super::staff::{Job, Report, Staff, Worker};
use crate::connection::{Connection, End};
use crate::cost::Cost;
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::{Armed, Timers};
use crate::file_op::{FileDone, FileOp, FileRequest};
use crate::identity::Common;
use crate::limits::{READ_OCTETS, ServeLimits};
use crate::model::Shard;
use crate::models::accepting::{BACK_OFF, Failure, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::{Protocol, Service};
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::socket::Socket;
use crate::time::{Now, Time};

/// The most reports taken in one turn before timers have theirs.
const REPORTS_PER_TURN: usize = 1024;

pub(super) fn serve<S: Service>(options: &Pool, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start();
    let common = shard.common(options.limits);
    let Shard { listener, service, shutdown, .. } = shard;
    let (jobs, reports) = (Queue::new(), Queue::new());
    let worker = Worker { jobs: &jobs, reports: &reports, shutdown };
    let mut cost = thread::scope(|scope| -> io::Result<Cost> {
        let mut server = Server {
            service,
            common,
            limits: options.limits,
            staff: Staff { scope, worker, hired: Vec::new(), given: Vec::new(), busy: 0 },
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

/// A signal came, or the kernel was in no mood to wait: nothing happened, and the call is made again.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

// The thread that decides.

struct Server<'scope, 'env, S: Service> {
    service: &'env S,
    common: Arc<Common>,
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
struct Peer<P: Protocol> {
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
impl<P: Protocol> Drop for Peer<P> {
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
                        Err(error) if is_pause(&error) => {}
                        Err(_) => peer.connection.failed(now),
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
                        Err(error) if is_pause(&error) => {}
                        Err(_) => peer.connection.failed(now),
                    }
                    self.settle(key, now);
                }
            }
            Report::Read { key, ticket, result } => {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.files -= 1;
                    peer.connection.file_done(ticket, result.map(FileDone::Read), now);
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
        for FileRequest { ticket, op } in peer.connection.take_files() {
            let FileOp::ReadShared { file, range } = op else { continue };
            peer.files += 1;
            self.staff.give(Job::Read { key, ticket, file, range });
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
            if peer.is_sending && end == End::Reset {
                // Its worker may have sent all, or sit in the middle of it.
                peer.socket.reset();
            } else if peer.is_sending {
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
            connection: Connection::accepted(protocol, &self.common, now),
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
            self.for_everyone(now, |connection| connection.drained(now));
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
