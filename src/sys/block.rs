//! Buffers at aligned addresses, as `O_DIRECT` wants them.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::calls::{Call, enter};

/// Zeroed memory at an aligned address. Moving the value does not move the octets, so the kernel may write to them while the
/// value changes hands.
pub(crate) struct Block {
    start: NonNull<u8>,
    len: usize,
    /// Others may have their parts of it.
    memory: Arc<Memory>,
}

impl Block {
    /// `len` octets at a multiple of `alignment`, a power of two.
    ///
    /// # Panics
    /// If `alignment` is no power of two: it comes from the kernel, checked when the file was opened.
    pub(crate) fn new(len: usize, alignment: usize) -> Block {
        let memory = Memory::new(len, alignment);
        Block { start: memory.start, len: memory.layout.size(), memory: Arc::new(memory) }
    }

    /// Blocks of these lengths, side by side: much memory that way lies in a few huge pages, which the kernel pins, and names to a
    /// disk, at a fraction of the price. It is freed with the last of them.
    ///
    /// # Panics
    /// As [`new`](Block::new).
    pub(crate) fn side_by_side(lens: &[usize], alignment: usize) -> Vec<Block> {
        let rooms = lens.iter().map(|len| len.max(&1).next_multiple_of(alignment));
        let memory = Arc::new(Memory::new(rooms.clone().sum(), alignment));
        let mut before = 0;
        let block = |(&len, room): (&usize, usize)| {
            // SAFETY: the rooms before this one, and it itself, are within the memory.
            let start = unsafe { memory.start.add(before) };
            before += room;
            Block { start, len: len.max(1), memory: Arc::clone(&memory) }
        };
        lens.iter().zip(rooms).map(block).collect()
    }
}

/// What blocks are made of.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

/// The size of a huge page on most machines; where it is another, this is an alignment that does no harm.
const HUGE_PAGE: usize = 2 << 20;

impl Memory {
    fn new(len: usize, alignment: usize) -> Memory {
        let is_huge = len >= HUGE_PAGE;
        let alignment = if is_huge { alignment.max(HUGE_PAGE) } else { alignment };
        let layout = Layout::from_size_align(len.max(1), alignment).expect("an alignment is a power of two");
        // SAFETY: the layout's size is at least 1.
        let start = unsafe { if is_huge { alloc(layout) } else { alloc_zeroed(layout) } };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        if is_huge {
            let call = enter(Call::Madvise);
            // SAFETY: all of it is allocated, and aligned to pages; the advice changes no octet. Without huge pages in the kernel it
            // is refused, and all works the same.
            unsafe { libc::madvise(start.as_ptr().cast(), len / HUGE_PAGE * HUGE_PAGE, libc::MADV_HUGEPAGE) };
            drop(call);
            // SAFETY: so many octets were allocated. Writing them is what takes the pages, so it comes after the advice.
            unsafe { ptr::write_bytes(start.as_ptr(), 0, len) };
        }
        Memory { start, layout }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and not freed before.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

// SAFETY: nothing is reached through it but its parts, and each part belongs to one block alone.
unsafe impl Send for Memory {}
// SAFETY: the same.
unsafe impl Sync for Memory {}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: these octets of the memory are this block's alone, initialised, and borrowed as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `&mut self` makes the borrow exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

// SAFETY: a `Block` owns its part of the memory alone, like a `Vec<u8>`.
unsafe impl Send for Block {}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} octets, aligned to {})", self.len, self.memory.layout.align())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_side_by_side_are_aligned_apart_and_outlive_each_other() {
        for lens in [vec![1, 0, 4096, 5000, 1], vec![1 << 20; 5]] {
            let mut blocks = Block::side_by_side(&lens, 4096);
            for (number, block) in blocks.iter_mut().enumerate() {
                assert!(block.as_ptr().addr().is_multiple_of(4096));
                assert_eq!(block.len(), lens[number].max(1));
                assert!(block.iter().all(|&octet| octet == 0), "zeroed, and not written by its neighbour");
                block.fill(number as u8 + 1);
            }
            let last = blocks.pop().unwrap();
            drop(blocks);
            assert!(last.iter().all(|&octet| usize::from(octet) == lens.len()));
        }
    }

    #[test]
    fn much_memory_begins_with_a_huge_page() {
        let blocks = Block::side_by_side(&[1 << 20, 1 << 20], 4096);
        assert!(blocks[0].as_ptr().addr().is_multiple_of(HUGE_PAGE));
        assert!(Block::new(HUGE_PAGE, 1).as_ptr().addr().is_multiple_of(HUGE_PAGE));
    }
}
