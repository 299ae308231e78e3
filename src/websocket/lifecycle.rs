//! The life of a WebSocket, as a table.
//!
//! A connection is always in one of three stages:
//!
//! | stage | what was said | waits for | deadline |
//! |---|---|---|---|
//! | Open | neither side has closed | what the conversation waits for | the conversation's; the next ping; the end of the peer's silence |
//! | Closing | our close frame | the peer's, or its FIN | [`close`](super::WebSocketLimits::close) after ours was said |
//! | Over | all | nothing | |
//!
//! | stage \ event | data frame | ping | pong | close frame | what is [not allowed](super::ErrorKind) |
//! |---|---|---|---|---|---|
//! | Open | to the message; whole: told | a pong | (the peer lives) | the same code back, `closing`, Over | its code is said, `closing` with it, Over |
//! | Closing | thrown away | (no answer) | | `closing` with the peer's code, Over | `closing` with its code, Over |
//!
//! | stage \ event | FIN | stopping | the conversation closes | deadline |
//! |---|---|---|---|---|
//! | Open | `closing` with 1006, Over | told; then 1001 is said, Closing, unless it closed itself | its code is said, Closing | told to whom it belongs: the conversation; or a ping; or too long a silence: `closing` with 1006, reset |
//! | Closing | `closing` with 1006, Over | told | (nothing) | `closing` with 1006, Over |
//!
//! - **`closing` is told once**, in every life that has begun, before [`Closed`](crate::Event::Closed), whatever ends it.
//! - **Nothing is said after our close frame** (section 5.5.1): what the conversation says then is thrown away, and so are pongs.
//! - **The server closes TCP first** (section 7.1.1), as soon as both close frames are there or none is to be expected: Over means
//!   that what is unsent goes out, then FIN, and the peer is heard out for a moment.
//! - **A conversation that is closing hears no messages** of other protocols any more: they go back to their senders.
//! - **Pongs are bounded.** As many pings are answered as the peer takes answers. While more than
//!   [`SEND_LOW_OCTETS`](crate::limits::SEND_LOW_OCTETS) are unsent, only the latest ping is remembered (section 5.5.3), and
//!   answered when there is room.
//! - **Silence counts only while we listen.** Where the conversation ignores its peer, or the peer has so much to take that it is
//!   not read, nothing can be heard of it; one that takes nothing is cut off by
//!   [another limit](crate::limits::ServeLimits::send_grace).

use crate::time::Time;

/// Every way from one stage to another: from where, on what, to where. No other is ever taken ([`Stage::enter`]), and the picture in
/// the book is drawn from this list.
pub(super) const WAYS: &[(&str, &str, &str)] = &[
    ("Open", "we close: the conversation wants to, or the server stops", "Closing"),
    ("Open", "the peer's close frame, which is answered", "Over"),
    ("Open", "what is not allowed: its code is said", "Over"),
    ("Open", "FIN, or too long a silence: nothing is said", "Over"),
    ("Closing", "the peer's close frame, or what is not allowed", "Over"),
    ("Closing", "FIN, or the deadline", "Over"),
];

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// Until then.
    Closing(Time),
    Over,
}

impl Stage {
    /// From one stage to the next, by one of the [`WAYS`].
    #[inline]
    pub(super) fn enter(&mut self, next: Stage) {
        debug_assert!(self.has_way_to(next), "there is no way from {} to {} in `WAYS`", self.name(), next.name());
        *self = next;
    }

    /// To stay is no way.
    fn has_way_to(self, next: Stage) -> bool {
        self.name() == next.name() || WAYS.iter().any(|(from, _, to)| (*from, *to) == (self.name(), next.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Stage::Open => "Open",
            Stage::Closing(_) => "Closing",
            Stage::Over => "Over",
        }
    }
}
