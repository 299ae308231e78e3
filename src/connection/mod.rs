//! One connection, whoever waits for it: the rules between a protocol and a model.
//!
//! A model is a driver of `Connection`s. It tells each what happened (octets came, octets went, time passed, a message or a file
//! came) and then asks what it [needs](Connection::needs). Everything that must be so on every model is here, once:
//!
//! - a protocol is shown input for as long as it consumes it; what it leaves is kept and shown again with more behind it;
//! - from [`SEND_HIGH_OCTETS`](crate::limits::SEND_HIGH_OCTETS) of unsent output on nothing is shown and nothing read, below [`SEND_LOW_OCTETS`](crate::limits::SEND_LOW_OCTETS) it goes on;
//! - the peer's FIN is told after the peer's last octet, and only to a protocol that listens;
//! - octets before deadlines: a deadline is checked after what has arrived was shown;
//! - messages are told in the order in which they came; those a protocol does not want yet wait, and what has waited when it
//!   ends, or finds no place, goes back to its sender;
//! - a peer that does not take what is said to it [fast enough](crate::limits::ServeLimits) is cut off;
//! - the end is orderly: what is unsent goes out and file operations are done, then FIN, then the peer is heard out for
//!   [`LINGER`](crate::limits::LINGER) unless it has finished too, whatever it has promised: a single octet unread when the socket is closed makes the
//!   close a reset;
//! - a protocol that waits for nothing that can come is ended, as [`Close::Stuck`]; one that panics, as [`Close::Panicked`].
//!
//! A protocol that was [spawned](crate::Context::spawn) has a `Connection` too. It only lacks the socket.
//!
//! **Invariant:** no sockets, files, threads or clocks here.

mod happenings;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;

use crate::context::{Letter, Mail, Wishes};
use crate::file_op::FileRequest;
use crate::identity::{Common, ConnectionId};
use crate::limits::FILE_OPERATIONS;
use crate::protocol::{Close, Interest, Peer, Protocol};
use crate::send_queue::SendQueue;
use crate::send_watch::SendWatch;
use crate::time::{Now, Time};

/// A protocol, its unconsumed input, its unsent output and its mail.
pub struct Connection<P: Protocol> {
    protocol: P,
    interest: Option<Interest>,
    id: ConnectionId,
    common: Arc<Common>,
    tail: BytesMut,
    queue: SendQueue,
    wishes: Wishes,
    /// From the protocol, for others.
    mail: Mail<P::Message>,
    /// From others, for a protocol that does not want it yet.
    mailbox: VecDeque<Letter<P::Message>>,
    files_under_way: usize,
    link: Link,
    peer: PeerState,
    hang_up: News,
    fin: Fin,
    stage: Stage,
    /// The output has risen above the high mark and not fallen below the low one since.
    paused: bool,
    watch: SendWatch,
    /// The peer seems too slow, but only the kernel knows how much it has taken of what is lent: no more goes out before that
    /// is judged.
    recall: bool,
    /// It has been told that the server is shutting down.
    is_stopping: bool,
    octets_copied: u64,
}

// ANCHOR: needs
/// What a connection needs from its model now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Read from the peer.
    pub read: bool,
    /// Do not read, but call [`Connection::hung_up`] when the peer has finished or gone.
    pub hang_up: bool,
    /// Send from [`Connection::queue`].
    pub write: bool,
    /// See to it that what is lent comes back soon, with the count of what is gone.
    pub recall: bool,
    /// Call [`Connection::time`] at this time.
    pub deadline: Option<Time>,
    /// It is about to end.
    pub end: Option<End>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Send FIN (`shutdown(2)`), then call [`Connection::finished`].
    Finish,
    /// Close it.
    Close,
    /// Close it with a reset.
    Reset,
}
// ANCHOR_END: needs

/// What carries it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Connecting,
    Up,
    /// It was spawned, or the connection could not be made.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PeerState {
    Speaking,
    /// FIN has arrived; the protocol may not have been told yet.
    Finished,
    Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    Come,
    Told,
}

/// Our own FIN.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fin {
    Unsaid,
    /// It goes behind the last octet.
    Said,
    Sent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The protocol is over; its last words are going out.
    Flushing,
    /// FIN is sent; the peer's words are read and thrown away until this time, which each of them moves, but not beyond the last.
    Lingering {
        until: Time,
        last: Time,
    },
    Over(Close),
}

impl<P: Protocol> Connection<P> {
    /// Of a peer that has been accepted.
    pub fn accepted(protocol: P, common: &Arc<Common>, now: Now) -> Self {
        let id = common.name();
        let mut connection = Connection::new(protocol, id, common, Link::Up);
        connection.begin(Ok(()), now);
        connection
    }

    /// Of a protocol that was spawned, or is to be connected: then [`connected`](Self::connected) says how that went.
    pub fn born(protocol: P, id: ConnectionId, to_be_connected: bool, common: &Arc<Common>, now: Now) -> Self {
        let link = if to_be_connected { Link::Connecting } else { Link::None };
        let mut connection = Connection::new(protocol, id, common, link);
        match link {
            Link::Connecting => {
                connection.hear(now, |_, _| ());
                connection.settle(now);
            }
            Link::Up | Link::None => connection.begin(Ok(()), now),
        }
        connection
    }

    fn new(protocol: P, id: ConnectionId, common: &Arc<Common>, link: Link) -> Self {
        Connection {
            protocol,
            interest: None,
            id,
            common: Arc::clone(common),
            tail: BytesMut::new(),
            queue: SendQueue::default(),
            wishes: Wishes { dice: common.dice(id), ..Wishes::default() },
            mail: Mail::default(),
            mailbox: VecDeque::new(),
            files_under_way: 0,
            link,
            peer: PeerState::Speaking,
            hang_up: News::None,
            fin: Fin::Unsaid,
            stage: Stage::Open,
            paused: false,
            watch: SendWatch::default(),
            recall: false,
            is_stopping: false,
            octets_copied: 0,
        }
    }

    /// Its name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Who speaks.
    pub(crate) fn protocol(&self) -> &P {
        &self.protocol
    }

    /// What it needs now.
    // Models ask for one part of it at a time, some of them several times a request: what they do not look at costs nothing if
    // it is not a call.
    #[inline(always)]
    pub fn needs(&self) -> Needs {
        let write = self.link == Link::Up && self.queue.sendable() > 0 && !self.recall;
        let recall = self.recall && self.queue.is_lent();
        let mut needs = Needs { read: false, hang_up: false, write, recall, deadline: None, end: None };
        let patience = if recall {
            None
        } else if self.queue.is_lent() || self.recall {
            self.watch.next(&self.common.limits)
        } else {
            self.watch.until()
        };
        match self.stage {
            Stage::Open => {
                let is_up = self.link == Link::Up && self.peer == PeerState::Speaking;
                needs.read = is_up && self.willing();
                needs.hang_up = is_up && self.wants_of_peer(Peer::HangUp) && self.hang_up == News::None;
                let deadline = self.interest.and_then(|interest| interest.deadline);
                needs.deadline = deadline.into_iter().chain(patience).min();
                if self.link == Link::Up && self.fin == Fin::Said && self.queue.unsent() == 0 {
                    needs.end = Some(End::Finish);
                }
            }
            Stage::Flushing => {
                needs.deadline = patience;
                if self.link != Link::Up || self.queue.unsent() == 0 {
                    let is_heard_out = self.link != Link::Up || self.peer != PeerState::Speaking;
                    let end = if is_heard_out { End::Close } else { End::Finish };
                    needs.end = (!self.has_files_to_do()).then_some(end);
                }
            }
            Stage::Lingering { until, .. } => (needs.read, needs.deadline) = (true, Some(until)),
            Stage::Over(Close::Done | Close::Failed) => (needs.write, needs.end) = (false, Some(End::Close)),
            Stage::Over(_) => (needs.write, needs.end) = (false, Some(End::Reset)),
        }
        needs
    }

    /// The output, for the model to send from. What was sent is told with [`sent`](Self::sent).
    pub fn queue(&mut self) -> &mut SendQueue {
        &mut self.queue
    }

    /// File operations to begin now. Each must be answered with [`file_done`](Self::file_done).
    pub fn take_files(&mut self) -> Vec<FileRequest> {
        let count = self.wishes.files.len().min(FILE_OPERATIONS - self.files_under_way);
        self.files_under_way += count;
        self.wishes.files.drain(..count).collect()
    }

    /// Whether there are any.
    pub fn has_files(&self) -> bool {
        !self.wishes.files.is_empty() && self.files_under_way < FILE_OPERATIONS
    }

    /// What it has for others: protocols to bring into the world, and then letters to deliver, also after it has ended.
    pub fn take_mail(&mut self) -> Mail<P::Message> {
        std::mem::take(&mut self.mail)
    }

    /// Whether there is any.
    pub fn has_mail(&self) -> bool {
        !self.mail.is_empty()
    }

    /// Why it ended, once it has.
    pub fn close(&self) -> Option<Close> {
        match self.stage {
            Stage::Over(close) => Some(close),
            _ => None,
        }
    }

    /// Octets said and not taken by the kernel yet.
    pub fn unsent(&self) -> usize {
        self.queue.unsent()
    }

    /// Octets heard and not consumed yet: at most [`TAIL_OCTETS`](crate::limits::TAIL_OCTETS), and what came after reading was called off.
    pub fn unconsumed(&self) -> usize {
        self.tail.len()
    }

    /// Octets that had to be copied because the protocol could not consume them yet.
    pub fn octets_copied(&self) -> u64 {
        self.octets_copied
    }
}
