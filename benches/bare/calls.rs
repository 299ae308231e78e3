//! How many system calls a bare loop has made: each thread has counters of its own, which cost an addition.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use harness::child::Spent;

/// A system call of a bare loop.
#[derive(Clone, Copy)]
pub enum Call {
    Accept4,
    Clone3,
    Close,
    EpollCtl,
    EpollWait,
    Futex,
    Ioctl,
    IoGetevents,
    IoSubmit,
    IoUringEnter,
    Pread64,
    Recvfrom,
    Sendto,
}

/// As strace(1) prints them, in the order of [`Call`].
const NAMES: [&str; 13] = [
    "accept4",
    "clone3",
    "close",
    "epoll_ctl",
    "epoll_wait",
    "futex",
    "ioctl",
    "io_getevents",
    "io_submit",
    "io_uring_enter",
    "pread64",
    "recvfrom",
    "sendto",
];

/// One thread's.
#[derive(Default)]
pub struct Calls([AtomicU64; NAMES.len()]);

/// Of all threads there have been.
static ALL: Mutex<Vec<&'static Calls>> = Mutex::new(Vec::new());

impl Calls {
    /// Counters for a thread. They stay when it has ended.
    pub fn of_a_thread() -> &'static Calls {
        let calls = Box::leak(Box::default());
        ALL.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(calls);
        calls
    }

    /// Counts one. Only one thread does, so there is nothing to lock.
    #[inline]
    pub fn count(&self, call: Call) {
        let counter = &self.0[call as usize];
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// What all threads have called since this was asked last, or since they began. They are to have ended or to sleep.
pub fn take() -> Spent {
    let all = ALL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut calls = BTreeMap::new();
    for of_thread in all.iter() {
        for (name, counter) in NAMES.iter().zip(&of_thread.0) {
            *calls.entry((*name).to_owned()).or_insert(0) += counter.swap(0, Ordering::Relaxed);
        }
    }
    calls.retain(|_, count| *count > 0);
    Spent { calls, threads_peak: all.len(), stalls: 0 }
}
