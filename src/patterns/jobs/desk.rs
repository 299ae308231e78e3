//! The HTTP side: reads what a request wants, asks the board, and answers with its reply.
//!
//! ```text
//!   Nothing ── POST /submit ──> Text ──┐ complete: asks
//!      │ ────── any other ────> Ask  ──┴──────────────> Waiting ── replied ──> answers, Nothing
//!      └─────── refused ──────> answers                    │ limit, hang-up: tells the board that it is enough,
//!                                                          └ and waits on for the reply, which comes now
//! ```

use std::mem;
use std::sync::Arc;

use super::figures::Figures;
use super::note::{Ask, Note, Reason, Reply};
use super::poll::{Poll, Then};
use super::routes::{self, Look, Refusal, Wanted};
use super::text::{Text, Unfit};
use super::{Naive, Settings, answers};
use crate::context::Why;
use crate::http1::{Exchange, Framing, Handler, Head, NoUpgrade, Trailers};
use crate::identity::ConnectionId;
use crate::protocol::{Event, Interest};

/// One connection's.
pub struct Desk {
    naive: Naive,
    /// [`Settings::coming`]
    coming: usize,
    figures: Arc<Figures>,
    doing: Doing,
    /// The number of the last thing it has asked.
    ticket: u64,
}

enum Doing {
    Nothing,
    /// Reads the text of a job.
    Text {
        of: u32,
        text: Text,
    },
    /// Knows what to ask once the request is complete.
    Ask(Wanted),
    /// Has asked.
    Waiting {
        /// It may wait for long.
        poll: Option<Poll>,
    },
}

type Ours<'a, 'cx> = Exchange<'a, 'cx, Note>;

impl Desk {
    pub(super) fn new(settings: Settings, figures: Arc<Figures>) -> Desk {
        let Settings { naive, coming, .. } = settings;
        Desk { naive, coming, figures, doing: Doing::Nothing, ticket: 0 }
    }
}

impl Handler for Desk {
    type Message = Note;
    type Upgraded = NoUpgrade<Note>;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Ours<'_, '_>) {
        self.doing = match routes::read(head) {
            Ok(Wanted::Submit { of }) => Doing::Text { of, text: Text::new(head.framing(), self.coming, &self.figures) },
            Ok(wanted) => Doing::Ask(wanted),
            Err(refusal) => {
                let is_read = matches!(head.framing(), Framing::None | Framing::Length(0));
                answers::refuse(&refusal, is_read, exchange);
                Doing::Nothing
            }
        };
    }

    fn body(&mut self, octets: &[u8], exchange: &mut Ours<'_, '_>) {
        let Doing::Text { text, .. } = &mut self.doing else { return };
        let Err(unfit) = text.push(octets) else { return };
        self.doing = Doing::Nothing;
        let refusal = match unfit {
            Unfit::TooLong => Refusal::TooLong,
            Unfit::NoRoom => {
                self.figures.refuse();
                Refusal::NoRoom
            }
        };
        answers::refuse(&refusal, false, exchange);
    }

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Ours<'_, '_>) {
        let (poll, ask) = match mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Text { of, mut text } => {
                text.complete();
                (None, Ask::Submit { text, of })
            }
            Doing::Ask(Wanted::Cancel { job, preconditions }) => (None, Ask::Cancel { job, preconditions }),
            Doing::Ask(Wanted::Look(Look { job, preconditions, wait: None })) => {
                (None, Ask::Look { job, preconditions, may_park: false })
            }
            Doing::Ask(Wanted::Look(Look { job, preconditions, wait: Some(span) })) => {
                let until = exchange.now() + span;
                let (poll, ask) = Poll::begin(job, preconditions, until, self.naive, &self.figures);
                (Some(poll), ask)
            }
            Doing::Ask(Wanted::Submit { .. }) | Doing::Nothing | Doing::Waiting { .. } => return,
        };
        self.doing = Doing::Waiting { poll };
        self.ask(ask, exchange);
    }

    fn event(&mut self, event: Event<Note>, exchange: &mut Ours<'_, '_>) {
        let Doing::Waiting { poll, .. } = &mut self.doing else { return };
        let now = exchange.now();
        let then = match (event, poll) {
            (Event::Message(_, Note::Replied { ticket, reply }), poll) if ticket == self.ticket => match poll {
                Some(poll) => poll.replied(reply, now),
                None => Then::Answer(reply),
            },
            (Event::Returned(_, Note::Enough { ticket, .. }, Why::Full), Some(poll)) if ticket == self.ticket => {
                poll.not_told(now);
                Then::Wait
            }
            (Event::Returned(_, note, why), _) if note.is_of(self.ticket) => Then::Answer(match why {
                Why::Gone => Reply::Stopping,
                Why::Full => Reply::Busy,
            }),
            (Event::Deadline, Some(poll)) => poll.deadline(now),
            // The latter is told to who waits for octets.
            (Event::HangUp | Event::PeerFinished, Some(poll)) => poll.enough(Reason::HungUp),
            // The board knows, and answers those it has parked; what looks for itself has nothing to look for any more.
            (Event::Stopping, Some(poll)) if self.naive == Naive::Recheck => poll.enough(Reason::Limit),
            (Event::Closed(_), poll) => {
                let then = poll.as_mut().map_or(Then::Wait, |poll| poll.enough(Reason::Gone));
                self.doing = Doing::Nothing;
                then
            }
            _ => Then::Wait,
        };
        self.go_on(then, exchange);
    }

    fn interest(&self) -> Interest {
        match &self.doing {
            Doing::Waiting { poll: Some(poll), .. } => poll.interest(),
            Doing::Waiting { .. } => Interest { messages: true, ..Interest::default() },
            Doing::Nothing | Doing::Text { .. } | Doing::Ask(_) => Interest::default(),
        }
    }
}

impl Desk {
    fn go_on(&mut self, then: Then, exchange: &mut Ours<'_, '_>) {
        match then {
            Then::Wait => {}
            Then::Ask(ask) => self.ask(ask, exchange),
            Then::Enough(job, reason) => {
                let note = Note::Enough { ticket: self.ticket, job, reason };
                exchange.context().message(ConnectionId::FOUNDER, note);
            }
            Then::Answer(reply) => {
                // Where the connection has ended, nobody is there to be answered.
                if let Doing::Waiting { .. } = mem::replace(&mut self.doing, Doing::Nothing) {
                    answers::answer(reply, exchange);
                }
            }
        }
    }

    fn ask(&mut self, ask: Ask, exchange: &mut Ours<'_, '_>) {
        self.ticket += 1;
        exchange.context().message(ConnectionId::FOUNDER, Note::Asked { ticket: self.ticket, ask });
    }
}
