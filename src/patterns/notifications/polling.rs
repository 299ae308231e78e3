//! Polling: `GET /events?after=ID`, short and long.
//!
//! ```text
//!   short   client ── after 3 ──> nothing: 204, at once                     ... and again, and again
//!
//!   long    client ── after 3, wait ──> parked ........ an event: 200, 4 ──> client ── after 4, wait ──> ...
//!                                         │ until the limit: whatever there is, or 204
//!                                         │ the client says FIN, or the server stops: the same at once
//! ```
//!
//! **Short**: the answer is what there is. Most answers are that there is nothing, and news are late by half the time between two
//! polls, on average.
//!
//! **Long**: a request that finds nothing is *parked*: its connection waits for a message of the hub, for its time limit, and for
//! the news that its client has gone, and for nothing else; no thread is needed for that, nor is the client read from. News go out
//! as soon as they come. What a poll waits for is Kafka's (`fetch.min.bytes`, `fetch.max.wait.ms` and `fetch.max.bytes` of Apache
//! Kafka's consumer): `min_bytes` octets of events, or the limit with whatever there is; at least one event, and beyond it no more
//! than `max_bytes`, nor than may be unsent for one client ([`Slow`](crate::patterns::feed::Slow)). So one who reads a busy feed in batches pays one request for many events.
//!
//! **Nothing is lost between two polls**, though nobody waits in between: each answer says after which event the next one begins,
//! and the history has what came meanwhile. If it does not reach back that far, `resync` says so. And each question has one answer,
//! the hub's: at its limit a poll does not ask again (from where, if it had no cursor?) but says that it is enough, and hears what the
//! hub holds for it, or has just sent.
//!
//! The other two ways in [`Naive`] are what long polling is when it is done without a hub, or without a way to wait for a hang-up.

use std::time::Duration;

use super::front::{Exchange, Refusal};
use super::{Naive, Shared, parameters};
use crate::context::Why;
use crate::http1::{BodyLength, Head};
use crate::patterns::feed::{Cursor, HUB, News, Page, Ticket, count, raise};
use crate::patterns::long_polling::{LONGEST_WAIT, RECHECK};
use crate::protocol::{Event, Interest};
use crate::time::Time;

/// The most octets of events in one answer, however many are asked for: 4 MiB. Without `max_bytes` a quarter of it.
pub const MOST_OCTETS: usize = 4 << 20;

/// What an answer has around its events, at the most: the head, and the JSON around them.
const AROUND_OCTETS: usize = 512;

/// How long until it is said once more what the hub's loop had no room for, or until no page of a hub that has gone is waited for.
const AGAIN: Duration = Duration::from_millis(100);

const NO_WAIT: Refusal = Refusal(400, "wait is a number of milliseconds, at most 60000");
const NO_OCTETS: Refusal = Refusal(400, "min_bytes and max_bytes are numbers of octets, at most 4194304");

/// A request for what came after a cursor.
pub(super) struct Polling {
    ticket: Ticket,
    /// From where; where it has begun, it is said in the answer.
    after: Option<Cursor>,
    begins_now: bool,
    least: usize,
    most: usize,
    wait: Option<Duration>,
    /// When it is answered with whatever there is; past, once that was said to the hub.
    limit: Option<Time>,
    /// What it waits for next: its limit, or the next look.
    deadline: Option<Time>,
    naive: Naive,
    /// The most octets that may be unsent.
    bound: usize,
    /// The hub was asked, and has not answered.
    is_asked: bool,
    /// The hub was asked, and has gone.
    is_orphan: bool,
    /// What a naive one saw when it looked last.
    seen: Option<Page>,
}

impl Polling {
    pub(super) fn new(head: &Head<'_>, ticket: Ticket) -> Result<Polling, Refusal> {
        let wait = parameters::number(head, "wait", LONGEST_WAIT.as_millis() as u64, NO_WAIT)?;
        let octets = |name, otherwise: usize| {
            let number = parameters::number(head, name, MOST_OCTETS as u64, NO_OCTETS)?;
            Ok::<_, Refusal>(number.map_or(otherwise, |number| number as usize))
        };
        let after = parameters::after(head)?;
        Ok(Polling {
            ticket,
            after,
            begins_now: after.is_none(),
            least: octets("min_bytes", 1)?,
            most: octets("max_bytes", MOST_OCTETS / 4)?,
            wait: wait.map(Duration::from_millis),
            limit: None,
            deadline: None,
            naive: Naive::None,
            bound: 0,
            is_asked: false,
            is_orphan: false,
            seen: None,
        })
    }

    pub(super) fn begin(&mut self, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        (self.naive, self.bound) = (shared.settings.naive, shared.settings.slow.bound);
        self.limit = self.wait.map(|wait| exchange.now() + wait);
        match self.naive {
            Naive::Recheck => self.look(exchange),
            Naive::None | Naive::Hold => {
                self.deadline = self.limit;
                self.ask(self.wait.is_some(), exchange);
            }
        }
    }

    /// Asks the hub, which answers at once, or when there is enough.
    fn ask(&mut self, park: bool, exchange: &mut Exchange<'_, '_>) {
        let Polling { after, least, .. } = *self;
        // What is unsent of earlier answers counts too: the client has one bound, however it asks.
        let room = self.bound.saturating_sub(exchange.unsent() + AROUND_OCTETS);
        let most = self.most.min(room);
        let ticket = self.ticket.next_question();
        self.is_asked = true;
        exchange.context().message(HUB, News::Poll { ticket, after, least, most, park });
    }

    /// What a naive server does instead of waiting.
    fn look(&mut self, exchange: &mut Exchange<'_, '_>) {
        self.deadline = None;
        self.ask(false, exchange);
    }

    pub(super) fn event(&mut self, event: Event<News>, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        match event {
            Event::Message(_, News::Page(ticket, page)) if ticket == self.ticket => self.hear(*page, shared, exchange),
            Event::Deadline if self.is_orphan => self.give_up(shared, exchange),
            Event::Deadline if self.limit.is_some_and(|limit| exchange.now() < limit) => self.look(exchange),
            // Who says FIN may listen still, and waits for nothing but the end: it is not made to wait.
            Event::Deadline | Event::HangUp | Event::PeerFinished | Event::Stopping => self.enough(exchange),
            Event::Returned(_, News::Enough { ticket }, why) if ticket == self.ticket && self.is_asked => {
                // The last page of a hub that has gone may be on its way still.
                self.is_orphan = why == Why::Gone;
                self.deadline = Some(exchange.now() + AGAIN);
            }
            Event::Returned(_, News::Poll { ticket, .. }, _) if ticket == self.ticket && self.is_asked => {
                self.give_up(shared, exchange);
            }
            Event::Closed(_) => self.leave(exchange),
            _ => {}
        }
    }

    /// It shall be answered now, with whatever there is.
    fn enough(&mut self, exchange: &mut Exchange<'_, '_>) {
        (self.limit, self.deadline) = (Some(exchange.now()), None);
        match (self.naive, self.is_asked) {
            (Naive::Recheck, true) => {}
            (Naive::Recheck, false) => self.look(exchange),
            (Naive::None | Naive::Hold, _) => exchange.context().message(HUB, News::Enough { ticket: self.ticket }),
        }
    }

    fn hear(&mut self, page: Page, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        self.is_asked = false;
        let is_enough = page.resync.is_some() || !page.is_last || page.octets() >= self.least.min(self.most.max(1));
        if self.naive == Naive::Recheck && !is_enough && self.limit.is_some_and(|limit| limit > exchange.now()) {
            self.after = self.after.or(Some(page.next));
            self.seen = Some(page);
            let next = exchange.now() + RECHECK;
            self.deadline = self.limit.map(|limit| limit.min(next));
            return;
        }
        self.answer(&page, shared, exchange);
    }

    /// The hub has gone, or has more to do than it can: there is what was seen before, if anything was.
    fn give_up(&mut self, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        self.is_asked = false;
        match self.seen.take() {
            Some(page) => self.answer(&page, shared, exchange),
            None => Refusal::BUSY.tell(exchange),
        }
    }

    /// 204 to one who has a cursor already; one who has none is given it.
    fn answer(&self, page: &Page, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        const NO_STORE: (&str, &str) = ("Cache-Control", "no-store");
        if page.entries.is_empty() && page.resync.is_none() && !self.begins_now {
            return exchange.answer_whole(204, &[NO_STORE], b"");
        }
        count(&shared.counters.deliveries, page.entries.len() as u64);
        count(&shared.counters.resyncs, page.resync.is_some().into());
        let tail = format!("],\"next\":\"{}\",\"resync\":{}}}\n", page.next, page.resync.is_some());
        const HEAD: &[u8] = b"{\"events\":[";
        let commas = page.entries.len().saturating_sub(1);
        let length = HEAD.len() + page.octets() + commas + tail.len();
        let fields = [("Content-Type", "application/json"), NO_STORE];
        exchange.answer(200, &fields, BodyLength::Known(length as u64));
        exchange.write(HEAD);
        for (place, entry) in page.entries.iter().enumerate() {
            if place > 0 {
                exchange.write(b",");
            }
            exchange.send(entry.json());
        }
        exchange.write(tail.as_bytes());
        exchange.end();
        raise(&shared.counters.most_held, exchange.unsent() as u64);
    }

    fn leave(&mut self, exchange: &mut Exchange<'_, '_>) {
        if std::mem::take(&mut self.is_asked) {
            exchange.context().message(HUB, News::Leave);
        }
    }

    pub(super) fn interest(&self) -> Interest {
        let peer = self.naive.peer();
        Interest { peer, messages: true, deadline: self.deadline, ..Interest::default() }
    }
}
