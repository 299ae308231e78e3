//! Linux AIO (`io_setup(2)` and its sisters): the asynchronous file reads of the years before io_uring.
//!
//! It is asynchronous for `O_DIRECT` alone; on anything else `io_submit(2)` does the read before it returns. The C library has
//! no wrappers for it, and its `aio_read(3)` is something else (a pool of threads).
//!
//! **Invariant:** a block is in the ledger from its submission until its completion, and the context is destroyed, which waits
//! for the kernel to let go, before the ledger is.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::block::Block;
use super::calls::{Call, enter};
use super::eventfd::EventFd;
use super::ledger::{Entry, Kind, Ledger, Operation, Payload};
use super::recorder::{self, Outcome, What};
use crate::unavailable::Unavailable;

/// A context for reads, and the ledger of those in flight.
pub(crate) struct Aio {
    context: libc::c_ulong,
    signals: EventFd,
    queued: Vec<ControlBlock>,
    refused: Vec<Read>,
    events: Vec<Event>,
    ledger: Ledger,
}

/// A read that is over, with its block.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) token: u64,
    pub(crate) result: io::Result<usize>,
    pub(crate) block: Block,
}

/// `struct iocb` of linux/aio_abi.h. The two fields whose order depends on the byte order, key and flags, are both 0.
#[repr(C)]
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

const PREAD: u16 = 0;
const SIGNAL: u32 = 1;

impl Aio {
    /// A context for `depth` reads at once. Each completion adds to the eventfd [`signals`](Aio::signals).
    pub(crate) fn new(depth: usize) -> io::Result<Aio> {
        let mut context: libc::c_ulong = 0;
        let call = enter(Call::IoSetup);
        // SAFETY: the kernel writes the new context's id to a live, zeroed `c_ulong`.
        if unsafe { libc::syscall(libc::SYS_io_setup, depth as libc::c_long, &mut context) } != 0 {
            return Err(diagnose(io::Error::last_os_error(), depth));
        }
        drop(call);
        let aio = |signals| Aio {
            context,
            signals,
            queued: Vec::with_capacity(depth),
            refused: Vec::new(),
            events: vec![Event::default(); depth],
            ledger: Ledger::default(),
        };
        EventFd::new().map(aio).inspect_err(|_| destroy(context).unwrap_or_default())
    }

    /// Reads that were queued and not yet reaped.
    pub(crate) fn in_flight(&self) -> usize {
        self.ledger.len() + self.refused.len()
    }

    /// Becomes readable at every completion.
    pub(crate) fn signals(&self) -> &EventFd {
        &self.signals
    }

    /// Queues a read of `len` octets at `offset` into the block from `at` on; [`submit`](Aio::submit) starts it.
    pub(crate) fn read(&mut self, fd: impl AsFd, offset: u64, mut block: Block, at: usize, len: usize, token: u64) {
        let buffer = block[at..at + len].as_mut_ptr() as u64;
        let entry = Entry { token, kind: Kind::Plain, payload: Payload::Block(block) };
        let operation = self.ledger.insert(entry).0;
        recorder::mark(|| What::Started { operation, name: "pread", fd: Some(fd.as_fd().as_raw_fd()) });
        let raw = |fd: RawFd| fd as u32;
        self.queued.push(ControlBlock {
            data: operation,
            key_and_flags: [0; 2],
            opcode: PREAD,
            priority: 0,
            file: raw(fd.as_fd().as_raw_fd()),
            buffer,
            octets: len as u64,
            offset: offset as i64,
            reserved: 0,
            flags: SIGNAL,
            signalled: raw(self.signals.as_fd().as_raw_fd()),
        });
    }

    /// Reads that are queued and not handed over yet.
    pub(crate) fn queued(&self) -> usize {
        self.queued.len()
    }

    /// Hands over what is queued, normally with one call. The kernel stops at an entry it refuses: that one is over, with the
    /// refusal as its result. False if such reads wait to be reaped and there is no need to wait.
    pub(crate) fn submit(&mut self) -> io::Result<bool> {
        let mut pointers: Vec<*const ControlBlock> = self.queued.iter().map(std::ptr::from_ref).collect();
        let mut rest = &mut pointers[..];
        while !rest.is_empty() {
            let call = enter(Call::IoSubmit);
            // SAFETY: `rest` points to live control blocks, which the kernel copies; the memory they name is owned by the
            // ledger until the completion.
            let taken =
                unsafe { libc::syscall(libc::SYS_io_submit, self.context, rest.len() as libc::c_long, rest.as_mut_ptr()) };
            let error = match call.left(usize::try_from(taken).map_err(|_| io::Error::last_os_error())) {
                Ok(taken) if taken > 0 => {
                    rest = &mut rest[taken..];
                    continue;
                }
                Ok(_) => io::Error::from_raw_os_error(libc::EAGAIN),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let first = self.queued.len() - rest.len();
            let refusal = error.raw_os_error().unwrap_or_default();
            if let Some((token, block)) = settle(&mut self.ledger, self.queued[first].data, Err(refusal)) {
                self.refused.push(Read { token, result: Err(error), block });
            }
            rest = &mut rest[1..];
        }
        self.queued.clear();
        Ok(self.refused.is_empty())
    }

    /// Appends all reads that are over, without waiting.
    pub(crate) fn reap(&mut self, into: &mut Vec<Read>) -> io::Result<()> {
        into.append(&mut self.refused);
        if self.ledger.len() == 0 {
            return Ok(());
        }
        let call = enter(Call::IoGetevents);
        let mut no_time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the kernel writes at most as many events as there is room for; the time outlives the call.
        let found = unsafe {
            libc::syscall(
                libc::SYS_io_getevents,
                self.context,
                0 as libc::c_long,
                self.events.len() as libc::c_long,
                self.events.as_mut_ptr(),
                &mut no_time,
            )
        };
        let found = call.left(usize::try_from(found).map_err(|_| io::Error::last_os_error()))?;
        for event in &self.events[..found] {
            let outcome = u64::try_from(event.result).map_err(|_| -event.result as i32);
            if let Some((token, block)) = settle(&mut self.ledger, event.data, outcome) {
                let result = outcome.map(|count| count as usize).map_err(io::Error::from_raw_os_error);
                into.push(Read { token, result, block });
            }
        }
        Ok(())
    }
}

impl Drop for Aio {
    fn drop(&mut self) {
        if destroy(self.context).is_err() {
            // The kernel may still write to the blocks: better lost than used again.
            std::mem::forget(std::mem::take(&mut self.ledger));
        }
    }
}

fn settle(ledger: &mut Ledger, data: u64, outcome: Outcome) -> Option<(u64, Block)> {
    let entry = ledger.remove(Operation(data))?;
    recorder::mark(|| What::Ended { operation: data, outcome });
    match entry {
        Entry { token, payload: Payload::Block(block), .. } => Some((token, block)),
        _ => None,
    }
}

/// `io_destroy(2)`; it returns when everything in flight is over (Linux 3.16). That takes some milliseconds even if nothing is:
/// the kernel waits until no processor can be looking at the context any more.
fn destroy(context: libc::c_ulong) -> io::Result<()> {
    let _call = enter(Call::IoDestroy);
    // SAFETY: it takes a number and touches no memory of ours.
    match unsafe { libc::syscall(libc::SYS_io_destroy, context) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn diagnose(error: io::Error, depth: usize) -> io::Error {
    let setting = |name: &str| {
        let value = fs::read_to_string(format!("/proc/sys/fs/{name}")).unwrap_or_else(|_| "unknown".into());
        format!("fs.{name}={}", value.trim())
    };
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Unavailable::new(
            "Linux AIO",
            format!(
                "is at its limit: {depth} reads at once are asked for, {} and {}",
                setting("aio-nr"),
                setting("aio-max-nr")
            ),
            "raise the latter with sysctl as root, ask for fewer at once, or choose another model",
        )
        .into(),
        Some(libc::ENOSYS | libc::EPERM) => Unavailable::new(
            "Linux AIO",
            "is not in this kernel or forbidden by a seccomp filter, so epoll has no way to wait for a direct read",
            "run on a kernel with CONFIG_AIO outside such a sandbox, read buffered, or choose another model",
        )
        .into(),
        _ => io::Error::new(error.kind(), format!("io_setup(2) failed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

    #[test]
    fn a_read_the_kernel_refuses_is_over_and_holds_up_no_other() {
        let mut readable = tempfile::NamedTempFile::new().unwrap();
        readable.write_all(b"0123456789").unwrap();
        let write_only = File::options().write(true).open(readable.path()).unwrap();
        let mut aio = Aio::new(4).unwrap();
        for (token, file) in [readable.as_file(), &write_only, readable.as_file()].into_iter().enumerate() {
            aio.read(file, 2, Block::new(16, 4096), 4, 3, token as u64);
        }
        assert!(!aio.submit().unwrap(), "there is something to reap");
        let mut done = Vec::new();
        // Through the page cache a read is over when it has been submitted.
        aio.reap(&mut done).unwrap();
        assert_eq!(done.len(), 3);
        done.sort_by_key(|read| read.token);
        assert_eq!(done[1].result.as_ref().unwrap_err().raw_os_error(), Some(libc::EBADF));
        for read in [&done[0], &done[2]] {
            assert_eq!(*read.result.as_ref().unwrap(), 3);
            assert_eq!(read.block[..], *b"\0\0\0\x00234\0\0\0\0\0\0\0\0\0");
        }
        assert_eq!(aio.in_flight(), 0);
    }

    /// So it is of no use there: whoever submits has waited already.
    #[test]
    fn a_read_through_the_page_cache_is_over_when_it_has_been_submitted() {
        let mut written = tempfile::NamedTempFile::new_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
        written.write_all(&[b'x'; 4096]).unwrap();
        let file = written.as_file();
        file.sync_all().unwrap();
        let mut aio = Aio::new(1).unwrap();
        for _ in 0..100 {
            posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
            aio.read(file, 0, Block::new(4096, 4096), 0, 4096, 0);
            aio.submit().unwrap();
            let mut done = Vec::new();
            aio.reap(&mut done).unwrap();
            assert_eq!(done.iter().map(|read| read.result.as_ref().ok()).collect::<Vec<_>>(), [Some(&4096)]);
        }
    }
}
