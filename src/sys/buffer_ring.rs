//! Provided buffers: a ring from which the kernel takes one as data arrives, so that a connection that waits holds none.
#![allow(unsafe_code)]

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use super::mapping::Mapping;
use super::ring::Ring;

/// `entries` buffers of `size` octets each in one mapping, lent to the kernel as one buffer group.
///
/// The ring shares the mapping, so the memory outlives every operation that may write to it, whichever is dropped first.
pub(crate) struct BufferRing {
    mapping: Rc<Mapping>,
    group: u16,
    entries: u16,
    size: u32,
    tail: u16,
}

/// `struct io_uring_buf` of `linux/io_uring.h`. The first entry's last field is the tail of the ring, which the kernel reads at any
/// time: nobody makes a reference to a whole entry.
#[repr(C)]
struct Slot {
    address: u64,
    len: u32,
    id: u16,
    tail: u16,
}

/// A buffer the kernel has filled and let go of: its group, its number, and how much is in it. There is one for each filling,
/// and it cannot be copied, so nobody reads a buffer the kernel has again. Give it back, or the group has one buffer less.
#[derive(Debug)]
#[must_use = "a buffer that is not given back is lost to its ring"]
pub(crate) struct Selected {
    pub(super) group: u16,
    pub(super) id: u16,
    pub(super) len: u32,
}

impl BufferRing {
    /// Registers a group and hands all of its buffers to the kernel. `entries` must be a power of two and at most 32,768.
    /// Needs Linux 5.19 (`IORING_REGISTER_PBUF_RING`).
    pub(crate) fn new(ring: &mut Ring, group: u16, entries: u16, size: u32) -> io::Result<BufferRing> {
        if !entries.is_power_of_two() || size == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a buffer ring wants a power of two of buffers that are not empty, not {entries} of {size} octets"),
            ));
        }
        let mapping = Rc::new(Mapping::new(header(entries) + usize::from(entries) * size as usize)?);
        ring.register_buffer_ring(Rc::clone(&mapping), group, entries)?;
        let mut buffers = BufferRing { mapping, group, entries, size, tail: 0 };
        for id in 0..entries {
            buffers.push(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// How much one buffer holds, in octets.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// What the kernel wrote into a buffer.
    pub(crate) fn octets(&self, selected: &Selected) -> &[u8] {
        assert_eq!(selected.group, self.group, "a buffer is read from the group it came from");
        // SAFETY: `buffer` checks the number, and the length is cut to the size, so this lies inside the mapping. Only a completion
        // makes a `Selected`, and `give_back` takes it: the kernel let go of the buffer and does not have it again. Both are
        // borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(self.buffer(selected.id), selected.len.min(self.size) as usize) }
    }

    /// Hands a buffer to the kernel again.
    pub(crate) fn give_back(&mut self, selected: Selected) {
        assert_eq!(selected.group, self.group, "a buffer goes back to the group it came from");
        self.push(selected.id);
        self.publish();
    }

    fn push(&mut self, id: u16) {
        let place = usize::from(self.tail & (self.entries - 1));
        let address = self.buffer(id) as u64;
        // SAFETY: `place` is below `entries`, so the slot lies in the header, aligned; the kernel reads no slot at or beyond the
        // published tail. Its last field, which may be the tail, is left alone.
        unsafe {
            let slot = self.mapping.start().cast::<Slot>().add(place);
            (&raw mut (*slot).address).write(address);
            (&raw mut (*slot).len).write(self.size);
            (&raw mut (*slot).id).write(id);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&self) {
        // SAFETY: the mapping starts with the first slot, whose last field is the tail: two octets, aligned, which the kernel only
        // reads, and nothing else here touches.
        let tail = unsafe { AtomicU16::from_ptr(&raw mut (*self.mapping.start().cast::<Slot>()).tail) };
        tail.store(self.tail, Ordering::Release);
    }

    fn buffer(&self, id: u16) -> *mut u8 {
        assert!(id < self.entries, "the kernel chose buffer {id} of {}", self.entries);
        // SAFETY: the mapping was made for the header and `entries` buffers of `size`.
        unsafe { self.mapping.start().add(header(self.entries) + usize::from(id) * self.size as usize) }
    }
}

impl Selected {
    /// The group it came from.
    pub(crate) fn group(&self) -> u16 {
        self.group
    }
}

/// Octets before the first buffer: the entries, up to a page boundary.
fn header(entries: u16) -> usize {
    (usize::from(entries) * size_of::<Slot>()).next_multiple_of(4096)
}
