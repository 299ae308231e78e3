//! Large buffers that are used again.
//!
//! A body of 64 KiB needs a buffer for as long as it takes to be sent. An allocator gives such memory back to the kernel when it is
//! freed and asks for it again with the next body, and each page of it then costs a fault and 4 KiB of zeros. So a few emptied
//! buffers are kept: by thread, not by connection, because an idle connection should own none.

use std::cell::RefCell;

/// At most so many are kept on a thread.
const KEPT: usize = 16;

/// None larger is kept: what one connection may have unsent.
const KEPT_OCTETS: usize = crate::limits::SEND_HIGH_OCTETS;

thread_local! {
    static SHELF: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for `octets`.
pub(crate) fn take(octets: usize) -> Vec<u8> {
    let kept = SHELF.with_borrow_mut(|shelf| {
        let fits = shelf.iter().rposition(|buffer| buffer.capacity() >= octets)?;
        Some(shelf.swap_remove(fits))
    });
    kept.unwrap_or_else(|| Vec::with_capacity(octets))
}

/// Keeps a buffer, or frees it.
pub(crate) fn put(mut buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_OCTETS {
        SHELF.with_borrow_mut(|shelf| {
            if shelf.len() < KEPT {
                buffer.clear();
                shelf.push(buffer);
            }
        });
    }
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
        let same = take(10);
        assert_eq!((same.as_ptr(), same.len()), (address, 0));
        put(vec![0; KEPT_OCTETS + 1]);
        assert!(take(1).capacity() <= KEPT_OCTETS);
    }
}
