//! One connection of a ring: what is in flight for it.

use std::io;
use std::os::fd::AsFd;

use super::receive::{Arrival, Buffers, Manner};
use super::serve::UNHEARD;
use crate::connection::Connection;
use crate::cost::Cost;
use crate::driver::slots::Key;
use crate::driver::timers::Armed;
use crate::protocol::{FileRead, Protocol};
use crate::reading::{Reading, block_for};
use crate::send_queue::{Lent, Segment};
use crate::sys::block::Block;
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Read, Ring, Target};
use crate::sys::socket::Socket;
use crate::time::Now;

/// A connection, its socket, and what the kernel is doing for it.
pub(super) struct Peer<P> {
    pub(super) socket: Socket,
    pub(super) connection: Connection<P>,
    pub(super) receiving: Receiving,
    pub(super) manner: Manner,
    pub(super) sending: Option<(Operation, Sending)>,
    pub(super) files: Vec<InFlight>,
    pub(super) is_touched: bool,
    pub(super) armed: Armed,
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

/// A file read in flight.
pub(super) struct InFlight {
    pub(super) operation: Operation,
    pub(super) asked: FileRead,
    pub(super) reading: Reading,
}

impl<P: Protocol> Peer<P> {
    /// Receives, or stops receiving, as the connection needs.
    pub(super) fn receive(&mut self, ring: &mut Ring, buffers: &mut Buffers, key: Key, is_needed: bool) -> io::Result<()> {
        match self.receiving {
            Receiving::Idle if is_needed => {
                let operation = buffers.receive(ring, &self.socket, self.manner, key.to_bits())?;
                self.receiving = operation.map_or(Receiving::Starved, |operation| Receiving::Armed(operation, self.manner));
                Ok(())
            }
            Receiving::Armed(_, manner) if !is_needed || manner != self.manner => self.stop_receiving(ring),
            _ => Ok(()),
        }
    }

    pub(super) fn stop_receiving(&mut self, ring: &mut Ring) -> io::Result<()> {
        if let Receiving::Armed(operation, _) = self.receiving {
            ring.cancel(operation, UNHEARD)?;
            self.receiving = Receiving::Cancelling(operation);
        }
        Ok(())
    }

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
            Arrival::Octets(filled) => {
                let octets = buffers.octets(&filled);
                cost.octets_in += octets.len() as u64;
                self.manner = buffers.manner_after(octets.len());
                self.connection.received(octets, now);
                buffers.give_back(filled);
            }
            Arrival::Ready => self.manner = Manner::Take,
            Arrival::End => self.connection.peer_finished(now),
            Arrival::Starved => self.receiving = Receiving::Starved,
            Arrival::Nothing if self.manner == Manner::Take => self.manner = Manner::Poll,
            Arrival::Nothing => {}
            Arrival::Failed => self.connection.failed(),
        }
        Ok(())
    }

    /// Gives the first stretches of output to the kernel. One send at a time: if two were in flight and the first were cut short,
    /// the second would go out behind the gap.
    pub(super) fn send(&mut self, ring: &mut Ring, key: Key) -> io::Result<()> {
        let Some(mut lent) = self.connection.queue().lend() else { return Ok(()) };
        let mut parts = lent.segments.drain(..).map(|segment| match segment {
            Segment::Own(octets) => Payload::Vec(octets),
            Segment::Shared(octets) => Payload::Bytes(octets),
        });
        let operation = if parts.len() > 1 {
            ring.send_all(&self.socket, parts.by_ref().collect(), lent.gone, key.to_bits())?
        } else {
            ring.send(&self.socket, parts.next().unwrap_or_default(), lent.gone, key.to_bits())?
        };
        drop(parts);
        self.sending = Some((operation, Sending { lent, is_cancelled: false }));
        Ok(())
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
            Err(_) => self.connection.failed(),
        }
    }

    pub(super) fn read_file(&mut self, ring: &mut Ring, key: Key, asked: FileRead, now: Now) -> io::Result<()> {
        match Reading::of(asked.range.clone(), asked.file.alignment()) {
            Ok(reading) => {
                let block = block_for(reading.room(), asked.file.alignment());
                self.read_rest(ring, key, asked, reading, block, now)
            }
            Err(error) => {
                self.connection.file_read(asked.ticket, Err(error), now);
                Ok(())
            }
        }
    }

    /// A read may be short: it goes on until the range is full or the file ends.
    pub(super) fn read_rest(
        &mut self,
        ring: &mut Ring,
        key: Key,
        asked: FileRead,
        reading: Reading,
        block: Block,
        now: Now,
    ) -> io::Result<()> {
        match reading.rest() {
            Some(rest) => {
                let file = Target::Descriptor(asked.file.as_fd());
                let read = Read { file, offset: rest.offset, at: rest.at, len: rest.len, registered: None };
                let operation = ring.read(read, block, key.to_bits())?;
                self.files.push(InFlight { operation, asked, reading });
            }
            None => self.connection.file_read(asked.ticket, Ok(reading.into_bytes(block)), now),
        }
        Ok(())
    }

    pub(super) fn file_read(
        &mut self,
        ring: &mut Ring,
        key: Key,
        operation: Operation,
        block: Block,
        result: io::Result<usize>,
        now: Now,
    ) {
        let Some(place) = self.files.iter().position(|file| file.operation == operation) else { return };
        let InFlight { asked, mut reading, .. } = self.files.swap_remove(place);
        let ticket = asked.ticket;
        let outcome = match result {
            Ok(count) => {
                reading.took(count);
                self.read_rest(ring, key, asked, reading, block, now)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read_rest(ring, key, asked, reading, block, now),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            self.connection.file_read(ticket, Err(error), now);
        }
    }
}
