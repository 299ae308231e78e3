//! What the feed has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by the hub and by those who speak to its clients; read by anybody.
#[derive(Debug, Default)]
pub struct Counters {
    pub(in crate::patterns) events: AtomicU64,
    pub(in crate::patterns) deliveries: AtomicU64,
    pub(in crate::patterns) followers: AtomicU64,
    pub(in crate::patterns) most_followers: AtomicU64,
    pub(in crate::patterns) parked: AtomicU64,
    pub(in crate::patterns) most_parked: AtomicU64,
    pub(in crate::patterns) dropped: AtomicU64,
    pub(in crate::patterns) conflated: AtomicU64,
    pub(in crate::patterns) disconnected: AtomicU64,
    pub(in crate::patterns) forgotten: AtomicU64,
    pub(in crate::patterns) resyncs: AtomicU64,
    pub(in crate::patterns) most_held: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Events published.
    pub events: u64,
    /// Events handed to clients, each as often as there were clients.
    pub deliveries: u64,
    /// Clients that are up to date and follow.
    pub followers: u64,
    /// The most of them at one time.
    pub most_followers: u64,
    /// Polls that are parked.
    pub parked: u64,
    /// The most of them at one time.
    pub most_parked: u64,
    /// Events that a client was not sent because its outbox was full.
    pub dropped: u64,
    /// Events that a client was not sent because a newer one of the same topic had come.
    pub conflated: u64,
    /// Clients that were cut off because their outbox was full.
    pub disconnected: u64,
    /// Events that are not in the history any more.
    pub forgotten: u64,
    /// Times that a client was told so.
    pub resyncs: u64,
    /// The most octets that were unsent and waiting for one client at one time.
    pub most_held: u64,
}

impl Counters {
    /// The counts at this moment.
    pub fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            events: read(&self.events),
            deliveries: read(&self.deliveries),
            followers: read(&self.followers),
            most_followers: read(&self.most_followers),
            parked: read(&self.parked),
            most_parked: read(&self.most_parked),
            dropped: read(&self.dropped),
            conflated: read(&self.conflated),
            disconnected: read(&self.disconnected),
            forgotten: read(&self.forgotten),
            resyncs: read(&self.resyncs),
            most_held: read(&self.most_held),
        }
    }
}

/// Adds to one of them.
pub(in crate::patterns) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Raises one that holds the most there was.
pub(in crate::patterns) fn raise(counter: &AtomicU64, to: u64) {
    // Reading is cheap where nobody writes, and it seldom rises.
    if counter.load(Ordering::Relaxed) < to {
        counter.fetch_max(to, Ordering::Relaxed);
    }
}
