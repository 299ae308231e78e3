//! How much of a peer is taken before its connection is closed, and how long is waited for it.

use std::time::Duration;

/// The bounds of one connection. Sizes are inclusive: a message of exactly [`message`](Self::message) octets is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Octets of a message, over all its frames. It is judged by the headers, before the octets come; beyond: 1009.
    pub message: usize,
    /// Frames of a message; beyond: 1008. Empty ones would go on for ever.
    pub fragments: usize,
    /// How long the peer's close frame is waited for once ours was said.
    pub close: Duration,
    /// How often the peer is pinged. One of whom nothing has been heard for [`SILENT_SPANS`] of these is gone, and its connection
    /// is reset: a peer whose machine or network has failed never says so. A header, or a control frame, is heard once it is whole.
    /// Without it nobody is pinged. Less than a millisecond is taken for one.
    pub ping_every: Option<Duration>,
}

/// For so many spans between two pings a peer may be silent.
pub const SILENT_SPANS: u32 = 3;

impl Default for WebSocketLimits {
    /// A message of 1 MiB in 16,384 frames, 5 s for a close frame, no pings.
    fn default() -> Self {
        WebSocketLimits { message: 1 << 20, fragments: 16 << 10, close: Duration::from_secs(5), ping_every: None }
    }
}
