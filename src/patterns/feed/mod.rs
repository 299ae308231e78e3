//! The feed: one event, and all who are to hear of it.
//!
//! ```text
//!   publisher ── Publish ──>┌────────────── Hub ──────────────┐── Fresh(entry) ──> follower, follower, follower ...
//!             <─ Numbered ──│  numbers it, encodes it once,   │                    (each with an outbox of its own)
//!                           │  keeps it in a bounded ring     │
//!      poller ── Poll ─────>│                                 │── Page ──> a poller whose least is there
//!             ── Enough ───>│                                 │── Page ──> or whose time limit has come
//!             <──── Page ───│  parked pollers · followers     │
//!    follower ── Follow ───>└─────────────────────────────────┘
//!             <──── Page, and Page ... until it is up to date: from then on Fresh
//! ```
//!
//! The [`Hub`] is a protocol without a socket, and there is one in a server: its [founder](crate::Service::founder). It is told
//! what is published, gives it a number, and tells everybody who wants to know. Nothing is shared but the entries, which do not
//! change any more, and a few [counters](Counters).
//!
//! There are two ways to hear of an event, and everything else is wording:
//!
//! - **poll**: ask for what came after a cursor, and be answered at once, or be *parked* until there is enough. One question, one
//!   answer; the hub holds a few words for each who is parked.
//! - **follow**: be brought up to date page by page, and from then on be told each event as it comes. A client that reads more
//!   slowly than events come has an [`Outbox`] with a hard bound, and a [policy](Policy) for what is beyond it.
//!
//! **Invariant:** who polls from the cursor that the last answer gave, or follows, hears every event after it once and in order,
//! or is told that some are gone for ever (*resync*), or they are counted as dropped or conflated.

mod entry;
mod figures;
mod follower;
mod history;
mod hub;
mod outbox;

use std::sync::Arc;

use crate::identity::ConnectionId;

pub use entry::{Cursor, Entry, NoCursor};
pub use figures::{Counters, Figures};
pub(in crate::patterns) use figures::{count, raise};
pub use follower::{Follower, Output, Verdict, Wording};
pub use history::{History, Page, Retention};
pub use hub::Hub;
pub use outbox::{FRAMING_OCTETS, Outbox, Policy, Slow};

/// Where the hub of a server is found.
pub const HUB: ConnectionId = ConnectionId::FOUNDER;

/// What the hub and its clients tell each other.
#[derive(Debug)]
pub enum News {
    /// The hub grows out of it.
    Seed,

    /// To the hub: an event. It is answered with [`Numbered`](News::Numbered).
    Publish {
        /// Comes back with the answer.
        ticket: Ticket,
        /// What it says.
        text: String,
        /// What it is about.
        topic: Option<String>,
    },
    /// To the hub: what is there after a cursor? It is answered with a [`Page`](News::Page).
    Poll {
        /// Comes back with the answer.
        ticket: Ticket,
        /// From where; from now on without.
        after: Option<Cursor>,
        /// So many octets of events are enough for an answer.
        least: usize,
        /// No more than so many, the commas between them included, but at least one event.
        most: usize,
        /// Wait until there are enough, or until that is [said](News::Enough); else the answer comes at once, with whatever there is.
        park: bool,
    },
    /// To the hub: the poll that is parked under this ticket is to be answered now, with whatever there is. If it is parked no
    /// more, its [`Page`](News::Page) is on its way.
    Enough {
        /// That of the question.
        ticket: Ticket,
    },
    /// To the hub: the next page after a cursor; and if that is the last one, every event from then on.
    Follow {
        /// Comes back with the page.
        ticket: Ticket,
        /// From where; from now on without.
        after: Option<Cursor>,
        /// No more than so many octets, as an [outbox](Outbox) counts them, but at least one event.
        most: usize,
    },
    /// To the hub: the one who says so is neither parked nor follows any more.
    Leave,

    /// From the hub: it has been published under this name.
    Numbered(Ticket, Cursor),
    /// From the hub: what was asked for.
    Page(Ticket, Box<Page>),
    /// From the hub, to all who follow: it has just been published.
    Fresh(Arc<Entry>),
}

/// Tells the answer to one question from the late answer to an earlier one: the number of the request on its connection, and of
/// the question within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket {
    request: u32,
    question: u32,
}

impl Ticket {
    /// Of the next request.
    pub fn next_request(&mut self) -> Ticket {
        *self = Ticket { request: self.request.wrapping_add(1), question: 0 };
        *self
    }

    /// Of the next question of the same request.
    pub fn next_question(&mut self) -> Ticket {
        self.question = self.question.wrapping_add(1);
        *self
    }
}
