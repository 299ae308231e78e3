//! One connection, whoever waits for it: the rules between a protocol and a model.
//!
//! A model is a driver of `Connection`s. It tells each what happened (octets came, octets went, time passed, a message or a file
//! came) and then asks what it [needs](Connection::needs). Everything that must be so on every model is here, once:
//!
//! - a protocol is shown input for as long as it consumes it; what it leaves is kept and shown again with more behind it;
//! - above [`SEND_HIGH_OCTETS`] of unsent output nothing is shown and nothing read, below [`SEND_LOW_OCTETS`] it goes on;
//! - the peer's FIN is told after the peer's last octet, and only to a protocol that listens;
//! - octets before deadlines: a deadline is checked after what has arrived was shown;
//! - messages are told in the order in which they came; those a protocol does not want yet wait, and what has waited when it
//!   ends, or finds no place, goes back to its sender;
//! - a peer that does not take what is said to it [fast enough](crate::limits::ServeLimits) is cut off;
//! - the end is orderly: what is unsent goes out and file operations are done, then FIN, then the peer is heard out for
//!   [`LINGER`] unless it has finished too, whatever it has promised: a single octet unread when the socket is closed makes the
//!   close a reset;
//! - a protocol that waits for nothing that can come is ended, as [`Close::Stuck`]; one that panics, as [`Close::Panicked`].
//!
//! A protocol that was [spawned](Context::spawn) has a `Connection` too. It only lacks the socket.
//!
//! **Invariant:** no sockets, files, threads or clocks here.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Buf, BytesMut};

use crate::context::{Birth, Context, Letter, Mail, Wishes};
use crate::file_op::{FileDone, FileRequest, FileTicket};
use crate::identity::{Common, ConnectionId};
use crate::limits::{
    FILE_OPERATIONS, LINGER, LINGER_IN_ALL, MAILBOX_MESSAGES, SEND_HIGH_OCTETS, SEND_LIMIT_OCTETS, SEND_LOW_OCTETS, TAIL_OCTETS,
};
use crate::protocol::{Event, Interest, Peer, Protocol, Why};
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
    /// The peer seems too slow, but only the kernel knows how much it has taken of what is lent.
    recall: bool,
    octets_copied: u64,
}

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
    /// The protocol had said more than [`SEND_LIMIT_OCTETS`] that were not sent.
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
            Link::Connecting => connection.settle(now),
            Link::Up | Link::None => connection.begin(Ok(()), now),
        }
        connection
    }

    fn new(protocol: P, id: ConnectionId, common: &Arc<Common>, link: Link) -> Self {
        Connection {
            interest: protocol.interest(),
            protocol,
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
    pub fn needs(&self) -> Needs {
        let write = self.link == Link::Up && self.queue.sendable() > 0;
        let recall = self.recall && self.queue.is_lent();
        let mut needs = Needs { read: false, hang_up: false, write, recall, deadline: None, end: None };
        let patience = if recall { None } else { self.watch.until() };
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
                    needs.end = (self.files_under_way == 0 && self.wishes.files.is_empty()).then_some(end);
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
    pub fn take_mail(&mut self) -> (Vec<Birth<P::Message>>, Vec<Letter<P::Message>>) {
        let mail = std::mem::take(&mut self.mail);
        (mail.births, mail.letters)
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

    /// Octets heard and not consumed yet: at most [`TAIL_OCTETS`], and what came after reading was called off.
    pub fn unconsumed(&self) -> usize {
        self.tail.len()
    }

    /// Octets that had to be copied because the protocol could not consume them yet.
    pub fn octets_copied(&self) -> u64 {
        self.octets_copied
    }

    // What happened, told by the model.

    /// The connection that it was born for is there, or failed.
    pub fn connected(&mut self, result: io::Result<()>, now: Now) {
        if self.link != Link::Connecting {
            return;
        }
        self.link = if result.is_ok() { Link::Up } else { Link::None };
        if self.stage == Stage::Open {
            self.begin(result, now);
        }
    }

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
            Stage::Lingering { .. } => self.end(Close::Done, now),
            Stage::Open => self.resume(now),
            Stage::Flushing | Stage::Over(_) => {}
        }
    }

    /// The peer has finished or gone, as [`Needs::hang_up`] asked; what it said before may be unread.
    pub fn hung_up(&mut self, now: Now) {
        if self.hang_up == News::None {
            self.hang_up = News::Come;
            self.resume(now);
        }
    }

    /// The kernel has taken octets from the [queue](Self::queue).
    pub fn sent(&mut self, now: Now) {
        self.recall = false;
        self.watch.look(&self.queue, &self.common.limits, now.at);
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
        if self.watch.until().is_some_and(|until| until <= now.at) {
            if !self.queue.is_lent() {
                return self.end(Close::Unheard, now);
            }
            self.recall = true;
        }
        match self.stage {
            Stage::Open => {
                let Some(deadline) = self.interest.and_then(|interest| interest.deadline) else { return };
                if deadline > now.at {
                    return;
                }
                self.tell(Event::Deadline, now);
                if self.stage == Stage::Open && self.interest.is_some_and(|interest| interest.deadline == Some(deadline)) {
                    self.end(Close::Stuck, now);
                }
                self.resume(now);
            }
            Stage::Lingering { until, .. } if until <= now.at => self.end(Close::Done, now),
            _ => {}
        }
    }

    /// A letter has come. What is handed back goes to its sender.
    #[must_use]
    pub fn deliver(&mut self, letter: Letter<P::Message>, now: Now) -> Option<Letter<P::Message>> {
        if self.stage != Stage::Open {
            return letter.returned(Why::Gone);
        }
        match letter.returned {
            Some(why) => self.tell(Event::Returned(letter.from, letter.message, why), now),
            None if self.mailbox.is_empty() && self.wants_messages() => {
                self.tell(Event::Message(letter.from, letter.message), now);
            }
            None if self.mailbox.len() < MAILBOX_MESSAGES => {
                self.mailbox.push_back(letter);
                return None;
            }
            None => return letter.returned(Why::Full),
        }
        self.resume(now);
        None
    }

    /// A file operation is done.
    pub fn file_done(&mut self, ticket: FileTicket, result: io::Result<FileDone>, now: Now) {
        self.files_under_way -= 1;
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
        self.fin = Fin::Sent;
        match self.stage {
            Stage::Open => self.settle(now),
            Stage::Flushing if self.peer == PeerState::Speaking => self.linger(now),
            Stage::Flushing => self.end(Close::Done, now),
            Stage::Lingering { .. } | Stage::Over(_) => {}
        }
    }

    /// The kernel reported an error.
    pub fn failed(&mut self, now: Now) {
        self.end(Close::Failed, now);
    }

    /// The drain limit was reached.
    pub fn drained(&mut self, now: Now) {
        self.end(Close::Drained, now);
    }

    /// It is about to be closed, as [`End::Close`] asked.
    pub fn closed(&mut self, now: Now) {
        self.end(Close::Done, now);
    }

    // The steps.

    fn begin(&mut self, result: io::Result<()>, now: Now) {
        self.tell(Event::Begun(result), now);
        self.resume(now);
    }

    /// Lets the protocol hear something, and sees what it wants now. `None` if it panicked.
    #[inline]
    fn hear<R>(&mut self, now: Now, hear: impl FnOnce(&mut P, &mut Context<'_, P::Message>) -> R) -> Option<R> {
        let mut lost = SendQueue::default();
        let can_speak = self.link != Link::None && self.fin == Fin::Unsaid && self.stage == Stage::Open;
        let cx = &mut Context {
            now,
            me: self.id,
            common: &self.common,
            queue: if can_speak { &mut self.queue } else { &mut lost },
            wishes: &mut self.wishes,
            mail: &mut self.mail,
        };
        let protocol = &mut self.protocol;
        // It has no invariant that others rely on: after a panic it is not asked anything again.
        let heard = catch_unwind(AssertUnwindSafe(|| (hear(protocol, cx), protocol.interest())));
        let Ok((answer, interest)) = heard else {
            self.end(Close::Panicked, now);
            return None;
        };
        if self.stage == Stage::Open {
            self.interest = interest;
            self.paused |= self.queue.unsent() >= SEND_HIGH_OCTETS;
            if self.wishes.finish && self.fin == Fin::Unsaid {
                self.fin = Fin::Said;
            }
            if self.wishes.abort {
                self.end(Close::Aborted, now);
            } else if self.queue.unsent() > SEND_LIMIT_OCTETS {
                self.end(Close::SendLimit, now);
            }
        }
        Some(answer)
    }

    fn tell(&mut self, event: Event<P::Message>, now: Now) {
        self.hear(now, |protocol, cx| protocol.event(event, cx));
    }

    /// Shows `octets` for as long as they are wanted and consumed; returns how many were.
    fn show(&mut self, octets: &[u8], now: Now) -> usize {
        let mut consumed = 0;
        while consumed < octets.len() && self.stage == Stage::Open && self.willing() {
            match self.hear(now, |protocol, cx| protocol.receive(&octets[consumed..], cx)) {
                Some(count) if count > 0 => consumed += count,
                _ => break,
            }
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

    fn wants_of_peer(&self, wanted: Peer) -> bool {
        self.interest.is_some_and(|interest| interest.peer == wanted)
    }

    fn willing(&self) -> bool {
        self.wants_of_peer(Peer::Bytes) && !self.paused
    }

    fn wants_messages(&self) -> bool {
        self.link != Link::Connecting && self.interest.is_some_and(|interest| interest.messages)
    }

    /// After an event: the state may have changed, so the tail is shown again.
    fn resume(&mut self, now: Now) {
        if !self.tail.is_empty() && self.stage == Stage::Open && self.willing() {
            self.show_tail(now);
        }
        self.settle(now);
    }

    /// Tells the peer's end, room, and mail that has waited, when their turn has come, and sees whether the protocol is over or
    /// stuck.
    fn settle(&mut self, now: Now) {
        let mut is_room_told = false;
        while self.stage == Stage::Open && self.link != Link::Connecting {
            if self.peer == PeerState::Finished && self.willing() {
                self.peer = PeerState::Told;
                self.tell(Event::PeerFinished, now);
            } else if self.knows_of_hang_up() && self.wants_of_peer(Peer::HangUp) {
                self.hang_up = News::Told;
                self.tell(Event::HangUp, now);
            } else if !is_room_told && self.queue.unsent() == 0 && self.interest.is_some_and(|interest| interest.room) {
                is_room_told = true;
                self.tell(Event::Room, now);
            } else if self.wants_messages()
                && let Some(letter) = self.mailbox.pop_front()
            {
                self.tell(Event::Message(letter.from, letter.message), now);
            } else {
                break;
            }
            self.show_tail(now);
        }
        self.watch.look(&self.queue, &self.common.limits, now.at);
        if self.stage != Stage::Open {
            return;
        }
        let Some(interest) = self.interest else { return self.flush(now) };
        // A protocol that is not willing was not shown its tail: what the kernel delivers after it was told to stop is kept, and
        // its buffers bound it. One that is willing has been shown it and has left it.
        if self.tail.len() > TAIL_OCTETS && self.willing() {
            self.end(Close::TailLimit, now);
        } else if !self.something_comes(interest) {
            self.end(Close::Stuck, now);
        }
    }

    /// By the news of it, or because FIN was heard: a receive that was under way when the protocol stopped reading may bring it.
    fn knows_of_hang_up(&self) -> bool {
        match self.hang_up {
            News::None => self.peer != PeerState::Speaking,
            News::Come => true,
            News::Told => false,
        }
    }

    fn something_comes(&self, interest: Interest) -> bool {
        let from_peer = self.link == Link::Up
            && match interest.peer {
                Peer::Ignore => false,
                Peer::HangUp => self.hang_up != News::Told,
                Peer::Bytes => self.peer != PeerState::Told,
            };
        let is_sending = self.link == Link::Up && self.queue.unsent() > 0;
        let files = self.files_under_way > 0 || !self.wishes.files.is_empty();
        from_peer || is_sending || files || interest.deadline.is_some() || interest.messages || self.link == Link::Connecting
    }

    /// The protocol has said all.
    fn flush(&mut self, now: Now) {
        self.stage = Stage::Flushing;
        self.tail = BytesMut::new();
        self.return_mailbox();
        if self.fin == Fin::Sent {
            match self.peer {
                PeerState::Speaking => self.linger(now),
                PeerState::Finished | PeerState::Told => self.end(Close::Done, now),
            }
        }
    }

    fn linger(&mut self, now: Now) {
        self.stage = Stage::Lingering { until: now.at + LINGER, last: now.at + LINGER_IN_ALL };
    }

    fn end(&mut self, close: Close, now: Now) {
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        self.stage = Stage::Over(close);
        self.tail = BytesMut::new();
        self.wishes.files = Vec::new();
        self.return_mailbox();
        if close != Close::Panicked {
            self.tell(Event::Closed(close), now);
            self.wishes.files = Vec::new();
        }
    }

    fn return_mailbox(&mut self) {
        let returned = self.mailbox.drain(..).filter_map(|letter| letter.returned(Why::Gone));
        self.mail.letters.extend(returned);
        self.mailbox = VecDeque::new();
    }
}
