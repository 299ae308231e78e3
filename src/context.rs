//! What a protocol can do while it hears something: its output, its clock and dice, and whatever it asks of others.

use std::convert::Infallible;
use std::mem;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::file_op::{FileId, FileOp, FileRequest, FileTicket, OpenMode};
use crate::identity::{Common, ConnectionId, throw};
use crate::read_file::ReadFile;
use crate::send_queue::SendQueue;
use crate::time::{Now, Time};

/// The verbs of a protocol whose service tells messages of type `M`.
pub struct Context<'a, M = Infallible> {
    pub(crate) now: Now,
    pub(crate) me: ConnectionId,
    pub(crate) common: &'a Common,
    pub(crate) queue: &'a mut SendQueue,
    pub(crate) wishes: &'a mut Wishes,
    pub(crate) mail: &'a mut Mail<M>,
}

/// What a protocol has asked for beside output and mail.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) files: Vec<FileRequest>,
    pub(crate) next_ticket: u32,
    pub(crate) finish: bool,
    pub(crate) abort: bool,
    pub(crate) dice: u64,
}

/// What a protocol has for others. Those it mentions first may be who it writes to.
pub struct Mail<M> {
    /// To be brought into the world.
    pub births: Vec<Birth<M>>,
    /// To be delivered after that, in this order.
    pub letters: Vec<Letter<M>>,
}

/// A message on its way, or on its way back.
#[derive(Debug)]
pub struct Letter<M> {
    pub(crate) from: ConnectionId,
    pub(crate) to: ConnectionId,
    pub(crate) message: M,
    /// It could not be delivered: `from` is whom it was meant for, `to` who sent it.
    pub(crate) returned: Option<Why>,
}

/// Why a message came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The addressee has ended, or never was.
    Gone,
    /// As many messages wait for it already as may.
    Full,
}

/// A protocol that is to be.
#[derive(Debug)]
pub struct Birth<M> {
    pub(crate) parent: ConnectionId,
    pub(crate) id: ConnectionId,
    /// Where it is to be connected to, if it is to have a socket.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) seed: M,
}

impl<M> Context<'_, M> {
    // What there is.

    /// The time of this turn: the only clock a protocol has.
    pub fn now(&self) -> Time {
        self.now.at
    }

    /// The time of day, in seconds since 1970-01-01 00:00 UTC.
    pub fn unix_seconds(&self) -> u64 {
        self.common.told(self.now).unix_seconds
    }

    /// The only dice a protocol has. They are fair, and no secret.
    pub fn random(&mut self) -> u64 {
        throw(&mut self.wishes.dice)
    }

    /// Its own name, for others to tell it something.
    pub fn me(&self) -> ConnectionId {
        self.me
    }

    // Output.

    /// Says `octets`, as a copy.
    #[inline]
    pub fn write(&mut self, octets: &[u8]) {
        if !self.wishes.finish {
            self.queue.write(octets);
        }
    }

    /// Says `octets`, without a copy where they are many.
    pub fn send(&mut self, octets: Bytes) {
        if !self.wishes.finish {
            self.queue.send(octets);
        }
    }

    /// Says whatever `write` appends to the buffer it is given.
    #[inline]
    pub fn write_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.wishes.finish {
            self.queue.write_with(write);
        }
    }

    /// Says a whole buffer, without a copy where it is large.
    pub fn append(&mut self, octets: Vec<u8>) {
        if !self.wishes.finish {
            self.queue.append(octets);
        }
    }

    /// Octets said and not yet taken by the kernel.
    pub fn unsent(&self) -> usize {
        self.queue.unsent()
    }

    /// Says FIN after the last octet. The peer may go on; whatever is said here after this is lost.
    pub fn finish(&mut self) {
        self.wishes.finish = true;
    }

    /// Ends the connection at once, with a reset: what is unsent is lost, and the peer can tell that its answer was cut short.
    pub fn abort(&mut self) {
        self.wishes.abort = true;
    }

    // Others.

    /// Tells another protocol of this server something. If that cannot be, the message [comes back](crate::Event::Returned).
    pub fn message(&mut self, to: ConnectionId, message: M) {
        self.mail.letters.push(Letter { from: self.me, to, message, returned: None });
    }

    /// Brings a protocol into the world that has no peer: a job, a timer, a log. It lives in the same loop.
    pub fn spawn(&mut self, seed: M) -> ConnectionId {
        self.bear(None, seed)
    }

    /// Connects to `address`; what grows out of `seed` speaks there. It may be told messages at once.
    pub fn connect(&mut self, address: SocketAddr, seed: M) -> ConnectionId {
        self.bear(Some(address), seed)
    }

    fn bear(&mut self, address: Option<SocketAddr>, seed: M) -> ConnectionId {
        let id = self.common.name();
        self.mail.births.push(Birth { parent: self.me, id, address, seed });
        id
    }

    // Files.

    /// Asks for a file operation; what came of it is told with [`Event::File`](crate::Event::File).
    pub fn file(&mut self, op: FileOp) -> FileTicket {
        let ticket = FileTicket(self.wishes.next_ticket);
        self.wishes.next_ticket = self.wishes.next_ticket.wrapping_add(1);
        self.wishes.files.push(FileRequest { ticket, op });
        ticket
    }

    /// Reads `range` of a file that the whole server has open.
    pub fn read_file(&mut self, file: Arc<ReadFile>, range: Range<u64>) -> FileTicket {
        self.file(FileOp::ReadShared { file, range })
    }

    /// Opens the file at `path` beneath the service's directory.
    pub fn open(&mut self, path: impl Into<PathBuf>, mode: OpenMode) -> FileTicket {
        self.file(FileOp::Open { path: path.into(), mode })
    }

    /// Writes all of `octets` into an open file.
    pub fn write_file(&mut self, file: FileId, offset: u64, octets: Bytes) -> FileTicket {
        self.file(FileOp::Write { file, offset, octets })
    }

    // A protocol within a protocol.

    /// Lends a context to a protocol inside this one, whose messages `lift` makes into this one's. What it says is said here.
    pub fn within<N, R>(&mut self, lift: impl FnMut(N) -> M, talk: impl FnOnce(&mut Context<'_, N>) -> R) -> R {
        let mut mail = Mail::default();
        let answer = talk(&mut Context {
            now: self.now,
            me: self.me,
            common: self.common,
            queue: self.queue,
            wishes: self.wishes,
            mail: &mut mail,
        });
        self.mail.add(mail, lift);
        answer
    }

    /// The same where what it says goes to `output`, to be wrapped. Its wish to [finish](Self::finish) is the second part of
    /// the answer: the one around it has last words of its own.
    pub fn within_on<N, R>(
        &mut self,
        output: &mut SendQueue,
        lift: impl FnMut(N) -> M,
        talk: impl FnOnce(&mut Context<'_, N>) -> R,
    ) -> (R, bool) {
        let has_finished = mem::take(&mut self.wishes.finish);
        let mut mail = Mail::default();
        let answer = talk(&mut Context {
            now: self.now,
            me: self.me,
            common: self.common,
            queue: output,
            wishes: self.wishes,
            mail: &mut mail,
        });
        self.mail.add(mail, lift);
        (answer, mem::replace(&mut self.wishes.finish, has_finished))
    }
}

impl<M> Default for Mail<M> {
    fn default() -> Self {
        Mail { letters: Vec::new(), births: Vec::new() }
    }
}

impl<M> Mail<M> {
    pub(crate) fn is_empty(&self) -> bool {
        self.letters.is_empty() && self.births.is_empty()
    }

    fn add<N>(&mut self, mail: Mail<N>, mut lift: impl FnMut(N) -> M) {
        for Letter { from, to, message, returned } in mail.letters {
            self.letters.push(Letter { from, to, message: lift(message), returned });
        }
        for Birth { parent, id, address, seed } in mail.births {
            self.births.push(Birth { parent, id, address, seed: lift(seed) });
        }
    }
}

impl<M> Letter<M> {
    /// Whom it is to be [delivered](crate::Connection::deliver) to.
    pub fn to(&self) -> ConnectionId {
        self.to
    }

    /// Who sent it; if it is on its way back, whom it was meant for.
    pub fn from(&self) -> ConnectionId {
        self.from
    }

    /// The same letter on its way back; `None` if it is on its way back already.
    pub fn returned(self, why: Why) -> Option<Letter<M>> {
        let Letter { from, to, message, returned } = self;
        returned.is_none().then_some(Letter { from: to, to: from, message, returned: Some(why) })
    }
}

impl<M> Birth<M> {
    /// Of one who has no parent.
    pub(crate) fn of_founder(seed: M) -> Birth<M> {
        Birth { parent: ConnectionId::FOUNDER, id: ConnectionId::FOUNDER, address: None, seed }
    }

    /// What the new one is to be called.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Where it is to be connected to, if it is to have a socket.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What it is to grow out of.
    pub fn into_seed(self) -> M {
        self.seed
    }

    /// Tells the parent that nothing grew out of the seed, and gives it back.
    pub fn refused(self, why: Why) -> Letter<M> {
        Birth::failed(self.id, self.parent, self.seed, why)
    }

    /// Tells the parent that nothing grew out of the seed.
    pub(crate) fn failed(id: ConnectionId, parent: ConnectionId, seed: M, why: Why) -> Letter<M> {
        Letter { from: id, to: parent, message: seed, returned: Some(why) }
    }
}
