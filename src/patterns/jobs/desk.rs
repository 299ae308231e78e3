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
use std::time::Duration;

use super::figures::Figures;
use super::note::{Ask, Note, Reason, Reply};
use super::poll::{Poll, RECHECK, Way};
use super::routes::{self, Look, Refusal, Wanted};
use super::{Naive, TEXT_OCTETS, answers};
use crate::context::Why;
use crate::http1::{Exchange, Handler, Head, NoUpgrade, Trailers};
use crate::identity::ConnectionId;
use crate::protocol::{Event, Interest};

/// How long until it says once more what the board's loop had no room for.
const RETRY: Duration = Duration::from_millis(100);

/// One connection's.
pub struct Desk {
    naive: Naive,
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
        text: Vec<u8>,
    },
    /// Knows what to ask once the request is complete.
    Ask(Wanted),
    /// Has asked.
    Waiting {
        is_poll: bool,
        /// It may wait for long.
        poll: Option<Poll>,
    },
}

type Ours<'a, 'cx> = Exchange<'a, 'cx, Note>;

impl Desk {
    pub(super) fn new(naive: Naive, figures: Arc<Figures>) -> Desk {
        Desk { naive, figures, doing: Doing::Nothing, ticket: 0 }
    }
}

impl Handler for Desk {
    type Message = Note;
    type Upgraded = NoUpgrade<Note>;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Ours<'_, '_>) {
        self.doing = match routes::read(head) {
            Ok(Wanted::Submit { of }) => Doing::Text { of, text: Vec::new() },
            Ok(wanted) => Doing::Ask(wanted),
            Err(refusal) => {
                answers::refuse(&refusal, exchange);
                Doing::Nothing
            }
        };
    }

    fn body(&mut self, octets: &[u8], exchange: &mut Ours<'_, '_>) {
        let Doing::Text { text, .. } = &mut self.doing else { return };
        if text.len() + octets.len() > TEXT_OCTETS {
            self.doing = Doing::Nothing;
            return answers::refuse(&Refusal::TooLong, exchange);
        }
        text.extend_from_slice(octets);
    }

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Ours<'_, '_>) {
        let (is_poll, poll, ask) = match mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Text { of, text } => (false, None, Ask::Submit { text: text.into(), of }),
            Doing::Ask(Wanted::Cancel { job }) => (false, None, Ask::Cancel { job }),
            Doing::Ask(Wanted::Look(Look { job, seen, wait, is_poll })) => {
                let may_park = wait.is_some() && self.naive != Naive::Recheck;
                let poll = wait.map(|span| Poll::new(job, seen.clone(), exchange.now() + span, self.naive));
                (is_poll, poll, Ask::Look { job, seen, may_park })
            }
            Doing::Ask(Wanted::Submit { .. }) | Doing::Nothing | Doing::Waiting { .. } => return,
        };
        self.doing = Doing::Waiting { is_poll, poll };
        self.ask(ask, exchange);
    }

    fn event(&mut self, event: Event<Note>, exchange: &mut Ours<'_, '_>) {
        match event {
            Event::Message(_, Note::Replied { ticket, reply }) if ticket == self.ticket => self.replied(reply, exchange),
            Event::Returned(_, note, why) if self.is_under_way(&note) => self.returned(&note, why, exchange),
            Event::Deadline => self.deadline(exchange),
            Event::HangUp => self.enough(Reason::HungUp, exchange),
            Event::PeerFinished => {
                // Told to who waits for octets, and once: there will be no other request.
                exchange.close_after();
                self.enough(Reason::HungUp, exchange);
            }
            // The board knows, and answers those it has parked; what looks for itself has nothing to look for any more.
            Event::Stopping if self.naive == Naive::Recheck => self.enough(Reason::Limit, exchange),
            Event::Closed(_) => self.enough(Reason::Gone, exchange),
            _ => {}
        }
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
    fn ask(&mut self, ask: Ask, exchange: &mut Ours<'_, '_>) {
        self.ticket += 1;
        exchange.context().message(ConnectionId::FOUNDER, Note::Asked { ticket: self.ticket, ask });
    }

    fn replied(&mut self, reply: Reply, exchange: &mut Ours<'_, '_>) {
        if let Doing::Waiting { poll: Some(poll), .. } = &mut self.doing
            && let (Way::Looking { last, is_counted }, Some(until)) = (&mut poll.way, poll.until)
            && let Reply::Unchanged(view) = reply
            && exchange.now() < until
        {
            poll.seen = mem::take(&mut poll.seen).at(view.version);
            *last = Some((reply, exchange.now() + RECHECK));
            if !mem::replace(is_counted, true) {
                self.figures.park();
            }
            return;
        }
        self.answer(reply, exchange);
    }

    fn answer(&mut self, reply: Reply, exchange: &mut Ours<'_, '_>) {
        let Doing::Waiting { is_poll, poll } = mem::replace(&mut self.doing, Doing::Nothing) else { return };
        self.leave(poll);
        answers::answer(reply, is_poll, exchange);
    }

    /// It waits no longer.
    fn leave(&self, poll: Option<Poll>) {
        if let Some(Poll { way: Way::Looking { is_counted: true, .. }, .. }) = poll {
            self.figures.unpark();
        }
    }

    fn deadline(&mut self, exchange: &mut Ours<'_, '_>) {
        let Doing::Waiting { poll: Some(poll), .. } = &mut self.doing else { return };
        let is_over = poll.until.is_none_or(|until| until <= exchange.now());
        match &mut poll.way {
            Way::Looking { last, .. } if !is_over => {
                *last = None;
                let ask = Ask::Look { job: poll.job, seen: poll.seen.clone(), may_park: false };
                self.ask(ask, exchange);
            }
            _ => self.enough(Reason::Limit, exchange),
        }
    }

    /// Whatever there is shall be the answer, and now. The board lets go, and replies; who looks for itself has the reply already,
    /// or it is on its way.
    fn enough(&mut self, reason: Reason, exchange: &mut Ours<'_, '_>) {
        let Doing::Waiting { poll: Some(poll), .. } = &mut self.doing else { return };
        let is_first = poll.until.take().is_some();
        if !is_first && reason != Reason::Gone {
            return;
        }
        match &mut poll.way {
            Way::Told { .. } => {
                let note = Note::Enough { ticket: self.ticket, job: poll.job, reason };
                exchange.context().message(ConnectionId::FOUNDER, note);
            }
            Way::Looking { last, is_counted } => {
                if is_first && *is_counted && reason != Reason::Limit {
                    self.figures.forget();
                }
                if let Some((reply, _)) = last.take()
                    && reason != Reason::Gone
                {
                    self.answer(reply, exchange);
                }
            }
        }
        if reason == Reason::Gone
            && let Doing::Waiting { poll, .. } = mem::replace(&mut self.doing, Doing::Nothing)
        {
            self.leave(poll);
        }
    }

    /// Whether it is about what it waits for now.
    fn is_under_way(&self, note: &Note) -> bool {
        let (Note::Asked { ticket, .. } | Note::Enough { ticket, .. }) = note else { return false };
        *ticket == self.ticket && matches!(self.doing, Doing::Waiting { .. })
    }

    /// The board is not there any more, or its loop had no room.
    fn returned(&mut self, note: &Note, why: Why, exchange: &mut Ours<'_, '_>) {
        if let Doing::Waiting { poll: Some(poll), .. } = &mut self.doing
            && matches!((note, why), (Note::Enough { .. }, Why::Full))
        {
            poll.until = Some(exchange.now() + RETRY);
            return;
        }
        if let Doing::Waiting { poll, .. } = mem::replace(&mut self.doing, Doing::Nothing) {
            self.leave(poll);
            match why {
                Why::Gone => answers::unavailable("the server is stopping", exchange),
                Why::Full => answers::unavailable("the server is too busy to be asked: try again later", exchange),
            }
        }
    }
}
