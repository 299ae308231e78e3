//! How many system calls this thread has made, by name.
//!
//! Each thread counts for itself, in plain cells: a count costs an addition, no atomic operation and no shared cache line.
//! A model reads the counts when it starts and when it ends on a thread ([`Meter`]), and adds the differences up.

use std::cell::Cell;
use std::fmt;
use std::ops::AddAssign;

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

thread_local! {
    static MADE: [Cell<u64>; KINDS] = const { [const { Cell::new(0) }; KINDS] };
}

/// Counts one call of this thread.
#[inline]
pub(crate) fn count(call: Call) {
    MADE.with(|made| {
        let cell = &made[call as usize];
        cell.set(cell.get() + 1);
    });
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

/// What this thread has called since the meter was started. It must be read on the thread that started it.
pub(crate) struct Meter([u64; KINDS], std::marker::PhantomData<*const ()>);

impl Meter {
    pub(crate) fn start() -> Meter {
        Meter(made(), std::marker::PhantomData)
    }

    pub(crate) fn read(&self) -> Calls {
        let now = made();
        Calls(std::array::from_fn(|kind| now[kind] - self.0[kind]))
    }
}

fn made() -> [u64; KINDS] {
    MADE.with(|made| std::array::from_fn(|kind| made[kind].get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_sees_its_own_thread_from_its_start() {
        count(Call::Read);
        let meter = Meter::start();
        count(Call::Read);
        count(Call::Close);
        std::thread::spawn(|| count(Call::Read)).join().unwrap();
        let calls = meter.read();
        assert_eq!((calls.of(Call::Read), calls.of(Call::Close), calls.total()), (1, 1, 2));
        assert_eq!(calls.iter().collect::<Vec<_>>(), [("close", 1), ("read", 1)]);
    }
}
