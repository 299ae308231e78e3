//! Where a ring's octets arrive. A connection that waits has no buffer: it gets one when octets have come.
//!
// ANCHOR: arrivals
//! From *provided buffers* the kernel takes one itself. Most of what peers say is short: a *multishot* receive is asked for once
//! and brings every arrival, each in a small buffer. But it brings all there is, and when a long body comes that is more than
//! anyone asked for: it would be kept aside and copied. So a connection that fills its small buffers goes over to single receives
//! into large ones, one a turn, and stays with them until what comes is short again.
//!
//! Without provided buffers a *poll* says that octets have come, and then they are received into one of a few blocks that all
//! connections share: two operations instead of one. (A receive that waits with a buffer of its own would be one, but then ten
//! thousand idle connections would own ten thousand buffers.)
// ANCHOR_END: arrivals
//!
//! **Who finds no buffer waits in line.** In each turn as many of the line ask again as there are buffers, before all others; those
//! who find none again go to its end. So whoever waits comes to be first, however loud the others are. And there is no turn in
//! vain: where somebody found no buffer, somebody else got octets in each of them.

use std::io;
use std::os::fd::AsFd;

use super::ReceiveOptions;
use crate::sys::block::Block;
use crate::sys::buffer_ring::{BufferRing, Selected};
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Ring};
use crate::sys::ring_features::is_unknown;
use crate::sys::ring_setup::missing;
use crate::sys::techniques::{Technique, Techniques};

/// Without provided buffers, so many blocks stand for each of the large ones: they are for short arrivals too.
const BLOCKS_FOR_A_BUFFER: u16 = 8;

const SMALL: u16 = 0;
const LARGE: u16 = 1;

/// The buffers of a server, shared by all of its connections.
pub(super) enum Buffers {
    Provided { small: Group, large: Group, multishot: bool },
    Shared { free: Vec<Block>, unmade: u16, octets: usize },
}

/// Provided buffers.
pub(super) struct Group {
    buffers: BufferRing,
    entries: u16,
    /// How many of them the kernel has filled and not got back.
    held: u16,
    /// How many are for those of the line who ask in this turn.
    promised: u16,
}

/// How a connection receives next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Into small provided buffers: again and again, unless that is denied.
    Small,
    /// Into a large one, once.
    Large,
    /// It is told when there is something to receive,
    Poll,
    /// and then receives what is there into a shared block.
    Take,
}

/// What came of a receive.
pub(super) enum Arrival {
    Octets(Filled),
    /// There is something to receive.
    Ready,
    /// The peer's FIN.
    End,
    /// There was no buffer. The octets, if there are any, wait in the socket.
    Starved,
    /// It was taken back, or interrupted, or nothing was there.
    Nothing,
    /// The peer has gone.
    Failed,
}

/// A buffer with octets in it.
pub(super) enum Filled {
    Provided(Selected),
    Shared(Block, usize),
}

impl Buffers {
    pub(super) fn new(ring: &mut Ring, options: &ReceiveOptions, techniques: Techniques) -> io::Result<Buffers> {
        if !techniques.has(Technique::ProvidedBuffers) {
            // Each is away for the length of a receive that waits for nothing, and a turn has as many of these as it has buffers.
            let unmade = options.large_buffers.max(1).saturating_mul(BLOCKS_FOR_A_BUFFER);
            let octets = options.large_octets.max(1) as usize;
            return Ok(Buffers::Shared { free: Vec::new(), unmade, octets });
        }
        let mut group = |number, entries, octets| {
            let buffers = BufferRing::new(ring, number, entries, octets)?;
            io::Result::Ok(Group { buffers, entries, held: 0, promised: 0 })
        };
        Ok(Buffers::Provided {
            small: group(SMALL, options.small_buffers, options.small_octets)?,
            large: group(LARGE, options.large_buffers, options.large_octets)?,
            multishot: techniques.has(Technique::MultishotRecv),
        })
    }

    /// How a connection begins.
    pub(super) fn first_manner(&self) -> Manner {
        match self {
            Buffers::Provided { .. } => Manner::Small,
            Buffers::Shared { .. } => Manner::Poll,
        }
    }

    /// Whether there is a buffer for octets that come in this manner.
    pub(super) fn has_one_for(&self, manner: Manner) -> bool {
        match (self, manner) {
            (Buffers::Provided { small: group, .. }, Manner::Small) | (Buffers::Provided { large: group, .. }, _) => {
                group.held + group.promised < group.entries
            }
            (Buffers::Shared { free, unmade, .. }, Manner::Take) => !free.is_empty() || *unmade > 0,
            (Buffers::Shared { .. }, _) => true,
        }
    }

    /// The same, for someone who has waited in line: then one buffer less is left for the others in it.
    pub(super) fn promise_one_for(&mut self, manner: Manner) -> bool {
        let has_one = self.has_one_for(manner);
        if has_one && let Some(group) = self.group(if manner == Manner::Small { SMALL } else { LARGE }) {
            group.promised += 1;
        }
        has_one
    }

    /// Those who were promised a buffer have asked for it, and have it or not.
    pub(super) fn forget_promises(&mut self) {
        for number in [SMALL, LARGE] {
            if let Some(group) = self.group(number) {
                group.promised = 0;
            }
        }
    }

    /// Asks for octets; `None` if there is no buffer to be had for them.
    pub(super) fn receive(
        &mut self,
        ring: &mut Ring,
        socket: impl AsFd,
        manner: Manner,
        token: u64,
    ) -> io::Result<Option<Operation>> {
        let operation = match self {
            Buffers::Provided { multishot, .. } if manner == Manner::Small => ring.recv(socket, SMALL, *multishot, token),
            Buffers::Provided { .. } => ring.recv(socket, LARGE, false, token),
            Buffers::Shared { free, unmade, octets } if manner == Manner::Take => {
                let block = free.pop().or_else(|| {
                    *unmade = unmade.checked_sub(1)?;
                    Some(Block::new(*octets, align_of::<u64>()))
                });
                let Some(block) = block else { return Ok(None) };
                ring.recv_now(socket, block, token)
            }
            Buffers::Shared { .. } => ring.poll(socket, libc::POLLIN as u32, false, token),
        };
        operation.map(Some)
    }

    /// What a receive has brought. A buffer without octets is back already; one with octets must be given back.
    ///
    /// # Errors
    /// If the kernel does not know what was asked of it.
    pub(super) fn arrived(&mut self, completion: Completion) -> io::Result<Arrival> {
        let result = completion.result();
        let filled = match completion.payload {
            Payload::Received(selected) => {
                if let Some(group) = self.group(selected.group()) {
                    group.held += 1;
                }
                Filled::Provided(selected)
            }
            Payload::Block(block) => Filled::Shared(block, *result.as_ref().unwrap_or(&0)),
            // Of a poll, the result is what there is to do; of a receive without a buffer it is 0 at most.
            _ => {
                return result.map_or_else(
                    |error| self.judge(error),
                    |events| Ok(if events > 0 { Arrival::Ready } else { Arrival::End }),
                );
            }
        };
        if let Ok(1..) = result {
            return Ok(Arrival::Octets(filled));
        }
        self.give_back(filled);
        result.map_or_else(|error| self.judge(error), |_| Ok(Arrival::End))
    }

    fn judge(&self, error: io::Error) -> io::Result<Arrival> {
        let is_multishot = matches!(self, Buffers::Provided { multishot: true, .. });
        match error.raw_os_error() {
            Some(libc::ENOBUFS) => Ok(Arrival::Starved),
            Some(libc::ECANCELED | libc::EINTR | libc::EAGAIN) => Ok(Arrival::Nothing),
            _ if is_multishot && is_unknown(&error) => Err(missing(Technique::MultishotRecv).into()),
            _ => Ok(Arrival::Failed),
        }
    }

    /// The octets that have come.
    pub(super) fn octets<'a>(&'a self, filled: &'a Filled) -> &'a [u8] {
        match (self, filled) {
            (Buffers::Provided { small, large, .. }, Filled::Provided(selected)) => {
                if selected.group() == SMALL {
                    small.buffers.octets(selected)
                } else {
                    large.buffers.octets(selected)
                }
            }
            (_, Filled::Shared(block, count)) => &block[..*count],
            _ => &[],
        }
    }

    /// Lets the next octets come into a buffer.
    pub(super) fn give_back(&mut self, filled: Filled) {
        match (self, filled) {
            (buffers, Filled::Provided(selected)) => {
                if let Some(group) = buffers.group(selected.group()) {
                    group.held -= 1;
                    group.buffers.give_back(selected);
                }
            }
            (Buffers::Shared { free, .. }, Filled::Shared(block, _)) => free.push(block),
            _ => {}
        }
    }

    fn group(&mut self, number: u16) -> Option<&mut Group> {
        match self {
            Buffers::Provided { small, .. } if number == SMALL => Some(small),
            Buffers::Provided { large, .. } => Some(large),
            Buffers::Shared { .. } => None,
        }
    }

    /// How a connection should go on after so many octets have come at once.
    pub(super) fn manner_after(&self, octets: usize) -> Manner {
        match self {
            Buffers::Provided { small, .. } if octets < small.buffers.size() => Manner::Small,
            Buffers::Provided { .. } => Manner::Large,
            Buffers::Shared { octets: room, .. } if octets < *room => Manner::Poll,
            Buffers::Shared { .. } => Manner::Take,
        }
    }
}
