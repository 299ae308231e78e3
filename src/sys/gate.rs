//! A counting semaphore whose waits are visible: `futex(2)`, counted.
//!
//! A channel or a lock of a library waits by system calls of its own, preceded by some turns of spinning and yielding, which
//! nobody can count and which cost more than the wait where threads outnumber cores. Here a thread that finds nothing sleeps at
//! once, and a thread that leaves something wakes another only if one sleeps.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;

use super::calls::{Call, enter};

/// How many things there are to take; who finds none sleeps.
#[derive(Default)]
pub(crate) struct Gate {
    things: AtomicU32,
    sleepers: AtomicU32,
}

impl Gate {
    // ANCHOR: leave
    /// There are so many things more.
    pub(crate) fn leave(&self, things: u32) {
        self.things.fetch_add(things, SeqCst);
        if things > 0 && self.sleepers.load(SeqCst) > 0 {
            let _call = enter(Call::Futex).to("wake");
            let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
            // SAFETY: the address is that of a live atomic; waking reads no memory.
            // One that fails has woken nobody; a live and aligned address leaves it no lasting reason to.
            while unsafe { libc::syscall(libc::SYS_futex, self.things.as_ptr(), operation, things) } < 0 {}
        }
    }
    // ANCHOR_END: leave

    /// Takes one thing if there is one.
    pub(crate) fn try_take(&self) -> bool {
        self.things.fetch_update(SeqCst, SeqCst, |things| things.checked_sub(1)).is_ok()
    }

    /// Takes one thing, or sleeps until there is one. The answer says how often it slept.
    pub(crate) fn take(&self) -> u64 {
        let mut slept = 0;
        while !self.try_take() {
            self.sleep(None);
            slept += 1;
        }
        slept
    }

    /// Takes one thing, or sleeps until there is one or the time is over. The answer says whether it took one, and how often it
    /// slept.
    pub(crate) fn take_within(&self, limit: Duration) -> (bool, u64) {
        if self.try_take() {
            return (true, 0);
        }
        let until = Instant::now() + limit;
        let mut slept = 0;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (self.try_take(), slept);
            }
            self.sleep(Some(left));
            slept += 1;
            if self.try_take() {
                return (true, slept);
            }
        }
    }

    // ANCHOR: sleep
    /// Sleeps unless there is something; may wake for no reason.
    fn sleep(&self, limit: Option<Duration>) {
        let limit = limit.map(TimeSpec::from_duration);
        let limit = limit.as_ref().map_or(ptr::null(), |limit| limit.as_ref() as *const libc::timespec);
        // Whoever leaves something after this line sees a sleeper; whoever did before it keeps the call below from sleeping.
        self.sleepers.fetch_add(1, SeqCst);
        let call = enter(Call::Futex).to("wait");
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the address is that of a live atomic, and the timeout is null or outlives the call. The kernel sleeps only if
        // the atomic still holds 0; that it did not, a signal, and the end of the time are for the caller to find out.
        unsafe { libc::syscall(libc::SYS_futex, self.things.as_ptr(), operation, 0, limit) };
        drop(call);
        self.sleepers.fetch_sub(1, SeqCst);
    }
    // ANCHOR_END: sleep
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::thread;

    #[test]
    fn what_was_left_is_taken_once_by_somebody() {
        const EACH: u64 = 20_000;
        let (gate, taken) = (Gate::default(), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        gate.take();
                        taken.fetch_add(1, SeqCst);
                    }
                });
                scope.spawn(|| (0..EACH).for_each(|_| gate.leave(1)));
            }
        });
        assert_eq!((taken.load(SeqCst), gate.things.load(SeqCst), gate.sleepers.load(SeqCst)), (3 * EACH, 0, 0));
    }
}
