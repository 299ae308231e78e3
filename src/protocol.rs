//! The second contract: what is said on one connection, without a socket, a clock or a thread.
//!
//! A [`Service`] meets every newcomer with a [`Protocol`]: a state machine that hears octets and events, says octets and asks
//! for things through its [`Context`], and after each of them answers one question: what are you waiting for now? The answer,
//! [`Interest`], is all that a model ever learns about a protocol, and the models differ in nothing but how they wait for it.
//!
//! | interest | blocking | epoll | io_uring | pool | simulated |
//! |---|---|---|---|---|---|
//! | [`Peer::Bytes`] | `read(2)` here | readable | a multishot receive is armed | a worker sits in `read(2)` | a *hear* move |
//! | with a deadline | `SO_RCVTIMEO` | timeout of `epoll_wait(2)` | timeout of `io_uring_enter(2)` | timeout of the channel | time may jump |
//! | [`Peer::HangUp`] | `poll(2)` for `POLLRDHUP` | `EPOLLRDHUP` | a poll is in flight | one worker watches them all | a *hang up* move |
//! | messages | whoever sends locks and tells | told between events | told between completions | told between reports | a *deliver* move |
//! | bytes and messages | a second thread | the same one | the same one | the same two | both moves |
//! | output unsent | `write(2)` here | writable | a send is in flight | a worker sits in `write(2)` | a *speak* move |
//! | a connection of its own | `connect(2)` here | writable | a connect is in flight | a worker sits in `connect(2)` | a *connect* move |
//! | a file | `pread(2)` here | [at once, or a stall](crate::models::epoll) | a read is in flight | a worker sits in `pread(2)` | a *finish* move |
//! | over | send, hang up | send, hang up | hang up once the kernel has let go of the buffers | once the workers have returned | over |
//!
//! What a protocol does, and what it hears of it ([`Context`] has the verbs):
//!
//! | verb | its answer |
//! |---|---|
//! | `write`, `send`, `append` | [`Event::Room`], once below the low mark |
//! | `message(to, m)` | their [`Event::Message`], or [`Event::Returned`] |
//! | `spawn(seed)`, `connect(address, seed)` | the new one's [`Event::Begun`]; [`Event::Returned`] if the service makes none of the seed |
//! | `file(op)` | [`Event::File`] |
//! | `finish()` | FIN after the last octet; [`Event::PeerFinished`] follows the peer's |
//! | `abort()` | a reset, and [`Event::Closed`] |
//!
//! **Invariant:** nothing here touches a socket, a file, a thread or a clock.

use std::convert::Infallible;
use std::io;

use crate::context::{Context, Why};
use crate::directory::Directory;
use crate::file_op::{FileDone, FileTicket};
use crate::identity::ConnectionId;
use crate::time::{Now, Time};

/// Meets newcomers. One service is shared by every connection of every thread.
pub trait Service: Send + Sync {
    /// What it gives each of them.
    type Protocol: Protocol;

    /// A protocol for a new connection, or `None` to turn it away.
    fn accept(&self, now: Now) -> Option<Self::Protocol>;

    /// The last words to a connection that is turned away, at the limit or by [`accept`](Self::accept). They should be
    /// short: if the kernel does not take them at once, the connection is reset.
    fn refusal(&self, now: Now) -> Vec<u8> {
        let _ = now;
        Vec::new()
    }

    /// The protocol that grows out of a seed, by [`Context::spawn`] or [`Context::connect`]. One who makes nothing of it gives
    /// it back.
    fn grow(&self, seed: MessageOf<Self>, now: Now) -> Result<Self::Protocol, MessageOf<Self>> {
        let _ = now;
        Err(seed)
    }

    /// The seed of one who is there before anybody comes, in the first loop, and whom everybody can tell something under the name
    /// [`ConnectionId::FOUNDER`]: where protocols meet who do not know each other. It hears [`Event::Stopping`] like all others,
    /// and should end when nobody needs it any more. It counts among those who were spawned.
    ///
    /// A service that [makes](Self::grow) nothing of its own seed is a bug, and the loop panics.
    fn founder(&self) -> Option<MessageOf<Self>> {
        None
    }

    /// Beneath it are the paths of [`FileOp`](crate::FileOp)s. Without one they fail.
    fn directory(&self) -> Option<&Directory> {
        None
    }
}

/// What the protocols of a service tell each other.
pub type MessageOf<S> = <<S as Service>::Protocol as Protocol>::Message;

// ANCHOR: protocol
/// What is said on one connection, or done without one.
pub trait Protocol: Send + Sized + 'static {
    /// What other protocols of the service may tell it, and what they grow out of. [`Infallible`] for none.
    type Message: Send + 'static;

    /// Hears `input`, the octets that have arrived and were not consumed yet, and returns how many it consumes.
    ///
    /// It is called again with the rest for as long as it consumes any; 0 means that it needs more, and the same octets come
    /// again with more behind them or after another event.
    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Self::Message>) -> usize;

    /// Hears what is not octets.
    fn event(&mut self, event: Event<Self::Message>, cx: &mut Context<'_, Self::Message>);

    /// What it waits for: a function of its state, never of its history. `None` once all is said: what is unsent goes out, and
    /// the connection ends.
    fn interest(&self) -> Option<Interest>;
}
// ANCHOR_END: protocol

// ANCHOR: interest
/// What a protocol waits for. What it has asked for (a file operation, a connection) need not be named: that comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// From its peer.
    pub peer: Peer,
    /// To hear [`Event::Message`]. Those that come meanwhile wait, up to
    /// [`MAILBOX_MESSAGES`](crate::limits::MAILBOX_MESSAGES).
    pub messages: bool,
    /// To hear [`Event::Room`] when the output has drained below [the low mark](crate::limits::SEND_LOW_OCTETS).
    pub room: bool,
    /// To hear [`Event::Deadline`] at this time. A deadline that stays as it was after that has been told is a bug of the
    /// protocol, and ends the connection.
    pub deadline: Option<Time>,
}

/// What a protocol wants of its peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// Nothing now. Its octets wait in the kernel, and so does the news of its end.
    #[default]
    Ignore,
    /// Not its octets, which wait in the kernel, but the news that it has gone.
    HangUp,
    /// Its octets, or the news that it has finished.
    Bytes,
}
// ANCHOR_END: interest

/// What a protocol hears beside octets.
#[derive(Debug)]
pub enum Event<M = Infallible> {
    /// The first thing it hears: it has been accepted or spawned, or the connection it was made for is there, or failed. After
    /// a failure there is no peer, as if it had been spawned. (Only [`Deadline`](Self::Deadline) and
    /// [`Stopping`](Self::Stopping) may come earlier, while a connection is being made, and what comes of that which it asks
    /// for then.)
    Begun(io::Result<()>),
    /// The peer will say no more (it sent FIN); it may still listen. All its octets were shown before.
    PeerFinished,
    /// The peer will say no more, or has gone altogether; octets of it may be unread. Told once, to who waits for
    /// [`Peer::HangUp`].
    HangUp,
    /// The output has drained below the low mark.
    Room,
    /// The deadline of the interest has come.
    Deadline,
    /// Somebody tells it something. Messages from one come in the order in which they were sent, each at most once.
    Message(ConnectionId, M),
    /// A message (or a seed) that could not be delivered to, or made into, the one named.
    Returned(ConnectionId, M, Why),
    /// A file operation is done.
    File(FileTicket, io::Result<FileDone>),
    /// The server is shutting down: end if idle, finish what is under way and then end if not. Who is born after that is told
    /// at once.
    Stopping,
    /// The last thing it hears, however it ends: there is nobody to speak to any more but other protocols. Only a protocol that
    /// panicked hears nothing.
    Closed(Close),
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// All was said.
    Done,
    /// The protocol aborted it.
    Aborted,
    /// The kernel reported an error: the peer has gone.
    Failed,
    /// The protocol left more than [`TAIL_OCTETS`](crate::limits::TAIL_OCTETS) of input unconsumed.
    TailLimit,
    /// The protocol had said more than [`SEND_LIMIT_OCTETS`](crate::limits::SEND_LIMIT_OCTETS) that were not sent.
    SendLimit,
    /// The peer has not taken what was said to it [fast enough](crate::limits::ServeLimits).
    Unheard,
    /// The protocol waited for nothing that could come.
    Stuck,
    /// The protocol panicked.
    Panicked,
    /// It had not ended when the drain limit was reached.
    Drained,
}
