//! Polling: `GET /events?after=ID`, short and long.
//!
//! ```text
//!   short   client ── after 3 ──> nothing: 204, at once                     ... and again, and again
//!
//!   long    client ── after 3, wait ──> parked ........ an event: 200, 4 ──> client ── after 4, wait ──> ...
//!                                         │ until the limit: 204
//!                                         │ the client hangs up: forgotten
//! ```
//!
//! **Short**: the answer is what there is. Most answers are that there is nothing, and news are late by half the time between two
//! polls, on average.
//!
//! **Long**: a request that finds nothing is *parked*: its connection waits for a message of the hub, for its time limit, and for
//! the news that its client has gone, and for nothing else; no thread is needed for that, nor is the client read from. News go out
//! as soon as they come. What a poll waits for is Kafka's (`fetch.min.bytes`, `fetch.max.wait.ms` and `fetch.max.bytes` of Apache
//! Kafka's consumer): `min_bytes` octets of events, or the limit with whatever there is; at least one event, and beyond it no more
//! than `max_bytes`. So one who reads a busy feed in batches pays one request for many events.
//!
//! **Nothing is lost between two polls**, though nobody waits in between: each answer says after which event the next one begins,
//! and the history has what came meanwhile. If it does not reach back that far, `resync` says so.
//!
//! The other two ways in [`Naive`] are what long polling is when it is done without a hub, or without a way to wait for a hang-up.

use std::time::Duration;

use super::front::{Exchange, Refusal};
use super::{Naive, Shared, parameters};
use crate::http1::{BodyLength, Head};
use crate::patterns::feed::{Cursor, HUB, News, Page, Ticket, count};
use crate::patterns::long_polling::{LONGEST_WAIT, RECHECK};
use crate::protocol::{Event, Interest};
use crate::time::Time;

/// The most octets of events in one answer, however many are asked for: 4 MiB. Without `max_bytes` a quarter of it.
pub const MOST_OCTETS: usize = 4 << 20;

const NO_WAIT: Refusal = Refusal(400, "wait is a number of milliseconds, at most 60000");
const NO_OCTETS: Refusal = Refusal(400, "min_bytes and max_bytes are numbers of octets, at most 4194304");

/// A request for what came after a cursor.
pub(super) struct Polling {
    ticket: Ticket,
    after: Option<Cursor>,
    least: usize,
    most: usize,
    wait: Option<Duration>,
    /// When it is answered with whatever there is.
    limit: Option<Time>,
    /// What it waits for next: its limit, or the next look.
    deadline: Option<Time>,
    naive: Naive,
    /// The hub was told of it, and has not answered.
    is_parked: bool,
}

impl Polling {
    pub(super) fn new(head: &Head<'_>, ticket: Ticket) -> Result<Polling, Refusal> {
        let wait = parameters::number(head, "wait", LONGEST_WAIT.as_millis() as u64, NO_WAIT)?;
        let octets = |name, otherwise: usize| {
            let number = parameters::number(head, name, MOST_OCTETS as u64, NO_OCTETS)?;
            Ok::<_, Refusal>(number.map_or(otherwise, |number| number as usize))
        };
        Ok(Polling {
            ticket,
            after: parameters::after(head)?,
            least: octets("min_bytes", 1)?,
            most: octets("max_bytes", MOST_OCTETS / 4)?,
            wait: wait.map(Duration::from_millis),
            limit: None,
            deadline: None,
            naive: Naive::None,
            is_parked: false,
        })
    }

    pub(super) fn begin(&mut self, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        self.naive = shared.settings.naive;
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
        let Polling { after, least, most, .. } = *self;
        let ticket = self.ticket.next_question();
        self.is_parked = true;
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
            Event::Deadline if self.naive == Naive::Recheck => self.look(exchange),
            Event::Deadline => {
                // This answer is whatever there is; one that is on its way is not waited for.
                self.deadline = None;
                self.ask(false, exchange);
            }
            // Nobody waits for it any more; or for nothing but the end, and then it is not made to wait.
            Event::HangUp | Event::PeerFinished => {
                self.leave(exchange);
                exchange.close_after();
                exchange.answer_whole(204, &[], b"");
            }
            // The hub answers those who are parked. One who looks now and then may find nobody the next time.
            Event::Stopping if self.naive == Naive::Recheck && exchange.is_open() => {
                self.limit = Some(exchange.now());
                self.look(exchange);
            }
            Event::Returned(_, News::Poll { ticket, .. }, _) if ticket == self.ticket && exchange.is_open() => {
                Refusal::BUSY.tell(exchange);
            }
            Event::Closed(_) => self.leave(exchange),
            _ => {}
        }
    }

    fn hear(&mut self, page: Page, shared: &Shared, exchange: &mut Exchange<'_, '_>) {
        self.is_parked = false;
        let is_enough = page.resync.is_some() || !page.is_last || page.octets() >= self.least.min(self.most);
        if self.naive == Naive::Recheck && !is_enough && self.limit.is_some_and(|limit| limit > exchange.now()) {
            self.after = self.after.or(Some(page.next));
            let next = exchange.now() + RECHECK;
            self.deadline = self.limit.map(|limit| limit.min(next));
            return;
        }
        count(&shared.counters.deliveries, page.entries.len() as u64);
        count(&shared.counters.resyncs, page.resync.is_some().into());
        self.answer(&page, exchange);
    }

    /// 204 to one who has a cursor already; one who has none is given it.
    fn answer(&self, page: &Page, exchange: &mut Exchange<'_, '_>) {
        if page.entries.is_empty() && page.resync.is_none() && self.after.is_some() {
            return exchange.answer_whole(204, &[], b"");
        }
        let tail = format!("],\"next\":\"{}\",\"resync\":{}}}\n", page.next, page.resync.is_some());
        const HEAD: &[u8] = b"{\"events\":[";
        let commas = page.entries.len().saturating_sub(1);
        let length = HEAD.len() + page.octets() + commas + tail.len();
        let fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
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
    }

    fn leave(&mut self, exchange: &mut Exchange<'_, '_>) {
        if std::mem::take(&mut self.is_parked) {
            exchange.context().message(HUB, News::Leave);
        }
    }

    pub(super) fn interest(&self) -> Interest {
        let peer = self.naive.peer();
        Interest { peer, messages: true, deadline: self.deadline, ..Interest::default() }
    }
}
