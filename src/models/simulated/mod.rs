//! The fifth row: no kernel, no clock and no thread, only dice.
//!
//! ```text
//!   say, finish, reset ─> [ on the way ] ── hears k octets, FIN, a reset ──> ┌────────────┐ ── a letter ──┐
//!                                                                            │ Connection │ <─ delivered ─┤
//!         read <── [ kernel's buffer ] <── takes, or is lent and gives back, │            │ <─ returned ──┘
//!                                          k octets ──────────────────────── └────────────┘
//!   connect ─> [ newcomers ] ── is accepted ──────────────────────────────────> │ spawn ─> is born
//!   answer <── [ a connection to where the test listens ] <── is connected ──── │ connect
//!                                        [ Disk ] <── an operation is done ──── │ file
//!                                                        time jumps: a deadline comes
//! ```
//!
//! A [`World`] drives the [`Connection`](crate::Connection)s of one server just as a model does, except that a seed decides which of the possible
//! moves is made next and how large it is. What takes the network a bad day to do (an answer leaving octet by octet while a FIN
//! overtakes a timer and a message the one who could have told of it) is one seed among thousands; the same seed does the same
//! again, and tells its [story](World::story). The test is yours: be the peers, with [`connect`](World::connect),
//! [`say`](World::say) and [`read`](World::read), demand the same outcome from every seed, and [`check`](World::check) in the end.
//! [`Conversation`] is the same for one peer.
//!
//! | move | how it may go wrong, though the outcome is the same | what it may do [with faults](World::with_faults) |
//! |---|---|---|
//! | accept | late | not while descriptors are short |
//! | hear k octets, FIN | late, in pieces, after reading was called off, not while buffers are short | |
//! | take k octets; or lend, and give back with k sent | late, in pieces; given back early when recalled | |
//! | hear that the connection was reset | late, with or without what was said before | at any time |
//! | deliver or return a letter | late, in order between any two | |
//! | bear a protocol | late: its mail waits | |
//! | connect | late; refused where nobody listens | `EMFILE`, `ETIMEDOUT` |
//! | do a file operation | late, in any order | `EIO`, `ENOSPC`, `EMFILE`; a write in part |
//! | jump in time | when nothing else can happen | at any time |
//! | crash, when the test says so | what was not synced is lost, or not ([`Disk`]) | |
//!
//! Files that the server holds open as a [`ReadFile`](crate::ReadFile) are really read, whenever the dice say that they have been.
//! Time stands still for as long as anything else can happen, but for less than a microsecond now and then.
//!
//! It is no [`Model`](crate::Model): it has no listener, does not choose when a peer speaks, and is done when you are.

mod chance;
mod check;
mod conversation;
mod dice;
mod disk;
#[cfg(test)]
mod disk_tests;
mod files;
mod mail;
mod moves;
mod resident;
mod seen;
mod steps;
mod watched;

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;

use crate::context::{Birth, Letter};
use crate::file_op::FileRequest;
use crate::identity::{Common, ConnectionId};
use crate::limits::ServeLimits;
use crate::protocol::{Close, MessageOf, Service};
use crate::time::{Now, Time};
pub use conversation::Conversation;
use dice::{Dice, Habits};
pub use disk::Disk;
use files::OpenFile;
use mail::Fate;
use moves::{Move, Who};
use resident::{FarEnd, Fin, Resident};
use watched::{Numbered, Watched};

/// Some time after the origin, so that nothing is zero by chance.
const START: Now = Now { at: Time::from_nanos(1_000_000_000), unix_seconds: 784_111_777 };

/// The least that a kernel's buffers hold of what nobody reads, where there is more than one peer: else two that wait for each
/// other's octets would wait for ever, which they do on no network.
const LEAST_BUFFER: usize = 4096;

/// A world that has not come to rest after so many moves never will.
const RESTLESS: usize = 2_000_000;

/// A server and its peers.
pub struct World<'s, S: Service> {
    service: &'s S,
    common: Arc<Common>,
    seed: Option<u64>,
    now: Now,
    dice: Dice,
    habits: Habits,
    faults: bool,
    out_of_buffers: bool,
    out_of_descriptors: bool,
    /// Those who are alive, in the order of their coming.
    residents: Vec<Resident<S::Protocol>>,
    peers: Vec<FarEnd>,
    /// Peers that wait to be accepted.
    newcomers: Vec<usize>,
    births: Vec<Birth<NumberedOf<S>>>,
    letters: VecDeque<Letter<NumberedOf<S>>>,
    /// Of every letter, by its number less one.
    fates: Vec<Fate>,
    files: Vec<(ConnectionId, FileRequest)>,
    opened: Vec<OpenFile>,
    disk: Disk,
    /// Where the test listens, and the connections made there that it has not taken yet.
    listened: Vec<SocketAddr>,
    unanswered: Vec<(SocketAddr, usize)>,
    /// The peer that reads, and how many octets it waits for.
    reader: (usize, usize),
    /// How many more moves a wait may take.
    patience: usize,
    is_stopping: bool,
    cut_at: Option<Time>,
    story: Vec<(Time, Who, Move)>,
    possible: Vec<(usize, Move)>,
    complaint: Option<String>,
    panicked: usize,
    closes: Vec<(ConnectionId, Close)>,
    most_unsent: usize,
    most_unconsumed: usize,
}

type NumberedOf<S> = Numbered<MessageOf<S>>;
type WatchedOf<S> = Watched<<S as Service>::Protocol>;

/// How a peer sees its connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// FIN after the last octet.
    Finished,
    /// A reset: by intent, or because the connection was closed before all was heard that was said, to which a kernel answers
    /// in this way (RFC 9293 section 3.10.7.4).
    Reset,
}

impl<'s, S: Service> World<'s, S> {
    /// A server that goes its way by the dice of this seed.
    pub fn seeded(service: &'s S, seed: u64) -> Self {
        World::in_public(service, Some(seed))
    }

    /// One that goes it in the fewest moves: every one is as large as it can be, and the first that can be made.
    pub fn whole(service: &'s S) -> Self {
        World::in_public(service, None)
    }

    fn in_public(service: &'s S, seed: Option<u64>) -> Self {
        let mut world = World::in_private(service, seed);
        world.habits.buffer = world.habits.buffer.max(LEAST_BUFFER);
        world
    }

    /// With one peer, which may read all or nothing.
    fn in_private(service: &'s S, seed: Option<u64>) -> Self {
        let mut dice = seed.map_or(Dice::without(), Dice::seeded);
        let founder = service.founder().map(|message| Birth::of_founder(Numbered { number: 0, message }));
        World {
            service,
            common: Common::new(0, ServeLimits::default(), seed.unwrap_or(0)),
            seed,
            now: START,
            habits: if seed.is_some() { Habits::drawn(&mut dice) } else { Habits::WHOLE },
            dice,
            faults: false,
            out_of_buffers: false,
            out_of_descriptors: false,
            residents: Vec::new(),
            peers: Vec::new(),
            newcomers: Vec::new(),
            births: founder.into_iter().collect(),
            letters: VecDeque::new(),
            fates: Vec::new(),
            files: Vec::new(),
            opened: Vec::new(),
            disk: Disk::default(),
            listened: Vec::new(),
            unanswered: Vec::new(),
            reader: (0, 0),
            patience: 0,
            is_stopping: false,
            cut_at: None,
            story: Vec::new(),
            possible: Vec::new(),
            complaint: None,
            panicked: 0,
            closes: Vec::new(),
            most_unsent: 0,
            most_unconsumed: 0,
        }
    }

    /// With these bounds. Before anybody has come.
    pub fn with_limits(self, limits: ServeLimits) -> Self {
        World { common: Common::new(0, limits, self.seed.unwrap_or(0)), ..self }
    }

    /// Where things fail that seldom do: the outcome is not the same for every seed any more, but the rules hold. One without a
    /// seed has no faults.
    pub fn with_faults(self) -> Self {
        World { faults: self.seed.is_some(), ..self }
    }

    /// With these files beneath the directory of the service, which is not asked for its own.
    pub fn on(self, disk: Disk) -> Self {
        World { disk, ..self }
    }

    // What the peers do.

    /// A new peer of the server, on its way in; its number.
    pub fn connect(&mut self) -> usize {
        let peer = self.peers.len();
        self.peers.push(FarEnd::new());
        self.note(Who::Peer(peer), Move::Dial);
        if self.is_stopping {
            (self.peers[peer].ending, self.peers[peer].is_left) = (Some(Ending::Reset), true);
        } else {
            self.newcomers.push(peer);
        }
        peer
    }

    /// Sends octets on their way; behind its FIN there is none.
    pub fn say(&mut self, peer: usize, octets: &[u8]) {
        self.note(Who::Peer(peer), Move::Say(octets.len()));
        let far = &mut self.peers[peer];
        if !far.is_left && !far.is_broken && far.fin == Fin::Unsaid {
            far.on_the_way.extend_from_slice(octets);
        }
    }

    /// Sends FIN after them.
    pub fn finish(&mut self, peer: usize) {
        self.note(Who::Peer(peer), Move::Finish);
        let far = &mut self.peers[peer];
        if far.fin == Fin::Unsaid {
            far.fin = Fin::Said;
        }
    }

    /// Resets the connection: of what is on the way nothing is sure to be heard.
    pub fn reset(&mut self, peer: usize) {
        self.note(Who::Peer(peer), Move::Reset);
        let far = &mut self.peers[peer];
        let arrived = if self.seed.is_some() { self.dice.below(far.on_the_way.len() + 1) } else { 0 };
        far.on_the_way.truncate(arrived);
        (far.is_broken, far.ending) = (true, Some(Ending::Reset));
    }

    /// Waits until there is something to read: 0 octets are FIN, `ConnectionReset` is a reset, and `WouldBlock` says that nothing
    /// can happen any more, not even by the clock, though the connection is open.
    pub fn read(&mut self, peer: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.begin_to_wait(peer, buffer.len());
        while !self.peers[peer].is_readable() {
            if !self.step() && !self.jump(None) {
                return Err(steps::silence());
            }
        }
        // A peer is not always there at once.
        while self.dice.one_in(4) && self.step() {}
        let far = &mut self.peers[peer];
        match far.ending {
            Some(Ending::Reset) if far.taken.is_empty() => Err(io::ErrorKind::ConnectionReset.into()),
            _ => {
                let count = (&mut far.taken).reader().read(buffer)?;
                far.is_end_read |= count == 0;
                Ok(count)
            }
        }
    }

    /// Lets time pass until there is something for `peer` to read, and no more than this; says whether there is.
    pub fn wait(&mut self, peer: usize, span: Duration) -> bool {
        self.begin_to_wait(peer, 1);
        let until = self.now.at + span;
        while !self.peers[peer].is_readable() {
            if !self.step() && !self.jump(Some(until)) {
                self.now.at = self.now.at.max(until);
                return false;
            }
        }
        true
    }

    /// Lets time pass, and in it whatever can happen while no peer reads. No time at all is enough for all to be heard that was
    /// said, unless it is not wanted.
    pub fn pass(&mut self, span: Duration) {
        self.begin_to_wait(0, 0);
        let until = self.now.at + span;
        while self.step() || self.jump(Some(until)) {}
        self.now.at = self.now.at.max(until);
    }

    /// Makes no more than so many moves, of which a jump in time is one; says how many there were to make.
    pub fn go(&mut self, moves: usize) -> usize {
        self.begin_to_wait(0, 0);
        (0..moves).take_while(|_| self.step() || self.jump(None)).count()
    }

    /// The same while time stands still: no jump is made.
    pub fn go_at_once(&mut self, moves: usize) -> usize {
        self.begin_to_wait(0, 0);
        (0..moves).take_while(|_| self.step()).count()
    }

    /// From now on protocols of the server may connect to `address`, and be answered there.
    pub fn listen(&mut self, address: SocketAddr) {
        self.listened.push(address);
    }

    /// Waits for the next connection made to `address`, which is a peer like any other from then on; `None` if nobody comes.
    pub fn answer(&mut self, address: SocketAddr) -> Option<usize> {
        self.begin_to_wait(0, 0);
        loop {
            if let Some(place) = self.unanswered.iter().position(|(to, _)| *to == address) {
                return Some(self.unanswered.remove(place).1);
            }
            if !self.step() && !self.jump(None) {
                return None;
            }
        }
    }

    // What the server does.

    /// Stops it: it takes in who is waiting, tells everybody, and cuts off who has not ended after `drain`.
    pub fn stop(&mut self, drain: Duration) {
        self.note(Who::World, Move::Stop);
        self.accept_all();
        while !self.births.is_empty() {
            self.bear();
        }
        (self.is_stopping, self.cut_at) = (true, Some(self.now.at + drain));
        for place in 0..self.residents.len() {
            self.tell(place, |connection, now| connection.stopping(now));
        }
    }

    fn accept_all(&mut self) {
        for peer in std::mem::take(&mut self.newcomers) {
            self.accept(peer);
        }
    }

    /// Stops the machine, with whatever is under way: what is left is a disk to begin [on](Self::on) again.
    pub fn crash(mut self) -> Disk {
        self.leave_files_half_done();
        self.disk.crash(&mut self.dice)
    }

    fn begin_to_wait(&mut self, reader: usize, wanted: usize) {
        (self.reader, self.patience) = ((reader, wanted), RESTLESS);
    }

    /// How many are alive that were born, or accepted.
    fn count(&self, is_born: bool) -> usize {
        self.residents.iter().filter(|resident| resident.is_born == is_born).count()
    }
}
