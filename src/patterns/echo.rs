//! Says back what it hears.
//!
//! - A request is answered 200 with its own body.
//! - `GET /bytes/N` is answered with N octets: [`LINE`] again and again. N is a decimal number of 64 bits; a larger one is answered
//!   400. Where no digit or anything but digits follows `/bytes/`, the target is like any other: an echo.
//! - `TRACE` and `CONNECT` are not for an origin server like this one: 405, without waiting for a body.
//!
//! A body of up to [`HELD_OCTETS`] is answered once it is whole, so that a request which turns out to be broken gets a clean
//! error and not half of an answer. A longer one is answered while it is still coming; then the client has to read while it
//! writes, because neither side holds it in memory.

use std::convert::Infallible;

use bytes::Bytes;

use crate::http1::{BodyLength, Exchange, Framing, Handler, Head, NoUpgrade, Trailers};
use crate::limits::SEND_HIGH_OCTETS;
use crate::protocol::{Event, Interest};

/// How much of a body is held back before the answer begins: 64 KiB. A body of unknown length goes out in chunks of that size,
/// however it came in.
pub const HELD_OCTETS: usize = 64 << 10;

/// What the octets of `GET /bytes/N` are made of: octet i is `LINE[i % 64]`.
pub const LINE: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n";

/// Many lines, sent without a copy.
static BLOCK: [u8; 64 << 10] = {
    let mut block = [0; 64 << 10];
    let mut at = 0;
    while at < block.len() {
        block[at] = LINE[at % LINE.len()];
        at += 1;
    }
    block
};

/// One connection's echo.
#[derive(Default)]
pub struct Echo {
    plan: Plan,
    /// Octets of the body that are not answered yet.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    /// The body, whose length was announced or not.
    Echo { length: Option<u64>, begun: bool },
    /// So many octets of our own, once the request is whole.
    Ours { octets: u64 },
    /// And so many of them that are still to be said.
    Pouring { left: u64 },
}

impl Default for Plan {
    fn default() -> Self {
        Plan::Echo { length: Some(0), begun: false }
    }
}

impl Handler for Echo {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        self.held.clear();
        let length = match head.framing() {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        };
        self.plan = Plan::Echo { length, begun: false };
        match head.method() {
            b"TRACE" => refuse_method(exchange),
            b"CONNECT" => {
                // The client may take whatever it sends next for the inside of a tunnel.
                exchange.close_after();
                refuse_method(exchange);
            }
            b"GET" | b"HEAD" => match octets_asked_for(head) {
                Some(Ok(octets)) => self.plan = Plan::Ours { octets },
                Some(Err(TooMany)) => exchange.answer_whole(400, &[("Content-Type", "text/plain")], TOO_MANY.as_bytes()),
                None => {}
            },
            _ => {}
        }
    }

    fn body(&mut self, octets: &[u8], exchange: &mut Exchange<'_, '_>) {
        let Plan::Echo { length, begun } = &mut self.plan else { return };
        if !*begun && self.held.len() + octets.len() <= HELD_OCTETS {
            if self.held.capacity() == 0 {
                self.held = exchange.buffer(length.map_or(octets.len(), |length| HELD_OCTETS.min(length as usize)));
            }
            return self.held.extend_from_slice(octets);
        }
        if !*begun {
            *begun = true;
            exchange.answer(200, &[], length.map_or(BodyLength::Unknown, BodyLength::Known));
        }
        match length {
            Some(_) => {
                exchange.append(std::mem::take(&mut self.held));
                exchange.write(octets);
            }
            None => self.write_in_blocks(octets, exchange),
        }
    }

    fn complete(&mut self, _trailers: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        match self.plan {
            Plan::Echo { begun, .. } => {
                if !begun {
                    exchange.answer(200, &[], BodyLength::Known(self.held.len() as u64));
                }
                exchange.append(std::mem::take(&mut self.held));
                exchange.end();
            }
            Plan::Ours { octets } | Plan::Pouring { left: octets } => {
                exchange.answer(200, &[], BodyLength::Known(octets));
                self.plan = Plan::Pouring { left: octets };
                self.pour(exchange);
            }
        }
    }

    fn event(&mut self, event: Event, exchange: &mut Exchange<'_, '_>) {
        if let Event::Room = event {
            self.pour(exchange);
        }
    }

    fn interest(&self) -> Interest {
        Interest { room: matches!(self.plan, Plan::Pouring { .. }), ..Interest::default() }
    }
}

impl Echo {
    // ANCHOR: pour
    /// Says as much of our own as there is room for.
    fn pour(&mut self, exchange: &mut Exchange<'_, '_>) {
        let Plan::Pouring { left } = &mut self.plan else { return };
        while *left > 0 && exchange.wants_body() {
            if exchange.unsent() >= SEND_HIGH_OCTETS {
                return;
            }
            let count = usize::try_from(*left).map_or(BLOCK.len(), |left| left.min(BLOCK.len()));
            exchange.send(Bytes::from_static(&BLOCK[..count]));
            *left -= count as u64;
        }
        exchange.end();
    }
    // ANCHOR_END: pour

    fn write_in_blocks(&mut self, mut octets: &[u8], exchange: &mut Exchange<'_, '_>) {
        while !octets.is_empty() {
            if self.held.len() == HELD_OCTETS {
                exchange.append(std::mem::take(&mut self.held));
            }
            let count = octets.len().min(HELD_OCTETS - self.held.len());
            self.held.extend_from_slice(&octets[..count]);
            octets = &octets[count..];
        }
    }
}

fn refuse_method(exchange: &mut Exchange<'_, '_>) {
    exchange.answer_whole(405, &[("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")], b"");
}

/// No 64 bits hold that number.
struct TooMany;

const TOO_MANY: &str = "At most 18446744073709551615 octets can be asked for.\n";

/// The N of `/bytes/N`.
fn octets_asked_for(head: &Head<'_>) -> Option<Result<u64, TooMany>> {
    let digits = head.path().strip_prefix(b"/bytes/")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()))?;
    // Of digits there may be too many, which is all that can be wrong with them.
    (!digits.is_empty()).then(|| digits.parse().map_err(|_| TooMany))
}
