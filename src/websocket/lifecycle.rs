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

use crate::lifecycle::{Lifecycle, Way};
use crate::time::Time;

/// Every way from one stage to another, and no other ([`Lifecycle`]). The picture in the book is drawn from this list.
const WAYS: &[Way] = &[
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

impl Lifecycle for Stage {
    const WAYS: &'static [Way] = WAYS;

    fn name(&self) -> &'static str {
        match self {
            Stage::Open => "Open",
            Stage::Closing(_) => "Closing",
            Stage::Over => "Over",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::connection::Connection;
    use crate::identity::Common;
    use crate::lifecycle::taken;
    use crate::limits::ServeLimits;
    use crate::time::Now;
    use crate::websocket::{Conversation, Socket, WebSocket, WebSocketLimits};

    struct Silent;

    impl Conversation for Silent {
        type Message = Infallible;

        fn text(&mut self, _: &str, _: &mut Socket<'_, '_, Infallible>) {}

        fn binary(&mut self, _: &[u8], _: &mut Socket<'_, '_, Infallible>) {}
    }

    const NOW: Now = Now { at: Time::from_nanos(0), unix_seconds: 0 };

    fn live(happens: impl FnOnce(&mut Connection<WebSocket<Silent>>)) {
        let common = Common::new(0, ServeLimits::default(), 0);
        let mut connection = Connection::accepted(WebSocket::new(Silent, WebSocketLimits::default()), &common, NOW);
        happens(&mut connection);
    }

    #[test]
    fn every_way_is_taken() {
        live(|connection| connection.peer_finished(NOW));
        live(|connection| {
            connection.stopping(NOW);
            connection.peer_finished(NOW);
        });
        taken::assert_all::<Stage>();
    }

    /// It is not as if we had closed, and the peer had answered.
    #[test]
    fn who_answers_a_close_frame_waits_for_no_other() {
        let (close, forbidden) = ([0x88, 0x80, 0, 0, 0, 0], [0x88, 0x00]);
        for frame in [close.as_slice(), &forbidden] {
            live(|connection| connection.received(frame, NOW));
            assert_eq!(taken::ways::<Stage>(), [("Open", "Over")].into());
        }
    }
}
