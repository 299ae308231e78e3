//! Every bound of the connection layer, in one place. Protocols have bounds of their own beside them.

use std::time::Duration;

// ANCHOR: a-turn
/// The most octets one read takes from a connection in one turn: 64 KiB and a head before them, so that a request with such a body
/// comes with one call and not with a second for its last few octets. Smaller reads double the cost of 64 KiB bodies;
/// larger ones let one loud peer keep the others waiting.
pub const READ_OCTETS: usize = (64 + 4) << 10;

/// The most connections accepted in one turn, so that a burst of newcomers does not starve those already here.
pub const ACCEPTS_PER_TURN: usize = 64;
// ANCHOR_END: a-turn

/// From so much unsent output on a connection is not read: 256 KiB.
pub const SEND_HIGH_OCTETS: usize = 256 << 10;

/// Below so much unsent output it is read again, and [`Room`](crate::Event::Room) is told: 64 KiB.
pub const SEND_LOW_OCTETS: usize = 64 << 10;

/// The most input a protocol may leave unconsumed while it asks for more: 1 MiB.
pub const TAIL_OCTETS: usize = 1 << 20;

/// How long a peer is listened to after the last word was sent, from its own last word on, so that the unread rest of its words does not reset the
/// connection and destroy that last word on its way (RFC 9112 section 9.6).
pub const LINGER: Duration = Duration::from_secs(1);

/// How long the peer is listened to in all, however much it has still to say.
pub const LINGER_IN_ALL: Duration = Duration::from_secs(10);

/// The most unsent output a connection may have; one whose protocol says more without waiting for [`Room`](crate::Event::Room)
/// is ended: 64 MiB.
pub const SEND_LIMIT_OCTETS: usize = 64 << 20;

/// The most messages that wait for a protocol which does not want to hear any now; further ones come back to their senders.
pub const MAILBOX_MESSAGES: usize = 1024;

/// The most messages on their way from the other loops of a server to one of them.
pub const INBOX_MESSAGES: usize = 65_536;

/// The most file operations of one connection that are under way at one time; the others wait for their turn. In the pool each
/// keeps a thread.
pub const FILE_OPERATIONS: usize = 32;

/// The length of the queue in which the kernel keeps connections that nobody has accepted yet (`listen(2)`). The standard
/// library asks for 128, and each connection beyond it costs its client a second.
pub const LISTEN_BACKLOG: i32 = 4096;

/// The bounds a model keeps while it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// The most connections accepted at one time; a further one is told so and closed. As many protocols may have been spawned
    /// or connected beside them; of a further one the seed comes back.
    pub connections: usize,
    /// How long connections may go on after the shutdown has begun.
    pub drain: Duration,
    /// How long a peer may be behind with taking what is said to it, before it is cut: else one that never reads would hold its
    /// place, and what was said to it, for ever.
    pub send_grace: Duration,
    /// How many octets it must take in a second not to fall behind.
    pub send_rate: u64,
}

/// The most connections of a model that spends threads on each of them, unless told otherwise: 1,024.
pub const THREADED_CONNECTIONS: usize = 1024;

impl Default for ServeLimits {
    /// 16,384 connections, 10 s to drain, 30 s of grace and 1 KiB a second.
    fn default() -> Self {
        let (drain, send_grace) = (Duration::from_secs(10), Duration::from_secs(30));
        ServeLimits { connections: 16_384, drain, send_grace, send_rate: 1024 }
    }
}
