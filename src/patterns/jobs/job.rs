//! What the board knows of one job.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::figures::Parked;
use super::note::{JobId, State, View};
use super::preconditions::Preconditions;
use super::work::Counts;
use crate::identity::ConnectionId;

// ANCHOR: job
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) stage: Stage,
    pub(super) step: u32,
    pub(super) of: u32,
    /// Larger with every change, from 1 on.
    pub(super) version: u64,
    /// Who waits for a change. One desk asks one thing at a time.
    pub(super) askers: BTreeMap<ConnectionId, Asker>,
}

/// Every way from one stage to another: from where, on what, to where. No other is ever taken ([`Job::enter`]), and the picture in the
/// book is drawn from this list.
const WAYS: &[(&str, &str, &str)] = &[
    ("Queued", "a worker is born for it", "Running"),
    ("Queued", "it is cancelled, or the server stops", "Cancelled"),
    ("Running", "there was no room for the worker", "Queued"),
    ("Running", "the last step is taken", "Done"),
    ("Running", "it is cancelled", "Cancelled"),
];

pub(super) enum Stage {
    Queued(Bytes),
    Running(ConnectionId),
    Done(Counts),
    Cancelled,
}

/// One who waits.
pub(super) struct Asker {
    pub(super) ticket: u64,
    pub(super) preconditions: Preconditions,
    pub(super) _parked: Parked,
}
// ANCHOR_END: job

impl Job {
    pub(super) fn new(id: JobId, text: Bytes, of: u32) -> Job {
        Job { id, stage: Stage::Queued(text), step: 0, of, version: 1, askers: BTreeMap::new() }
    }

    /// From one stage to the next, by one of the [`WAYS`].
    pub(super) fn enter(&mut self, next: Stage) {
        let (from, to) = (self.stage.name(), next.name());
        debug_assert!(WAYS.iter().any(|way| (way.0, way.2) == (from, to)), "there is no way from {from} to {to} in `WAYS`");
        self.stage = next;
    }

    /// As a client sees it, where a step takes so long.
    pub(super) fn view(&self, step: Duration) -> View {
        let &Job { id, step: taken, of, version, .. } = self;
        let state = match self.stage {
            Stage::Queued(_) => State::Queued,
            Stage::Running(_) => State::Running,
            Stage::Done(counts) => State::Done(counts),
            Stage::Cancelled => State::Cancelled,
        };
        let left = if state.is_final() { 0 } else { of - taken };
        View { id, state, step: taken, of, version, left: step.saturating_mul(left) }
    }
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Stage::Queued(_) => "Queued",
            Stage::Running(_) => "Running",
            Stage::Done(_) => "Done",
            Stage::Cancelled => "Cancelled",
        }
    }
}
