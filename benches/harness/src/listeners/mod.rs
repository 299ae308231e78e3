//! Many listeners to one feed, on one thread: each hears of every event in the way that its row is about, and whatever it hears is
//! checked.
//!
//! The feed is a server with these routes; an *event* is a JSON object with an id `E-N` (E names a run of the server, N counts
//! from 1) and a text:
//!
//! | way | what a listener says | what it hears |
//! |---|---|---|
//! | short poll | `GET /events?after=ID`, again and again, at an interval | 200 with events, 204 with none |
//! | long poll | `GET /events?after=ID&wait=MS`, and the next when it is answered | 200 as soon as there are events |
//! | stream | `GET /stream?after=ID`, once | `text/event-stream` (WHATWG HTML, section 9.2) |
//! | lines | `GET /lines?after=ID`, once | chunks with one event a line |
//! | WebSocket | `GET /ws?after=ID`, once | each event a text message (RFC 6455) |
//!
//! ```text
//! audience.rs      the loop: who is ready, who is to ask, what is the time
//!   publisher.rs   posts events to /publish; the text is the moment at which it was posted
//!   listener.rs    one connection of a listener, and its ear:
//!     polling.rs, stream.rs, socket.rs   what it says and hears in its way, down to single events
//!       answer.rs  heads, bodies and chunks of HTTP
//!     event.rs     one event: is it the next one, and is it what was published?
//! ```
//!
//! The publisher is on the same thread and reads the same clock, so a latency needs no two clocks that agree. It counts from just
//! before the request is written until the listener has read the octets that the event ends with.
//!
//! **Invariant:** each listener hears each event once and in order, as it was published, or the run fails. Nobody connects again.

mod answer;
mod audience;
mod event;
mod listener;
mod polling;
mod publisher;
mod socket;
mod stream;

use std::time::Duration;

use hdrhistogram::Histogram;

pub use audience::Audience;

/// How a listener hears of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It asks, and asks again so long after it has asked.
    ShortPoll {
        every: Duration,
    },
    /// It asks, is answered when there is something, or after `wait`, and asks again.
    LongPoll {
        wait: Duration,
    },
    /// Server-sent events.
    Stream,
    /// One answer that does not end, with a line for each event.
    Lines,
    WebSocket,
}

/// What is published while a run lasts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Events a second.
    pub rate: f64,
    /// So many of them at one time.
    pub burst: u32,
    /// Octets of the text of each: at least [`LEAST_TEXT`].
    pub text: usize,
}

/// Room for the moment at which an event was published.
pub const LEAST_TEXT: usize = 24;

/// What came of a run. What is counted here, the publisher has no part in.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Within the window.
    pub counts: Counts,
    /// Of the whole run.
    pub counts_in_all: Counts,
    /// From publishing to hearing, in nanoseconds, of the events that were published within the window.
    pub latency: Histogram<u64>,
    /// The window as it was.
    pub elapsed: Duration,
    /// CPU time of the listeners and the publisher within it.
    pub busy: Duration,
}

impl Heard {
    /// The share of its core that this thread was busy.
    pub fn busy_share(&self) -> f64 {
        self.busy.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// What listeners said and heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events heard, each by each listener.
    pub deliveries: u64,
    pub requests: u64,
    /// Octets of their connections, without the headers of TCP and IP.
    pub received: u64,
    pub sent: u64,
}

impl Counts {
    fn since(&self, before: &Counts) -> Counts {
        Counts {
            deliveries: self.deliveries - before.deliveries,
            requests: self.requests - before.requests,
            received: self.received - before.received,
            sent: self.sent - before.sent,
        }
    }
}

/// How long one event took to reach all.
#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    /// The first listener, and the last one.
    pub first: Duration,
    pub last: Duration,
    /// CPU time of this thread meanwhile.
    pub busy: Duration,
}
