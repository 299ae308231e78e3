//! Buffers that are used again: kept by thread, not by connection, because an idle connection should own none. Where each has a thread
//! of its own that comes to the same, and is the least of what it owns.
//!
//! An answer needs a small buffer for as long as it takes to be sent. The one that was put back last is still in the processor's
//! cache, and is the next one's.
//!
//! A body of 64 KiB needs a large one. An allocator gives such memory back to the kernel when it is freed and asks for it again with
//! the next body, and each page of it then costs a fault and 4 KiB of zeros. So some of these are kept too.

use std::cell::RefCell;

/// What every small buffer has room for at least.
const SMALL_OCTETS: usize = 256;

/// And at most.
const SMALL_AT_MOST: usize = 2 << 10;

/// None larger is kept: what one connection may have unsent.
const LARGE_AT_MOST: usize = crate::limits::SEND_HIGH_OCTETS;

/// A thread keeps so many octets of each kind at most: 64 KiB and 4 MiB.
const KEPT_OF_SMALL: usize = 64 << 10;
const KEPT_OF_LARGE: usize = 4 << 20;

struct Shelf {
    /// The one put back last is the last.
    buffers: Vec<Vec<u8>>,
    /// What they have room for together.
    octets: usize,
}

thread_local! {
    static SMALL: RefCell<Shelf> = const { RefCell::new(Shelf::new()) };
    static LARGE: RefCell<Shelf> = const { RefCell::new(Shelf::new()) };
}

impl Shelf {
    const fn new() -> Shelf {
        Shelf { buffers: Vec::new(), octets: 0 }
    }

    #[inline]
    fn put(&mut self, mut buffer: Vec<u8>, at_most: usize) {
        if self.octets + buffer.capacity() <= at_most {
            buffer.clear();
            self.octets += buffer.capacity();
            self.buffers.push(buffer);
        }
    }

    #[inline]
    fn last(&mut self) -> Option<Vec<u8>> {
        let buffer = self.buffers.pop()?;
        self.octets -= buffer.capacity();
        Some(buffer)
    }

    /// One that is large enough, and not so large that somebody else would miss it.
    fn fitting(&mut self, octets: usize) -> Option<Vec<u8>> {
        let place = self.buffers.iter().rposition(|buffer| (octets..=4 * octets).contains(&buffer.capacity()))?;
        let buffer = self.buffers.remove(place);
        self.octets -= buffer.capacity();
        Some(buffer)
    }
}

/// An empty small buffer.
#[inline]
pub(crate) fn take_small() -> Vec<u8> {
    SMALL.with_borrow_mut(Shelf::last).unwrap_or_else(|| Vec::with_capacity(SMALL_OCTETS))
}

/// An empty buffer with room for `octets`.
pub(crate) fn take(octets: usize) -> Vec<u8> {
    if octets <= SMALL_AT_MOST {
        let mut buffer = take_small();
        buffer.reserve(octets);
        return buffer;
    }
    LARGE.with_borrow_mut(|shelf| shelf.fitting(octets)).unwrap_or_else(|| Vec::with_capacity(octets))
}

/// Keeps a buffer, or frees it.
#[inline]
pub(crate) fn put(buffer: Vec<u8>) {
    let octets = buffer.capacity();
    if (SMALL_OCTETS..=SMALL_AT_MOST).contains(&octets) {
        SMALL.with_borrow_mut(|shelf| shelf.put(buffer, KEPT_OF_SMALL));
    } else if (SMALL_AT_MOST..=LARGE_AT_MOST).contains(&octets) {
        LARGE.with_borrow_mut(|shelf| shelf.put(buffer, KEPT_OF_LARGE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_if_it_is_large_enough_and_not_much_larger() {
        let mut buffer = take(10_000);
        buffer.push(1);
        let (address, room) = (buffer.as_ptr(), buffer.capacity());
        put(buffer);
        let (larger, smaller) = (take(room + 1), take(room / 4 - 1));
        assert!(larger.as_ptr() != address && smaller.as_ptr() != address);
        let same = take(room / 4);
        assert_eq!((same.as_ptr(), same.len()), (address, 0));
    }

    #[test]
    fn the_small_one_put_back_last_comes_first() {
        let (first, mut last) = (take_small(), take(SMALL_AT_MOST));
        last.push(1);
        let address = last.as_ptr();
        put(first);
        put(last);
        let again = take_small();
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        put(Vec::with_capacity(SMALL_OCTETS - 1));
        assert!(take_small().capacity() >= SMALL_OCTETS && take_small().capacity() >= SMALL_OCTETS);
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        for _ in 0..2 * KEPT_OF_LARGE / LARGE_AT_MOST {
            put(Vec::with_capacity(LARGE_AT_MOST));
        }
        put(Vec::with_capacity(LARGE_AT_MOST + 1));
        let kept = LARGE.with_borrow(|shelf| (shelf.octets, shelf.buffers.len()));
        assert_eq!(kept, (KEPT_OF_LARGE, KEPT_OF_LARGE / LARGE_AT_MOST));
    }
}
