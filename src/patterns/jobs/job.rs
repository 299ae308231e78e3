//! What the board knows of one job.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::figures::Parked;
use super::note::{JobId, State, View};
use super::preconditions::Preconditions;
use super::work::Counts;
use crate::identity::ConnectionId;
use crate::lifecycle::{Lifecycle, Way};

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

/// Every way from one stage to another, and no other ([`Lifecycle`]). The picture in the book is drawn from this list.
const WAYS: &[Way] = &[
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

impl Lifecycle for Stage {
    const WAYS: &'static [Way] = WAYS;

    fn name(&self) -> &'static str {
        match self {
            Stage::Queued(_) => "Queued",
            Stage::Running(_) => "Running",
            Stage::Done(_) => "Done",
            Stage::Cancelled => "Cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connection::Connection;
    use crate::context::{Birth, Letter, Mail, Why};
    use crate::http1::Framing;
    use crate::identity::Common;
    use crate::lifecycle::taken;
    use crate::limits::ServeLimits;
    use crate::patterns::jobs::note::{Ask, Note, Reply};
    use crate::patterns::jobs::text::Text;
    use crate::patterns::jobs::{Board, Settings};
    use crate::time::{Now, Time};

    const NOW: Now = Now { at: Time::from_nanos(0), unix_seconds: 0 };

    /// A board with one worker, and one desk that asks it.
    struct Office {
        board: Connection<Board>,
        desk: ConnectionId,
        text: Box<dyn Fn() -> Text>,
    }

    impl Office {
        fn new() -> Office {
            let common = Common::new(0, ServeLimits::default(), 0);
            let figures = Arc::default();
            let board = Board::new(Settings { workers: 1, ..Settings::default() }, Arc::clone(&figures));
            let board = Connection::born(board, ConnectionId::FOUNDER, false, &common, NOW);
            Office { board, desk: common.name(), text: Box::new(move || Text::new(Framing::None, 0, &figures)) }
        }

        fn tell(&mut self, from: ConnectionId, message: Note) -> Mail<Note> {
            self.deliver(Letter { from, to: ConnectionId::FOUNDER, message, returned: None })
        }

        fn deliver(&mut self, letter: Letter<Note>) -> Mail<Note> {
            assert!(self.board.deliver(letter, NOW).is_none(), "it wants all letters");
            self.board.take_mail()
        }

        /// A job of one step, and its worker if there is one already.
        fn submit(&mut self) -> (JobId, Option<Birth<Note>>) {
            let ask = Ask::Submit { text: (self.text)(), of: 1 };
            let mut mail = self.tell(self.desk, Note::Asked { ticket: 0, ask });
            match mail.letters.remove(0).message {
                Note::Replied { reply: Reply::Submitted(view), .. } => (view.id, mail.births.pop()),
                other => panic!("{other:?}"),
            }
        }

        fn cancel(&mut self, job: JobId) {
            let ask = Ask::Cancel { job, preconditions: Preconditions::default() };
            self.tell(self.desk, Note::Asked { ticket: 0, ask });
        }
    }

    #[test]
    fn every_way_is_taken() {
        let mut office = Office::new();
        let (_, worker) = office.submit();
        let mail = office.deliver(worker.expect("nobody is at work").refused(Why::Full));
        assert!(mail.births.is_empty(), "it tries again later");
        office.board.time(Now { at: office.board.needs().deadline.expect("a time for that"), ..NOW });
        let worker = office.board.take_mail().births.remove(0);
        office.tell(worker.id(), Note::Done(Counts::default()));

        let ((running, worker), (queued, none)) = (office.submit(), office.submit());
        assert!(worker.is_some() && none.is_none());
        office.cancel(queued);
        office.cancel(running);
        taken::assert_all::<Stage>();
    }
}
