//! The load's io_uring: multishot receives into provided buffers, and plain sends. All of the harness's `unsafe` is here.
//!
//! One thread submits and runs the completion work itself (`IORING_SETUP_SINGLE_ISSUER`, `IORING_SETUP_DEFER_TASKRUN`), and the
//! kernel says in shared memory when there is such work (`IORING_SETUP_TASKRUN_FLAG`): looking for it takes no system call.
//! Needs Linux 6.1.
#![allow(unsafe_code)]

use std::io;
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::types::{BufRingEntry, CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use nix::errno::Errno;
use nix::libc;

use super::conversation::Script;

/// A ring, and all the memory that its operations may touch.
///
/// **Invariant:** that memory is neither moved nor freed before every operation has ended, and a send's octets never change.
pub(super) struct Ring {
    io: IoUring,
    buffers: Buffers,
    script: Script,
    streams: Vec<Place>,
}

/// One connection after the other.
#[derive(Default)]
struct Place {
    stream: Option<TcpStream>,
    /// How many there were before: completions that come late are not this one's.
    before: u32,
}

/// What has happened on a connection.
pub(super) enum Happened {
    Heard(Heard),
    Said(usize),
    HungUp,
}

/// A buffer in which the kernel has put something. There is one for each filling: who gives it back cannot read it again.
#[must_use = "a buffer that is not given back is lost"]
pub(super) struct Heard {
    buffer: u16,
    octets: usize,
}

/// The group of the buffers.
const GROUP: u16 = 0;

impl Ring {
    /// For so many connections, on each of which about so many octets come at once.
    pub(super) fn new(connections: usize, script: Script, at_once: usize) -> io::Result<Ring> {
        let entries = connections.next_power_of_two().clamp(64, 4096) as u32;
        let mut builder = IoUring::builder();
        // Each connection can have a send, and a receive for each buffer, completed at one time.
        builder.setup_cqsize((4 * entries).max(4096)).setup_clamp();
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().setup_submit_all();
        let io = builder.build(entries)?;
        let buffers = Buffers::new(connections, at_once);
        // SAFETY: the entries lie at the start of this memory, page-aligned, and are valid until `Drop` has ended every operation.
        unsafe {
            io.submitter().register_buf_ring_with_flags(buffers.start() as u64, buffers.count, GROUP, 0)?;
        }
        Ok(Ring { io, buffers, script, streams: (0..connections).map(|_| Place::default()).collect() })
    }

    pub(super) fn script(&self) -> &Script {
        &self.script
    }

    pub(super) fn is_open(&self, place: usize) -> bool {
        self.streams[place].stream.is_some()
    }

    /// Listens to this stream from now on.
    pub(super) fn open(&mut self, place: usize, stream: TcpStream) -> io::Result<()> {
        self.streams[place].stream = Some(stream);
        self.receive(place)
    }

    /// Hangs up. What is still under way on the connection ends unheard.
    pub(super) fn close(&mut self, place: usize) -> io::Result<()> {
        // An entry that was not submitted would find another stream under this one's number.
        self.submit()?;
        let Place { stream, before } = &mut self.streams[place];
        *before += 1;
        if let Some(stream) = stream.take() {
            // One that the server has reset cannot be shut down, which is as well.
            let _ = stream.shutdown(Shutdown::Both);
        }
        Ok(())
    }

    /// Sends this part of the script. It waits for room; what is said at last is told.
    pub(super) fn send(&mut self, place: usize, part: Range<usize>) -> io::Result<()> {
        let octets = &self.script.octets()[part];
        let (fd, flags) = (self.descriptor(place), libc::MSG_WAITALL | libc::MSG_NOSIGNAL);
        let send = opcode::Send::new(fd, octets.as_ptr(), octets.len() as u32).flags(flags).build();
        self.push(send.user_data(self.tag(place, true)))
    }

    /// Whether a system call has something to do.
    pub(super) fn has_work(&mut self) -> bool {
        let queue = self.io.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Whether nothing has completed.
    pub(super) fn is_empty(&mut self) -> bool {
        self.io.completion().is_empty()
    }

    /// Submits, and runs what work there is, without waiting.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        tried(self.io.submit())
    }

    /// Submits, and lets the work wait: nothing is heard by it.
    pub(super) fn submit_only(&mut self) -> io::Result<()> {
        let entries = self.io.submission().len() as u32;
        // SAFETY: there is no argument, and what the entries point to is here until `Drop` has ended every operation.
        tried(unsafe { self.io.submitter().enter::<libc::sigset_t>(entries, 0, 0, None) })
    }

    /// Waits for a completion, and for no longer than this.
    pub(super) fn wait(&mut self, time: Duration) -> io::Result<()> {
        let time = Timespec::from(time);
        match self.io.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&time)) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EBUSY | libc::EINTR)) => Ok(()),
            result => result.map(drop),
        }
    }

    /// The next thing that has happened. Receives that the kernel has ended are begun again.
    pub(super) fn next(&mut self) -> io::Result<Option<(usize, Happened)>> {
        loop {
            let Some(entry) = self.io.completion().next() else { return Ok(None) };
            let (place, is_send) = ((entry.user_data() as u32 >> 1) as usize, entry.user_data() & 1 == 1);
            let heard =
                cqueue::buffer_select(entry.flags()).map(|buffer| Heard { buffer, octets: entry.result().max(0) as usize });
            if entry.user_data() != self.tag(place, is_send) {
                heard.into_iter().for_each(|heard| self.give_back(heard));
                continue;
            }
            let happened = match (entry.result(), heard, is_send) {
                (octets @ 0.., _, true) => Happened::Said(octets as usize),
                (1.., Some(heard), false) => Happened::Heard(heard),
                (0, ..) => Happened::HungUp,
                // No buffer was free: those that have been filled are given back before the next turn.
                (error, _, false) if error == -libc::ENOBUFS => {
                    self.receive(place)?;
                    continue;
                }
                (error, ..) => return Err(Errno::from_raw(-error).into()),
            };
            if matches!(happened, Happened::Heard(_)) && !cqueue::more(entry.flags()) {
                self.receive(place)?;
            }
            return Ok(Some((place, happened)));
        }
    }

    /// What was heard.
    pub(super) fn octets(&self, heard: &Heard) -> &[u8] {
        self.buffers.octets(heard)
    }

    /// The buffer may be filled again.
    pub(super) fn give_back(&mut self, heard: Heard) {
        self.buffers.push(heard.buffer);
    }

    fn receive(&mut self, place: usize) -> io::Result<()> {
        let receive = opcode::RecvMulti::new(self.descriptor(place), GROUP).build();
        self.push(receive.user_data(self.tag(place, false)))
    }

    fn push(&mut self, entry: squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: what the entry points to is a part of the script or a registered buffer, and both are here until `Drop` has
            // ended every operation.
            if unsafe { self.io.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.submit()?;
        }
    }

    fn descriptor(&self, place: usize) -> Fd {
        Fd(self.streams[place].stream.as_ref().map_or(-1, TcpStream::as_raw_fd))
    }

    fn tag(&self, place: usize, is_send: bool) -> u64 {
        u64::from(self.streams[place].before) << 32 | (place as u64) << 1 | u64::from(is_send)
    }
}

/// EBUSY: completions have to be taken first, as they are next. EINTR: it is tried again in the next turn.
fn tried(outcome: io::Result<usize>) -> io::Result<()> {
    match outcome {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EINTR)) => Ok(()),
        result => result.map(drop),
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Receives never end by themselves. Sends may still read the script, but are cancelled here too; where the kernel cannot,
        // the memory stays.
        let all = self.io.submitter().register_sync_cancel(None, CancelBuilder::any());
        if all.is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            self.buffers.is_leaked = true;
            std::mem::forget(std::mem::replace(&mut self.script, Script::new(&[], 0)));
        }
    }
}

/// Buffers for the kernel to choose from, and before them the ring by which it is told of them (`IORING_REGISTER_PBUF_RING`).
struct Buffers {
    /// Owned. The kernel writes to it, so there is no reference to all of it.
    memory: NonNull<[Page]>,
    is_leaked: bool,
    count: u16,
    size: usize,
    tail: u16,
}

#[derive(Clone, Copy)]
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

const PAGE: usize = 4096;

impl Buffers {
    /// A buffer holds what comes at once, within reason; there are enough for all, or 16 MiB of them.
    fn new(connections: usize, at_once: usize) -> Buffers {
        let size = at_once.next_power_of_two().clamp(2 << 10, 128 << 10);
        let count = (2 * connections).next_power_of_two().clamp(64, (16 << 20) / size) as u16;
        let octets = header(count) + usize::from(count) * size;
        let memory = NonNull::from(Box::leak(vec![Page([0; PAGE]); octets.div_ceil(PAGE)].into_boxed_slice()));
        let mut buffers = Buffers { memory, is_leaked: false, count, size, tail: 0 };
        (0..count).for_each(|buffer| buffers.push(buffer));
        buffers
    }

    fn start(&self) -> *mut u8 {
        self.memory.as_ptr().cast()
    }

    fn buffer(&self, buffer: u16) -> *mut u8 {
        assert!(buffer < self.count, "the kernel chose buffer {buffer} of {}", self.count);
        // SAFETY: the memory was made for the header and so many buffers.
        unsafe { self.start().add(header(self.count) + usize::from(buffer) * self.size) }
    }

    fn octets(&self, heard: &Heard) -> &[u8] {
        // SAFETY: `buffer` checks the number and the length is cut, so this is inside the memory. A `Heard` is made of a completion,
        // by which the kernel let go of the buffer, and giving it back consumes it: nobody writes while it is borrowed.
        unsafe { std::slice::from_raw_parts(self.buffer(heard.buffer), heard.octets.min(self.size)) }
    }

    fn push(&mut self, buffer: u16) {
        let (address, entries) = (self.buffer(buffer) as u64, self.start().cast::<BufRingEntry>());
        // SAFETY: the place is below `count`, so the entry lies in the header, aligned, zeroed at first; the kernel reads none at or
        // beyond the tail. The tail is the last field of the first entry, which the setters leave alone; the kernel only reads it.
        unsafe {
            let entry = &mut *entries.add(usize::from(self.tail & (self.count - 1)));
            entry.set_addr(address);
            entry.set_len(self.size as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            AtomicU16::from_ptr(BufRingEntry::tail(entries).cast_mut()).store(self.tail, Ordering::Release);
        }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if !self.is_leaked {
            // SAFETY: it came from a box, and nothing else frees it; the kernel has let go of it.
            drop(unsafe { Box::from_raw(self.memory.as_ptr()) });
        }
    }
}

/// Octets of the entries, up to a page.
fn header(count: u16) -> usize {
    (usize::from(count) * size_of::<BufRingEntry>()).next_multiple_of(PAGE)
}
