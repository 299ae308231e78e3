//! One connection of an epoll loop: its socket, and what the kernel was last heard to say of it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;

use crate::connection::{Connection, End, Needs};
use crate::cost::Cost;
use crate::driver::timers::Armed;
use crate::models::file_work::OpenFiles;
use crate::protocol::Protocol;
use crate::send_queue::LENT_SEGMENTS;
use crate::sys::epoll::Ready;
use crate::sys::socket::{Mode, Socket};
use crate::time::Now;

/// The most system calls spent on sending to one peer in one turn: one that reads as fast as it is written to would otherwise
/// keep the others waiting.
const SENDS_PER_TURN: usize = 4;

/// A connection, and what is known of its socket.
pub(super) struct Peer<P: Protocol> {
    /// None for a protocol that was spawned, and where there was none to be had.
    pub(super) socket: Option<Socket>,
    pub(super) connection: Connection<P>,
    pub(super) files: OpenFiles,
    readable: bool,
    writable: bool,
    more_behind: bool,
    /// A call answered `EAGAIN` where an edge had said that there was something. It may have been taken since (a read that filled
    /// the buffer leaves that open); but if it is still there, no edge will tell of it.
    pub(super) is_in_doubt: bool,
    hung_up: bool,
    is_connecting: bool,
    /// It is on the list of this turn or the next.
    pub(super) has_a_turn: bool,
    /// It was not accepted.
    pub(super) is_born: bool,
    pub(super) armed: Armed,
}

impl<P: Protocol> Peer<P> {
    pub(super) fn new(socket: Option<Socket>, connection: Connection<P>, is_born: bool) -> Self {
        Peer {
            socket,
            connection,
            files: OpenFiles::default(),
            readable: false,
            writable: !is_born,
            more_behind: false,
            is_in_doubt: false,
            hung_up: false,
            is_connecting: false,
            has_a_turn: false,
            is_born,
            armed: Armed::default(),
        }
    }

    /// Begins to connect; the socket tells when it is done. An error is told the protocol.
    pub(super) fn connect(&mut self, address: SocketAddr, now: Now) {
        let begun = Socket::unconnected(address, Mode::Nonblocking).and_then(|socket| {
            match socket.connect(address) {
                Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
                _ => {}
            }
            Ok(socket)
        });
        match begun {
            Ok(socket) => (self.socket, self.is_connecting) = (Some(socket), true),
            Err(error) => self.connection.connected(Err(error), now),
        }
    }

    /// What the kernel says of the socket.
    pub(super) fn note(&mut self, ready: Ready) {
        self.readable |= ready.read;
        self.writable |= ready.write;
        self.more_behind |= ready.more_behind;
        self.hung_up |= ready.hung_up;
    }

    /// There may be something to read that no edge has told of.
    pub(super) fn look_again(&mut self) {
        self.readable = self.socket.is_some() && !self.is_connecting;
    }

    /// Whether it can go on without a new event.
    #[inline]
    pub(super) fn can_go_on(&self, needs: &Needs) -> bool {
        let is_heard_or_said = needs.read && self.readable || needs.write && self.writable || needs.hang_up && self.hung_up;
        is_heard_or_said || self.connection.has_files()
    }

    /// One read: what one connection may do before it is the next one's turn.
    pub(super) fn hear(&mut self, buffer: &mut [u8], cost: &mut Cost, now: Now) {
        if self.is_connecting && self.writable {
            self.is_connecting = false;
            let outcome = self.socket.as_ref().map_or(Ok(()), Socket::outcome);
            if outcome.is_err() {
                self.socket = None;
            }
            self.connection.connected(outcome, now);
        }
        let needs = self.connection.needs();
        if needs.read && self.readable {
            self.read(buffer, cost, now);
        } else if needs.hang_up && self.hung_up {
            self.connection.hung_up(now);
        }
    }

    // ANCHOR: read
    fn read(&mut self, buffer: &mut [u8], cost: &mut Cost, now: Now) {
        let Some(socket) = &self.socket else { return };
        // ANCHOR: echo_hear
        match socket.recv(buffer) {
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
                io::ErrorKind::WouldBlock => (self.readable, self.is_in_doubt) = (false, true),
                io::ErrorKind::Interrupted => {}
                _ => self.connection.failed(now),
            },
        }
        // ANCHOR_END: echo_hear
    }
    // ANCHOR_END: read

    /// Sends what the kernel has room for though no edge has told of any: it tells only when a third of its buffer is free, which
    /// may be a megabyte and take a peer that reads slowly, but fast enough, longer than it is given.
    pub(super) fn send_anyway(&mut self, cost: &mut Cost, now: Now) {
        self.writable |= self.connection.needs().write;
        self.send_all(cost, now);
    }

    // ANCHOR: send
    pub(super) fn send_all(&mut self, cost: &mut Cost, now: Now) {
        for _ in 0..SENDS_PER_TURN {
            if !self.writable || !self.connection.needs().write {
                return;
            }
            let Some(socket) = &self.socket else { return };
            // ANCHOR: echo_answer
            let queue = self.connection.queue();
            let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
            let filled = queue.slices(&mut slices);
            let offered: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
            match socket.send(&slices[..filled]) {
                Ok(count) => {
                    self.writable = count == offered;
                    cost.octets_out += count as u64;
                    queue.sent(count);
                    self.connection.sent(now);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => (self.writable, self.is_in_doubt) = (false, true),
                    io::ErrorKind::Interrupted => {}
                    _ => self.connection.failed(now),
                },
            }
            // ANCHOR_END: echo_answer
        }
    }
    // ANCHOR_END: send

    /// Says FIN where that is the next thing to do; answers what is to be done then.
    #[inline]
    pub(super) fn conclude(&mut self, now: Now) -> Needs {
        let needs = self.connection.needs();
        if needs.end != Some(End::Finish) {
            return needs;
        }
        if let Some(socket) = &self.socket {
            socket.finish();
        }
        self.connection.finished(now);
        self.connection.needs()
    }
}
