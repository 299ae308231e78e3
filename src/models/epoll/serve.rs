//! Serving by readiness: the loop.

use std::io;
use std::net::TcpListener;

use super::Epoll;
use super::files::run_or_stall;
use super::peer::Peer;
use crate::connection::End;
use crate::cost::Cost;
use crate::driver::mailroom::Mailroom;
use crate::driver::residents::Residents;
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::Timers;
use crate::file_op::FileRequest;
use crate::limits::{ACCEPTS_PER_TURN, READ_OCTETS, ServeLimits};
use crate::model::Shard;
use crate::models::accepting::{BACK_OFF, Failure, WHOLE_QUEUE, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::Service;
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::epoll;
use crate::sys::eventfd::EventFd;
use crate::sys::socket::{Mode, Socket, accept};
use crate::time::{Now, Time};

/// Tokens with the top bit set are the loop's own; the others are connections' keys.
const LISTENER: u64 = 1 << 63;
const SHUTDOWN: u64 = LISTENER + 1;
const MAIL: u64 = LISTENER + 2;

/// The most events taken from the kernel in one turn.
const EVENTS: usize = 1024;

// ANCHOR: few
/// So many are heard before the first of them is answered. Between two sends lie the kernel's whole way to the peer and back, and
/// after it little of a protocol's code is left in the processor's nearest cache: for several in a row it is fetched once. The
/// more, the longer the first waits for its answer.
const HEARD_AT_ONCE: usize = 16;

/// But no more than this: what is held to be answered should not push itself out of the cache either.
const OCTETS_AT_ONCE: u64 = 32 << 10;
// ANCHOR_END: few

pub(super) fn serve<S: Service>(options: &Epoll, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start(shard.name("loop"));
    let mut server = Server::new(options, shard)?;
    while !server.is_done() {
        server.turn()?;
    }
    let mut cost = server.cost;
    cost.refused = server.turned_away.refused();
    drop((server.epoll, server.peers, server.turned_away));
    cost.calls = meter.read();
    Ok(cost)
}

struct Server<'a, S: Service> {
    service: &'a S,
    limits: ServeLimits,
    epoll: epoll::Epoll,
    /// Gone once the shutdown has begun.
    listener: Option<TcpListener>,
    /// Edge-triggered events tell of a newcomer once; this remembers it until the queue was found empty.
    newcomers: bool,
    accept_after: Time,
    turned_away: TurnedAway,
    residents: Residents<'a, S>,
    peers: Slots<Peer<S::Protocol>>,
    timers: Timers,
    /// Those who have more to do without a new event, in the next turn.
    again: Vec<Key>,
    /// One for all connections: it is lent to a protocol for the length of a call.
    buffer: Box<[u8]>,
    drain_until: Option<Time>,
    cost: Cost,
}

impl<'a, S: Service> Server<'a, S> {
    fn new(options: &Epoll, shard: Shard<'a, S>) -> io::Result<Self> {
        let (common, founder) = (shard.common(options.limits), shard.founder());
        let Shard { number, listener, service, shutdown, post, .. } = shard;
        let epoll = epoll::Epoll::new(EVENTS)?;
        epoll.add_edges(&listener, LISTENER)?;
        epoll.add_edges(shutdown, SHUTDOWN)?;
        let mail = EventFd::new()?;
        epoll.add_edges(&mail, MAIL)?;
        let mailroom = Mailroom::new(number.into(), post);
        post.open(number.into(), Box::new(move || mail.signal()));
        Ok(Server {
            service,
            limits: options.limits,
            epoll,
            listener: Some(listener),
            newcomers: true,
            accept_after: Time::default(),
            turned_away: TurnedAway::default(),
            residents: Residents::new(service, common, mailroom, founder),
            peers: Slots::new(),
            timers: Timers::new(),
            again: Vec::new(),
            buffer: vec![0; READ_OCTETS].into_boxed_slice(),
            drain_until: None,
            cost: Cost { threads_peak: 1, ..Cost::default() },
        })
    }

    fn is_done(&self) -> bool {
        self.drain_until.is_some() && self.residents.are_gone()
    }

    // ANCHOR: told
    /// Waits for events, then lets everyone concerned go one step.
    fn turn(&mut self) -> io::Result<()> {
        let before = clock::now().at;
        let timeout = self.next_wake(before).map(|wake| wake.after(before));
        let mut stopping = false;
        let mut heard = std::mem::take(&mut self.again);
        for ready in self.epoll.wait(timeout)? {
            match ready.token {
                LISTENER => self.newcomers = true,
                SHUTDOWN => stopping = ready.read,
                // Each signal is an edge of its own, so it need not be silenced.
                MAIL => self.residents.mailroom.collect(),
                token => {
                    let key = Key::from_bits(token);
                    if let Some(peer) = self.peers.get_mut(key) {
                        peer.note(ready);
                        if !std::mem::replace(&mut peer.has_a_turn, true) {
                            heard.push(key);
                        }
                    }
                }
            }
        }
        // ANCHOR_END: told
        self.cost.wakeups += 1;
        let now = clock::now();
        // ANCHOR: answered
        let mut unanswered = heard.as_slice();
        while !unanswered.is_empty() {
            let few = self.hear_some(unanswered, now);
            let (heard, rest) = unanswered.split_at(few);
            heard.iter().for_each(|&key| self.answer(key, now));
            unanswered = rest;
        }
        heard.clear();
        if self.again.is_empty() {
            self.again = heard;
        }
        self.accept(now)?;
        self.deliver(now);
        self.run_timers(now);
        // ANCHOR_END: answered
        if stopping && self.drain_until.is_none() {
            self.begin_drain(now)?;
        }
        Ok(())
    }

    // ANCHOR: timeout
    fn next_wake(&self, now: Time) -> Option<Time> {
        if !self.again.is_empty() || self.residents.mailroom.waiting() != (0, 0) {
            return Some(now);
        }
        let newcomers = (self.newcomers && self.listener.is_some()).then_some(self.accept_after);
        let wakes = [newcomers, self.timers.next(), self.drain_until, self.turned_away.next_sweep()];
        wakes.into_iter().flatten().min()
    }
    // ANCHOR_END: timeout

    /// Hears the first few of those who are to be heard; answers how many.
    fn hear_some(&mut self, keys: &[Key], now: Now) -> usize {
        let enough = self.cost.octets_in + OCTETS_AT_ONCE;
        let mut count = 0;
        for &key in &keys[..keys.len().min(HEARD_AT_ONCE)] {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.has_a_turn = false;
                peer.hear(&mut self.buffer, &mut self.cost, now);
            }
            count += 1;
            if self.cost.octets_in >= enough {
                break;
            }
        }
        count
    }

    fn answer(&mut self, key: Key, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.send_all(&mut self.cost, now);
        self.settle(key, now);
    }

    /// Does what the connection asks for beside octets, and sees what it waits for next.
    fn settle(&mut self, key: Key, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        // Once a turn: what a protocol asks for with each answer would never end.
        if peer.connection.has_files() {
            for FileRequest { ticket, op } in peer.connection.take_files() {
                let work = peer.files.begin(op, self.service.directory());
                let done = run_or_stall(work, &mut self.cost);
                let done = peer.files.end(done);
                peer.connection.file_done(ticket, done, now);
            }
            peer.send_all(&mut self.cost, now);
        }
        if std::mem::take(&mut peer.is_in_doubt)
            && let Some(socket) = &peer.socket
            && self.epoll.repeat_edges(socket, key.to_bits()).is_err()
        {
            peer.connection.failed(now);
        }
        let needs = peer.conclude(now);
        self.residents.mailroom.take_from(&mut peer.connection);
        if let Some(end) = needs.end {
            return self.leave(key, end, now);
        }
        if peer.can_go_on(&needs) && !std::mem::replace(&mut peer.has_a_turn, true) {
            self.again.push(key);
        }
        self.timers.arm(key, needs.deadline, &mut peer.armed);
    }

    // ANCHOR: leave
    /// Closes the socket: nothing is in flight, so nothing has to be taken back.
    fn leave(&mut self, key: Key, end: End, now: Now) {
        let Some(mut peer) = self.peers.remove(key) else { return };
        if end == End::Reset
            && let Some(socket) = &peer.socket
        {
            socket.reset_on_close();
        }
        self.residents.leave(&mut peer.connection, now);
        self.residents.free(peer.is_born);
        self.cost.octets_copied += peer.connection.octets_copied();
    }
    // ANCHOR_END: leave

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
            peer.send_all(&mut self.cost, now);
            self.residents.mailroom.post(returned);
            self.settle(key, now);
        }
    }

    fn bear(&mut self, now: Now) {
        let Some((connection, address)) = self.residents.bear(now) else { return };
        let key = self.peers.insert(Peer::new(None, connection, true));
        let Some(peer) = self.peers.get_mut(key) else { return };
        self.residents.settle(peer.connection.id(), key);
        if let Some(address) = address {
            peer.connect(address, now);
            if let Some(socket) = &peer.socket
                && let Err(error) = self.epoll.add_edges(socket, key.to_bits())
            {
                peer.socket = None;
                peer.connection.connected(Err(error), now);
            }
        }
        self.settle(key, now);
    }

    // Newcomers.

    fn accept(&mut self, now: Now) -> io::Result<()> {
        self.turned_away.sweep(now.at);
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = &self.listener else { return Ok(()) };
            if !self.newcomers || self.accept_after > now.at {
                return Ok(());
            }
            match accept(listener, Mode::Nonblocking) {
                Ok(socket) => self.welcome(socket, now),
                Err(error) => match judge(&error) {
                    Failure::TryNext => {}
                    // If somebody is waiting all the same (it may have been a tracer that answered), no edge would tell of it.
                    Failure::Nobody => match self.epoll.repeat_edges(listener, LISTENER) {
                        Ok(()) => self.newcomers = false,
                        Err(_) => self.accept_after = now.at + BACK_OFF,
                    },
                    Failure::BackOff => self.accept_after = now.at + BACK_OFF,
                    Failure::Broken => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn welcome(&mut self, socket: Socket, now: Now) {
        let Some(connection) = self.residents.accept(now) else {
            return self.turned_away.refuse(socket, &self.residents.refusal(now), now.at);
        };
        let key = self.peers.insert(Peer::new(None, connection, false));
        let Some(peer) = self.peers.get_mut(key) else { return };
        // The kernel may have no room in the set (fs.epoll.max_user_watches): that concerns nobody else.
        if self.epoll.add_edges(&socket, key.to_bits()).is_err() {
            self.accept_after = now.at + BACK_OFF;
            peer.connection.failed(now);
            self.residents.leave(&mut peer.connection, now);
            self.residents.free(false);
            self.peers.remove(key);
            return self.turned_away.refuse(socket, &self.residents.refusal(now), now.at);
        }
        peer.socket = Some(socket);
        self.residents.settle(peer.connection.id(), key);
        self.cost.connections += 1;
        self.settle(key, now);
    }

    // Time, and the end.

    fn run_timers(&mut self, now: Now) {
        while let Some((key, due)) = self.timers.due(now.at) {
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if peer.armed.fired(due) {
                // Before it is judged by what it has taken.
                peer.send_anyway(&mut self.cost, now);
                peer.connection.time(now);
                peer.send_all(&mut self.cost, now);
                self.settle(key, now);
            }
        }
        let peers = &self.peers;
        self.timers.forget(peers.len(), |key| peers.get(key).is_some());
        if self.drain_until.is_some_and(|until| until <= now.at) {
            self.residents.cut();
            for key in self.peers.keys() {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.connection.drained(now);
                }
                self.settle(key, now);
            }
        }
    }

    /// Takes in everyone who is in the queue already (closing it would reset them), hears what has arrived, and only then says
    /// that the end has come: a request that is here is answered.
    fn begin_drain(&mut self, now: Now) -> io::Result<()> {
        self.drain_until = Some(now.at + self.limits.drain);
        self.residents.begin_stopping();
        self.newcomers = true;
        for _ in 0..WHOLE_QUEUE.div_ceil(ACCEPTS_PER_TURN) {
            self.accept(now)?;
        }
        self.listener = None;
        for key in self.peers.keys() {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.look_again();
                peer.hear(&mut self.buffer, &mut self.cost, now);
            }
            self.answer(key, now);
            if let Some(peer) = self.peers.get_mut(key) {
                peer.connection.stopping(now);
                peer.send_all(&mut self.cost, now);
            }
            self.settle(key, now);
        }
        Ok(())
    }
}
