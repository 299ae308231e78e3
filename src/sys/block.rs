//! A buffer at an aligned address, as `O_DIRECT` wants it.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Zeroed memory at an aligned address. Moving the value does not move the octets, so the kernel may write to them while the
/// value changes hands.
pub(crate) struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

impl Block {
    /// `len` octets at a multiple of `alignment`, a power of two.
    ///
    /// # Panics
    /// If `alignment` is no power of two: it comes from the kernel, checked when the file was opened.
    pub(crate) fn new(len: usize, alignment: usize) -> Block {
        let layout = Layout::from_size_align(len.max(1), alignment).expect("an alignment is a power of two");
        // SAFETY: the layout's size is at least 1.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Block { start, layout }
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `start` is an allocation of this size, initialised by `alloc_zeroed`, and borrowed as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `&mut self` makes the borrow exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) }
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and not freed before.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

// SAFETY: a `Block` owns its memory alone, like a `Vec<u8>`.
unsafe impl Send for Block {}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} octets, aligned to {})", self.layout.size(), self.layout.align())
    }
}
