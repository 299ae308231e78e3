//! The life of a connection between requests, as a table.
//!
//! A connection is always in one [`Stage`]. What it waits for ([`Protocol::interest`](crate::Protocol::interest)) and which time
//! limit runs follows from the stage, and while a request is under way also from what its handler waits for:
//!
//! | stage | waits for | time limit, from | when it is over |
//! |---|---|---|---|
//! | `Idle` | octets | idle, the last answer (or the accept) | close |
//! | `Head` | octets | header, the first octet of the request | 408, close |
//! | `Body` | octets | body, the end of the head | 408 if nothing was answered yet, close |
//! | `Answering` | what the [handler](super::Handler::interest) waits for, or the peer to take the answer | none here: the connection cuts off [a peer that is too slow](crate::limits::ServeLimits) | |
//! | `Upgraded` | what the protocol waits for that has taken its place | none here | |
//! | `Over` | nothing | | |
//!
//! | stage \ event | octets | peer's FIN | stopping |
//! |---|---|---|---|
//! | `Idle` | `Head`; if the whole head is there at once, as from there | `Over` | `Over`; if it has never made a request it gets [`FRESH_GRACE`] for one |
//! | `Head` | head complete: `Body`, or `Answering` if there is none; bad: answer, `Over` | 400, `Over` | goes on; the handler is told when the request is complete |
//! | `Body` | body complete: `Answering`; bad: answer if none has begun, `Over`; nobody needs the rest: `Over` | 400 likewise, `Over` | the same |
//! | `Answering` | (not read: back-pressure) | (told if the handler wants it; the answer is the last) | the handler is told, and goes on |
//! | `Upgraded` | all events are those of the protocol that has taken HTTP's place | | |
//!
//! Once it is stopping, the answer under way is the last: it says so if its head has not gone yet, and requests behind it are
//! not heard.
//!
//! An exchange is complete when the request has been read *and* the answer has been ended, in whichever order: `Answering` is passed
//! through even if the answer was ended first. Then it is `Idle` again if both sides keep the connection alive, and `Over` if not.

use std::time::Duration;

use super::body::ChunkedDecoder;
use crate::lifecycle::{Lifecycle, Way};

/// How long a connection that has been accepted but has said nothing may still make its first request once the server is
/// stopping: its request is likely to be on its way.
pub const FRESH_GRACE: Duration = Duration::from_secs(1);

/// Every way from one stage to another, and no other ([`Lifecycle`]). The picture in the book is drawn from this list.
const WAYS: &[Way] = &[
    ("Idle", "the first octet of a request", "Head"),
    ("Idle", "a whole head at once; a body follows", "Body"),
    ("Idle", "a whole request at once", "Answering"),
    ("Idle", "time is up, FIN, or the server stops; a bad head: 400", "Over"),
    ("Head", "the head is whole; a body follows", "Body"),
    ("Head", "the head is whole, and that is all", "Answering"),
    ("Head", "bad or cut short: 400; too slow: 408", "Over"),
    ("Body", "the body is whole", "Answering"),
    ("Body", "bad, cut short or too slow; or nobody needs the rest", "Over"),
    ("Answering", "the answer is ended, and both sides keep the connection", "Idle"),
    ("Answering", "the handler upgrades it", "Upgraded"),
    ("Answering", "the answer is ended, and was the last", "Over"),
    ("Upgraded", "nobody takes HTTP's place", "Over"),
];

/// Where a connection is.
// ANCHOR: stage
#[derive(Debug)]
pub(super) enum Stage {
    /// Between requests.
    Idle,
    /// Inside a head.
    Head,
    /// Inside a body.
    Body(Body),
    /// The request is read, its answer is not ended.
    Answering,
    /// Another protocol speaks.
    Upgraded,
    /// All is said.
    Over,
}
// ANCHOR_END: stage

impl Lifecycle for Stage {
    const WAYS: &'static [Way] = WAYS;

    fn name(&self) -> &'static str {
        match self {
            Stage::Idle => "Idle",
            Stage::Head => "Head",
            Stage::Body(_) => "Body",
            Stage::Answering => "Answering",
            Stage::Upgraded => "Upgraded",
            Stage::Over => "Over",
        }
    }
}

/// What is still to come of a body.
#[derive(Debug)]
pub(super) enum Body {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
}

// ANCHOR: time-limits
/// How long each thing may take. All are total: a peer cannot stretch them by sending an octet now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// From the end of an answer, or from the accept, to the first octet of a request.
    pub idle: Duration,
    /// From the first octet of a request to the end of its head.
    pub header: Duration,
    /// From the end of the head to the end of the body.
    pub body: Duration,
}

impl Default for TimeLimits {
    /// 60 s idle, 10 s for a head, 60 s for a body.
    fn default() -> Self {
        TimeLimits { idle: Duration::from_secs(60), header: Duration::from_secs(10), body: Duration::from_secs(60) }
    }
}
// ANCHOR_END: time-limits

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::connection::Connection;
    use crate::http1::{Exchange, Handler, Head, Http, HttpLimits, NoUpgrade, Trailers};
    use crate::identity::Common;
    use crate::lifecycle::taken;
    use crate::limits::ServeLimits;
    use crate::time::{Now, Time};

    /// Answers when a request is whole, and upgrades to nothing.
    struct Plain;

    impl Handler for Plain {
        type Message = Infallible;
        type Upgraded = NoUpgrade;

        fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
            if head.target() == b"/upgrade" {
                exchange.upgrade(&[("Connection", "upgrade"), ("Upgrade", "nothing")]);
            }
        }

        fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
            exchange.answer_whole(200, &[], b"");
        }
    }

    /// What comes, piece by piece, and then FIN.
    fn live(pieces: &[&str]) {
        let now = Now { at: Time::default(), unix_seconds: 0 };
        let http = Http::new(HttpLimits::default(), TimeLimits::default());
        let mut connection = Connection::accepted(http.connection(Plain, now), &Common::new(0, ServeLimits::default(), 0), now);
        pieces.iter().for_each(|piece| connection.received(piece.as_bytes(), now));
        connection.peer_finished(now);
    }

    #[test]
    fn every_way_is_taken() {
        live(&["GET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
        live(&["GET / HTTP/1.1\r\n", "Host: a\r\n\r\n"]);
        live(&["GET / HTTP/1.1\r\n"]);
        live(&["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", "ab"]);
        live(&["POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 2\r\n\r\n", "a"]);
        live(&["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]);
        live(&["GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: nothing\r\n\r\n"]);
        taken::assert_all::<Stage>();
    }
}
