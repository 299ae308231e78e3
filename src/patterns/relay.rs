//! Passes on what it hears: whoever connects to it is connected to somewhere else, and neither side can tell, but by the address.
//!
//! ```text
// ANCHOR: picture
//!             ┌─────────────── one server ────────────────┐
//!             │  inward                          outward  │
//!   client ──>│ receive ──── Octets ───────────> send     │──> upstream
//!             │         <─── Taken: they have gone ───    │
//!   client <──│ send    <─── Octets ──────────── receive  │<── upstream
//!             │         ──── Taken ────────────>          │
//!             └───────────────────────────────────────────┘
// ANCHOR_END: picture
//! ```
//!
//! A connection has two peers here and a protocol has one, so there are two protocols, which tell each other what they hear. They
//! live in the same loop, so a message is no more than an entry in a queue.
//!
//! **Back-pressure.** Each side has a *window*: it may send so many octets to the other before it hears that they have gone, and
//! when the window is used up it does not read. The kernel's buffers fill, and the peer who speaks too fast waits as it would
//! without a relay. A side reports octets as taken when less than [`SEND_LOW_OCTETS`] of its output are unsent: so at most
//! [`HELD_OCTETS`] are here at one time in each direction, on their way or unsent, however slow the reader. That is less than
//! [`SEND_HIGH_OCTETS`](crate::limits::SEND_HIGH_OCTETS), above which a connection is not read: one direction never holds up the
//! other. A message costs at least [`LEAST_COST`] of the window however short it is, else a peer that sends single octets would
//! fill a mailbox with them.
//!
//! **Half-close.** The FIN of one peer becomes a FIN to the other, behind the last octet; the other direction goes on. When both
//! have finished, both sides have said all.
//!
//! **Ends.** Whatever else ends one side (a reset, a peer too slow, the drain limit) resets the other: half a conversation must
//! not look like a whole one. So does an upstream that cannot be reached, or not in time: the client is reset, as it would be
//! refused without a relay. Nothing is read from it before the upstream is there. When the server stops, relays go on until they
//! are done or the drain limit comes.
//!
//! **Invariant:** octets leave in the order in which they came, each once, and FIN behind them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::context::Context;
use crate::identity::ConnectionId;
use crate::limits::SEND_LOW_OCTETS;
use crate::protocol::{Close, Event, Interest, Peer, Protocol, Service};
use crate::time::{Now, Time};

/// What one side may have sent to the other that has not been reported as taken: 128 KiB.
pub const WINDOW_OCTETS: usize = 128 << 10;

/// The most octets of one direction that are here at one time: 192 KiB.
pub const HELD_OCTETS: usize = WINDOW_OCTETS + SEND_LOW_OCTETS;

/// What a message costs at least: 1 KiB, so that no more than 128 are on their way.
pub const LEAST_COST: usize = 1 << 10;

/// Relays every connection to one address.
#[derive(Debug)]
pub struct Relay {
    to: SocketAddr,
    connect_timeout: Duration,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    accepted: AtomicU64,
    unreachable: AtomicU64,
    broken: AtomicU64,
    most_held: AtomicUsize,
}

impl Relay {
    /// To `to`, which must be there within `connect_timeout`.
    pub fn new(to: SocketAddr, connect_timeout: Duration) -> Relay {
        Relay { to, connect_timeout, figures: Arc::default() }
    }

    /// Clients that have come so far.
    pub fn accepted(&self) -> u64 {
        self.figures.accepted.load(Ordering::Relaxed)
    }

    /// Those of them for whom the upstream could not be reached.
    pub fn unreachable(&self) -> u64 {
        self.figures.unreachable.load(Ordering::Relaxed)
    }

    /// Sides that ended before both peers had finished.
    pub fn broken(&self) -> u64 {
        self.figures.broken.load(Ordering::Relaxed)
    }

    /// The most octets that one side had not sent yet at one time: at most [`HELD_OCTETS`].
    pub fn most_held(&self) -> usize {
        self.figures.most_held.load(Ordering::Relaxed)
    }
}

impl Service for Relay {
    type Protocol = Side;

    fn accept(&self, _: Now) -> Option<Side> {
        self.figures.accepted.fetch_add(1, Ordering::Relaxed);
        Some(Side::new(Role::Inward { to: self.to }, None, &self.figures))
    }

    fn grow(&self, seed: Passed, now: Now) -> Result<Side, Passed> {
        match seed.0 {
            What::Seed { inward } => {
                let limit = now.at + self.connect_timeout;
                Ok(Side::new(Role::Outward { limit: Some(limit) }, Some(inward), &self.figures))
            }
            _ => Err(seed),
        }
    }
}

/// One of the two protocols of a relayed connection.
pub struct Side {
    role: Role,
    other: Option<ConnectionId>,
    /// The other side has a peer, and hears of it.
    is_connected: bool,
    /// What may still be sent to the other side.
    window: usize,
    /// What has come from the other side and was not reported as taken yet.
    owed: usize,
    /// FIN of its own peer has come.
    peer_has_finished: bool,
    /// FIN was said to it.
    has_finished: bool,
    has_failed: bool,
    figures: Arc<Figures>,
}

enum Role {
    Inward {
        to: SocketAddr,
    },
    Outward {
        /// When the attempt to connect is given up; `None` once it is there.
        limit: Option<Time>,
    },
}

/// What the two sides tell each other.
#[derive(Debug)]
pub struct Passed(What);

#[derive(Debug)]
// ANCHOR: what
enum What {
    /// The outward side grows out of it.
    Seed {
        inward: ConnectionId,
    },
    /// The upstream is there.
    Connected,
    Octets(Bytes),
    /// Octets, or messages, of this cost have gone.
    Taken(usize),
    Finished,
    /// One side has ended before its time.
    Broken,
}
// ANCHOR_END: what

type Cx<'a> = Context<'a, Passed>;

impl Protocol for Side {
    type Message = Passed;

    // ANCHOR: receive
    fn receive(&mut self, input: &[u8], cx: &mut Cx<'_>) -> usize {
        let count = input.len().min(self.window);
        self.window -= cost(count);
        self.tell(What::Octets(Bytes::copy_from_slice(&input[..count])), cx);
        count
    }
    // ANCHOR_END: receive

    // ANCHOR: event
    fn event(&mut self, event: Event<Passed>, cx: &mut Cx<'_>) {
        match event {
            Event::Begun(result) => self.begin(result, cx),
            Event::Message(_, Passed(what)) => self.hear(what, cx),
            // No window is needed any more by a side that has ended in good order.
            Event::Returned(_, Passed(What::Taken(_)), _) => {}
            Event::Returned(_, Passed(what), _) => {
                if let What::Seed { .. } = what {
                    self.figures.unreachable.fetch_add(1, Ordering::Relaxed);
                }
                cx.abort();
            }
            Event::Room => self.report_taken(cx),
            Event::PeerFinished => {
                self.peer_has_finished = true;
                self.tell(What::Finished, cx);
            }
            Event::Deadline => self.give_up(),
            Event::Closed(close) => self.close(close, cx),
            Event::HangUp | Event::File(..) | Event::Stopping => {}
        }
    }
    // ANCHOR_END: event

    // ANCHOR: interest
    fn interest(&self) -> Option<Interest> {
        if self.has_failed || self.has_finished && self.peer_has_finished {
            return None;
        }
        let listens = self.is_connected && !self.peer_has_finished && self.window >= LEAST_COST;
        let deadline = match self.role {
            Role::Inward { .. } => None,
            Role::Outward { limit } => limit,
        };
        let peer = if listens { Peer::Bytes } else { Peer::Ignore };
        Some(Interest { peer, messages: true, room: self.owed > 0, deadline })
    }
    // ANCHOR_END: interest
}

impl Side {
    fn new(role: Role, other: Option<ConnectionId>, figures: &Arc<Figures>) -> Side {
        Side {
            role,
            other,
            is_connected: false,
            window: WINDOW_OCTETS,
            owed: 0,
            peer_has_finished: false,
            has_finished: false,
            has_failed: false,
            figures: Arc::clone(figures),
        }
    }

    fn begin(&mut self, result: io::Result<()>, cx: &mut Cx<'_>) {
        match &mut self.role {
            Role::Inward { to } => {
                let seed = Passed(What::Seed { inward: cx.me() });
                self.other = Some(cx.connect(*to, seed));
            }
            Role::Outward { .. } if result.is_err() => self.give_up(),
            Role::Outward { limit } => {
                *limit = None;
                self.is_connected = true;
                self.tell(What::Connected, cx);
            }
        }
    }

    /// The upstream cannot be reached; its end tells the other side.
    fn give_up(&mut self) {
        self.has_failed = true;
        self.figures.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    fn hear(&mut self, what: What, cx: &mut Cx<'_>) {
        match what {
            What::Connected => self.is_connected = true,
            // ANCHOR: octets
            What::Octets(octets) => {
                self.owed += cost(octets.len());
                cx.send(octets);
                self.figures.most_held.fetch_max(cx.unsent(), Ordering::Relaxed);
                self.report_taken(cx);
            }
            What::Taken(count) => self.window += count,
            // ANCHOR_END: octets
            What::Finished => {
                self.has_finished = true;
                cx.finish();
            }
            What::Broken => {
                // Of this end nobody has to be told.
                self.other = None;
                cx.abort();
            }
            What::Seed { .. } => {}
        }
    }

    // ANCHOR: taken
    /// The rest is as good as gone: the kernel is behind by no more than it is meant to be.
    fn report_taken(&mut self, cx: &mut Cx<'_>) {
        if self.owed > 0 && cx.unsent() < SEND_LOW_OCTETS {
            let count = std::mem::take(&mut self.owed);
            self.tell(What::Taken(count), cx);
        }
    }
    // ANCHOR_END: taken

    // ANCHOR: close
    fn close(&mut self, close: Close, cx: &mut Cx<'_>) {
        let is_whole = close == Close::Done && self.has_finished && self.peer_has_finished;
        if !is_whole {
            self.figures.broken.fetch_add(1, Ordering::Relaxed);
            self.tell(What::Broken, cx);
        }
    }
    // ANCHOR_END: close

    fn tell(&self, what: What, cx: &mut Cx<'_>) {
        if let Some(other) = self.other {
            cx.message(other, Passed(what));
        }
    }
}

fn cost(octets: usize) -> usize {
    octets.max(LEAST_COST)
}
