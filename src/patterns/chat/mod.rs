//! People in a room: who joins is told who is there, and everybody hears who joins, who leaves and who says what.
//!
//! ```text
// ANCHOR: picture
//! browser ──> GET /ws?name=ada ──> Door: HTTP, until the handshake
//!                                    │ upgrade
//! browser <── frames ───────────── Guest ── Enter, Say, Leave ─> Room
//!                                    ^                             │ one frame,
//!                                    │                             │ shared
//!                                    └─────── Frame ───────────────┴─> every other Guest
// ANCHOR_END: picture
//! ```
//!
//! HTTP answers; it does not call. A server that has something to say to somebody who has not asked needs a connection on which both
//! speak when they like, and a protocol that waits for two things at once: for what its peer says, and for what the others say. That
//! is the one row of the [interest](crate::Interest)'s table in which the models differ most: blocking and the pool need a second
//! thread for it, epoll and io_uring another bit.
//!
//! The room is the service's [founder](crate::Service::founder): it knows the guests by the names of their connections and nothing
//! else, whichever loop they live in. What is said is made into a WebSocket frame once, and all who hear it share its octets.
//!
//! **Back-pressure.** A guest that has said something is not read until the room has passed it on, so nobody can pile up words in
//! the room faster than it speaks. A guest that does not take what it is told is let wait with up to
//! [`ChatSettings::bound`] octets; one octet more, and it is shown out with 1013: in a chat, a line left out would be a lie. The
//! same bound is for what waits in the room itself, because the loop in which the guest lives is behind and takes no more mail.
//!
//! | target | what it is |
//! |---|---|
//! | `GET /` | a page to chat with |
//! | `GET /ws?name=NAME` | the WebSocket: text in is what NAME says; JSON out, see below. 400 for a name that is not fit, 409 for one that is taken, 403 to pages of other servers |
//! | `GET /members` | who is here: `{"members":["ada"]}` |
//!
//! | message | when |
//! |---|---|
//! | `{"type":"welcome","members":[…]}` | first; the members are those who are here, the newcomer among them |
//! | `{"type":"joined","name":…}` | somebody else has come |
//! | `{"type":"said","name":…,"text":…}` | somebody has said something; who said it hears it too |
//! | `{"type":"left","name":…}` | somebody has gone |

mod door;
mod guest;
mod in_order;
mod name;
mod room;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::either::Either;
use crate::http1::{Http, Http1};
use crate::protocol::Service;
use crate::time::Now;

pub use door::Door;
pub use guest::{Guest, NAME_TAKEN};
pub use room::Room;

/// The longest name, in characters.
pub const NAME_CHARACTERS: usize = 32;

/// The longest thing that can be said at once: 16 KiB.
pub const SAID_OCTETS: usize = 16 << 10;

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatSettings {
    /// How many octets may wait for a guest: in its connection, and as many in the room while its loop takes no more mail.
    pub bound: usize,
    /// How often a guest that is silent is asked for a sign of life.
    pub ping_every: Duration,
}

impl Default for ChatSettings {
    /// 256 KiB, and 15 s.
    fn default() -> Self {
        ChatSettings { bound: 256 << 10, ping_every: Duration::from_secs(15) }
    }
}

/// A server with one room.
pub struct Chat {
    http: Http,
    shared: Arc<Shared>,
}

/// What all its connections share.
struct Shared {
    settings: ChatSettings,
    figures: Figures,
}

#[derive(Default)]
struct Figures {
    joined: AtomicU64,
    said: AtomicU64,
    heard: AtomicU64,
    shown_out: AtomicU64,
}

impl Chat {
    /// With these bounds.
    pub fn new(http: Http, settings: ChatSettings) -> Chat {
        Chat { http, shared: Arc::new(Shared { settings, figures: Figures::default() }) }
    }

    /// Guests that have come so far.
    pub fn joined(&self) -> u64 {
        self.shared.figures.joined.load(Ordering::Relaxed)
    }

    /// What they have said.
    pub fn said(&self) -> u64 {
        self.shared.figures.said.load(Ordering::Relaxed)
    }

    /// How often it was passed on to somebody.
    pub fn heard(&self) -> u64 {
        self.shared.figures.heard.load(Ordering::Relaxed)
    }

    /// Guests that were shown out because they did not take what they were told.
    pub fn shown_out(&self) -> u64 {
        self.shared.figures.shown_out.load(Ordering::Relaxed)
    }
}

impl Service for Chat {
    type Protocol = Either<Http1<Door>, Room>;

    fn accept(&self, now: Now) -> Option<Self::Protocol> {
        Some(Either::Left(self.http.connection(Door::new(&self.shared), now)))
    }

    fn refusal(&self, now: Now) -> Vec<u8> {
        self.http.refusal(now)
    }

    fn founder(&self) -> Option<Note> {
        Some(Note(What::Room))
    }

    fn grow(&self, seed: Note, _: Now) -> Result<Self::Protocol, Note> {
        match seed.0 {
            What::Room => Ok(Either::Right(Room::new(&self.shared))),
            _ => Err(seed),
        }
    }
}

/// What guests, doors and the room tell each other.
#[derive(Debug)]
pub struct Note(What);

#[derive(Debug)]
enum What {
    /// The room grows out of it.
    Room,
    // To the room.
    Enter {
        name: String,
    },
    Say {
        text: String,
    },
    Leave,
    /// Who is here?
    Ask,
    /// Would somebody of this name be let in?
    IsFree {
        name: String,
    },
    // From the room.
    /// A frame for the guest's peer; the first has number 0.
    Frame {
        number: u64,
        frame: Bytes,
    },
    /// The guest's own word has been passed on to all.
    Passed,
    /// Nobody has the name that was asked for.
    Free,
    /// Somebody else has the name.
    Taken,
    /// Whoever has gone cannot be told it: that is all.
    AreYouThere,
    /// The guest was shown out: more was kept for it than may be.
    TooSlow,
    /// The answer to `Ask`, in JSON.
    Members(String),
}
