//! Serving by completions: the loop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::peer::{Peer, Receiving, Watch};
use super::receive::Buffers;
use super::{ReceiveOptions, Uring};
use crate::connection::{Connection, End};
use crate::context::Birth;
use crate::cost::Cost;
use crate::driver::mailroom::{Mailroom, grow};
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::Timers;
use crate::identity::Common;
use crate::limits::ServeLimits;
use crate::model::Shard;
use crate::models::accepting::{BACK_OFF, Failure, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::{MessageOf, Service};
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::eventfd::EventFd;
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Ring};
use crate::sys::ring_setup::RingOptions;
use crate::sys::socket::{Mode, Socket, accept, set_mode};
use crate::time::{Now, Time};

/// Tokens with the top bit set are the loop's own; the others are connections' keys.
const LISTENER: u64 = 1 << 63;
const SHUTDOWN: u64 = LISTENER + 1;
const MAIL: u64 = LISTENER + 3;
/// Of what needs no answer: the end of a cancelled operation is told by the operation itself.
const UNHEARD: u64 = LISTENER + 2;

pub(super) fn serve<S: Service>(options: &Uring, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start();
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
pub(super) fn ring(options: &ReceiveOptions) -> io::Result<(Ring, Buffers)> {
    let mut ring = Ring::new(&RingOptions { submissions: 1024, completions: 4096, ..RingOptions::default() })?;
    let buffers = Buffers::new(&mut ring, options)?;
    Ok((ring, buffers))
}

struct Server<'a, S: Service> {
    service: &'a S,
    common: Arc<Common>,
    limits: ServeLimits,
    ring: Ring,
    buffers: Buffers,
    /// Gone once the shutdown has begun and the accept is taken back.
    listener: Option<TcpListener>,
    accepting: Option<Operation>,
    accept_after: Time,
    turned_away: TurnedAway,
    mailroom: Mailroom<'a, MessageOf<S>>,
    /// Readable anew whenever a letter comes from another loop.
    mail: Arc<EventFd>,
    /// How many of the peers were not accepted.
    born: usize,
    peers: Slots<Peer<S::Protocol>>,
    timers: Timers,
    completions: Vec<Completion>,
    /// Those something has happened to in this turn.
    touched: Vec<Key>,
    drain_until: Option<Time>,
    cost: Cost,
}

impl<'a, S: Service> Server<'a, S> {
    fn new(options: &Uring, shard: Shard<'a, S>) -> io::Result<Self> {
        let common = shard.common(options.limits);
        let Shard { number, listener, service, shutdown, post, .. } = shard;
        let (mut ring, buffers) = ring(&options.receives)?;
        // An accept on a listener that does not block would complete at once with EAGAIN.
        set_mode(&listener, Mode::Blocking)?;
        ring.poll(shutdown, libc::POLLIN as u32, false, SHUTDOWN)?;
        let mail = Arc::new(EventFd::new()?);
        ring.poll(&*mail, libc::POLLIN as u32, true, MAIL)?;
        let mailroom = Mailroom::new(number.into(), post);
        let bell = Arc::clone(&mail);
        post.open(number.into(), Box::new(move || bell.signal()));
        Ok(Server {
            service,
            common,
            limits: options.limits,
            ring,
            buffers,
            listener: Some(listener),
            accepting: None,
            accept_after: Time::default(),
            turned_away: TurnedAway::default(),
            mailroom,
            mail,
            born: 0,
            peers: Slots::new(),
            timers: Timers::new(),
            completions: Vec::new(),
            touched: Vec::new(),
            drain_until: None,
            cost: Cost { threads_peak: 1, ..Cost::default() },
        })
    }

    fn is_done(&self) -> bool {
        // The listener goes last: while its accept is being taken back, it may still bring someone.
        self.listener.is_none() && self.peers.len() == 0
    }

    /// Waits for completions, hears all of them, and only then acts: what is unwanted after the first may be wanted again after
    /// the last.
    fn turn(&mut self) -> io::Result<()> {
        let before = clock::now().at;
        self.keep_accepting(before)?;
        let timeout = self.next_wake(before).map(|wake| wake.after(before));
        self.ring.submit_and_wait(1, timeout)?;
        self.cost.wakeups += 1;
        let now = clock::now();
        let mut completions = std::mem::take(&mut self.completions);
        self.ring.reap(&mut completions);
        let mut stopping = false;
        for completion in completions.drain(..) {
            match completion.token {
                LISTENER => self.hear_newcomer(completion, now)?,
                SHUTDOWN => stopping = true,
                UNHEARD => {}
                MAIL => {
                    if !completion.more {
                        self.ring.poll(&*self.mail, libc::POLLIN as u32, true, MAIL)?;
                    }
                    self.mailroom.collect();
                }
                token => self.hear(Key::from_bits(token), completion, now),
            }
        }
        self.completions = completions;
        self.turned_away.sweep(now.at);
        self.deliver(now)?;
        self.run_timers(now);
        if stopping {
            self.begin_drain(now)?;
        }
        self.settle_touched(now)
    }

    fn next_wake(&self, now: Time) -> Option<Time> {
        if self.mailroom.waiting() != (0, 0) {
            return Some(now);
        }
        let accept = (self.accepting.is_none() && self.listener.is_some()).then_some(self.accept_after);
        let wakes = [accept, self.timers.next(), self.drain_until, self.turned_away.next_sweep()];
        wakes.into_iter().flatten().min()
    }

    /// One of a connection's operations has something to say.
    fn hear(&mut self, key: Key, completion: Completion, now: Now) {
        let result = completion.result();
        let Some(peer) = self.peers.get_mut(key) else {
            // A connection stays until its last completion, so this is for nobody; but a buffer must never be lost.
            if let Payload::Received(selected) = completion.payload {
                self.buffers.give_back(selected);
            }
            return;
        };
        match completion.payload {
            Payload::Address(_) => peer.connected(result, now),
            Payload::Nothing if peer.watching.is(completion.operation) => {
                peer.watching = Watch::Idle;
                if result.is_ok() {
                    peer.connection.hung_up(now);
                }
            }
            Payload::Received(selected) => {
                if !completion.more {
                    peer.receiving = Receiving::Idle;
                }
                match result {
                    Ok(0) => peer.connection.peer_finished(now),
                    Ok(count) => {
                        self.cost.octets_in += count as u64;
                        peer.manner = self.buffers.manner_after(count);
                        peer.connection.received(self.buffers.octets(&selected), now);
                    }
                    Err(_) => peer.connection.failed(now),
                }
                self.buffers.give_back(selected);
            }
            payload @ (Payload::Vec(_) | Payload::Bytes(_) | Payload::Several(_)) => {
                peer.sent(payload, result, &mut self.cost, now);
            }
            Payload::Block(block) => peer.file_read(&mut self.ring, key, completion.operation, block, result, now),
            Payload::Accepted(_) => {}
            // Otherwise only a receive comes back with nothing: at its end.
            Payload::Nothing => {
                peer.receiving = Receiving::Idle;
                match result {
                    Ok(_) => peer.connection.peer_finished(now),
                    Err(error) => match error.raw_os_error() {
                        // The octets wait in the socket. By the time the receive is armed again, this turn has given all
                        // buffers back.
                        Some(libc::ENOBUFS | libc::ECANCELED | libc::EINTR | libc::EAGAIN) => {}
                        _ => peer.connection.failed(now),
                    },
                }
            }
        }
        self.touch(key);
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
        self.mailroom.take_from(&mut peer.connection);
        if let Some(end) = needs.end {
            return self.leave(key, end, now);
        }
        let ring = &mut self.ring;
        match &mut peer.sending {
            None if needs.write => peer.send(ring, key)?,
            Some((operation, sending)) if needs.recall && !sending.is_cancelled => {
                ring.cancel(*operation, UNHEARD)?;
                sending.is_cancelled = true;
            }
            _ => {}
        }
        match peer.watching {
            Watch::Idle if needs.hang_up => {
                if let Some(socket) = &peer.socket {
                    let operation = ring.poll(socket, libc::POLLRDHUP as u32, false, key.to_bits())?;
                    peer.watching = Watch::Armed(operation);
                }
            }
            Watch::Armed(_) if !needs.hang_up => peer.watching.cancel(ring, UNHEARD)?,
            _ => {}
        }
        match peer.receiving {
            Receiving::Idle if needs.read => {
                if let Some(socket) = &peer.socket {
                    let operation = self.buffers.receive(ring, socket, peer.manner, key.to_bits())?;
                    peer.receiving = Receiving::Armed(operation, peer.manner);
                }
            }
            Receiving::Armed(operation, manner) if !needs.read || manner != peer.manner => {
                ring.cancel(operation, UNHEARD)?;
                peer.receiving = Receiving::Cancelling(operation);
            }
            _ => {}
        }
        if peer.connection.has_files() {
            for asked in peer.connection.take_files() {
                peer.read_file(ring, key, asked, now)?;
            }
            // A range that cannot be read has been answered at once.
            self.touch(key);
        }
        if let Some(peer) = self.peers.get_mut(key) {
            self.timers.arm(key, needs.deadline, &mut peer.armed);
        }
        Ok(())
    }

    /// Takes back what is in flight, and closes the socket when the kernel has let go of all of it.
    fn leave(&mut self, key: Key, end: End, now: Now) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(key) else { return Ok(()) };
        if let Receiving::Armed(operation, _) = peer.receiving {
            self.ring.cancel(operation, UNHEARD)?;
            peer.receiving = Receiving::Cancelling(operation);
        }
        if let Some((operation, sending)) = &mut peer.sending
            && !sending.is_cancelled
        {
            self.ring.cancel(*operation, UNHEARD)?;
            sending.is_cancelled = true;
        }
        peer.connecting.cancel(&mut self.ring, UNHEARD)?;
        peer.watching.cancel(&mut self.ring, UNHEARD)?;
        if !peer.is_at_rest() {
            return Ok(());
        }
        peer.connection.closed(now);
        self.mailroom.take_from(&mut peer.connection);
        self.mailroom.move_out(peer.connection.id());
        self.cost.octets_copied += peer.connection.octets_copied();
        self.born -= usize::from(peer.is_born);
        if let Some(Peer { socket: Some(socket), .. }) = self.peers.remove(key) {
            if end == End::Reset {
                socket.reset_on_close();
            }
            self.ring.close(socket.into(), UNHEARD)?;
        }
        Ok(())
    }

    // Others.

    /// Brings those into the world that are to be, and delivers what is there.
    fn deliver(&mut self, now: Now) -> io::Result<()> {
        let (births, letters) = self.mailroom.waiting();
        for _ in 0..births {
            if let Some(birth) = self.mailroom.next_birth() {
                self.bear(birth, now)?;
            }
        }
        for _ in 0..letters {
            let Some((key, letter)) = self.mailroom.next() else { continue };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            let returned = peer.connection.deliver(letter, now);
            self.mailroom.post(returned);
            self.touch(key);
        }
        Ok(())
    }

    fn bear(&mut self, birth: Birth<MessageOf<S>>, now: Now) -> io::Result<()> {
        let (id, address) = (birth.id, birth.address);
        match grow(self.service, birth, self.born < self.limits.connections, now) {
            Ok(protocol) => {
                let connection = Connection::born(protocol, id, address.is_some(), &self.common, now);
                let key = self.peers.insert(Peer::new(None, connection, true));
                self.born += 1;
                self.mailroom.move_in(id, key);
                if let (Some(peer), Some(address)) = (self.peers.get_mut(key), address) {
                    peer.connect(&mut self.ring, key, address, now)?;
                }
                self.touch(key);
            }
            Err(letter) => self.mailroom.post([letter]),
        }
        Ok(())
    }

    // Newcomers.

    fn keep_accepting(&mut self, now: Time) -> io::Result<()> {
        if let Some(listener) = &self.listener
            && self.accepting.is_none()
            && self.accept_after <= now
        {
            self.accepting = Some(self.ring.accept(listener, true, LISTENER)?);
        }
        Ok(())
    }

    fn hear_newcomer(&mut self, completion: Completion, now: Now) -> io::Result<()> {
        if !completion.more {
            self.accepting = None;
        }
        let result = completion.result();
        match (completion.payload, result) {
            (Payload::Accepted(fd), _) => self.welcome(fd.into(), now),
            (_, Err(error)) => match judge(&error) {
                Failure::BackOff => self.accept_after = now.at + BACK_OFF,
                Failure::Broken if error.raw_os_error() != Some(libc::ECANCELED) => return Err(error),
                _ => {}
            },
            _ => {}
        }
        if self.drain_until.is_some() && self.accepting.is_none() {
            self.close_listener(now)?;
        }
        Ok(())
    }

    fn welcome(&mut self, socket: Socket, now: Now) {
        let protocol = if self.peers.len() - self.born < self.limits.connections { self.service.accept(now) } else { None };
        let Some(protocol) = protocol else {
            return self.turned_away.refuse(socket, &self.service.refusal(now), now.at);
        };
        let connection = Connection::accepted(protocol, &self.common, now);
        let id = connection.id();
        let key = self.peers.insert(Peer::new(Some(socket), connection, false));
        self.mailroom.move_in(id, key);
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
            self.drain_until = Some(now.at + BACK_OFF);
            self.for_everyone(|connection| connection.drained(now));
        }
    }

    /// The accept is taken back first; what it has brought by then is served.
    fn begin_drain(&mut self, now: Now) -> io::Result<()> {
        self.drain_until = Some(now.at + self.limits.drain);
        match self.accepting {
            Some(operation) => self.ring.cancel(operation, UNHEARD).map(drop),
            None => self.close_listener(now),
        }
    }

    /// Takes in everyone who is in the queue already (closing it would reset them), and then says that the end has come. What
    /// had arrived on connections was heard before.
    fn close_listener(&mut self, now: Now) -> io::Result<()> {
        if let Some(listener) = self.listener.take() {
            set_mode(&listener, Mode::Nonblocking)?;
            loop {
                match accept(&listener, Mode::Blocking) {
                    Ok(socket) => self.welcome(socket, now),
                    Err(error) if judge(&error) == Failure::TryNext => {}
                    Err(_) => break,
                }
            }
        }
        self.for_everyone(|connection| connection.stopping(now));
        Ok(())
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
