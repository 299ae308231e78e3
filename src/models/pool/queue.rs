//! How a pool's threads hand things to each other: a channel, and a gate at which who finds it empty waits.
//!
//! The channel alone would do, but it waits by system calls of its own, preceded by turns of spinning, which nobody could count.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::cost::Cost;
use crate::sys::gate::Gate;

/// Things for whoever takes them first.
pub(super) struct Queue<T> {
    put: Sender<T>,
    take: Receiver<T>,
    gate: Gate,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        let (put, take) = unbounded();
        Queue { put, take, gate: Gate::default() }
    }

    /// Leaves things, and wakes as many of those who wait, with one system call.
    pub(super) fn put(&self, things: impl IntoIterator<Item = T>) {
        let mut count = 0;
        for thing in things {
            // It cannot fail: the receiver lives as long as the sender.
            let _ = self.put.send(thing);
            count += 1;
        }
        self.gate.leave(count);
    }

    /// The next thing; waits if there is none.
    pub(super) fn take(&self, cost: &mut Cost) -> T {
        loop {
            cost.wakeups += self.gate.take();
            // Things are sent before the gate lets anyone in, so there is one for each who is let in.
            if let Ok(thing) = self.take.try_recv() {
                return thing;
            }
        }
    }

    /// The next thing, if there is one within so long a time.
    pub(super) fn take_within(&self, limit: Duration, cost: &mut Cost) -> Option<T> {
        let (taken, slept) = self.gate.take_within(limit);
        cost.wakeups += slept;
        if taken { self.take.try_recv().ok() } else { None }
    }

    /// The next thing, if there is one now.
    pub(super) fn try_take(&self) -> Option<T> {
        if self.gate.try_take() { self.take.try_recv().ok() } else { None }
    }
}
