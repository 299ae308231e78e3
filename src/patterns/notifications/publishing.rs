//! Publishing: `POST /publish`.
//!
//! ```text
//!   client ── POST, body ──> Front ── Publish ──> Hub: numbers it
//!          <── 201, id ─────       <── Numbered ──     ── Fresh ──> everybody
//! ```
//!
//! The body is held until it is whole, for an event is whole or none. 201 is said once the hub has given it its place in the order
//! of all events, and not before: a publisher that has heard it knows that everybody who follows hears it, and those who come
//! later, for as long as the history reaches. A publisher that hears nothing, because one side has gone, does not know whether it
//! was published; the feed is *at most once* for those who do not ask again, and *at least once* for those who do.

use super::front::{Exchange, Refusal};
use crate::http1::{Framing, Head};
use crate::patterns::feed::{Entry, FRAMING_OCTETS, HUB, News, Ticket};
use crate::protocol::{Event, Interest};

/// The longest event that is taken: 64 KiB of UTF-8.
pub const LONGEST_TEXT: usize = 64 << 10;

/// The longest topic: 256 octets of UTF-8.
pub const LONGEST_TOPIC: usize = 256;

/// The least bound for a client to which every event that is taken can be sent.
pub const LEAST_BOUND: usize = 2 * (Entry::most_octets_of(LONGEST_TEXT, LONGEST_TOPIC) + FRAMING_OCTETS);

const TOO_LONG: Refusal = Refusal(413, "an event is at most 65536 octets");
const NO_TEXT: Refusal = Refusal(400, "an event is a text in UTF-8: the body is not");
const NOTHING: Refusal = Refusal(400, "an event is a text of at least one octet: the body is empty");
const LONG_TOPIC: Refusal = Refusal(400, "a topic is at most 256 octets");

/// A request to publish.
pub(super) struct Publishing {
    ticket: Ticket,
    topic: Option<String>,
    body: Vec<u8>,
}

impl Publishing {
    pub(super) fn new(head: &Head<'_>, ticket: Ticket) -> Result<Publishing, Refusal> {
        let topic = head.parameter("topic").filter(|topic| !topic.is_empty());
        if topic.as_ref().is_some_and(|topic| topic.len() > LONGEST_TOPIC) {
            return Err(LONG_TOPIC);
        }
        let body = match head.framing() {
            Framing::None | Framing::Length(0) => return Err(NOTHING),
            Framing::Length(length) if length > LONGEST_TEXT as u64 => return Err(TOO_LONG),
            Framing::Length(length) => Vec::with_capacity(length as usize),
            Framing::Chunked => Vec::new(),
        };
        Ok(Publishing { ticket, topic: topic.map(String::from), body })
    }

    pub(super) fn body(&mut self, octets: &[u8], exchange: &mut Exchange<'_, '_>) {
        if self.body.len() + octets.len() > LONGEST_TEXT {
            exchange.close_after();
            return TOO_LONG.tell(exchange);
        }
        self.body.extend_from_slice(octets);
    }

    pub(super) fn complete(&mut self, exchange: &mut Exchange<'_, '_>) {
        let refusal = match String::from_utf8(std::mem::take(&mut self.body)) {
            Ok(text) if text.is_empty() => NOTHING,
            Ok(text) => {
                let (ticket, topic) = (self.ticket, self.topic.take());
                return exchange.context().message(HUB, News::Publish { ticket, text, topic });
            }
            Err(_) => NO_TEXT,
        };
        refusal.tell(exchange);
    }

    pub(super) fn event(&mut self, event: Event<News>, exchange: &mut Exchange<'_, '_>) {
        match event {
            Event::Message(_, News::Numbered(ticket, id)) if ticket == self.ticket => {
                let fields = [("Content-Type", "application/json")];
                exchange.answer_whole(201, &fields, format!("{{\"id\":\"{id}\"}}\n").as_bytes());
            }
            Event::Returned(_, News::Publish { ticket, .. }, _) if ticket == self.ticket && exchange.is_open() => {
                Refusal::BUSY.tell(exchange);
            }
            _ => {}
        }
    }

    pub(super) fn interest(&self) -> Interest {
        Interest { messages: true, ..Interest::default() }
    }
}
