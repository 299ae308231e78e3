//! Linux AIO (`io_setup(2)` and its sisters) for the bare loops: as little as is needed to be fast, and to be sound.
//!
//! **Invariant:** the blocks that the kernel is told of are never freed and, while it has them, not seen by anybody else.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::{ptr, slice};

use crate::calls::{Call, Calls};

const PAGE: usize = 4096;
const PREAD: u16 = 0;

/// `struct iocb` of linux/aio_abi.h. The two fields whose order depends on the byte order, key and flags, are both 0.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct ControlBlock {
    data: u64,
    key_and_flags: [u32; 2],
    opcode: u16,
    priority: i16,
    file: u32,
    buffer: u64,
    octets: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    signalled: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Event {
    data: u64,
    control_block: u64,
    result: i64,
    result2: i64,
}

/// A context, and the blocks it reads a file into.
pub struct Aio {
    context: libc::c_ulong,
    file: RawFd,
    len: usize,
    blocks: Vec<*mut u8>,
    /// Which of them the kernel has, or will have with the next call.
    lent: Vec<bool>,
    control: Vec<ControlBlock>,
    queued: Vec<*const ControlBlock>,
    events: Vec<Event>,
    calls: &'static Calls,
}

/// A read that is over: of this block, with this result. Only [`Aio`] makes one.
pub struct Done {
    pub number: usize,
    result: i64,
}

impl Aio {
    /// For `count` blocks of `len` octets.
    pub fn new(file: &impl AsRawFd, count: usize, len: usize, calls: &'static Calls) -> io::Result<Aio> {
        let mut context: libc::c_ulong = 0;
        // SAFETY: the kernel writes the new context's id to a live, zeroed `c_ulong`.
        if unsafe { libc::syscall(libc::SYS_io_setup, count as libc::c_long, &mut context) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let blocks = (0..count).map(|_| {
            let slack = vec![0u8; len + PAGE].leak();
            let start = slack.as_ptr().align_offset(PAGE);
            slack[start..].as_mut_ptr()
        });
        Ok(Aio {
            context,
            file: file.as_raw_fd(),
            len,
            blocks: blocks.collect(),
            lent: vec![false; count],
            control: vec![ControlBlock::default(); count],
            queued: Vec::with_capacity(count),
            events: vec![Event::default(); count],
            calls,
        })
    }

    /// Queues a read of block `number` from `offset` of the file.
    pub fn read(&mut self, number: usize, offset: u64) {
        assert!(!std::mem::replace(&mut self.lent[number], true), "the kernel has block {number}");
        self.control[number] = ControlBlock {
            data: number as u64,
            opcode: PREAD,
            file: self.file as u32,
            buffer: self.blocks[number] as u64,
            octets: self.len as u64,
            offset: offset as i64,
            ..ControlBlock::default()
        };
        self.queued.push(ptr::from_ref(&self.control[number]));
    }

    pub fn queued(&self) -> usize {
        self.queued.len()
    }

    /// Hands over what is queued.
    pub fn submit(&mut self) -> io::Result<()> {
        while !self.queued.is_empty() {
            self.calls.count(Call::IoSubmit);
            let (count, first) = (self.queued.len() as libc::c_long, self.queued.as_mut_ptr());
            // SAFETY: these point to control blocks that are there as long as this context, and the kernel copies them; the memory
            // they name is never freed, and `lent` keeps it from being seen.
            let taken = unsafe { libc::syscall(libc::SYS_io_submit, self.context, count, first) };
            let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
            self.queued.drain(..taken);
        }
        Ok(())
    }

    /// Waits until at least one read is over, and gives all that are.
    pub fn wait(&mut self, done: &mut Vec<Done>) -> io::Result<()> {
        self.calls.count(Call::IoGetevents);
        let (room, events) = (self.events.len() as libc::c_long, self.events.as_mut_ptr());
        let forever = ptr::null_mut::<libc::timespec>();
        // SAFETY: the kernel writes at most as many events as there is room for.
        let found = unsafe { libc::syscall(libc::SYS_io_getevents, self.context, 1 as libc::c_long, room, events, forever) };
        let found = usize::try_from(found).map_err(|_| io::Error::last_os_error())?;
        done.extend(self.events[..found].iter().map(|event| Done { number: event.data as usize, result: event.result }));
        Ok(())
    }

    /// What a read has brought.
    pub fn octets(&mut self, done: Done) -> io::Result<&[u8]> {
        let count = usize::try_from(done.result).map_err(|_| io::Error::from_raw_os_error(-done.result as i32))?;
        self.lent[done.number] = false;
        // SAFETY: the kernel has let go of the block, and takes it again through `&mut self` only.
        Ok(unsafe { slice::from_raw_parts(self.blocks[done.number], count.min(self.len)) })
    }
}

impl Drop for Aio {
    fn drop(&mut self) {
        // SAFETY: it takes a number and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.context) };
    }
}
