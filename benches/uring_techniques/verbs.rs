//! What the bare ring does not need and a technique does: other ways to make it, to receive and to send.
//!
//! **Invariant:** that of the ring: whatever memory the kernel is told of is never freed. What it receives into is never looked at, and
//! what it sends never changes.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;
use std::ptr;

use io_uring::types::{Fd, Fixed};
use io_uring::{IoUring, Probe, cqueue, opcode, squeue};
use nix::sched::sched_getcpu;

use crate::calls::Calls;
use crate::ring::{Buffers, Completion, GROUP, Ring, pages};
use crate::switches::{Receive, Send, Switches, Taskrun};
use crate::techniques::not_here;

/// Places in the table of direct descriptors.
const PLACES: u32 = 4096;

/// For so long a poller without work keeps its core. The others take turns with it on that.
const POLLER_IDLE_MS: u32 = 2;

/// `IORING_RECVSEND_POLL_FIRST` of `linux/io_uring.h`.
const POLL_FIRST: u16 = 1;

/// Which socket: a descriptor, or a place in the ring's table.
#[derive(Clone, Copy)]
pub struct Socket {
    pub place: RawFd,
    pub direct: bool,
}

impl Socket {
    fn on(self, entry: squeue::Entry, token: u64) -> squeue::Entry {
        let entry = entry.user_data(token);
        if self.direct { entry.flags(squeue::Flags::FIXED_FILE) } else { entry }
    }

    fn fd(self) -> Fd {
        Fd(self.place)
    }
}

/// A ring as the switches say. What this kernel does not have is said to be not here.
pub fn ring(switches: &Switches, entries: u32, calls: &'static Calls) -> io::Result<Ring> {
    let mut builder = IoUring::builder();
    let flags = match switches.taskrun {
        Taskrun::Defer => {
            builder.setup_single_issuer().setup_defer_taskrun();
            "IORING_SETUP_DEFER_TASKRUN (Linux 6.1)"
        }
        Taskrun::Coop => {
            builder.setup_single_issuer().setup_coop_taskrun();
            "IORING_SETUP_COOP_TASKRUN (Linux 5.19) or IORING_SETUP_SINGLE_ISSUER (6.0)"
        }
        Taskrun::Interrupt => {
            builder.setup_single_issuer();
            "IORING_SETUP_SINGLE_ISSUER (Linux 6.0)"
        }
        Taskrun::Poller => {
            builder.setup_single_issuer().setup_sqpoll(POLLER_IDLE_MS).setup_sqpoll_cpu(sched_getcpu()? as u32);
            "IORING_SETUP_SQPOLL (Linux 5.1, without privilege 5.11)"
        }
    };
    if switches.no_indices {
        builder.setup_no_sqarray();
    }
    let ring = Ring::build(&mut builder, entries, calls).map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) if switches.no_indices => not_here("IORING_SETUP_NO_SQARRAY needs Linux 6.6"),
        Some(libc::EINVAL | libc::EPERM | libc::ENOSYS) => not_here(format!("io_uring_setup(2) refuses {flags}: {error}")),
        _ => error,
    })?;
    let lacks = |what: &'static str| move |error: io::Error| not_here(format!("{what}: {error}"));
    if switches.direct {
        ring.ring.submitter().register_files_sparse(PLACES).map_err(lacks("a sparse file table needs Linux 5.19"))?;
    }
    let has_bundles = ring.ring.params().is_feature_recvsend_bundle();
    if (switches.receive == Receive::Bundles || switches.send == Send::Bundles) && !has_bundles {
        return Err(not_here("bundles need Linux 6.10 (IORING_FEAT_RECVSEND_BUNDLE)"));
    }
    if matches!(switches.send, Send::ZeroCopy | Send::ZeroCopyRegistered) {
        let mut probe = Probe::new();
        ring.ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::SendZc::CODE) {
            return Err(not_here("zero-copy send needs Linux 6.0 (IORING_OP_SEND_ZC)"));
        }
    }
    Ok(ring)
}

/// A ring that asks the disk itself whether a read is done.
pub fn polled_ring(entries: u32, calls: &'static Calls) -> io::Result<Ring> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_iopoll();
    Ring::build(&mut builder, entries, calls).map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => {
            not_here("io_uring_setup(2) refuses IORING_SETUP_IOPOLL with IORING_SETUP_DEFER_TASKRUN (Linux 6.1)")
        }
        _ => error,
    })
}

impl Ring {
    /// Accepts connections, again and again; the kernel finds them a place in the table.
    pub fn accept_direct(&mut self, listener: RawFd, token: u64) -> io::Result<()> {
        let accept = opcode::AcceptMulti::new(Fd(listener)).allocate_file_index(true).build();
        // SAFETY: it names no memory.
        unsafe { self.push(accept.user_data(token)) }
    }

    /// Receives once, into a provided buffer; and looks for octets only once it is told that there are some, if that is wanted.
    pub fn recv_once(&mut self, socket: Socket, poll_first: bool, token: u64) -> io::Result<()> {
        let ioprio = if poll_first { POLL_FIRST } else { 0 };
        let recv = opcode::Recv::new(socket.fd(), ptr::null_mut(), 0).ioprio(ioprio).buf_group(GROUP).build();
        // SAFETY: it names no memory; that of the group is never freed.
        unsafe { self.push(socket.on(recv, token).flags(squeue::Flags::BUFFER_SELECT)) }
    }

    /// Receives into provided buffers, again and again.
    pub fn recv_again_and_again(&mut self, socket: Socket, token: u64) -> io::Result<()> {
        let recv = opcode::RecvMulti::new(socket.fd(), GROUP).build();
        // SAFETY: it names no memory; that of the group is never freed.
        unsafe { self.push(socket.on(recv, token)) }
    }

    /// The same, into several buffers at a time.
    pub fn recv_bundles(&mut self, socket: Socket, token: u64) -> io::Result<()> {
        let recv = opcode::RecvMultiBundle::new(socket.fd(), GROUP).build();
        // SAFETY: it names no memory; that of the group is never freed.
        unsafe { self.push(socket.on(recv, token)) }
    }

    /// Receives once, into the buffer of this place.
    pub fn recv_into(&mut self, own: &mut OwnBuffers, socket: Socket, token: u64) -> io::Result<()> {
        let (memory, len) = own.of(socket.place as usize);
        let recv = opcode::Recv::new(socket.fd(), memory, len).build();
        // SAFETY: the buffer is never freed, and nobody ever looks at it.
        unsafe { self.push(socket.on(recv, token)) }
    }

    /// Sends octets that stay as they are for ever.
    pub fn send_from(&mut self, socket: Socket, octets: &'static [u8], token: u64) -> io::Result<()> {
        let send = opcode::Send::new(socket.fd(), octets.as_ptr(), octets.len() as u32).flags(libc::MSG_NOSIGNAL).build();
        // SAFETY: the octets live, unchanged, as long as the process.
        unsafe { self.push(socket.on(send, token)) }
    }

    /// Sends them without a copy; two completions come of it, the second when the kernel has let go of them.
    pub fn send_zero_copy(&mut self, socket: Socket, octets: &'static [u8], registered: bool, token: u64) -> io::Result<()> {
        let send = opcode::SendZc::new(socket.fd(), octets.as_ptr(), octets.len() as u32)
            .flags(libc::MSG_NOSIGNAL)
            .buf_index(registered.then_some(0))
            .build();
        // SAFETY: the octets live, unchanged, as long as the process.
        unsafe { self.push(socket.on(send, token)) }
    }

    /// Registers octets that stay as they are for ever, to be sent from.
    pub fn register(&self, octets: &'static [u8]) -> io::Result<()> {
        let vector = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
        // SAFETY: they live as long as the process; the kernel only reads them, for they are only sent.
        unsafe { self.ring.submitter().register_buffers(&[vector]) }
    }

    /// Sends so many answers, gathered from where each lies; fewer if that is too many at once.
    pub fn send_gathered(&mut self, gathers: &Gathers, socket: Socket, answers: usize, token: u64) -> io::Result<()> {
        let answers = answers.min(gathers.0.len());
        let send = opcode::SendMsg::new(socket.fd(), &gathers.0[answers - 1]).flags(libc::MSG_NOSIGNAL as u32).build();
        // SAFETY: the header, its vectors and the octets live, unchanged, as long as the process.
        unsafe { self.push(socket.on(send, token)) }
    }

    /// Sends all that is in this group, in one stretch or several: each has a completion. All of it goes out, or the connection has
    /// broken.
    pub fn send_bundle(&mut self, socket: Socket, group: u16, token: u64) -> io::Result<()> {
        let send = opcode::SendBundle::new(socket.fd(), group).flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL).build();
        // SAFETY: it names no memory; that of the group is never freed.
        unsafe { self.push(socket.on(send, token)) }
    }

    /// Closes a place in the table.
    pub fn close_direct(&mut self, place: RawFd, token: u64) -> io::Result<()> {
        let close = opcode::Close::new(Fixed(place as u32)).build();
        // SAFETY: it names no memory. No operation on that socket is in flight: the caller's receive is over, and so is its send.
        unsafe { self.push(close.user_data(token)) }
    }
}

impl Completion {
    /// The kernel has let go of what was sent, which is no news to whoever never changes it.
    #[inline]
    pub fn is_notification(&self) -> bool {
        cqueue::notif(self.flags)
    }
}

/// A group to send from, of which each buffer is the same answer. It is empty: what is given back to it is to be sent.
pub fn to_send_from(ring: &Ring, group: u16, count: u16, answer: &'static [u8]) -> io::Result<Buffers> {
    assert_ne!(group, GROUP, "what is received would be written there");
    // SAFETY: the answer lives as long as the process; the kernel only reads it, since only sends name this group.
    unsafe { Buffers::register(ring, group, count, answer.as_ptr(), answer.len() as u32, 0) }
}

/// A buffer for each place, made when it is needed first.
pub struct OwnBuffers {
    size: u32,
    by_place: Vec<*mut u8>,
}

impl OwnBuffers {
    pub fn new(size: u32) -> OwnBuffers {
        OwnBuffers { size, by_place: Vec::new() }
    }

    fn of(&mut self, place: usize) -> (*mut u8, u32) {
        while self.by_place.len() <= place {
            self.by_place.push(pages(self.size as usize).as_mut_ptr());
        }
        (self.by_place[place], self.size)
    }
}

/// How to send an answer once, twice, and so on.
pub struct Gathers(&'static [libc::msghdr]);

impl Gathers {
    /// At most so many times.
    pub fn new(answer: &'static [u8], most: usize) -> Gathers {
        let vector = libc::iovec { iov_base: answer.as_ptr().cast_mut().cast(), iov_len: answer.len() };
        let vectors = vec![vector; most].leak();
        let header = |count| {
            // SAFETY: all fields may be zero.
            let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
            (header.msg_iov, header.msg_iovlen) = (vectors.as_mut_ptr(), count);
            header
        };
        Gathers((1..=most).map(header).collect::<Vec<_>>().leak())
    }
}
