//! An io_uring whose operations are safe to start and safe to drop.
//!
//! Whatever the kernel reads from or writes to is moved into the ring's ledger with the operation and comes back with its last
//! completion. A ring that is dropped cancels what is in flight, waits for the last completion, and only then frees memory:
//! the kernel was seen storing into a buffer after a ring dropped with reads in flight had returned from `drop`.
//!
//! **Invariant:** no memory the kernel may touch is reachable from safe code, or freed, before its operation's last completion.
//! **Invariant:** a ring stays on the thread that made it, which is what `IORING_SETUP_SINGLE_ISSUER` demands.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use io_uring::{EnterFlags, IoUring, opcode, squeue, types};
use socket2::SockAddr;

use super::beneath::{CREATED, RESOLVE};
use super::block::Block;
use super::calls::{Call, enter};
use super::completion::settle;
use super::ledger::{Entry, Kind, Ledger, Operation, Payload, Several};
use super::mapping::Mapping;
use super::opcodes;
use super::recorder::{self, What};
use super::ring_setup::{self, RingOptions};
use super::techniques::{Technique, Techniques};

pub(crate) use super::completion::Completion;

/// A submission queue, a completion queue and the ledger of what is in flight between them.
pub(crate) struct Ring {
    // Dropped in this order: the descriptor first, then what the kernel was given.
    io: IoUring,
    ledger: Ledger,
    /// Completions taken out before anybody asked, to make room for others.
    early: VecDeque<Completion>,
    provided: Vec<Rc<Mapping>>,
    registered_blocks: bool,
    techniques: Techniques,
    bound_to_thread: PhantomData<*const ()>,
}

/// A file to read: by descriptor, or by its place among the registered ones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'fd> {
    Descriptor(BorrowedFd<'fd>),
    Registered(u32),
}

/// The `user_data` of the cancellations a dropped ring sends; a ledger never has that many slots.
const FAREWELL: u64 = u64::MAX;

impl Ring {
    /// A ring for the calling thread. If the machine has or allows none, the error holds an [`Unavailable`](crate::Unavailable).
    pub(crate) fn new(options: &RingOptions) -> io::Result<Ring> {
        let io = ring_setup::build(options)?;
        Ok(Ring {
            io,
            ledger: Ledger::default(),
            early: VecDeque::new(),
            provided: Vec::new(),
            registered_blocks: false,
            techniques: options.techniques,
            bound_to_thread: PhantomData,
        })
    }

    /// Whether it was made to use this one.
    pub(crate) fn has(&self, technique: Technique) -> bool {
        self.techniques.has(technique)
    }

    /// Operations whose last completion was not reaped.
    pub(crate) fn in_flight(&self) -> usize {
        self.ledger.len() - self.ledger.timers() + self.early.iter().filter(|completion| !completion.more).count()
    }

    /// The same with the timers of waits.
    #[cfg(test)]
    pub(super) fn all_in_flight(&self) -> usize {
        self.ledger.len()
    }

    // Waiting.

    /// Places taken in the submission queue: what was started and not handed over yet.
    #[inline]
    pub(crate) fn queued(&mut self) -> usize {
        self.io.submission().len()
    }

    /// Hands over what was started, without waiting.
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        match enter(Call::IoUringEnter).left(self.io.submit()) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    // ANCHOR: enter
    /// Hands over what was started and waits until `min` completions are there, the timeout is over or a signal came. In each
    /// of these cases the answer is `Ok`, and [`reap`](Ring::reap) may find nothing. `min` 0 does not wait, but lets the kernel
    /// post what is done.
    pub(crate) fn submit_and_wait(&mut self, min: u32, timeout: Option<Duration>) -> io::Result<()> {
        let min = if self.early.is_empty() { min } else { 0 };
        let limit = timeout.filter(|_| min > 0).map(types::Timespec::from);
        let entered = match limit {
            Some(limit) if self.has(Technique::ExtArg) => {
                let args = types::SubmitArgs::new().timespec(&limit);
                self.enter(min, EnterFlags::GETEVENTS | EnterFlags::EXT_ARG, Some(&args))
            }
            limit => {
                if let Some(limit) = limit {
                    self.start_timer(limit, min)?;
                }
                self.enter::<libc::sigset_t>(min, EnterFlags::GETEVENTS, None)
            }
        };
        match entered {
            Err(error) if !is_passing(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn enter<T>(&mut self, min: u32, flags: EnterFlags, argument: Option<&T>) -> io::Result<usize> {
        let waiting = self.io.submission().len() as u32;
        let call = enter(Call::IoUringEnter);
        // SAFETY: the argument is what the flags say: with EXT_ARG an `io_uring_getevents_arg`, which `SubmitArgs` is, and which
        // points to a time that outlives the call; else none. What the entries point to is in the ledger.
        call.left(unsafe { self.io.submitter().enter(waiting, min, flags.bits(), argument) })
    }
    // ANCHOR_END: enter

    /// Puts an operation into the ring that is over after `limit`, or after `min` other completions if these are faster: so the
    /// next wait finds none of it left.
    fn start_timer(&mut self, limit: types::Timespec, min: u32) -> io::Result<()> {
        let limit = Box::new(limit);
        let entry = opcode::Timeout::new(&*limit).count(min).build();
        self.start(None, entry, Kind::Timer, Payload::Limit(limit), 0).map(drop)
    }

    /// Appends all completions that are there. It makes no system call.
    pub(crate) fn reap(&mut self, into: &mut Vec<Completion>) {
        into.extend(self.early.drain(..));
        for completed in self.io.completion() {
            into.extend(settle(&mut self.ledger, &completed));
        }
    }

    /// Takes out one completion, if there is one. It makes no system call.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Completion> {
        if let Some(completion) = self.early.pop_front() {
            return Some(completion);
        }
        loop {
            let completed = self.io.completion().next()?;
            if let Some(completion) = settle(&mut self.ledger, &completed) {
                return Some(completion);
            }
        }
    }

    // Operations. Each returns at once and completes later under the caller's `token`. If the submission queue is full, what is
    // in it is submitted first, which is one more system call.

    /// Reads up to `len` octets of a file at `offset` into the block from `at` on; the block comes back with the completion.
    /// With `registered`, the block is the one registered under that number ([`register_blocks`](Ring::register_blocks)).
    #[inline]
    pub(crate) fn read(&mut self, read: Read<'_>, mut block: Block, token: u64) -> io::Result<Operation> {
        let room = &mut block[read.at..read.at + read.len];
        let (start, len) = (room.as_mut_ptr(), room.len() as u32);
        let entry = match (read.file, read.registered) {
            (Target::Descriptor(fd), None) => {
                opcode::Read::new(types::Fd(fd.as_raw_fd()), start, len).offset(read.offset).build()
            }
            (Target::Registered(file), None) => opcode::Read::new(types::Fixed(file), start, len).offset(read.offset).build(),
            // The kernel checks that the address lies inside the registered buffer, and writes to the pages it pinned at the
            // registration: with a wrong number the read fails or fills nothing the process can see.
            (Target::Descriptor(fd), Some(number)) => {
                opcode::ReadFixed::new(types::Fd(fd.as_raw_fd()), start, len, number).offset(read.offset).build()
            }
            (Target::Registered(file), Some(number)) => {
                opcode::ReadFixed::new(types::Fixed(file), start, len, number).offset(read.offset).build()
            }
        };
        let fd = match read.file {
            Target::Descriptor(fd) => Some(fd.as_raw_fd()),
            Target::Registered(_) => None,
        };
        self.start(fd, entry, Kind::Plain, Payload::Block(block), token)
    }

    /// Writes `octets` to a file at `offset`; the result says how many of them.
    pub(crate) fn write(&mut self, fd: impl AsFd, octets: Bytes, offset: u64, token: u64) -> io::Result<Operation> {
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let len = octets.len().min(1 << 30) as u32;
        let entry = opcode::Write::new(fd, octets.as_ptr(), len).offset(offset).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Bytes(octets), token)
    }

    /// `fsync(2)`, or `fdatasync(2)` where only the data is to be safe.
    pub(crate) fn sync(&mut self, fd: impl AsFd, data_only: bool, token: u64) -> io::Result<Operation> {
        let flags = if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let entry = opcode::Fsync::new(fd).flags(flags).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Nothing, token)
    }

    /// As [`open_beneath`](super::beneath::open_beneath) (Linux 5.6). What was opened comes with the completion.
    pub(crate) fn open_beneath(
        &mut self,
        directory: impl AsFd,
        path: CString,
        flags: i32,
        token: u64,
    ) -> io::Result<Operation> {
        let flags = flags | libc::O_CLOEXEC;
        let mode = if flags & libc::O_CREAT != 0 { CREATED.bits() } else { 0 };
        let how = types::OpenHow::new().flags(flags as u64).mode(mode.into()).resolve(RESOLVE.bits());
        let path = Box::new((path, how));
        let directory = types::Fd(directory.as_fd().as_raw_fd());
        let entry = opcode::OpenAt2::new(directory, path.0.as_ptr(), &path.1).build();
        self.start(Some(directory.0), entry, Kind::Opens, Payload::Path(path), token)
    }

    /// As [`rename`](super::beneath::rename) ([`Technique::RenameUnlink`]).
    pub(crate) fn rename(
        &mut self,
        (from, name): (impl AsFd, CString),
        (to, new_name): (impl AsFd, CString),
        token: u64,
    ) -> io::Result<Operation> {
        let (from, to) = (types::Fd(from.as_fd().as_raw_fd()), types::Fd(to.as_fd().as_raw_fd()));
        let entry = opcode::RenameAt::new(from, name.as_ptr(), to, new_name.as_ptr()).build();
        self.start(Some(from.0), entry, Kind::Plain, Payload::Names(name, Some(new_name)), token)
    }

    /// As [`unlink`](super::beneath::unlink) ([`Technique::RenameUnlink`]).
    pub(crate) fn unlink(&mut self, directory: impl AsFd, name: CString, token: u64) -> io::Result<Operation> {
        let directory = types::Fd(directory.as_fd().as_raw_fd());
        let entry = opcode::UnlinkAt::new(directory, name.as_ptr()).build();
        self.start(Some(directory.0), entry, Kind::Plain, Payload::Names(name, None), token)
    }

    /// Sends `octets` from `from` on; they come back with the completion, whose result says how many went out. With
    /// `MSG_WAITALL`, as here, that is all of them unless the connection breaks; without, 4 MiB went out as 32,768 octets.
    pub(crate) fn send(&mut self, fd: impl AsFd, octets: impl Into<Payload>, from: usize, token: u64) -> io::Result<Operation> {
        let payload = octets.into();
        let rest = &payload.octets()[from..];
        // A length is 32 bits: what is longer is sent in part, and the caller continues as after any short send.
        let len = rest.len().min(1 << 30) as u32;
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let entry = opcode::Send::new(fd, rest.as_ptr(), len).flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL).build();
        self.start(Some(fd.0), entry, Kind::Plain, payload, token)
    }

    /// The same of several stretches at once, `from` being in the first; they come back as [`Payload::Several`].
    pub(crate) fn send_all(&mut self, fd: impl AsFd, parts: Vec<Payload>, from: usize, token: u64) -> io::Result<Operation> {
        let several = Several::new(parts, from);
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let flags = (libc::MSG_WAITALL | libc::MSG_NOSIGNAL) as u32;
        let entry = opcode::SendMsg::new(fd, several.message()).flags(flags).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Several(several), token)
    }

    /// Receives into a buffer the kernel takes from `group` when data is there: once, or again and again (Linux 6.0) until a
    /// completion without `more`. `ENOBUFS` means the group is empty; the data waits in the socket.
    pub(crate) fn recv(&mut self, fd: impl AsFd, group: u16, multishot: bool, token: u64) -> io::Result<Operation> {
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let entry = if multishot {
            opcode::RecvMulti::new(fd, group).build()
        } else {
            // Length 0: as much as the chosen buffer holds.
            opcode::Recv::new(fd, std::ptr::null_mut(), 0).buf_group(group).build().flags(squeue::Flags::BUFFER_SELECT)
        };
        self.start(Some(fd.0), entry, Kind::Receive { group }, Payload::Nothing, token)
    }

    /// Receives what is there, once, into a block; `EAGAIN` if nothing is. The block comes back with the completion.
    pub(crate) fn recv_now(&mut self, fd: impl AsFd, mut block: Block, token: u64) -> io::Result<Operation> {
        let (start, len) = (block.as_mut_ptr(), block.len() as u32);
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let entry = opcode::Recv::new(fd, start, len).flags(libc::MSG_DONTWAIT).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Block(block), token)
    }

    /// Accepts a connection, or (multishot, Linux 5.19) every connection until a completion without `more`, as at `EMFILE`.
    pub(crate) fn accept(&mut self, listener: impl AsFd, multishot: bool, token: u64) -> io::Result<Operation> {
        let fd = types::Fd(listener.as_fd().as_raw_fd());
        let entry = if multishot {
            opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build()
        } else {
            opcode::Accept::new(fd, std::ptr::null_mut(), std::ptr::null_mut()).flags(libc::SOCK_CLOEXEC).build()
        };
        self.start(Some(fd.0), entry, Kind::Opens, Payload::Nothing, token)
    }

    /// Connects a socket. One that blocks waits in the kernel, until it is connected, refused or taken back.
    pub(crate) fn connect(&mut self, fd: impl AsFd, address: SocketAddr, token: u64) -> io::Result<Operation> {
        let address = Box::new(SockAddr::from(address));
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let entry = opcode::Connect::new(fd, address.as_ptr().cast(), address.len()).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Address(address), token)
    }

    /// Waits until one of the `poll(2)` events in `mask` is there: once, or (multishot, Linux 5.13) at every arrival. The result
    /// is the events.
    pub(crate) fn poll(&mut self, fd: impl AsFd, mask: u32, multishot: bool, token: u64) -> io::Result<Operation> {
        let fd = types::Fd(fd.as_fd().as_raw_fd());
        let entry = opcode::PollAdd::new(fd, mask).multi(multishot).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Nothing, token)
    }

    /// `close(2)`. It completes none of the operations that are in flight on the descriptor: cancel those first.
    pub(crate) fn close(&mut self, fd: OwnedFd, token: u64) -> io::Result<Operation> {
        let fd = types::Fd(fd.into_raw_fd());
        let entry = opcode::Close::new(fd).build();
        self.start(Some(fd.0), entry, Kind::Plain, Payload::Nothing, token)
    }

    /// Asks for an operation to be taken back. There are two completions, in either order: this one's (0, `ENOENT`: it was
    /// over, or nothing can take it back, as a read on its way to a disk; `EALREADY`: too late) and the operation's own last one
    /// (`ECANCELED`, or its result, which for a send cut short is what went out before). Only the latter frees what was lent.
    pub(crate) fn cancel(&mut self, operation: Operation, token: u64) -> io::Result<Operation> {
        let entry = opcode::AsyncCancel::new(operation.0).build();
        self.start(None, entry, Kind::Plain, Payload::Nothing, token)
    }

    // Registration.

    /// Makes `files` known under the numbers 0, 1, ...: an operation on a number skips looking the descriptor up. The kernel
    /// holds them open until the ring is gone.
    pub(crate) fn register_files(&mut self, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let raw: Vec<_> = files.iter().map(AsRawFd::as_raw_fd).collect();
        enter(Call::IoUringRegister).left(self.io.submitter().register_files(&raw))
    }

    /// Makes `blocks` known under the numbers 0, 1, ...: the kernel pins their pages now instead of at every read.
    /// It counts against `RLIMIT_MEMLOCK`.
    pub(crate) fn register_blocks(&mut self, blocks: &mut [Block]) -> io::Result<()> {
        let octets = blocks.iter().map(|block| block.len()).sum();
        let vectors: Vec<_> =
            blocks.iter_mut().map(|block| libc::iovec { iov_base: block.as_mut_ptr().cast(), iov_len: block.len() }).collect();
        let call = enter(Call::IoUringRegister);
        // SAFETY: the kernel pins the pages itself, so they stay even if a block is freed, and nothing is written to them before
        // a `read` that owns a block.
        call.left(unsafe { self.io.submitter().register_buffers(&vectors) })
            .map_err(|error| ring_setup::diagnose_registration(error, Technique::RegisteredBuffers, octets))?;
        self.registered_blocks = true;
        Ok(())
    }

    /// Puts another block in the place of a registered one (Linux 5.13). Reads in flight keep the former.
    pub(crate) fn register_block_again(&mut self, number: u32, block: &mut Block) -> io::Result<()> {
        let vector = libc::iovec { iov_base: block.as_mut_ptr().cast(), iov_len: block.len() };
        let call = enter(Call::IoUringRegister);
        // SAFETY: as in `register_blocks`.
        call.left(unsafe { self.io.submitter().register_buffers_update(number, &[vector], None) })
            .map_err(|error| ring_setup::diagnose_registration(error, Technique::RegisteredBuffers, block.len()))
    }

    pub(super) fn register_buffer_ring(&mut self, mapping: Rc<Mapping>, group: u16, entries: u16) -> io::Result<()> {
        let call = enter(Call::IoUringRegister);
        // SAFETY: the entries are at the start of the mapping, which this ring keeps until it has let go of every operation.
        let register =
            || unsafe { self.io.submitter().register_buf_ring_with_flags(mapping.start() as u64, entries, group, 0) };
        call.left(ring_setup::patiently(register)).map_err(|error| match error.raw_os_error() {
            Some(libc::EINVAL) if ring_setup::is_older_than(Technique::ProvidedBuffers) => {
                ring_setup::missing(Technique::ProvidedBuffers).into()
            }
            _ => ring_setup::diagnose_registration(error, Technique::ProvidedBuffers, usize::from(entries) * 16),
        })?;
        self.provided.push(mapping);
        Ok(())
    }

    // Details.

    // ANCHOR: start
    #[inline]
    fn start(
        &mut self,
        fd: Option<RawFd>,
        entry: squeue::Entry,
        kind: Kind,
        payload: Payload,
        token: u64,
    ) -> io::Result<Operation> {
        let operation = self.ledger.insert(Entry { token, kind, payload });
        let code = entry.get_opcode();
        if let Err(error) = self.put(entry.user_data(operation.0)) {
            // The kernel was not told of it.
            self.ledger.remove(operation);
            return Err(error);
        }
        recorder::mark(|| What::Started { operation: operation.0, name: opcodes::name(code), fd });
        Ok(operation)
    }
    // ANCHOR_END: start

    /// Submits until there is a place. A signal is no reason to give up, nor is `EBUSY` (the kernel takes nothing while completions
    /// find no place in their queue) as long as taking completions out helps.
    #[cold]
    fn make_room(&mut self) -> io::Result<()> {
        while self.io.submission().is_full() {
            match enter(Call::IoUringEnter).left(self.io.submit()) {
                Ok(0) => return Err(io::ErrorKind::WouldBlock.into()),
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) && self.reap_early() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes out the completions that are there, for the next [`reap`](Ring::reap); says whether there were any.
    pub(super) fn reap_early(&mut self) -> bool {
        let mut any = false;
        for completed in self.io.completion() {
            any = true;
            self.early.extend(settle(&mut self.ledger, &completed));
        }
        any
    }

    /// Puts an entry into the queue, of which what is in it is handed over first if it is full.
    #[inline]
    fn put(&mut self, entry: squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: an entry points to nothing, or to octets owned by a payload that the ledger holds until the last completion.
            // Payloads keep their octets on the heap, so moving one there did not move them.
            if unsafe { self.io.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.make_room()?;
        }
    }

    // ANCHOR: take-back-all
    /// Cancels all and waits for the last completion of each.
    fn take_back_all(&mut self) -> io::Result<()> {
        let operations: Vec<_> = self.ledger.operations().collect();
        for operation in operations {
            self.put(opcode::AsyncCancel::new(operation.0).build().user_data(FAREWELL))?;
        }
        let mut dropped = Vec::new();
        while self.ledger.len() > 0 {
            self.submit_and_wait(1, None)?;
            self.reap(&mut dropped);
            dropped.clear();
        }
        Ok(())
    }
    // ANCHOR_END: take-back-all
}

/// Whether entering the ring will do again. EBUSY: the completion queue is full and must be reaped before more can be submitted.
/// EAGAIN: the kernel lacks memory for requests, of which those that complete give some back.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY))
}

/// What a [`Ring::read`] is to read, and where its octets go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'fd> {
    pub(crate) file: Target<'fd>,
    pub(crate) offset: u64,
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) registered: Option<u16>,
}

// ANCHOR: dropped
impl Drop for Ring {
    fn drop(&mut self) {
        if self.ledger.len() > 0 && self.take_back_all().is_err() {
            // The kernel would not say that it is done. Memory it may still write to is better lost than used again.
            std::mem::forget(std::mem::take(&mut self.ledger));
            std::mem::forget(std::mem::take(&mut self.provided));
        }
        if self.registered_blocks {
            // Closing a ring gives the locked memory back some time later, and the next ring might miss it.
            let _call = enter(Call::IoUringRegister);
            let _ = self.io.submitter().unregister_buffers();
        }
        ring_setup::count_teardown();
    }
}
// ANCHOR_END: dropped
