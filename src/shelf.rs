//! Buffers that are used again: kept by thread, not by connection, because an idle connection should own none.
//!
//! An answer needs a small buffer for as long as it takes to be sent. The one that was put back last is still in the processor's
//! cache, and is the next one's.
//!
//! A body of 64 KiB needs a large one. An allocator gives such memory back to the kernel when it is freed and asks for it again with
//! the next body, and each page of it then costs a fault and 4 KiB of zeros. So some of these are kept too.

use std::cell::RefCell;

/// What every small buffer has room for at least.
pub(crate) const SMALL_OCTETS: usize = 256;

/// And at most.
const SMALL_AT_MOST: usize = 2 << 10;

/// None larger is kept: what one connection may have unsent.
const LARGE_AT_MOST: usize = crate::limits::SEND_HIGH_OCTETS;

/// At most so many are kept on a thread.
const KEPT_SMALL: usize = 256;
const KEPT_LARGE: usize = 64;

thread_local! {
    static SMALL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static LARGE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty small buffer.
#[inline]
pub(crate) fn take_small() -> Vec<u8> {
    SMALL.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(SMALL_OCTETS))
}

/// An empty buffer with room for `octets`.
pub(crate) fn take(octets: usize) -> Vec<u8> {
    if octets <= SMALL_OCTETS {
        return take_small();
    }
    let kept = LARGE.with_borrow_mut(|shelf| {
        let fits = shelf.iter().rposition(|buffer| buffer.capacity() >= octets)?;
        Some(shelf.swap_remove(fits))
    });
    kept.unwrap_or_else(|| Vec::with_capacity(octets))
}

/// Keeps a buffer, or frees it.
#[inline]
pub(crate) fn put(mut buffer: Vec<u8>) {
    let (shelf, kept) = match buffer.capacity() {
        SMALL_OCTETS..=SMALL_AT_MOST => (&SMALL, KEPT_SMALL),
        ..=LARGE_AT_MOST if buffer.capacity() > SMALL_AT_MOST => (&LARGE, KEPT_LARGE),
        _ => return,
    };
    shelf.with_borrow_mut(|shelf| {
        if shelf.len() < kept {
            buffer.clear();
            shelf.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_if_it_is_large_enough() {
        let mut buffer = take(10_000);
        buffer.push(1);
        let (address, room) = (buffer.as_ptr(), buffer.capacity());
        put(buffer);
        let larger = take(room + 1);
        assert_ne!(larger.as_ptr(), address);
        let same = take(5_000);
        assert_eq!((same.as_ptr(), same.len()), (address, 0));
        put(vec![0; LARGE_AT_MOST + 1]);
        assert!(take(SMALL_AT_MOST).capacity() <= LARGE_AT_MOST);
    }

    #[test]
    fn the_small_one_put_back_last_comes_first() {
        let (first, mut last) = (take_small(), take(10));
        last.push(1);
        let address = last.as_ptr();
        put(first);
        put(last);
        let again = take_small();
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        put(Vec::with_capacity(SMALL_OCTETS - 1));
        assert!(take_small().capacity() >= SMALL_OCTETS && take_small().capacity() >= SMALL_OCTETS);
    }
}
