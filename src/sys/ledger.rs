//! What the kernel holds: one entry for each operation of a ring, from its submission to its last completion.
//!
//! A buffer the kernel reads or writes lives in its operation's entry and nowhere else; it comes out with the last completion.
//! So no safe code can touch, move or free it meanwhile. (A buffer freed under a read in flight receives the kernel's octets
//! after the next allocation took it; no sanitizer sees that.)
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fmt;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use io_uring::types;
use socket2::SockAddr;

use super::block::Block;
use super::buffer_ring::Selected;

/// One submitted operation: its `user_data`. A slot that is used again gets a new generation, so a late cancel of something
/// that is over finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operation(pub(super) u64);

/// What travels with an operation.
#[derive(Debug, Default)]
pub(crate) enum Payload {
    #[default]
    Nothing,
    /// Was sent; comes back with the completion.
    Vec(Vec<u8>),
    /// Was sent; comes back with the completion.
    Bytes(Bytes),
    /// Was sent; comes back with the completion.
    Several(Box<Several>),
    /// Was read into; comes back with the completion.
    Block(Block),
    /// Was connected to.
    Address(#[expect(dead_code, reason = "only the kernel reads it")] Box<SockAddr>),
    /// How long a timer runs.
    Limit(#[expect(dead_code, reason = "only the kernel reads it")] Box<types::Timespec>),
    /// The kernel chose a provided buffer and filled it.
    Received(Selected),
    /// What to open, and how.
    Path(#[expect(dead_code, reason = "only the kernel reads it")] Box<(CString, types::OpenHow)>),
    /// One name of a file or two: a `CString` keeps its octets where they are when it is moved.
    Names(#[expect(dead_code, reason = "only the kernel reads them")] CString, #[expect(dead_code)] Option<CString>),
    /// The kernel opened it: a connection, or a file.
    Opened(OwnedFd),
}

/// Stretches of octets that are sent as one, and how the kernel is told of them.
pub(crate) struct Several {
    parts: Vec<Payload>,
    vectors: Vec<libc::iovec>,
    message: libc::msghdr,
}

impl Several {
    /// `parts` (of [`Payload::Vec`] and [`Payload::Bytes`]) without the first `skip` octets of the first.
    pub(super) fn new(parts: Vec<Payload>, mut skip: usize) -> Box<Several> {
        let vector = |part: &Payload| {
            let octets = &part.octets()[std::mem::take(&mut skip)..];
            libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() }
        };
        let mut vectors: Vec<_> = parts.iter().map(vector).collect();
        // SAFETY: all-zero is a valid `msghdr`: no name, no control data, no octets.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = vectors.as_mut_ptr();
        message.msg_iovlen = vectors.len() as _;
        Box::new(Several { parts, vectors, message })
    }

    pub(super) fn message(&self) -> *const libc::msghdr {
        &self.message
    }

    /// The stretches, once the kernel has let go of them.
    pub(crate) fn into_parts(self) -> Vec<Payload> {
        self.parts
    }
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Several({} stretches)", self.vectors.len())
    }
}

impl Payload {
    /// What is sent of it, if it is of one stretch.
    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Payload::Vec(octets) => octets,
            Payload::Bytes(octets) => octets,
            _ => &[],
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(octets: Vec<u8>) -> Self {
        Payload::Vec(octets)
    }
}

impl From<Bytes> for Payload {
    fn from(octets: Bytes) -> Self {
        Payload::Bytes(octets)
    }
}

/// What a completion's result means beside success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// The end of a wait, which its caller hears of without a completion.
    Timer,
    /// The result is a new descriptor.
    Opens,
    /// The flags may name a buffer of this group.
    Receive {
        group: u16,
    },
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) token: u64,
    pub(super) kind: Kind,
    pub(super) payload: Payload,
}

#[derive(Default)]
pub(super) struct Ledger {
    slots: Vec<(u32, Option<Entry>)>,
    free: Vec<u32>,
    timers: usize,
}

impl Ledger {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many of these are timers.
    pub(super) fn timers(&self) -> usize {
        self.timers
    }

    #[inline]
    pub(super) fn insert(&mut self, entry: Entry) -> Operation {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        self.timers += usize::from(entry.kind == Kind::Timer);
        let (generation, place) = &mut self.slots[slot as usize];
        *place = Some(entry);
        Operation(u64::from(*generation) << 32 | u64::from(slot))
    }

    /// The entry of an operation that goes on.
    #[inline]
    pub(super) fn get(&self, operation: Operation) -> Option<&Entry> {
        let (generation, entry) = self.slots.get(operation.0 as u32 as usize)?;
        entry.as_ref().filter(|_| *generation == (operation.0 >> 32) as u32)
    }

    /// The entry of an operation that is over.
    #[inline]
    pub(super) fn remove(&mut self, operation: Operation) -> Option<Entry> {
        let slot = operation.0 as u32;
        let (generation, entry) = self.slots.get_mut(slot as usize)?;
        if *generation != (operation.0 >> 32) as u32 {
            return None;
        }
        let entry = entry.take()?;
        self.timers -= usize::from(entry.kind == Kind::Timer);
        *generation = generation.wrapping_add(1);
        self.free.push(slot);
        Some(entry)
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = Operation> + '_ {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, (_, entry))| entry.is_some())
            .map(|(slot, (generation, _))| Operation(u64::from(*generation) << 32 | slot as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_operation_finds_nothing_in_a_slot_used_again() {
        let entry = |token| Entry { token, kind: Kind::Plain, payload: Payload::Nothing };
        let mut ledger = Ledger::default();
        let first = ledger.insert(entry(1));
        assert_eq!(ledger.remove(first).unwrap().token, 1);
        let second = ledger.insert(entry(2));
        assert_eq!(first.0 as u32, second.0 as u32, "the slot is used again");
        assert!(ledger.get(first).is_none() && ledger.remove(first).is_none());
        assert_eq!(ledger.get(second).unwrap().token, 2);
        assert_eq!((ledger.len(), ledger.operations().collect::<Vec<_>>()), (1, vec![second]));
    }

    #[test]
    fn generations_begin_again_after_the_last() {
        let entry = |token| Entry { token, kind: Kind::Plain, payload: Payload::Nothing };
        let mut ledger = Ledger::default();
        let slot = ledger.insert(entry(1)).0;
        ledger.slots[slot as usize].0 = u32::MAX;
        let last = Operation(slot | u64::from(u32::MAX) << 32);
        assert_eq!(ledger.remove(last).unwrap().token, 1);
        let first = ledger.insert(entry(2));
        assert_eq!(first.0, slot, "the first generation again, in the same slot");
        assert!(ledger.get(last).is_none() && ledger.remove(last).is_none());
        assert_eq!(ledger.remove(first).unwrap().token, 2);
        let nobody = Operation(u64::MAX);
        assert!(ledger.get(nobody).is_none() && ledger.remove(nobody).is_none(), "what was never started");
    }
}
