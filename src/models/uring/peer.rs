//! One connection of a ring: what is in flight for it.

use std::io;
use std::net::SocketAddr;

use super::files::Files;
use super::receive::{Arrival, Buffers, Manner};
use crate::connection::Connection;
use crate::cost::Cost;
use crate::driver::slots::Key;
use crate::driver::timers::Armed;
use crate::protocol::Protocol;
use crate::send_queue::{Lent, Segment};
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Ring};
use crate::sys::socket::{Mode, Socket};
use crate::time::Now;

/// The token of what needs no answer: the end of a cancelled operation is told by the operation itself.
pub(super) const UNHEARD: u64 = u64::MAX;

/// A connection, its socket, and what the kernel is doing for it.
pub(super) struct Peer<P: Protocol> {
    /// None for a protocol that was spawned, and where there was none to be had.
    pub(super) socket: Option<Socket>,
    pub(super) connection: Connection<P>,
    pub(super) receiving: Receiving,
    pub(super) manner: Manner,
    pub(super) sending: Option<(Operation, Sending)>,
    pub(super) connecting: Watch,
    /// For the peer to hang up.
    pub(super) watching: Watch,
    /// Once it has asked for one.
    pub(super) files: Option<Box<Files>>,
    pub(super) is_touched: bool,
    /// It was not accepted.
    pub(super) is_born: bool,
    pub(super) armed: Armed,
}

/// An operation that brings one completion, which may be hastened by taking it back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    Idle,
    Armed(Operation),
    Cancelling(Operation),
}

impl Watch {
    pub(super) fn is(self, operation: Operation) -> bool {
        matches!(self, Watch::Armed(its) | Watch::Cancelling(its) if its == operation)
    }

    /// Takes it back, once.
    fn cancel(&mut self, ring: &mut Ring) -> io::Result<()> {
        if let Watch::Armed(operation) = *self {
            ring.cancel(operation, UNHEARD)?;
            *self = Watch::Cancelling(operation);
        }
        Ok(())
    }
}

/// A multishot receive goes on until it is taken back, the buffers run out or the peer finishes. Only its last completion frees
/// the place for the next: whatever comes before it is kept, wanted or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiving {
    Idle,
    /// There was no buffer: it is in the line of those who wait for one.
    Starved,
    Armed(Operation, Manner),
    Cancelling(Operation),
}

impl Receiving {
    /// What is in flight.
    pub(super) fn operation(self) -> Option<Operation> {
        match self {
            Receiving::Idle | Receiving::Starved => None,
            Receiving::Armed(operation, _) | Receiving::Cancelling(operation) => Some(operation),
        }
    }
}

/// A send in flight.
pub(super) struct Sending {
    /// Without its segments, which the ring has.
    pub(super) lent: Lent,
    pub(super) is_cancelled: bool,
}

impl<P: Protocol> Peer<P> {
    pub(super) fn new(socket: Option<Socket>, connection: Connection<P>, manner: Manner, is_born: bool) -> Self {
        Peer {
            socket,
            connection,
            receiving: Receiving::Idle,
            manner,
            sending: None,
            connecting: Watch::Idle,
            watching: Watch::Idle,
            files: None,
            is_touched: false,
            is_born,
            armed: Armed::default(),
        }
    }

    /// Begins to connect. An error of the machine is told the protocol.
    pub(super) fn connect(&mut self, ring: &mut Ring, key: Key, address: SocketAddr, now: Now) -> io::Result<()> {
        match Socket::unconnected(address, Mode::Blocking) {
            Ok(socket) => {
                self.connecting = Watch::Armed(ring.connect(&socket, address, key.to_bits())?);
                self.socket = Some(socket);
            }
            Err(error) => self.connection.connected(Err(error), now),
        }
        Ok(())
    }

    pub(super) fn connected(&mut self, result: io::Result<usize>, now: Now) {
        self.connecting = Watch::Idle;
        if result.is_err() {
            self.socket = None;
        }
        self.connection.connected(result.map(drop), now);
    }

    /// Watches for the peer to hang up, or stops watching, as the connection needs.
    pub(super) fn watch(&mut self, ring: &mut Ring, key: Key, is_needed: bool) -> io::Result<()> {
        match (&self.socket, self.watching) {
            (Some(socket), Watch::Idle) if is_needed => {
                self.watching = Watch::Armed(ring.poll(socket, libc::POLLRDHUP as u32, false, key.to_bits())?);
                Ok(())
            }
            (_, Watch::Armed(_)) if !is_needed => self.watching.cancel(ring),
            _ => Ok(()),
        }
    }

    /// Receives, or stops receiving, as the connection needs.
    pub(super) fn receive(&mut self, ring: &mut Ring, buffers: &mut Buffers, key: Key, is_needed: bool) -> io::Result<()> {
        match (&self.socket, self.receiving) {
            (Some(socket), Receiving::Idle) if is_needed => {
                let operation = buffers.receive(ring, socket, self.manner, key.to_bits())?;
                self.receiving = operation.map_or(Receiving::Starved, |operation| Receiving::Armed(operation, self.manner));
                Ok(())
            }
            (_, Receiving::Armed(_, manner)) if !is_needed || manner != self.manner => self.stop_receiving(ring),
            _ => Ok(()),
        }
    }

    fn stop_receiving(&mut self, ring: &mut Ring) -> io::Result<()> {
        if let Receiving::Armed(operation, _) = self.receiving {
            ring.cancel(operation, UNHEARD)?;
            self.receiving = Receiving::Cancelling(operation);
        }
        Ok(())
    }

    /// Asks for what is being sent to come back, with the count of what is gone.
    pub(super) fn recall(&mut self, ring: &mut Ring) -> io::Result<()> {
        if let Some((operation, sending)) = &mut self.sending
            && !sending.is_cancelled
        {
            ring.cancel(*operation, UNHEARD)?;
            sending.is_cancelled = true;
        }
        Ok(())
    }

    /// Takes everything back; says whether the kernel has let go of all of it.
    pub(super) fn take_back(&mut self, ring: &mut Ring) -> io::Result<bool> {
        self.stop_receiving(ring)?;
        self.recall(ring)?;
        self.connecting.cancel(ring)?;
        self.watching.cancel(ring)?;
        Ok(self.receiving.operation().is_none()
            && self.sending.is_none()
            && self.connecting == Watch::Idle
            && self.watching == Watch::Idle
            && self.files.as_ref().is_none_or(|files| files.are_at_rest()))
    }

    // ANCHOR: received
    /// A receive has something to say.
    pub(super) fn received(
        &mut self,
        completion: Completion,
        buffers: &mut Buffers,
        cost: &mut Cost,
        now: Now,
    ) -> io::Result<()> {
        if !completion.more {
            self.receiving = Receiving::Idle;
        }
        match buffers.arrived(completion)? {
            // ANCHOR: echo_hear
            Arrival::Octets(filled) => {
                let octets = buffers.octets(&filled);
                cost.octets_in += octets.len() as u64;
                self.manner = buffers.manner_after(octets.len());
                self.connection.received(octets, now);
                buffers.give_back(filled);
            }
            // ANCHOR_END: echo_hear
            Arrival::Ready => self.manner = Manner::Take,
            Arrival::End => self.connection.peer_finished(now),
            Arrival::Starved => self.receiving = Receiving::Starved,
            Arrival::Nothing if self.manner == Manner::Take => self.manner = Manner::Poll,
            Arrival::Nothing => {}
            Arrival::Failed => self.connection.failed(now),
        }
        Ok(())
    }
    // ANCHOR_END: received

    /// Gives the first stretches of output to the kernel. One send at a time: if two were in flight and the first were cut short,
    /// the second would go out behind the gap.
    pub(super) fn send(&mut self, ring: &mut Ring, key: Key) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        // ANCHOR: echo_answer
        let Some(mut lent) = self.connection.queue().lend() else { return Ok(()) };
        let mut parts = lent.segments.drain(..).map(|segment| match segment {
            Segment::Own(octets) => Payload::Vec(octets),
            Segment::Shared(octets) => Payload::Bytes(octets),
        });
        let operation = if parts.len() > 1 {
            ring.send_all(socket, parts.by_ref().collect(), lent.gone, key.to_bits())?
        } else {
            ring.send(socket, parts.next().unwrap_or_default(), lent.gone, key.to_bits())?
        };
        drop(parts);
        self.sending = Some((operation, Sending { lent, is_cancelled: false }));
        Ok(())
        // ANCHOR_END: echo_answer
    }

    pub(super) fn sent(&mut self, payload: Payload, result: io::Result<usize>, cost: &mut Cost, now: Now) {
        let Some((_, Sending { mut lent, .. })) = self.sending.take() else { return };
        let segment = |part| match part {
            Payload::Vec(octets) => Some(Segment::Own(octets)),
            Payload::Bytes(octets) => Some(Segment::Shared(octets)),
            _ => None,
        };
        match payload {
            Payload::Several(several) => lent.segments.extend(several.into_parts().into_iter().filter_map(segment)),
            one => lent.segments.extend(segment(one)),
        }
        self.connection.queue().give_back(lent, *result.as_ref().unwrap_or(&0));
        match result {
            Ok(count) => {
                cost.octets_out += count as u64;
                self.connection.sent(now);
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::ECANCELED)) => {}
            Err(_) => self.connection.failed(now),
        }
    }
}
