//! A counting semaphore whose waits are visible: `futex(2)`, counted.
//!
//! A channel or a lock of a library waits by system calls of its own, preceded by some turns of spinning and yielding, which
//! nobody can count and which cost more than the wait where threads outnumber cores. Here a thread that finds nothing sleeps at
//! once, and a thread that leaves something wakes another only if one sleeps.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use super::calls::{Call, count};

/// How many things there are to take; who finds none sleeps.
#[derive(Default)]
pub(crate) struct Gate {
    things: AtomicU32,
    sleepers: AtomicU32,
}

impl Gate {
    /// There are so many things more.
    pub(crate) fn leave(&self, things: u32) {
        self.things.fetch_add(things, SeqCst);
        if things > 0 && self.sleepers.load(SeqCst) > 0 {
            count(Call::Futex);
            let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
            // SAFETY: the address is that of a live atomic; waking reads no memory.
            unsafe { libc::syscall(libc::SYS_futex, self.things.as_ptr(), operation, things) };
        }
    }

    /// Takes one thing if there is one.
    pub(crate) fn try_take(&self) -> bool {
        self.things.fetch_update(SeqCst, SeqCst, |things| things.checked_sub(1)).is_ok()
    }

    /// Takes one thing, or sleeps until there is one. The answer says how often it slept.
    pub(crate) fn take(&self) -> u64 {
        let mut slept = 0;
        while !self.try_take() {
            // Whoever leaves something after this line sees a sleeper; whoever did before it keeps the call below from sleeping.
            self.sleepers.fetch_add(1, SeqCst);
            count(Call::Futex);
            // SAFETY: the address is that of a live atomic, and there is no timeout. The kernel sleeps only if it still holds 0;
            // that it did not, or a signal, is seen in the loop.
            unsafe {
                let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
                libc::syscall(libc::SYS_futex, self.things.as_ptr(), operation, 0, ptr::null::<libc::timespec>())
            };
            self.sleepers.fetch_sub(1, SeqCst);
            slept += 1;
        }
        slept
    }
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
