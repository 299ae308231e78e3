//! One connection, whoever waits for it: the rules between a protocol and a model.
//!
//! A model is a driver of `Connection`s. It tells each what happened (octets came, octets went, time passed, a file was read)
//! and then asks what it [needs](Connection::needs). Everything that must be so on every model is here, once:
//!
//! - a protocol is shown input for as long as it consumes it; what it leaves is kept and shown again with more behind it;
//! - above [`SEND_HIGH_OCTETS`] of unsent output nothing is shown and nothing read, below [`SEND_LOW_OCTETS`] it goes on;
//! - the peer's FIN is told after the peer's last octet, and only to a protocol that listens;
//! - octets before deadlines: a deadline is checked after what has arrived was shown;
//! - a peer that takes nothing of what is said to it for [`SEND_STALL`] is cut off;
//! - the end is orderly: what is unsent goes out, then FIN, then the peer is heard out for [`LINGER`] unless it has finished
//!   too, whatever it has promised: a single octet unread when the socket is closed makes the close a reset;
//! - a protocol that waits for nothing that can come is ended, as [`Close::Stuck`].
//!
//! **Invariant:** no sockets, files, threads or clocks here.

use std::io;

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::{LINGER, LINGER_IN_ALL, SEND_HIGH_OCTETS, SEND_LOW_OCTETS, SEND_STALL, TAIL_OCTETS};
use crate::protocol::{Asked, Context, Event, FileRead, FileTicket, Interest, Peer, Protocol};
use crate::send_queue::SendQueue;
use crate::time::{Now, Time};

/// A protocol, its unconsumed input and its unsent output.
pub struct Connection<P> {
    protocol: P,
    interest: Option<Interest>,
    tail: BytesMut,
    queue: SendQueue,
    asked: Asked,
    peer: PeerState,
    stage: Stage,
    /// The output has risen above the high mark and not fallen below the low one since.
    paused: bool,
    /// When the peer has not taken anything for too long.
    stalled: Option<Time>,
    octets_copied: u64,
}

/// What a connection needs from its model now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Read from the peer.
    pub read: bool,
    /// Send from [`Connection::queue`].
    pub write: bool,
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

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// All was said.
    Done,
    /// The protocol aborted it.
    Aborted,
    /// The kernel reported an error: the peer has gone.
    Failed,
    /// The protocol left more than [`TAIL_OCTETS`] of input unconsumed.
    TailLimit,
    /// The peer has taken nothing of what was said to it for [`SEND_STALL`].
    Unheard,
    /// The protocol waited for nothing that could come.
    Stuck,
    /// It had not ended when the drain limit was reached.
    Drained,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PeerState {
    Speaking,
    /// FIN has arrived; the protocol may not have been told yet.
    Finished,
    Told,
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
    /// A connection on which nothing has been said. A protocol that waits for [`Event::Room`] may say something now.
    pub fn new(protocol: P, now: Now) -> Self {
        let mut connection = Connection {
            interest: protocol.interest(),
            protocol,
            tail: BytesMut::new(),
            queue: SendQueue::default(),
            asked: Asked::default(),
            peer: PeerState::Speaking,
            stage: Stage::Open,
            paused: false,
            stalled: None,
            octets_copied: 0,
        };
        connection.settle(now);
        connection
    }

    /// What it needs now.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs { read: false, write: self.queue.sendable() > 0, deadline: None, end: None };
        match self.stage {
            Stage::Open => {
                needs.read = self.willing() && self.peer == PeerState::Speaking;
                let deadline = self.interest.and_then(|interest| interest.deadline);
                needs.deadline = deadline.into_iter().chain(self.stalled).min();
            }
            Stage::Flushing => {
                needs.deadline = self.stalled;
                if self.queue.unsent() == 0 {
                    needs.end = Some(if self.peer == PeerState::Speaking { End::Finish } else { End::Close });
                }
            }
            Stage::Lingering { until, .. } => (needs.read, needs.deadline) = (true, Some(until)),
            Stage::Over(Close::Aborted | Close::TailLimit | Close::Unheard | Close::Stuck | Close::Drained) => {
                (needs.write, needs.end) = (false, Some(End::Reset));
            }
            Stage::Over(_) => (needs.write, needs.end) = (false, Some(End::Close)),
        }
        needs
    }

    /// The output, for the model to send from. What was sent is told with [`sent`](Self::sent).
    pub fn queue(&mut self) -> &mut SendQueue {
        &mut self.queue
    }

    /// The file reads asked for since the last call. Each must be answered with [`file_read`](Self::file_read).
    pub fn take_file_reads(&mut self) -> std::vec::Drain<'_, FileRead> {
        self.asked.files.drain(..)
    }

    /// Whether there are any.
    pub fn has_file_reads(&self) -> bool {
        !self.asked.files.is_empty()
    }

    /// Why it ended, once it has.
    pub fn close(&self) -> Option<Close> {
        match self.stage {
            Stage::Over(close) => Some(close),
            _ => None,
        }
    }

    /// Octets heard and not consumed yet: at most [`TAIL_OCTETS`], and what came after reading was called off.
    pub fn unconsumed(&self) -> usize {
        self.tail.len()
    }

    /// Octets that had to be copied because the protocol could not consume them yet.
    pub fn octets_copied(&self) -> u64 {
        self.octets_copied
    }

    // What happened, told by the model.

    /// Octets have come.
    pub fn received(&mut self, octets: &[u8], now: Now) {
        match &mut self.stage {
            Stage::Open => {}
            Stage::Lingering { until, last } => return *until = (*last).min(now.at + LINGER),
            Stage::Flushing | Stage::Over(_) => return,
        }
        if self.tail.is_empty() {
            let consumed = self.show(octets, now);
            self.keep(&octets[consumed..]);
        } else {
            self.keep(octets);
            self.show_tail(now);
        }
        self.settle(now);
    }

    /// FIN has come.
    pub fn peer_finished(&mut self, now: Now) {
        if self.peer == PeerState::Speaking {
            self.peer = PeerState::Finished;
        }
        match self.stage {
            Stage::Lingering { .. } => self.stage = Stage::Over(Close::Done),
            Stage::Open => self.resume(now),
            Stage::Flushing | Stage::Over(_) => {}
        }
    }

    /// The kernel has taken octets from the [queue](Self::queue).
    pub fn sent(&mut self, now: Now) {
        self.stalled = None;
        self.watch_output(now);
        if self.stage == Stage::Open && self.queue.unsent() < SEND_LOW_OCTETS {
            self.paused = false;
            if self.interest.is_some_and(|interest| interest.room) {
                self.tell(Event::Room, now);
            }
            self.resume(now);
        }
    }

    /// Time has passed.
    pub fn time(&mut self, now: Now) {
        if self.stalled.is_some_and(|stalled| stalled <= now.at) {
            return self.end(Close::Unheard);
        }
        match self.stage {
            Stage::Open => {
                let Some(deadline) = self.interest.and_then(|interest| interest.deadline) else { return };
                if deadline > now.at {
                    return;
                }
                self.tell(Event::Deadline, now);
                if self.interest.is_some_and(|interest| interest.deadline == Some(deadline)) {
                    self.end(Close::Stuck);
                }
                self.resume(now);
            }
            Stage::Lingering { until, .. } if until <= now.at => self.end(Close::Done),
            _ => {}
        }
    }

    /// A file read is done.
    pub fn file_read(&mut self, ticket: FileTicket, result: io::Result<Bytes>, now: Now) {
        self.asked.files_awaited -= 1;
        if self.stage == Stage::Open {
            self.tell(Event::File(ticket, result), now);
            self.resume(now);
        }
    }

    /// The server is shutting down.
    pub fn stopping(&mut self, now: Now) {
        if self.stage == Stage::Open {
            self.tell(Event::Stopping, now);
            self.resume(now);
        }
    }

    /// FIN was sent, as [`End::Finish`] asked.
    pub fn finished(&mut self, now: Now) {
        self.stage = match self.peer {
            PeerState::Speaking => Stage::Lingering { until: now.at + LINGER, last: now.at + LINGER_IN_ALL },
            PeerState::Finished | PeerState::Told => Stage::Over(Close::Done),
        };
    }

    /// The kernel reported an error.
    pub fn failed(&mut self) {
        self.end(Close::Failed);
    }

    /// The drain limit was reached.
    pub fn drained(&mut self) {
        self.end(Close::Drained);
    }

    // The steps.

    fn end(&mut self, close: Close) {
        if !matches!(self.stage, Stage::Over(_)) {
            self.stage = Stage::Over(close);
        }
    }

    fn willing(&self) -> bool {
        self.interest.is_some_and(|interest| interest.peer == Peer::Bytes) && !self.paused
    }

    /// Shows `octets` for as long as they are wanted and consumed; returns how many were.
    fn show(&mut self, octets: &[u8], now: Now) -> usize {
        let mut consumed = 0;
        while consumed < octets.len() && self.stage == Stage::Open && self.willing() {
            let cx = &mut Context { now, queue: &mut self.queue, asked: &mut self.asked };
            let count = self.protocol.receive(&octets[consumed..], cx);
            self.ask();
            if count == 0 {
                break;
            }
            consumed += count;
        }
        consumed
    }

    fn show_tail(&mut self, now: Now) {
        let mut tail = std::mem::take(&mut self.tail);
        let consumed = self.show(&tail, now);
        // What is consumed is passed over and not moved: a long tail is taken in many bites.
        if consumed < tail.len() {
            tail.advance(consumed);
            self.tail = tail;
        }
    }

    fn keep(&mut self, octets: &[u8]) {
        if octets.is_empty() || self.stage != Stage::Open {
            return;
        }
        self.octets_copied += octets.len() as u64;
        self.tail.extend_from_slice(octets);
    }

    fn tell(&mut self, event: Event, now: Now) {
        let cx = &mut Context { now, queue: &mut self.queue, asked: &mut self.asked };
        self.protocol.event(event, cx);
        self.ask();
    }

    fn ask(&mut self) {
        self.interest = self.protocol.interest();
        self.paused |= self.queue.unsent() >= SEND_HIGH_OCTETS;
        if self.asked.abort {
            self.end(Close::Aborted);
        }
    }

    /// The time a peer has to take something runs from when there is something, and again from when it took some.
    fn watch_output(&mut self, now: Now) {
        if self.queue.unsent() > 0 && self.stalled.is_none() {
            self.stalled = Some(now.at + SEND_STALL);
        }
    }

    /// After an event: the state may have changed, so the tail is shown again.
    fn resume(&mut self, now: Now) {
        if !self.tail.is_empty() && self.stage == Stage::Open && self.willing() {
            self.show_tail(now);
        }
        self.settle(now);
    }

    /// Tells the peer's end, and room, when their turn has come, and sees whether the protocol is over or stuck.
    fn settle(&mut self, now: Now) {
        let mut is_room_told = false;
        while self.stage == Stage::Open {
            if self.peer == PeerState::Finished && self.willing() {
                self.peer = PeerState::Told;
                self.tell(Event::PeerFinished, now);
            } else if !is_room_told && self.queue.unsent() == 0 && self.interest.is_some_and(|interest| interest.room) {
                is_room_told = true;
                self.tell(Event::Room, now);
            } else {
                break;
            }
            self.show_tail(now);
        }
        self.watch_output(now);
        if self.stage != Stage::Open {
            return;
        }
        let Some(interest) = self.interest else {
            self.stage = Stage::Flushing;
            self.tail = BytesMut::new();
            return;
        };
        // A protocol that is not willing was not shown its tail: what the kernel delivers after it was told to stop is kept, and
        // its buffers bound it. One that is willing has been shown it and has left it.
        if self.tail.len() > TAIL_OCTETS && self.willing() {
            return self.end(Close::TailLimit);
        }
        let hears_peer = interest.peer == Peer::Bytes && self.peer != PeerState::Told;
        let something_comes = hears_peer || interest.deadline.is_some() || self.queue.sendable() > 0 || self.queue.is_lent();
        if !something_comes && self.asked.files_awaited == 0 {
            self.end(Close::Stuck);
        }
    }
}
