//! Serving by readiness: the loop.

use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::sync::Arc;

use super::Epoll;
use super::read::read_or_stall;
use crate::connection::{Connection, End};
use crate::cost::Cost;
use crate::driver::slots::{Key, Slots};
use crate::driver::timers::{Armed, Timers};
use crate::file_op::{FileDone, FileOp, FileRequest};
use crate::identity::Common;
use crate::limits::{ACCEPTS_PER_TURN, READ_OCTETS, ServeLimits};
use crate::model::Shard;
use crate::models::accepting::{BACK_OFF, Failure, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::{Protocol, Service};
use crate::reading::read_whole;
use crate::send_queue::LENT_SEGMENTS;
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::epoll::{self, Ready};
use crate::sys::socket::{Mode, Socket, accept};
use crate::time::{Now, Time};

/// Tokens with the top bit set are the loop's own; the others are connections' keys.
const LISTENER: u64 = 1 << 63;
const SHUTDOWN: u64 = LISTENER + 1;

/// The most events taken from the kernel in one turn.
const EVENTS: usize = 1024;

/// The most system calls spent on sending to one peer in one turn: one that reads as fast as it is written to would otherwise
/// keep the others waiting.
const SENDS_PER_TURN: usize = 4;

pub(super) fn serve<S: Service>(options: &Epoll, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start();
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
    common: Arc<Common>,
    limits: ServeLimits,
    epoll: epoll::Epoll,
    /// Gone once the shutdown has begun.
    listener: Option<TcpListener>,
    /// Edge-triggered events tell of a newcomer once; this remembers it until the queue was found empty.
    newcomers: bool,
    accept_after: Time,
    turned_away: TurnedAway,
    peers: Slots<Peer<S::Protocol>>,
    timers: Timers,
    /// Those who have more to do without a new event, in the next turn.
    again: Vec<Key>,
    /// One for all connections: it is lent to a protocol for the length of a call.
    buffer: Box<[u8]>,
    drain_until: Option<Time>,
    cost: Cost,
}

/// A connection, its socket, and what the kernel was last heard to say of it.
struct Peer<P: Protocol> {
    socket: Socket,
    connection: Connection<P>,
    readable: bool,
    writable: bool,
    more_behind: bool,
    /// It is on the list of this turn or the next.
    has_a_turn: bool,
    armed: Armed,
}

impl<'a, S: Service> Server<'a, S> {
    fn new(options: &Epoll, shard: Shard<'a, S>) -> io::Result<Self> {
        let common = shard.common(options.limits);
        let Shard { listener, service, shutdown, .. } = shard;
        let epoll = epoll::Epoll::new(EVENTS)?;
        epoll.add_edges(&listener, LISTENER)?;
        epoll.add_edges(shutdown, SHUTDOWN)?;
        Ok(Server {
            service,
            common,
            limits: options.limits,
            epoll,
            listener: Some(listener),
            newcomers: true,
            accept_after: Time::default(),
            turned_away: TurnedAway::default(),
            peers: Slots::new(),
            timers: Timers::new(),
            again: Vec::new(),
            buffer: vec![0; READ_OCTETS].into_boxed_slice(),
            drain_until: None,
            cost: Cost { threads_peak: 1, ..Cost::default() },
        })
    }

    fn is_done(&self) -> bool {
        self.drain_until.is_some() && self.peers.len() == 0
    }

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
        self.cost.wakeups += 1;
        let now = clock::now();
        for key in heard.drain(..) {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.has_a_turn = false;
            }
            self.step(key, now);
        }
        if self.again.is_empty() {
            self.again = heard;
        }
        self.accept(now)?;
        self.run_timers(now);
        if stopping && self.drain_until.is_none() {
            self.begin_drain(now)?;
        }
        Ok(())
    }

    fn next_wake(&self, now: Time) -> Option<Time> {
        if !self.again.is_empty() {
            return Some(now);
        }
        let newcomers = (self.newcomers && self.listener.is_some()).then_some(self.accept_after);
        let wakes = [newcomers, self.timers.next(), self.drain_until, self.turned_away.next_sweep()];
        wakes.into_iter().flatten().min()
    }

    /// One read, and as many sends as the kernel takes: what one connection may do before it is the next one's turn.
    fn step(&mut self, key: Key, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.connection.needs().read && peer.readable {
            peer.read(&mut self.buffer, &mut self.cost, now);
        }
        peer.send_all(&mut self.cost, now);
        self.settle(key, now);
    }

    /// Does what the connection asks for beside octets, and sees what it waits for next.
    fn settle(&mut self, key: Key, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        while peer.connection.has_files() {
            for FileRequest { ticket, op } in peer.connection.take_files() {
                let octets = read_file(&op, &mut self.cost);
                peer.connection.file_done(ticket, octets, now);
            }
            peer.send_all(&mut self.cost, now);
        }
        let mut needs = peer.connection.needs();
        if needs.end == Some(End::Finish) {
            peer.socket.finish();
            peer.connection.finished(now);
            needs = peer.connection.needs();
        }
        if let Some(end) = needs.end {
            return self.leave(key, end);
        }
        if (needs.read && peer.readable || needs.write && peer.writable) && !std::mem::replace(&mut peer.has_a_turn, true) {
            self.again.push(key);
        }
        self.timers.arm(key, needs.deadline, &mut peer.armed);
    }

    /// Closes the socket: nothing is in flight, so nothing has to be taken back.
    fn leave(&mut self, key: Key, end: End) {
        let Some(peer) = self.peers.remove(key) else { return };
        if end == End::Reset {
            peer.socket.reset_on_close();
        }
        self.cost.octets_copied += peer.connection.octets_copied();
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
                    Failure::Nobody => self.newcomers = false,
                    Failure::BackOff => self.accept_after = now.at + BACK_OFF,
                    Failure::Broken => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn welcome(&mut self, socket: Socket, now: Now) {
        let protocol = if self.peers.len() < self.limits.connections { self.service.accept(now) } else { None };
        let Some(protocol) = protocol else {
            return self.turned_away.refuse(socket, &self.service.refusal(now), now.at);
        };
        let key = self.peers.insert(Peer::new(socket, Connection::accepted(protocol, &self.common, now)));
        let Some(peer) = self.peers.get_mut(key) else { return };
        // The kernel may have no room in the set (fs.epoll.max_user_watches): that concerns nobody else.
        if self.epoll.add_edges(&peer.socket, key.to_bits()).is_err() {
            self.accept_after = now.at + BACK_OFF;
            if let Some(peer) = self.peers.remove(key) {
                self.turned_away.refuse(peer.socket, &self.service.refusal(now), now.at);
            }
            return;
        }
        self.cost.connections += 1;
        self.settle(key, now);
    }

    // Time, and the end.

    fn run_timers(&mut self, now: Now) {
        while let Some((key, due)) = self.timers.due(now.at) {
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if peer.armed.fired(due) {
                peer.connection.time(now);
                peer.send_all(&mut self.cost, now);
                self.settle(key, now);
            }
        }
        let peers = &self.peers;
        self.timers.forget(peers.len(), |key| peers.get(key).is_some());
        if self.drain_until.is_some_and(|until| until <= now.at) {
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
        self.newcomers = true;
        while self.newcomers && self.accept_after <= now.at {
            self.accept(now)?;
        }
        self.listener = None;
        for key in self.peers.keys() {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.readable = true;
            }
            self.step(key, now);
            if let Some(peer) = self.peers.get_mut(key) {
                peer.connection.stopping(now);
                peer.send_all(&mut self.cost, now);
            }
            self.settle(key, now);
        }
        Ok(())
    }
}

impl<P: Protocol> Peer<P> {
    fn new(socket: Socket, connection: Connection<P>) -> Self {
        Peer {
            socket,
            connection,
            readable: false,
            writable: true,
            more_behind: false,
            has_a_turn: false,
            armed: Armed::default(),
        }
    }

    fn note(&mut self, ready: Ready) {
        self.readable |= ready.read;
        self.writable |= ready.write;
        self.more_behind |= ready.more_behind;
    }

    fn read(&mut self, buffer: &mut [u8], cost: &mut Cost, now: Now) {
        match self.socket.recv(buffer) {
            Ok(0) => {
                self.readable = false;
                self.connection.peer_finished(now);
            }
            Ok(count) => {
                // Fewer octets than asked for: the socket is empty, and the next edge will tell. Asking again to be told so
                // would cost a system call per request. Only a FIN or an urgent octet that has come already sends no further edge.
                self.readable = count == buffer.len() || self.more_behind;
                cost.octets_in += count as u64;
                self.connection.received(&buffer[..count], now);
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => self.readable = false,
                io::ErrorKind::Interrupted => {}
                _ => self.connection.failed(now),
            },
        }
    }

    fn send_all(&mut self, cost: &mut Cost, now: Now) {
        for _ in 0..SENDS_PER_TURN {
            if !self.writable || !self.connection.needs().write {
                return;
            }
            let queue = self.connection.queue();
            let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
            let filled = queue.slices(&mut slices);
            let offered: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
            match self.socket.send(&slices[..filled]) {
                Ok(count) => {
                    self.writable = count == offered;
                    cost.octets_out += count as u64;
                    queue.sent(count);
                    self.connection.sent(now);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.writable = false,
                    io::ErrorKind::Interrupted => {}
                    _ => self.connection.failed(now),
                },
            }
        }
    }
}

/// Readiness has nothing to say about files: what the page cache does not have stalls the loop, and everyone in it.
fn read_file(op: &FileOp, cost: &mut Cost) -> io::Result<FileDone> {
    let FileOp::ReadShared { file, range } = op else { return Err(io::ErrorKind::Unsupported.into()) };
    let mut can_tell = true;
    read_whole(file, range.clone(), |room, offset| read_or_stall(file, room, offset, &mut can_tell, cost)).map(FileDone::Read)
}
