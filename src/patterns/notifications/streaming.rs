//! An answer without end: what [server-sent events](super::server_sent_events) and [lines](super::lines) have in common.
//!
//! ```text
//!   client ── GET ──> Front ── Follow ──> Hub
//!          <── head ──      <── Page ───
//!          <── chunk, chunk ── Fresh, Fresh ──      or a heartbeat, when there is nothing to say
//!                │ hangs up, or resets: Leave
//!                │ the server stops: the last chunk
//! ```
//!
//! To HTTP it is an answer of unknown length: in chunks (RFC 9112 section 7.1), each of one event, or to an HTTP/1.0 client the
//! octets until the connection closes. The client says nothing after its request, so its connection waits for the hub, for its
//! heartbeat, for room where there was none, and for the news that the client has gone: a client that says FIN and goes on reading
//! counts as gone, as there is no telling it from one that has left. What it asked for first, its first page, it is told still.
//!
//! When the server stops the answer ends whole, with its last chunk; the client comes back with the id of the last event it has.

use super::front::{Exchange, Refusal};
use super::{Shared, lines, parameters, server_sent_events};
use bytes::Bytes;

use crate::context::Context;
use crate::http1::{BodyLength, Head};
use crate::patterns::feed::{Cursor, Follower, News, Output, Ticket, Verdict, Wording};
use crate::protocol::{Event, Interest, Peer};

/// An answer without end.
pub(super) struct Streaming {
    kind: Kind,
    after: Option<Cursor>,
    ticket: Ticket,
    /// Once the request is whole.
    follower: Option<Follower>,
    /// It ends with its first page.
    ends_soon: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Events,
    Lines,
}

impl Kind {
    fn wording(self) -> &'static Wording {
        match self {
            Kind::Events => &server_sent_events::WORDING,
            Kind::Lines => &lines::WORDING,
        }
    }

    fn begin(self, exchange: &mut Exchange<'_, '_>) {
        let (media_type, prologue) = match self {
            Kind::Events => (server_sent_events::MEDIA_TYPE, server_sent_events::PROLOGUE),
            Kind::Lines => (lines::MEDIA_TYPE, ""),
        };
        let fields = [("Content-Type", media_type), ("Cache-Control", "no-store")];
        exchange.answer(200, &fields, BodyLength::Unknown);
        exchange.write(prologue.as_bytes());
    }
}

impl Streaming {
    pub(super) fn new(
        kind: Kind,
        head: &Head<'_>,
        ticket: Ticket,
        exchange: &mut Exchange<'_, '_>,
    ) -> Result<Streaming, Refusal> {
        let last = if kind == Kind::Events { server_sent_events::last_event_id(head)? } else { None };
        let after = if last.is_some() { last } else { parameters::after(head)? };
        if head.method() == b"HEAD" {
            kind.begin(exchange);
            exchange.end();
        }
        Ok(Streaming { kind, after, ticket, follower: None, ends_soon: false })
    }

    pub(super) fn begin(&mut self, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        let settings = &shared.settings;
        let (wording, cx) = (self.kind.wording(), exchange.context());
        self.follower = Some(Follower::begin(wording, self.after, settings.slow, settings.heartbeat, self.ticket, cx));
    }

    pub(super) fn event(&mut self, event: Event<News>, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        let Some(follower) = &mut self.follower else { return };
        let counters = &shared.counters;
        let verdict = match event {
            Event::Message(_, News::Page(ticket, page)) if follower.expects(ticket) => {
                // Until now it could have been refused.
                if !exchange.has_begun() {
                    self.kind.begin(exchange);
                }
                follower.page(*page, exchange, counters)
            }
            Event::Message(_, News::Fresh(entry)) => follower.fresh(&entry, exchange, counters),
            Event::Room => {
                follower.room(exchange, counters);
                Verdict::GoesOn
            }
            Event::Deadline => {
                follower.deadline(exchange);
                Verdict::GoesOn
            }
            Event::HangUp | Event::Stopping if exchange.has_begun() => return self.end(exchange),
            Event::HangUp | Event::Stopping => {
                self.ends_soon = true;
                Verdict::GoesOn
            }
            Event::Returned(_, News::Follow { ticket, .. }, _) if follower.expects(ticket) => return self.end(exchange),
            Event::Closed(_) => return follower.leave(exchange.context()),
            _ => return,
        };
        if verdict == Verdict::TooSlow {
            // What is unsent would keep it here for as long as it likes.
            exchange.context().abort();
        } else if self.ends_soon && exchange.has_begun() {
            self.end(exchange);
        }
    }

    /// In order: so the client can tell this end from one by accident.
    fn end(&mut self, exchange: &mut Exchange<'_, '_>) {
        let Some(follower) = self.follower.take() else { return };
        follower.leave(exchange.context());
        match exchange.has_begun() {
            true if exchange.is_open() => exchange.end(),
            true => {}
            false => Refusal::BUSY.tell(exchange),
        }
    }

    // ANCHOR: interest
    pub(super) fn interest(&self) -> Interest {
        let (room, deadline) = self.follower.as_ref().map_or((false, None), |it| (it.wants_room(), it.due()));
        Interest { peer: Peer::HangUp, messages: true, room, deadline }
    }
    // ANCHOR_END: interest
}

impl<'cx> Output<'cx> for Exchange<'_, 'cx> {
    fn say(&mut self, octets: Bytes) {
        self.send(octets);
    }

    fn unsent(&self) -> usize {
        crate::http1::Exchange::unsent(self)
    }

    fn context(&mut self) -> &mut Context<'cx, News> {
        crate::http1::Exchange::context(self)
    }
}
