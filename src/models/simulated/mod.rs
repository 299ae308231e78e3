//! The fifth row: no kernel, no clock and no thread, only dice.
//!
//! ```text
//!   say, finish ──> [ on the way ] ── hears k octets, hears FIN ──> ┌────────────┐
//!                                     time jumps, a file is read    │ Connection │
//!         read <── [ kernel's buffer ] <── takes k octets ───────── └────────────┘
//! ```
//!
//! A [`Conversation`] drives a [`Connection`] just as a model does, except that a seed decides which of the possible moves is
//! made next and how large it is. What takes the network a bad day to do (an answer leaving octet by octet while a FIN
//! overtakes a timer) is one seed among thousands; the same seed does the same again, and tells its [story](Conversation::story).
//! The test is yours: talk to your protocol as its peer would, with [`say`](Conversation::say) and [`Read`], and demand the same
//! outcome from every seed.
//!
//! Files are really read, whenever the dice say that they have been.
//! Time stands still for as long as anything else can happen, but for less than a microsecond now and then. It jumps only when
//! all wait for it.
//!
//! It is no [`Model`](crate::Model): it has no listener, does not choose when the peer speaks, and is done when you are.

mod moves;

use std::fmt::Write as _;
use std::io::{self, IoSlice, Read};
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::connection::{Close, Connection, End};
use crate::file_op::{FileDone, FileOp, FileRequest};
use crate::identity::Common;
use crate::limits::{READ_OCTETS, ServeLimits};
use crate::protocol::{Protocol, Service};
use crate::reading::read_whole;
use crate::send_queue::{LENT_SEGMENTS, Lent};
use crate::sys::files::pread;
use crate::time::{Now, Time};
use moves::{Dice, Habits, Move};

/// After so many moves all further ones are as large as they can be: a seed that moves single octets would need a minute for
/// a megabyte, and has shown by then what it can show.
const SMALL_MOVES: usize = 4000;

/// Some time after the origin, so that nothing is zero by chance.
const START: Time = Time::from_nanos(1_000_000_000);

/// A connection to a service, seen from its peer.
pub struct Conversation<P: Protocol> {
    connection: Connection<P>,
    now: Now,
    dice: Dice,
    habits: Habits,
    /// Said by the peer and not heard yet, and whether FIN follows.
    on_the_way: BytesMut,
    fin: Fin,
    /// Taken by the kernel and not read by the peer yet.
    taken: BytesMut,
    /// How many octets the peer waits for.
    wanted: usize,
    /// With the kernel, which reads it when it likes.
    lent: Option<Lent>,
    /// How many more octets may be heard though they are not wanted any more.
    late: usize,
    files: Vec<FileRequest>,
    cut_at: Option<Time>,
    ending: Option<Ending>,
    is_over: bool,
    story: Vec<(Time, Move)>,
    most_unsent: usize,
    most_unconsumed: usize,
}

/// How the peer sees the connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// FIN after the last octet.
    Finished,
    /// A reset: by intent, or because the connection was closed before all was heard that was said, to which a kernel answers
    /// in this way (RFC 9293 section 3.10.7.4).
    Reset,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fin {
    Unsaid,
    Said,
    Heard,
}

impl<P: Protocol> Conversation<P> {
    /// A new connection to `service`, with the moves of this seed; `None` if it was turned away.
    pub fn seeded(service: &impl Service<Protocol = P>, seed: u64) -> Option<Self> {
        let mut dice = Dice::seeded(seed);
        let habits = Habits::drawn(&mut dice);
        Self::new(service, dice, habits)
    }

    /// The same in the fewest moves: every one is as large as it can be, and the first that can be made.
    pub fn whole(service: &impl Service<Protocol = P>) -> Option<Self> {
        Self::new(service, Dice::without(), Habits::WHOLE)
    }

    fn new(service: &impl Service<Protocol = P>, dice: Dice, habits: Habits) -> Option<Self> {
        let now = Now { at: START, unix_seconds: 784_111_777 };
        let common = Common::new(0, ServeLimits::default(), 0);
        let mut connection = Connection::accepted(service.accept(now)?, &common, now);
        Some(Conversation {
            files: connection.take_files(),
            connection,
            now,
            dice,
            habits,
            on_the_way: BytesMut::new(),
            fin: Fin::Unsaid,
            taken: BytesMut::new(),
            wanted: 0,
            lent: None,
            late: 0,
            cut_at: None,
            ending: None,
            is_over: false,
            story: Vec::new(),
            most_unsent: 0,
            most_unconsumed: 0,
        })
    }

    // What the peer does.

    /// Sends octets on their way.
    pub fn say(&mut self, octets: &[u8]) {
        self.tell(Move::Say(octets.len()));
        if !self.is_over {
            self.on_the_way.extend_from_slice(octets);
        }
    }

    /// Sends FIN after them.
    pub fn finish(&mut self) {
        self.tell(Move::Finish);
        self.fin = Fin::Said;
    }

    /// Resets the connection: what is on the way is lost.
    pub fn reset(&mut self) {
        self.tell(Move::Reset);
        self.on_the_way.clear();
        self.connection.failed(self.now);
        (self.is_over, self.ending) = (true, Some(Ending::Reset));
    }

    /// Lets time pass, and in it whatever can happen while the peer does not read. No time at all is enough for all to be
    /// heard that was said, unless the connection does not want it.
    pub fn pass(&mut self, span: Duration) {
        self.wanted = 0;
        let until = self.now.at + span;
        while self.step() || self.jump(Some(until)) {}
        self.now.at = self.now.at.max(until);
    }

    /// Lets time pass until there is something to read, and no more than this; says whether there is.
    pub fn wait(&mut self, span: Duration) -> bool {
        self.wanted = 1;
        let until = self.now.at + span;
        while !self.is_readable() {
            if !self.step() && !self.jump(Some(until)) {
                self.now.at = self.now.at.max(until);
                return false;
            }
        }
        true
    }

    fn is_readable(&self) -> bool {
        !self.taken.is_empty() || self.ending.is_some()
    }

    // What the server does.

    /// Tells the connection that the server stops; what has not ended after `drain` is cut off.
    pub fn stop(&mut self, drain: Duration) {
        self.tell(Move::Stop);
        self.cut_at = Some(self.now.at + drain);
        self.connection.stopping(self.now);
    }

    // What there is to be seen.

    /// How the peer sees the connection end, once it does. What it has not read yet came before.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Why the connection was closed, once it was. After [its end](Self::ending) it may have listened for a while yet.
    pub fn close(&self) -> Option<Close> {
        self.is_over.then(|| self.connection.close().unwrap_or(Close::Done))
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> Duration {
        self.now.at.after(START)
    }

    /// The most output there was at one time that the kernel had not taken, in octets.
    pub fn most_unsent(&self) -> usize {
        self.most_unsent
    }

    /// The most input there was at one time that the protocol had heard of and not consumed, in octets.
    pub fn most_unconsumed(&self) -> usize {
        self.most_unconsumed
    }

    /// The moves so far, one a line, with the time in seconds.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for (time, made) in &self.story {
            let seconds = time.after(START).as_secs_f64();
            let _ = writeln!(story, "{seconds:14.9} s  {made}");
        }
        story
    }

    // How it goes on.

    /// Makes one move; false if nothing can happen now, except that time passes.
    fn step(&mut self) -> bool {
        if self.is_over {
            return false;
        }
        let needs = self.connection.needs();
        if needs.read {
            self.late = self.habits.late;
        }
        let hears = if needs.read { READ_OCTETS } else { self.late };
        let takes = (self.wanted + self.habits.buffer).saturating_sub(self.taken.len());
        let unheard = hears.min(self.on_the_way.len());
        let possible = [
            needs.end.map(Move::End),
            (takes > 0 && needs.write && self.habits.lends && self.lent.is_none()).then_some(Move::Lend),
            (takes > 0 && needs.write && !self.habits.lends).then_some(Move::Take(takes)),
            self.lent.as_ref().filter(|_| takes > 0).map(|lent| Move::GiveBack(takes.min(lent.octets()))),
            (!self.files.is_empty()).then_some(Move::ReadFile),
            (unheard > 0).then_some(Move::Hear(unheard)),
            (hears > 0 && self.on_the_way.is_empty() && self.fin == Fin::Said).then_some(Move::HearFin),
        ];
        let count = possible.iter().flatten().count();
        let Some(drawn) = possible.into_iter().flatten().nth(self.dice.below(count)) else { return false };
        self.dawdle(needs.deadline);
        self.make(drawn);
        true
    }

    fn make(&mut self, drawn: Move) {
        let now = self.now;
        let made = match drawn {
            Move::Hear(most) => {
                let count = self.portion(most);
                self.late = self.late.saturating_sub(count);
                self.connection.received(&self.on_the_way.split_to(count), now);
                Move::Hear(count)
            }
            Move::HearFin => {
                self.fin = Fin::Heard;
                self.connection.peer_finished(now);
                drawn
            }
            Move::Take(most) => {
                let sendable = self.connection.queue().sendable();
                let count = self.portion(most.min(sendable));
                let mut slices = [io::IoSlice::new(&[]); 8];
                let filled = self.connection.queue().slices(&mut slices);
                let mut left = count;
                for slice in &slices[..filled] {
                    let octets = &slice[..slice.len().min(left)];
                    self.taken.extend_from_slice(octets);
                    left -= octets.len();
                }
                self.connection.queue().sent(count - left);
                self.connection.sent(now);
                Move::Take(count - left)
            }
            Move::Lend => {
                self.lent = self.connection.queue().lend();
                drawn
            }
            Move::GiveBack(most) => {
                let count = self.portion(most);
                if let Some(lent) = self.lent.take() {
                    let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
                    let filled = lent.slices(&mut slices);
                    let mut left = count;
                    for slice in &slices[..filled] {
                        let taken = &slice[..left.min(slice.len())];
                        self.taken.extend_from_slice(taken);
                        left -= taken.len();
                    }
                    self.connection.queue().give_back(lent, count);
                    self.connection.sent(now);
                }
                Move::GiveBack(count)
            }
            Move::ReadFile => {
                let asked = self.files.swap_remove(self.dice.below(self.files.len()));
                let octets = match asked.op {
                    FileOp::ReadShared { file, range } => read_whole(&file, range, |room, offset| pread(&*file, room, offset)),
                    _ => Err(io::ErrorKind::Unsupported.into()),
                };
                self.connection.file_done(asked.ticket, octets.map(FileDone::Read), now);
                drawn
            }
            Move::End(end) => {
                self.end(end);
                drawn
            }
            Move::Time | Move::Stop | Move::Cut | Move::Say(_) | Move::Finish | Move::Reset => drawn,
        };
        self.tell(made);
    }

    fn end(&mut self, end: End) {
        let is_unheard = !self.on_the_way.is_empty();
        let seen = match end {
            End::Finish => Ending::Finished,
            End::Close if is_unheard => Ending::Reset,
            End::Close => Ending::Finished,
            End::Reset => Ending::Reset,
        };
        self.ending.get_or_insert(seen);
        match end {
            End::Finish => self.connection.finished(self.now),
            End::Close | End::Reset => {
                self.connection.closed(self.now);
                self.is_over = true;
            }
        }
    }

    /// A loop is not always in time, and comes by for nothing now and then.
    fn dawdle(&mut self, deadline: Option<Time>) {
        if self.dice.one_in(4) {
            let later = self.now.at + Duration::from_nanos(self.dice.below(1000) as u64);
            if deadline.is_none_or(|deadline| later < deadline) {
                self.now.at = later;
                self.connection.time(self.now);
            }
        }
    }

    /// Jumps to what is to happen next by the clock, but not beyond `until`; false if there is nothing.
    fn jump(&mut self, until: Option<Time>) -> bool {
        if self.is_over {
            return false;
        }
        let deadline = self.connection.needs().deadline;
        let Some(next) = [deadline, self.cut_at].into_iter().flatten().min() else { return false };
        if until.is_some_and(|until| until < next) {
            return false;
        }
        let late = Duration::from_nanos(self.dice.below(1000) as u64);
        self.now.at = self.now.at.max(next) + late;
        if self.cut_at.is_some_and(|at| at <= self.now.at) {
            self.connection.drained(self.now);
            self.tell(Move::Cut);
        } else {
            self.connection.time(self.now);
            self.tell(Move::Time);
        }
        true
    }

    /// Some of them, and in the shortest conversation all.
    fn portion(&mut self, most: usize) -> usize {
        let largest = if self.story.len() > SMALL_MOVES { usize::MAX } else { self.habits.largest };
        let most = most.min(largest);
        if self.dice.one_in(4) { most } else { most - self.dice.below(most) }
    }

    /// Goes down in the story, and in the figures.
    fn tell(&mut self, made: Move) {
        self.story.push((self.now.at, made));
        self.files.extend(self.connection.take_files());
        self.most_unsent = self.most_unsent.max(self.connection.queue().unsent());
        self.most_unconsumed = self.most_unconsumed.max(self.connection.unconsumed());
    }
}

/// Waits until there is something to read: 0 octets are FIN, `ConnectionReset` is a reset, and `WouldBlock` says that nothing
/// can happen any more, not even by the clock, though the connection is open.
impl<P: Protocol> Read for Conversation<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wanted = buffer.len();
        while !self.is_readable() {
            if !self.step() && !self.jump(None) {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "silence: nothing can happen any more"));
            }
        }
        match self.ending {
            Some(Ending::Reset) if self.taken.is_empty() => Err(io::ErrorKind::ConnectionReset.into()),
            _ => (&mut self.taken).reader().read(buffer),
        }
    }
}
