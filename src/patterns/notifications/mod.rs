//! Notifications: one [feed](super::feed), and five ways to hear of it over HTTP.
//!
//! | way | who waits, and where | a message costs | without news it costs | file |
//! |---|---|---|---|---|
//! | short poll | nobody: the client comes back | a request | a request each time | `polling.rs` |
//! | long poll | the request, parked | a request | a request each time limit | `polling.rs` |
//! | server-sent events | the answer, which does not end | its octets, and some 40 for the fields | 2 octets each heartbeat, 7 with their chunk | `server_sent_events.rs` |
//! | lines in chunks | the same | its octets and a line end | 1 octet each heartbeat, 6 with its chunk | `lines.rs` |
//! | WebSocket | the connection, both ways | its octets, and 2 to 10 for the frame | a ping and a pong each heartbeat | `push.rs` |
//!
//! ```text
//! curl -d 'hello' 'http://127.0.0.1:8080/publish?topic=greetings'     {"id":"784111777-1"}
//! curl 'http://127.0.0.1:8080/events?after=0'                         {"events":[...],"next":"784111777-1","resync":false}
//! curl 'http://127.0.0.1:8080/events?after=784111777-1&wait=30000'    waits for the next one
//! curl -N 'http://127.0.0.1:8080/stream?after=0'                      server-sent events
//! curl -N 'http://127.0.0.1:8080/lines?after=0'                       a line for each
//! curl 'http://127.0.0.1:8080/stats'
//! ```
//!
//! Every way begins from the same cursor, the id of an event, and promises the same: what came after it, in order, each once; or
//! it says *resync*, because the history does not reach back that far.

mod front;
mod lines;
mod parameters;
mod polling;
mod publishing;
mod push;
mod server_sent_events;
mod streaming;

use std::sync::Arc;
use std::time::Duration;

pub use super::long_polling::Naive;
pub use front::Front;
pub use polling::MOST_OCTETS;
pub use publishing::{LEAST_BOUND, LONGEST_TEXT, LONGEST_TOPIC};
pub use push::Push;

use super::feed::{Counters, Figures, Hub, News, Retention, Slow};
use crate::either::Either;
use crate::http1::{Http, Http1};
use crate::protocol::Service;
use crate::time::Now;

/// How it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is kept for those who come late.
    pub retention: Retention,
    /// How slow a client may be. Where the bound is less than [`LEAST_BOUND`], there are events that are not sent to those who follow.
    pub slow: Slow,
    /// After so long without news something is said to a client that follows. Less than a millisecond is taken for one, and more than a
    /// day for a day.
    pub heartbeat: Duration,
    /// How *not* to wait in a long poll, to measure it.
    pub naive: Naive,
}

impl Default for Settings {
    /// A heartbeat every 15 s, as the WHATWG HTML standard recommends (section 9.2.7), and polls that are parked well.
    fn default() -> Self {
        let heartbeat = Duration::from_secs(15);
        Settings { retention: Retention::default(), slow: Slow::default(), heartbeat, naive: Naive::None }
    }
}

/// What all connections have in common.
pub(in crate::patterns) struct Shared {
    settings: Settings,
    counters: Arc<Counters>,
}

/// The service: HTTP in front, and the hub behind it.
pub struct Notifications {
    http: Http,
    shared: Arc<Shared>,
}

impl Notifications {
    /// With these settings.
    pub fn new(http: Http, settings: Settings) -> Notifications {
        let heartbeat = settings.heartbeat.clamp(Duration::from_millis(1), Duration::from_secs(24 * 60 * 60));
        let shared = Shared { settings: Settings { heartbeat, ..settings }, counters: Arc::default() };
        Notifications { http, shared: Arc::new(shared) }
    }

    /// What was done so far.
    pub fn figures(&self) -> Figures {
        self.shared.counters.figures()
    }

    /// [`Http::requests`].
    pub fn requests(&self) -> u64 {
        self.http.requests()
    }
}

impl Service for Notifications {
    type Protocol = Either<Http1<Front>, Hub>;

    fn accept(&self, now: Now) -> Option<Self::Protocol> {
        Some(Either::Left(self.http.connection(Front::new(Arc::clone(&self.shared)), now)))
    }

    fn refusal(&self, now: Now) -> Vec<u8> {
        self.http.refusal(now)
    }

    fn grow(&self, seed: News, _: Now) -> Result<Self::Protocol, News> {
        match seed {
            News::Seed => Ok(Either::Right(Hub::new(self.shared.settings.retention, Arc::clone(&self.shared.counters)))),
            _ => Err(seed),
        }
    }

    fn founder(&self) -> Option<News> {
        Some(News::Seed)
    }
}
