//! How many system calls this thread has made, by name; and when, if somebody [records](super::recorder) it.
//!
//! Each thread counts for itself, in plain cells: a count costs an addition, no atomic operation and no shared cache line.
//! A model reads the counts when it starts and when it ends on a thread ([`Meter`]), and adds the differences up.

use std::cell::Cell;
use std::fmt::{self, Display};
use std::io;
use std::mem;
use std::ops::AddAssign;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::errno::Errno;

use super::recorder::{self, Open, Outcome, What};

macro_rules! calls {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A system call this crate makes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Call { $($variant),* }

        impl Call {
            /// Every call, in the order of the counts.
            pub const ALL: &'static [Call] = &[$(Call::$variant),*];

            /// Its name, as strace(1) prints it.
            pub fn name(self) -> &'static str {
                match self { $(Call::$variant => $name),* }
            }
        }
    };
}

calls! {
    Accept4 "accept4", Bind "bind", Clone3 "clone3", Close "close", Connect "connect", EpollCreate1 "epoll_create1", EpollCtl "epoll_ctl",
    EpollWait "epoll_wait", Eventfd2 "eventfd2", Fcntl "fcntl", Fdatasync "fdatasync", Fsync "fsync", Futex "futex", Getsockopt "getsockopt", IoDestroy "io_destroy", IoGetevents "io_getevents",
    IoSetup "io_setup", IoSubmit "io_submit", Ioctl "ioctl", IoUringEnter "io_uring_enter", IoUringRegister "io_uring_register",
    IoUringSetup "io_uring_setup", Madvise "madvise", Mmap "mmap", Munmap "munmap", Openat "openat", Openat2 "openat2", Poll "poll", Pread64 "pread64",
    Preadv2 "preadv2", Pwrite64 "pwrite64", Read "read", Recvfrom "recvfrom", Renameat "renameat", Sendmsg "sendmsg", Sendto "sendto", Setsockopt "setsockopt",
    Shutdown "shutdown", Socket "socket", Statx "statx", Unlinkat "unlinkat", Write "write",
}

const KINDS: usize = Call::ALL.len();

// ANCHOR: count
thread_local! {
    static MADE: [Cell<u64>; KINDS] = const { [const { Cell::new(0) }; KINDS] };
}

/// Counts one call of this thread, which is about to be made. What comes back is dropped, or given what the kernel said, when the call
/// has returned.
#[inline(always)]
pub(crate) fn enter(call: Call) -> Entered {
    MADE.with(|made| {
        let cell = &made[call as usize];
        cell.set(cell.get() + 1);
    });
    Entered { call, fd: None, about: None, begun: recorder::moment() }
}
// ANCHOR_END: count

/// Counts one call that somebody else makes, at a time that is only roughly this.
#[inline]
pub(crate) fn count(call: Call) {
    drop(enter(call));
}

/// A call that is being made. Its length is recorded only if somebody records.
#[must_use = "the call is over when this is dropped"]
pub(crate) struct Entered {
    call: Call,
    fd: Option<RawFd>,
    about: Option<&'static str>,
    /// 0 if nobody records.
    begun: u64,
}

impl Entered {
    /// The descriptor that it is about.
    #[inline(always)]
    pub(crate) fn on(mut self, fd: impl AsFd) -> Entered {
        self.fd = Some(fd.as_fd().as_raw_fd());
        self
    }

    /// Which of its operations it is.
    #[inline(always)]
    pub(crate) fn to(mut self, about: &'static str) -> Entered {
        self.about = Some(about);
        self
    }

    /// It has returned with this.
    #[inline(always)]
    pub(crate) fn left<T: Amount, E: Code>(self, result: Result<T, E>) -> Result<T, E> {
        if self.begun != 0 {
            note(self.begun, self.call, self.fd, self.about, outcome(&result));
        }
        mem::forget(self);
        result
    }
}

impl Drop for Entered {
    #[inline(always)]
    fn drop(&mut self) {
        if self.begun != 0 {
            note(self.begun, self.call, self.fd, self.about, None);
        }
    }
}

/// Given each part by itself: what is not put together need not be in memory before somebody records.
#[cold]
#[inline(never)]
fn note(begun: u64, call: Call, fd: Option<RawFd>, about: Option<&'static str>, outcome: Option<Outcome>) {
    recorder::span(begun, What::Call { call, fd, about, outcome });
}

#[inline]
fn outcome<T: Amount, E: Code>(result: &Result<T, E>) -> Option<Outcome> {
    match result {
        Ok(value) => Some(Ok(value.amount())),
        Err(error) => error.code().map(Err),
    }
}

/// What a call yields.
pub(crate) trait Amount {
    /// As the kernel returned it.
    fn amount(&self) -> u64;
}

impl Amount for usize {
    fn amount(&self) -> u64 {
        *self as u64
    }
}

/// Of descriptors that are ready, as poll(2) counts them.
impl Amount for i32 {
    fn amount(&self) -> u64 {
        u64::try_from(*self).unwrap_or_default()
    }
}

impl Amount for () {
    fn amount(&self) -> u64 {
        0
    }
}

/// How a call fails.
pub(crate) trait Code {
    /// The number of the error, if it is the kernel's.
    fn code(&self) -> Option<i32>;
}

impl Code for io::Error {
    fn code(&self) -> Option<i32> {
        self.raw_os_error()
    }
}

impl Code for Errno {
    fn code(&self) -> Option<i32> {
        Some(*self as i32)
    }
}

/// System calls by name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Calls([u64; KINDS]);

impl Calls {
    /// How many of this one.
    pub fn of(&self, call: Call) -> u64 {
        self.0[call as usize]
    }

    /// How many altogether.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that were made at all, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Call::ALL.iter().map(|&call| (call.name(), self.of(call))).filter(|&(_, count)| count > 0)
    }
}

impl Default for Calls {
    fn default() -> Self {
        Calls([0; KINDS])
    }
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Calls) {
        for (mine, its) in self.0.iter_mut().zip(other.0) {
            *mine += its;
        }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

// ANCHOR: meter
/// What this thread has called since the meter was started. It must be read on the thread that started it.
///
/// It is also how long the thread is recorded, if somebody records: until it is read, or dropped.
pub(crate) struct Meter(
    [u64; KINDS],
    #[expect(dead_code, reason = "it ends when it is dropped")] Option<Open>,
    std::marker::PhantomData<*const ()>,
);

impl Meter {
    /// In a trace the thread has this name.
    pub(crate) fn start(name: impl Display) -> Meter {
        Meter(made(), recorder::begin(name), std::marker::PhantomData)
    }

    /// The work is done.
    pub(crate) fn read(self) -> Calls {
        self.so_far()
    }

    /// It goes on.
    pub(crate) fn so_far(&self) -> Calls {
        let now = made();
        Calls(std::array::from_fn(|kind| now[kind] - self.0[kind]))
    }
}
// ANCHOR_END: meter

fn made() -> [u64; KINDS] {
    MADE.with(|made| std::array::from_fn(|kind| made[kind].get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_sees_its_own_thread_from_its_start() {
        count(Call::Read);
        let meter = Meter::start("test");
        count(Call::Read);
        count(Call::Close);
        std::thread::spawn(|| count(Call::Read)).join().unwrap();
        let calls = meter.read();
        assert_eq!((calls.of(Call::Read), calls.of(Call::Close), calls.total()), (1, 1, 2));
        assert_eq!(calls.iter().collect::<Vec<_>>(), [("close", 1), ("read", 1)]);
    }
}
