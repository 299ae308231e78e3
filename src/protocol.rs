//! The second contract: what is said on one connection, without a socket, a clock or a thread.
//!
//! A [`Service`] meets every newcomer with a [`Protocol`]: a state machine that hears octets and events, says octets through
//! its [`Context`], and after each of them answers one question: what are you waiting for now? The answer, [`Interest`], is
//! all that a model ever learns about a protocol, and the models differ in nothing but how they wait for it.
//!
//! | interest | blocking | epoll | io_uring | pool | simulated |
//! |---|---|---|---|---|---|
//! | [`Peer::Bytes`] | `read(2)` here | readable | a multishot receive is armed | a worker sits in `read(2)` | a *hear* move |
//! | with a deadline | `SO_RCVTIMEO` | timeout of `epoll_wait(2)` | timeout of `io_uring_enter(2)` | timeout of the channel | time may jump |
//! | output unsent | `write(2)` here | writable | a send is in flight | a worker sits in `write(2)` | a *speak* move |
//! | a file | `pread(2)` here | [at once, or a stall](crate::models::epoll) | a read is in flight | a worker sits in `pread(2)` | a *finish* move |
//! | over | send, hang up | send, hang up | hang up once the kernel has let go of the buffers | once the workers have returned | over |
//!
//! **Invariant:** nothing here touches a socket, a file, a thread or a clock.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::read_file::ReadFile;
use crate::send_queue::SendQueue;
use crate::time::{Now, Time};

/// Meets newcomers. One service is shared by every connection of every thread.
pub trait Service: Send + Sync {
    /// What it gives each of them.
    type Protocol: Protocol;

    /// A protocol for a new connection, or `None` to turn it away.
    fn accept(&self, now: Now) -> Option<Self::Protocol>;

    /// The last words to a connection that is turned away, at the limit or by [`accept`](Self::accept).
    fn refusal(&self, now: Now) -> Vec<u8> {
        let _ = now;
        Vec::new()
    }
}

/// What is said on one connection.
pub trait Protocol: Send + Sized + 'static {
    /// Hears `input`, the octets that have arrived and were not consumed yet, and returns how many it consumes.
    ///
    /// It is called again with the rest for as long as it consumes any; 0 means that it needs more, and the same octets come
    /// again with more behind them or after another event.
    fn receive(&mut self, input: &[u8], cx: &mut Context<'_>) -> usize;

    /// Hears what is not octets.
    fn event(&mut self, event: Event, cx: &mut Context<'_>);

    /// What it waits for: a function of its state, never of its history. `None` once all is said: what is unsent goes out, and
    /// the connection ends.
    fn interest(&self) -> Option<Interest>;
}

/// What a protocol waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// From its peer.
    pub peer: Peer,
    /// To hear [`Event::Room`] when the output has drained below [the low mark](crate::limits::SEND_LOW_OCTETS).
    pub room: bool,
    /// To hear [`Event::Deadline`] at this time. A deadline that stays as it was after that has been told is a bug of the
    /// protocol, and ends the connection.
    pub deadline: Option<Time>,
}

/// What a protocol wants of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nothing now. Its octets wait in the kernel, and so does the news of its end.
    Ignore,
    /// Its octets, or the news that it has finished.
    Bytes,
}

/// What a protocol hears beside octets.
#[derive(Debug)]
pub enum Event {
    /// The peer will say no more (it sent FIN); it may still listen. All its octets were shown before.
    PeerFinished,
    /// The output has drained below the low mark.
    Room,
    /// The deadline of the interest has come.
    Deadline,
    /// A file operation is done.
    File(FileTicket, io::Result<Bytes>),
    /// The server is shutting down: end if idle, finish what is under way and then end if not.
    Stopping,
}

/// Tells one file operation of a connection from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileTicket(pub(crate) u32);

/// A read that a protocol has asked for.
pub struct FileRead {
    /// To whom the answer goes.
    pub ticket: FileTicket,
    /// From where.
    pub file: Arc<ReadFile>,
    /// Which octets; fewer come where the file ends inside.
    pub range: Range<u64>,
}

/// What a protocol can do while it hears something.
pub struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) queue: &'a mut SendQueue,
    pub(crate) asked: &'a mut Asked,
}

/// What a protocol has asked for beside output.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) files: Vec<FileRead>,
    pub(crate) files_awaited: u32,
    pub(crate) next_ticket: u32,
    pub(crate) abort: bool,
}

impl Context<'_> {
    /// The time of this turn: the only clock a protocol has.
    pub fn now(&self) -> Time {
        self.now.at
    }

    /// The time of day, in seconds since 1970-01-01 00:00 UTC.
    pub fn unix_seconds(&self) -> u64 {
        self.now.unix_seconds
    }

    /// Says `octets`, as a copy.
    #[inline]
    pub fn write(&mut self, octets: &[u8]) {
        self.queue.write(octets);
    }

    /// Says `octets`, without a copy where they are many.
    pub fn send(&mut self, octets: Bytes) {
        self.queue.send(octets);
    }

    /// Says whatever `write` appends to the buffer it is given.
    #[inline]
    pub fn write_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.queue.write_with(write);
    }

    /// Says a whole buffer, without a copy where it is large.
    pub fn append(&mut self, octets: Vec<u8>) {
        self.queue.append(octets);
    }

    /// Octets said and not yet taken by the kernel.
    pub fn unsent(&self) -> usize {
        self.queue.unsent()
    }

    /// Reads `range` of `file`; the octets come with [`Event::File`].
    pub fn read_file(&mut self, file: Arc<ReadFile>, range: Range<u64>) -> FileTicket {
        let ticket = FileTicket(self.asked.next_ticket);
        self.asked.next_ticket = self.asked.next_ticket.wrapping_add(1);
        self.asked.files_awaited += 1;
        self.asked.files.push(FileRead { ticket, file, range });
        ticket
    }

    /// Ends the connection at once, with a reset: what is unsent is lost, and the peer can tell that its answer was cut short.
    pub fn abort(&mut self) {
        self.asked.abort = true;
    }
}
