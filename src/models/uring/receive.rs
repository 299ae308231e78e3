//! Where a ring's octets arrive: two groups of provided buffers, and two ways to ask for them.
//!
//! Most of what peers say is short. A *multishot* receive is asked for once and brings every arrival, each in a small buffer. But
//! it brings all there is, and when a long body comes that is more than anyone asked for: it would be kept aside and copied. So a
//! connection that fills its small buffers goes over to single receives into large ones, one a turn, and stays with them until
//! what comes is short again.

use std::io;
use std::os::fd::AsFd;

use super::ReceiveOptions;
use crate::sys::buffer_ring::{BufferRing, Selected};
use crate::sys::ledger::Operation;
use crate::sys::ring::Ring;

const SMALL: u16 = 0;
const LARGE: u16 = 1;

/// The provided buffers of a server, shared by all of its connections: the kernel takes one when octets have come, so a
/// connection that waits has none.
pub(super) struct Buffers {
    small: BufferRing,
    large: BufferRing,
}

/// How a connection receives now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Again and again, into small buffers.
    Multishot,
    /// Once, into a large one.
    Single,
}

impl Buffers {
    pub(super) fn new(ring: &mut Ring, options: &ReceiveOptions) -> io::Result<Buffers> {
        Ok(Buffers {
            small: BufferRing::new(ring, SMALL, options.small_buffers, options.small_octets)?,
            large: BufferRing::new(ring, LARGE, options.large_buffers, options.large_octets)?,
        })
    }

    /// Asks for octets.
    pub(super) fn receive(&self, ring: &mut Ring, socket: impl AsFd, manner: Manner, token: u64) -> io::Result<Operation> {
        match manner {
            Manner::Multishot => ring.recv(socket, SMALL, true, token),
            Manner::Single => ring.recv(socket, LARGE, false, token),
        }
    }

    /// What the kernel wrote.
    pub(super) fn octets(&self, selected: &Selected) -> &[u8] {
        if selected.group() == SMALL { self.small.octets(selected) } else { self.large.octets(selected) }
    }

    pub(super) fn give_back(&mut self, selected: Selected) {
        if selected.group() == SMALL { self.small.give_back(selected) } else { self.large.give_back(selected) }
    }

    /// How a connection should receive after so many octets have come at once.
    pub(super) fn manner_after(&self, octets: usize) -> Manner {
        if octets < self.small.size() { Manner::Multishot } else { Manner::Single }
    }
}
