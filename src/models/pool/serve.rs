//! Serving by a pool: one thread decides and never waits for a peer, the others make one blocking call each and report.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Pool;
use super::peer::Peer;
use super::queue::Queue;
use super::staff::Staff;
use super::worker::{Job, Report, Worker};
use crate::connection::{Connection, End};
use crate::cost::Cost;
use crate::driver::mailroom::Mailroom;
use crate::driver::residents::Residents;
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::Timers;
use crate::limits::ServeLimits;
use crate::model::Shard;
use crate::models::accepting::{BACK_OFF, Failure, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::Service;
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::socket::Socket;
use crate::time::{Now, Time};

/// The most reports taken in one turn before timers have theirs.
const REPORTS_PER_TURN: usize = 1024;

/// A worker comes back from a send so many times within the grace of a peer that takes nothing. Only then is it known how much of a
/// send has been taken, and whether the peer is too slow.
const LOOKS_PER_GRACE: u32 = 8;

pub(super) fn serve<S: Service>(options: &Pool, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start(shard.name("loop"));
    let (common, founder) = (shard.common(options.limits), shard.founder());
    let Shard { number, listener, service, shutdown, post, .. } = shard;
    let send_limit = (options.limits.send_grace / LOOKS_PER_GRACE).max(Duration::from_millis(1));
    let (jobs, reports) = (Queue::new(), Arc::new(Queue::new()));
    let worker = Worker { shard: number.into(), jobs: &jobs, reports: &reports, shutdown, send_limit };
    let mut cost = thread::scope(|scope| -> io::Result<Cost> {
        let mut server = Server {
            service,
            limits: options.limits,
            staff: Staff::new(scope, worker)?,
            listener: Some(listener),
            accept_after: Time::default(),
            turned_away: TurnedAway::default(),
            residents: Residents::new(service, common, Mailroom::new(number.into(), post), founder),
            peers: Slots::new(),
            timers: Timers::new(),
            buffers: Vec::new(),
            drain_until: None,
            cost: Cost::default(),
        };
        let bell = Arc::clone(&reports);
        post.open(number.into(), Box::new(move || bell.put([Report::Mail])));
        while !server.is_done() {
            server.turn()?;
        }
        server.cost.refused += server.turned_away.refused();
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
    residents: Residents<'env, S>,
    peers: Slots<Peer<S::Protocol>>,
    timers: Timers,
    /// To read into, while no worker does.
    buffers: Vec<Vec<u8>>,
    drain_until: Option<Time>,
    cost: Cost,
}

impl<S: Service> Server<'_, '_, S> {
    fn is_done(&self) -> bool {
        self.drain_until.is_some() && self.residents.are_gone()
    }

    // ANCHOR: turn
    /// Waits for a report, then takes all that are there, and lets everyone concerned go one step.
    fn turn(&mut self) -> io::Result<()> {
        let mut now = clock::now();
        if self.accept_after <= now.at
            && let Some(listener) = self.listener.take()
        {
            self.staff.give(Job::Accept(listener));
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
        self.deliver(now);
        self.run_timers(now);
        Ok(())
    }
    // ANCHOR_END: turn

    fn wait(&mut self, now: Now) -> Option<Report> {
        let accept = self.listener.is_some().then_some(self.accept_after);
        let mail = (self.residents.mailroom.waiting() != (0, 0)).then_some(now.at);
        let wakes = [accept, mail, self.timers.next(), self.drain_until, self.turned_away.next_sweep()];
        let reports = self.staff.worker.reports;
        match wakes.into_iter().flatten().min() {
            None => Some(reports.take(&mut self.cost)),
            Some(wake) => reports.take_within(wake.after(now.at), &mut self.cost),
        }
    }

    fn hear(&mut self, report: Report, now: Now) -> io::Result<()> {
        match report {
            Report::Mail => self.residents.mailroom.collect(),
            Report::Accepted { listener, sockets, error } => {
                self.staff.is_back(false);
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
            Report::HungUp(key) => {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.hung_up(now);
                    self.settle(key, now);
                }
            }
            Report::Unwatched(result) => {
                self.staff.is_back(false);
                result?;
            }
            Report::For { key, done, is_short } => {
                // ANCHOR: echo_hear
                self.staff.is_back(is_short);
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.hear(done, key, &mut self.staff, &mut self.buffers, &mut self.cost, now);
                    self.settle(key, now);
                }
                // ANCHOR_END: echo_hear
            }
        }
        Ok(())
    }

    /// Gives workers what the connection needs.
    fn settle(&mut self, key: Key, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.finish(now);
        if peer.connection.needs().end.is_none() {
            peer.occupy(key, &mut self.staff, &mut self.buffers, self.service.directory(), &mut self.cost, now);
        }
        self.residents.mailroom.take_from(&mut peer.connection);
        let needs = peer.connection.needs();
        match needs.end {
            Some(end) => self.leave(key, end, now),
            None => self.timers.arm(key, needs.deadline, &mut peer.armed),
        }
    }

    /// Calls the connection's workers back, and closes it when the last of them has come.
    fn leave(&mut self, key: Key, end: End, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if !peer.is_leaving {
            peer.is_leaving = true;
            peer.call_back(end);
            self.residents.leave(&mut peer.connection, now);
        }
        if peer.is_at_rest() {
            self.cost.octets_copied += peer.connection.octets_copied();
            self.staff.release(peer.reserved);
            self.residents.free(peer.is_born);
            self.peers.remove(key);
        }
    }

    // Others.

    /// Brings those into the world that are to be, and delivers what is there.
    fn deliver(&mut self, now: Now) {
        let (births, letters) = self.residents.mailroom.waiting();
        for _ in 0..births {
            self.bear(now);
        }
        for _ in 0..letters {
            let Some((key, letter)) = self.residents.mailroom.next() else { continue };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            let returned = peer.connection.deliver(letter, now);
            self.residents.mailroom.post(returned);
            self.settle(key, now);
        }
    }

    fn bear(&mut self, now: Now) {
        let Some((connection, address)) = self.residents.bear(now) else { return };
        let key = self.peers.insert(Peer::born(connection));
        let Some(peer) = self.peers.get_mut(key) else { return };
        self.residents.settle(peer.connection.id(), key);
        if let Some(address) = address {
            peer.connect(address, key, &mut self.staff, now);
        }
        self.settle(key, now);
    }

    // Newcomers.

    fn welcome(&mut self, socket: Socket, now: Now) {
        let has_worker = self.residents.have_place() && self.staff.reserve(1).is_ok();
        let connection = if has_worker { self.residents.accept(now) } else { None };
        let Some(connection) = connection else {
            self.staff.release(usize::from(has_worker));
            return self.turned_away.refuse(socket, &self.residents.refusal(now), now.at);
        };
        let id = connection.id();
        let key = self.peers.insert(Peer::accepted(socket, connection));
        self.residents.settle(id, key);
        self.cost.connections += 1;
        self.settle(key, now);
    }

    // Time, and the end.

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
            self.residents.cut();
            self.drain_until = Some(now.at + BACK_OFF);
            self.for_everyone(now, |connection| connection.drained(now));
        }
    }

    /// The worker that accepts has emptied the queue before it closed it, which would have reset those in it.
    fn begin_drain(&mut self, now: Now) {
        self.drain_until = Some(now.at + self.limits.drain);
        self.residents.begin_stopping();
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
