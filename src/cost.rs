//! What a workload took: the figures in which the four models differ.

use std::ops::AddAssign;
use std::time::Duration;

use crate::sys::calls::Calls;

// ANCHOR: cost
/// What it took to do a workload. The kernel's own accounting (CPU time, context switches, memory) is not here: it belongs to
/// a whole process, and whoever measures a process asks `getrusage(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// System calls, by name, of the threads that did the work. What the C library calls on its own (thread stacks, memory)
    /// is not in it.
    pub calls: Calls,
    /// How often a thread came back from a wait in the kernel or in a channel.
    pub wakeups: u64,
    /// The most threads that were at work at one time, the caller's included.
    pub threads_peak: usize,
    /// Octets copied from buffer to buffer in user space on the way in (unfinished tails, and what a ring wants back).
    pub octets_copied: u64,
    /// Times a loop that must not block was held up by a file all the same.
    pub stalls: u64,
    /// For how long altogether it was held up.
    pub stalled: Duration,
    // ANCHOR_END: cost
    /// Connections accepted and served.
    pub connections: u64,
    /// Connections turned away at the limit, and in the pool those that ended because there was no thread for them any more.
    pub refused: u64,
    /// Octets received from peers, or read from the file.
    pub octets_in: u64,
    /// Octets sent to peers.
    pub octets_out: u64,
}

/// Adding up what was done side by side: counts add, and so do the peaks of threads that ran at the same time.
impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.calls += other.calls;
        self.wakeups += other.wakeups;
        self.threads_peak += other.threads_peak;
        self.octets_copied += other.octets_copied;
        self.stalls += other.stalls;
        self.stalled += other.stalled;
        self.connections += other.connections;
        self.refused += other.refused;
        self.octets_in += other.octets_in;
        self.octets_out += other.octets_out;
    }
}
