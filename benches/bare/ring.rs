//! The ring of the bare loops: as little as is needed to be fast, and to be sound.
//!
//! **Invariant:** whatever memory the kernel is told of is never freed and, while it has it, not seen by anybody else. A bare loop
//! ends with its process, so it can afford that; the library has a ledger instead.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::{BufRingEntry, Fd};
use io_uring::{Builder, IoUring, cqueue, opcode, squeue};
use serde::{Deserialize, Serialize};

use crate::calls::{Call, Calls};

const PAGE: usize = 4096;

/// The one group of provided buffers, and the place of the one registered file.
pub const GROUP: u16 = 0;
const FILE: RawFd = 0;

pub struct Ring {
    pub(crate) ring: IoUring,
    calls: &'static Calls,
}

/// What has come of an operation. Only a ring makes one, and who is shown what it has brought gives it up.
pub struct Completion {
    pub token: u64,
    pub result: i32,
    pub(crate) flags: u32,
    _made_by_a_ring: (),
}

impl Completion {
    /// Others will come of it.
    #[inline]
    pub fn more(&self) -> bool {
        cqueue::more(self.flags)
    }

    /// The provided buffer that was filled.
    #[inline]
    pub fn buffer(&self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }
}

impl Ring {
    /// A ring for this thread, which runs the kernel's part of the work itself when it waits: nobody is interrupted.
    pub fn new(entries: u32, calls: &'static Calls) -> io::Result<Ring> {
        Ring::build(IoUring::builder().setup_single_issuer().setup_defer_taskrun(), entries, calls)
    }

    /// A ring of which some is decided already.
    pub fn build(builder: &mut Builder, entries: u32, calls: &'static Calls) -> io::Result<Ring> {
        let ring = builder.setup_submit_all().setup_cqsize(entries * 4).build(entries)?;
        Ok(Ring { ring, calls })
    }

    /// Accepts connections, again and again.
    pub fn accept(&mut self, listener: RawFd, token: u64) -> io::Result<()> {
        let accept = opcode::AcceptMulti::new(Fd(listener)).build();
        // SAFETY: it names no memory.
        unsafe { self.push(accept.user_data(token)) }
    }

    /// Receives into provided buffers, again and again.
    pub fn recv(&mut self, socket: RawFd, token: u64) -> io::Result<()> {
        let recv = opcode::RecvMulti::new(Fd(socket), GROUP).build();
        // SAFETY: it names no memory; that of the group is never freed.
        unsafe { self.push(recv.user_data(token)) }
    }

    /// Sends octets that stay as they are for ever.
    pub fn send(&mut self, socket: RawFd, octets: &'static [u8], token: u64) -> io::Result<()> {
        let send = opcode::Send::new(Fd(socket), octets.as_ptr(), octets.len() as u32).flags(libc::MSG_NOSIGNAL).build();
        // SAFETY: the octets live, unchanged, as long as the process.
        unsafe { self.push(send.user_data(token)) }
    }

    pub fn close(&mut self, socket: RawFd, token: u64) -> io::Result<()> {
        let close = opcode::Close::new(Fd(socket)).build();
        // SAFETY: it names no memory. No operation on that descriptor is in flight: the caller's receive is over, and so is its send.
        unsafe { self.push(close.user_data(token)) }
    }

    /// # Safety
    /// Whatever memory the entry names must be the kernel's until its last completion.
    pub(crate) unsafe fn push(&mut self, entry: squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: the caller's promise.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.submit()?;
        }
    }

    /// How many operations wait to be handed over.
    pub fn queued(&mut self) -> usize {
        self.ring.submission().len()
    }

    /// Hands over all operations.
    pub fn submit(&mut self) -> io::Result<()> {
        self.enter(0)
    }

    /// Hands over all operations and waits until one is over: the one call of a turn.
    pub fn submit_and_wait(&mut self) -> io::Result<()> {
        self.enter(1)
    }

    fn enter(&mut self, wait_for: usize) -> io::Result<()> {
        self.calls.count(Call::IoUringEnter);
        match self.ring.submit_and_wait(wait_for) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY | libc::EAGAIN)) => Ok(()),
            submitted => submitted.map(drop),
        }
    }

    /// Takes the next completion that is there.
    #[inline]
    pub fn next(&mut self) -> Option<Completion> {
        let entry = self.ring.completion().next()?;
        Some(Completion { token: entry.user_data(), result: entry.result(), flags: entry.flags(), _made_by_a_ring: () })
    }
}

/// Provided buffers: the kernel takes one when octets have come, and nobody looks at what is in it.
pub struct Buffers {
    entries: *mut BufRingEntry,
    mask: u16,
    size: u32,
    memory: *const u8,
    /// From one to the next.
    stride: usize,
    tail: u16,
}

impl Buffers {
    /// `count` of `size` octets each; `count` is a power of two.
    pub fn new(ring: &Ring, count: u16, size: u32) -> io::Result<Buffers> {
        let memory = pages(usize::from(count) * size as usize);
        // SAFETY: there is memory for all of them, whose only reference ends here.
        let mut buffers = unsafe { Buffers::register(ring, GROUP, count, memory.as_mut_ptr(), size, size as usize)? };
        (0..count).for_each(|number| buffers.give_back(number));
        buffers.publish();
        Ok(buffers)
    }

    /// A group that is empty as yet.
    ///
    /// # Safety
    /// `count` times `size` octets, each `stride` behind the last, must live as long as the process; and unless the group is one to
    /// send from, nobody may ever look at them.
    pub(crate) unsafe fn register(
        ring: &Ring,
        group: u16,
        count: u16,
        memory: *const u8,
        size: u32,
        stride: usize,
    ) -> io::Result<Buffers> {
        let entries = pages(usize::from(count) * size_of::<BufRingEntry>()).as_mut_ptr().cast::<BufRingEntry>();
        // SAFETY: the entries have a whole number of pages to themselves and are never freed.
        unsafe { ring.ring.submitter().register_buf_ring_with_flags(entries as u64, count, group, 0)? };
        Ok(Buffers { entries, mask: count - 1, size, memory, stride, tail: 0 })
    }

    /// Gives one back to the kernel, which sees it when that is published.
    #[inline]
    pub fn give_back(&mut self, number: u16) {
        // SAFETY: both are within what the ring was given, and the kernel does not look at this entry before the tail is
        // published. The field of the first entry that is the tail is none of these three.
        unsafe {
            let entry = &mut *self.entries.add(usize::from(self.tail & self.mask));
            entry.set_addr(self.memory.add(usize::from(number & self.mask) * self.stride) as u64);
            entry.set_len(self.size);
            entry.set_bid(number);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel what was given back.
    #[inline]
    pub fn publish(&self) {
        // SAFETY: the tail lies in the first entry, aligned; the kernel only reads it.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

/// Blocks to read a file into.
pub struct Blocks {
    /// Registered, it is the first of the ring's files.
    file: RawFd,
    registered: Registered,
    blocks: Vec<*mut u8>,
    len: usize,
    /// Which of them the kernel has.
    lent: Vec<bool>,
}

/// What of a read the kernel is told beforehand, so that it need not look it up, or pin it, each time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    pub file: bool,
    pub blocks: bool,
}

impl Blocks {
    /// `count` blocks of `len` octets, for this file. It is to stay open.
    pub fn new(ring: &Ring, file: &impl AsRawFd, count: usize, len: usize, registered: Registered) -> io::Result<Blocks> {
        let blocks: Vec<*mut u8> = (0..count).map(|_| pages(len).as_mut_ptr()).collect();
        let vectors: Vec<_> = blocks.iter().map(|&block| libc::iovec { iov_base: block.cast(), iov_len: len }).collect();
        if registered.file {
            ring.ring.submitter().register_files(&[file.as_raw_fd()])?;
        }
        if registered.blocks {
            // SAFETY: the blocks are never freed.
            unsafe { ring.ring.submitter().register_buffers(&vectors)? };
        }
        let file = if registered.file { FILE } else { file.as_raw_fd() };
        Ok(Blocks { file, registered, blocks, len, lent: vec![false; count] })
    }

    /// Reads block `number` full from `offset` of the file; the number is the token of the completion.
    pub fn read(&mut self, ring: &mut Ring, number: usize, offset: u64) -> io::Result<()> {
        assert!(!std::mem::replace(&mut self.lent[number], true), "the kernel has block {number}");
        let (file, block, len) = (Fd(self.file), self.blocks[number], self.len as u32);
        let read = if self.registered.blocks {
            opcode::ReadFixed::new(file, block, len, number as u16).offset(offset).build()
        } else {
            opcode::Read::new(file, block, len).offset(offset).build()
        };
        let read = if self.registered.file { read.flags(squeue::Flags::FIXED_FILE) } else { read };
        // SAFETY: the block is never freed, and `octets` shows it to nobody until the completion gives it back.
        unsafe { ring.push(read.user_data(number as u64)) }
    }

    /// What a read that is over has brought.
    pub fn octets(&mut self, completion: Completion) -> io::Result<&[u8]> {
        let (number, result) = (completion.token as usize, completion.result);
        let count = usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))?;
        self.lent[number] = false;
        // SAFETY: the kernel has let go of the block, and takes it again through `&mut self` only.
        Ok(unsafe { slice::from_raw_parts(self.blocks[number], count.min(self.len)) })
    }
}

/// Zeroed memory that begins with a page and is never freed.
pub(crate) fn pages(octets: usize) -> &'static mut [u8] {
    let slack = vec![0u8; octets + PAGE].leak();
    let start = ptr::from_ref(slack).cast::<u8>().align_offset(PAGE);
    &mut slack[start..start + octets]
}
