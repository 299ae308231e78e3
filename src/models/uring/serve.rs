//! Serving by completions: the loop.

use std::collections::VecDeque;
use std::io;

use super::bell::Bell;
use super::newcomers::Newcomers;
use super::peer::{Peer, Receiving, UNHEARD, Watch};
use super::receive::{Arrival, Buffers};
use super::{QueueOptions, Uring};
use crate::connection::{Connection, End};
use crate::cost::Cost;
use crate::driver::mailroom::Mailroom;
use crate::driver::residents::Residents;
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::Timers;
use crate::limits::ServeLimits;
use crate::model::Shard;
use crate::models::accepting::BACK_OFF;
use crate::models::turned_away::TurnedAway;
use crate::protocol::Service;
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::ledger::Payload;
use crate::sys::ring::{Completion, Ring};
use crate::sys::ring_setup::RingOptions;
use crate::sys::socket::Socket;
use crate::sys::techniques::Technique;
use crate::time::{Now, Time};

/// Tokens with the top bit set are the loop's own; the others are connections' keys.
const LISTENER: u64 = 1 << 63;
const SHUTDOWN: u64 = LISTENER + 1;
const MAIL: u64 = LISTENER + 2;

pub(super) fn serve<S: Service>(options: &Uring, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start(shard.name("loop"));
    let mut server = Server::new(options, shard)?;
    while !server.is_done() {
        server.turn()?;
    }
    let mut cost = server.cost;
    cost.refused = server.turned_away.refused();
    drop((server.ring, server.peers, server.turned_away));
    cost.calls = meter.read();
    Ok(cost)
}

/// A server's ring, and the buffers it receives into.
pub(super) fn ring(options: &Uring) -> io::Result<(Ring, Buffers)> {
    let QueueOptions { submissions, completions } = options.queues;
    let mut ring = Ring::new(&RingOptions { submissions, completions, techniques: options.techniques })?;
    let buffers = Buffers::new(&mut ring, &options.receives, options.techniques)?;
    Ok((ring, buffers))
}

struct Server<'a, S: Service> {
    service: &'a S,
    limits: ServeLimits,
    ring: Ring,
    buffers: Buffers,
    newcomers: Newcomers,
    turned_away: TurnedAway,
    residents: Residents<'a, S>,
    bell: Bell,
    peers: Slots<Peer<S::Protocol>>,
    timers: Timers,
    completions: Vec<Completion>,
    /// Those something has happened to in this turn.
    touched: Vec<Key>,
    /// Those who wait for a buffer, in line.
    starved: VecDeque<Key>,
    drain_until: Option<Time>,
    cost: Cost,
}

impl<'a, S: Service> Server<'a, S> {
    fn new(options: &Uring, shard: Shard<'a, S>) -> io::Result<Self> {
        let (common, founder) = (shard.common(options.limits), shard.founder());
        let Shard { number, listener, service, shutdown, post, .. } = shard;
        let (mut ring, buffers) = ring(options)?;
        ring.poll(shutdown, libc::POLLIN as u32, false, SHUTDOWN)?;
        let bell = Bell::new(&mut ring, options.techniques.has(Technique::MultishotPoll), MAIL)?;
        let mailroom = Mailroom::new(number.into(), post);
        post.open(number.into(), bell.rope());
        Ok(Server {
            service,
            limits: options.limits,
            ring,
            buffers,
            newcomers: Newcomers::new(listener, options.techniques.has(Technique::MultishotAccept), LISTENER)?,
            turned_away: TurnedAway::default(),
            residents: Residents::new(service, common, mailroom, founder),
            bell,
            peers: Slots::new(),
            timers: Timers::new(),
            completions: Vec::new(),
            touched: Vec::new(),
            starved: VecDeque::new(),
            drain_until: None,
            cost: Cost { threads_peak: 1, ..Cost::default() },
        })
    }

    fn is_done(&self) -> bool {
        // Newcomers go last: while their accept is being taken back, it may still bring someone.
        self.newcomers.are_over() && self.residents.are_gone()
    }

    // ANCHOR: wait
    /// Waits for completions, hears all of them, and only then acts: what is unwanted after the first may be wanted again after
    /// the last.
    fn turn(&mut self) -> io::Result<()> {
        let before = clock::now().at;
        self.newcomers.keep_accepting(&mut self.ring, before)?;
        let timeout = self.next_wake(before).map(|wake| wake.after(before));
        self.ring.submit_and_wait(1, timeout)?;
        self.cost.wakeups += 1;
        let now = clock::now();
        let mut completions = std::mem::take(&mut self.completions);
        self.ring.reap(&mut completions);
        // ANCHOR_END: wait
        let mut stopping = false;
        for completion in completions.drain(..) {
            match completion.token {
                LISTENER => {
                    if let Some(socket) = self.newcomers.hear(completion, now.at)? {
                        self.welcome(socket, now);
                    }
                }
                SHUTDOWN => stopping = true,
                UNHEARD => {}
                MAIL => {
                    self.bell.hear(&mut self.ring, &completion)?;
                    self.residents.mailroom.collect();
                }
                token => self.hear(Key::from_bits(token), completion, now)?,
            }
        }
        self.completions = completions;
        self.turned_away.sweep(now.at);
        self.deliver(now)?;
        self.run_timers(now);
        if stopping {
            self.drain_until = Some(now.at + self.limits.drain);
            self.residents.begin_stopping();
            self.newcomers.begin_end(&mut self.ring, UNHEARD)?;
        }
        if let Some(last) = self.newcomers.last()? {
            self.say_the_end(last, now);
        }
        self.feed_starved(now)?;
        self.settle_touched(now)
    }

    fn next_wake(&self, now: Time) -> Option<Time> {
        if self.residents.mailroom.waiting() != (0, 0) || self.may_feed() {
            return Some(now);
        }
        let wakes = [self.newcomers.next_wake(), self.timers.next(), self.drain_until, self.turned_away.next_sweep()];
        wakes.into_iter().flatten().min()
    }

    /// One of a connection's operations has something to say.
    fn hear(&mut self, key: Key, completion: Completion, now: Now) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(key) else {
            // A connection stays until its last completion, so this is for nobody; but a buffer must never be lost.
            if let Arrival::Octets(filled) = self.buffers.arrived(completion)? {
                self.buffers.give_back(filled);
            }
            return Ok(());
        };
        if peer.receiving.operation() == Some(completion.operation) {
            peer.received(completion, &mut self.buffers, &mut self.cost, now)?;
            if peer.receiving == Receiving::Starved {
                self.starved.push_back(key);
            }
        } else if peer.watching.is(completion.operation) {
            peer.watching = Watch::Idle;
            if completion.result().is_ok() {
                peer.connection.hung_up(now);
            }
        } else if let Some(files) = peer.files.as_mut().filter(|files| files.have(completion.operation)) {
            if let Some((ticket, done)) = files.completed(&mut self.ring, key.to_bits(), completion)? {
                peer.connection.file_done(ticket, done, now);
            }
        } else {
            let result = completion.result();
            match completion.payload {
                Payload::Address(_) => peer.connected(result, now),
                payload => peer.sent(payload, result, &mut self.cost, now),
            }
        }
        self.touch(key);
        Ok(())
    }

    // ANCHOR: feed-starved
    /// Lets as many of those who wait for a buffer ask again as there are buffers. The others keep their places in the line.
    fn feed_starved(&mut self, now: Now) -> io::Result<()> {
        for _ in 0..self.starved.len() {
            let Some(key) = self.starved.pop_front() else { break };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if peer.receiving != Receiving::Starved {
                continue;
            }
            if self.buffers.promise_one_for(peer.manner) {
                peer.receiving = Receiving::Idle;
                self.settle(key, now)?;
            } else {
                self.starved.push_back(key);
            }
        }
        self.buffers.forget_promises();
        Ok(())
    }
    // ANCHOR_END: feed-starved

    /// Whether someone in the line has only waited for this turn to end.
    fn may_feed(&self) -> bool {
        let first = self.starved.iter().find_map(|&key| self.peers.get(key));
        first.is_some_and(|peer| self.buffers.has_one_for(peer.manner))
    }

    fn touch(&mut self, key: Key) {
        if let Some(peer) = self.peers.get_mut(key)
            && !peer.is_touched
        {
            peer.is_touched = true;
            self.touched.push(key);
        }
    }

    /// Settling may touch again, so it goes on until nobody is touched any more.
    fn settle_touched(&mut self, now: Now) -> io::Result<()> {
        let mut next = 0;
        while let Some(&key) = self.touched.get(next) {
            self.settle(key, now)?;
            next += 1;
        }
        self.touched.clear();
        Ok(())
    }

    /// Starts what the connection needs, and takes back what it does not.
    fn settle(&mut self, key: Key, now: Now) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(key) else { return Ok(()) };
        peer.is_touched = false;
        let mut needs = peer.connection.needs();
        if needs.end == Some(End::Finish) {
            if let Some(socket) = &peer.socket {
                socket.finish();
            }
            peer.connection.finished(now);
            needs = peer.connection.needs();
        }
        self.residents.mailroom.take_from(&mut peer.connection);
        if let Some(end) = needs.end {
            return self.leave(key, end, now);
        }
        // ANCHOR: settle
        let ring = &mut self.ring;
        let was_starved = peer.receiving == Receiving::Starved;
        if needs.write && peer.sending.is_none() {
            peer.send(ring, key)?;
        } else if needs.recall {
            peer.recall(ring)?;
        }
        peer.watch(ring, key, needs.hang_up)?;
        peer.receive(ring, &mut self.buffers, key, needs.read)?;
        // ANCHOR_END: settle
        if peer.receiving == Receiving::Starved && !was_starved {
            self.starved.push_back(key);
        }
        if peer.connection.has_files() {
            let files = peer.files.get_or_insert_default();
            for asked in peer.connection.take_files() {
                if let Some((ticket, done)) = files.begin(ring, key.to_bits(), asked, self.service.directory())? {
                    peer.connection.file_done(ticket, done, now);
                }
            }
            // A range that cannot be read has been answered at once.
            self.touch(key);
        }
        if let Some(peer) = self.peers.get_mut(key) {
            // What has just been lent is looked after sooner.
            self.timers.arm(key, peer.connection.needs().deadline, &mut peer.armed);
        }
        Ok(())
    }

    // ANCHOR: leave
    /// Takes back what is in flight, and closes the socket when the kernel has let go of all of it.
    fn leave(&mut self, key: Key, end: End, now: Now) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(key) else { return Ok(()) };
        if !peer.take_back(&mut self.ring)? {
            return Ok(());
        }
        self.residents.leave(&mut peer.connection, now);
        self.residents.free(peer.is_born);
        self.cost.octets_copied += peer.connection.octets_copied();
        if let Some(Peer { socket: Some(socket), .. }) = self.peers.remove(key) {
            if end == End::Reset {
                socket.reset_on_close();
            }
            self.ring.close(socket.into(), UNHEARD)?;
        }
        Ok(())
    }
    // ANCHOR_END: leave

    // Others.

    /// Brings those into the world that are to be, and delivers what is there.
    fn deliver(&mut self, now: Now) -> io::Result<()> {
        let (births, letters) = self.residents.mailroom.waiting();
        for _ in 0..births {
            self.bear(now)?;
        }
        for _ in 0..letters {
            let Some((key, letter)) = self.residents.mailroom.next() else { continue };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            let returned = peer.connection.deliver(letter, now);
            self.residents.mailroom.post(returned);
            self.touch(key);
        }
        Ok(())
    }

    fn bear(&mut self, now: Now) -> io::Result<()> {
        let Some((connection, address)) = self.residents.bear(now) else { return Ok(()) };
        let key = self.peers.insert(Peer::new(None, connection, self.buffers.first_manner(), true));
        let Some(peer) = self.peers.get_mut(key) else { return Ok(()) };
        self.residents.settle(peer.connection.id(), key);
        if let Some(address) = address {
            peer.connect(&mut self.ring, key, address, now)?;
        }
        self.touch(key);
        Ok(())
    }

    fn welcome(&mut self, socket: Socket, now: Now) {
        let Some(connection) = self.residents.accept(now) else {
            return self.turned_away.refuse(socket, &self.residents.refusal(now), now.at);
        };
        let id = connection.id();
        let key = self.peers.insert(Peer::new(Some(socket), connection, self.buffers.first_manner(), false));
        self.residents.settle(id, key);
        self.cost.connections += 1;
        self.touch(key);
    }

    // Time, and the end.

    fn run_timers(&mut self, now: Now) {
        while let Some((key, due)) = self.timers.due(now.at) {
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if peer.armed.fired(due) {
                peer.connection.time(now);
                self.touch(key);
            }
        }
        let peers = &self.peers;
        self.timers.forget(peers.len(), |key| peers.get(key).is_some());
        if self.drain_until.is_some_and(|until| until <= now.at) {
            self.residents.cut();
            self.drain_until = Some(now.at + BACK_OFF);
            self.for_everyone(|connection| connection.drained(now));
        }
    }

    /// What had arrived on connections was heard before they are told.
    fn say_the_end(&mut self, last: Vec<Socket>, now: Now) {
        for socket in last {
            self.welcome(socket, now);
        }
        self.for_everyone(|connection| connection.stopping(now));
    }

    fn for_everyone(&mut self, mut tell: impl FnMut(&mut Connection<S::Protocol>)) {
        for key in self.peers.keys() {
            if let Some(peer) = self.peers.get_mut(key) {
                tell(&mut peer.connection);
            }
            self.touch(key);
        }
    }
}
