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
//! | `Idle` | `Head`, and on | `Over` | `Over`; if it has never made a request it gets [`FRESH_GRACE`] for one |
//! | `Head` | head complete: `Body`, `Answering` or `Idle`; bad: answer, `Over` | 400, `Over` | goes on; the handler is told when the request is complete |
//! | `Body` | body complete: `Answering` or `Idle`; bad: answer if none has begun, `Over` | 400 likewise, `Over` | the same |
//! | `Answering` | (not read: back-pressure) | (told if the handler wants it; the answer is the last) | the handler is told, and goes on |
//! | `Upgraded` | all events are those of the protocol that has taken HTTP's place | | |
//!
//! Once it is stopping, the answer under way is the last: it says so if its head has not gone yet, and requests behind it are
//! not heard.
//!
//! An exchange is complete when the request has been read *and* the answer has been ended, in whichever order. Then it is `Idle`
//! again if both sides keep the connection alive, and `Over` if not.

use std::time::Duration;

use super::body::ChunkedDecoder;

/// How long a connection that has been accepted but has said nothing may still make its first request once the server is
/// stopping: its request is likely to be on its way.
pub const FRESH_GRACE: Duration = Duration::from_secs(1);

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
