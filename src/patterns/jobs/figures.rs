//! What has become of jobs and polls: the only thing that is shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts, since the server began.
#[derive(Debug, Default)]
pub struct Figures {
    pub(super) submitted: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) cancelled: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    forgotten: AtomicU64,
    parked: AtomicU64,
    most_parked: AtomicU64,
    coming: AtomicU64,
}

impl Figures {
    /// Jobs that were taken in.
    pub fn submitted(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed)
    }

    /// Those of them that are done,
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// that were cancelled by a client,
    pub fn cancelled(&self) -> u64 {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// and that were queued when the server stopped, or still at work at its drain limit.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Jobs that were not taken in: the queue was full, too many texts under way, or the server stopping.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Polls that are parked now.
    pub fn parked(&self) -> u64 {
        self.parked.load(Ordering::Relaxed)
    }

    /// The most that were parked at one time.
    pub fn most_parked(&self) -> u64 {
        self.most_parked.load(Ordering::Relaxed)
    }

    /// Parked polls whose client has hung up.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Octets of memory that texts take now which are under way: their jobs are not taken in yet.
    pub fn coming(&self) -> u64 {
        self.coming.load(Ordering::Relaxed)
    }

    /// So many octets more, if that makes no more than `budget`.
    pub(super) fn charge(&self, octets: usize, budget: usize) -> bool {
        let more = |coming: u64| coming.checked_add(octets as u64).filter(|&sum| sum <= budget as u64);
        self.coming.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(super) fn give_back(&self, octets: usize) {
        self.coming.fetch_sub(octets as u64, Ordering::Relaxed);
    }

    pub(super) fn forget(&self) {
        count(&self.forgotten);
    }

    pub(super) fn refuse(&self) {
        count(&self.refused);
    }

    pub(super) fn add_dropped(&self, jobs: usize) {
        self.dropped.fetch_add(jobs as u64, Ordering::Relaxed);
    }
}

pub(super) fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Ordering::Relaxed);
}

/// A poll that is parked: it counts for as long as this is kept.
pub(super) struct Parked(Arc<Figures>);

impl Parked {
    pub(super) fn new(figures: &Arc<Figures>) -> Parked {
        let parked = figures.parked.fetch_add(1, Ordering::Relaxed) + 1;
        figures.most_parked.fetch_max(parked, Ordering::Relaxed);
        Parked(Arc::clone(figures))
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.parked.fetch_sub(1, Ordering::Relaxed);
    }
}
