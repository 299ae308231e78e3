//! Anonymous memory from `mmap(2)`: page-aligned, zeroed, shared with the kernel. A page takes memory once it is
//! touched.
#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};

use super::calls::{Call, enter};

pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    pub(crate) fn new(len: usize) -> io::Result<Mapping> {
        let _call = enter(Call::Mmap);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no existing memory.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("mmap never places a mapping at address 0 unasked");
        Ok(Mapping { start, len })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let _call = enter(Call::Munmap);
        // SAFETY: mapped in `new` with this length; whoever lends slices of it borrows or shares `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
