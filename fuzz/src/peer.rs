//! The other end of a connection, and the kernel between: all that these targets know of [`Connection`].

use std::io::IoSlice;
use std::time::Duration;

use iolab::limits::{READ_OCTETS, SEND_HIGH_OCTETS, ServeLimits, TAIL_OCTETS};
use iolab::patterns::HELD_OCTETS;
use iolab::{Close, Common, Connection, End, Lent, Now, Protocol, Service, Time};

/// The peer reads no more than this: `GET /bytes/N` has no end.
const HEARD_OCTETS: usize = 400 << 10;

/// After so many moves all further ones are as large as they can be.
const CHOSEN_MOVES: usize = 2000;

/// No conversation has as many.
const MOVES: usize = 20_000;

/// What may be said at once beyond the high mark: an answer to one read, what was held back before it, and their heads.
const BEYOND_HIGH: usize = READ_OCTETS + HELD_OCTETS + 1024;

/// How the octets of a peer, and its FIN, reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival<'a> {
    /// All octets in one piece; every move is as large as it can be.
    Whole,
    /// Each move is chosen by one of these, and they come again from the first. What the server does not want to read waits.
    Chosen(&'a [u8]),
    /// The same, but up to a read more may come after reading was called off, as from a multishot receive.
    Late(&'a [u8]),
}

/// What the peer does once all was heard and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastWord {
    /// Sends FIN, as soon as it has said everything.
    Fin,
    /// Nothing: time limits end it.
    Silence,
    /// Nothing: the server stops.
    Stopping,
}

/// What the peer makes of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All it heard.
    pub heard: Vec<u8>,
    /// Why the connection ended; `None` if the peer has heard [enough](HEARD_OCTETS).
    pub close: Option<Close>,
}

/// Says `octets` to a service.
pub fn converse(service: &impl Service, octets: &[u8], last: LastWord, arrival: Arrival<'_>) -> Outcome {
    let (choices, may_be_late) = match arrival {
        Arrival::Whole => (&[][..], false),
        Arrival::Chosen(choices) => (choices, false),
        Arrival::Late(choices) => (choices, true),
    };
    let now = Now { at: Time::from_nanos(1_000_000_000), unix_seconds: 784_111_777 };
    let protocol = service.accept(now).expect("an echo turns nobody away");
    let mut peer = Conversation {
        connection: Connection::accepted(protocol, &Common::new(0, ServeLimits::default(), 0), now),
        now,
        unsaid: octets,
        last: Some(last),
        heard: Vec::new(),
        lent: None,
        is_whole: arrival == Arrival::Whole,
        may_be_late,
        late: 0,
    };
    let mut chosen = choices.iter().cycle().take(CHOSEN_MOVES);
    for _ in 0..MOVES {
        if !peer.go_on(chosen.next().map_or(Choice::LARGEST, |&choice| Choice::read(choice))) {
            assert!(peer.connection.octets_copied() <= octets.len() as u64, "octets were copied twice");
            // One that has finished after its peer has is closed without a reason to be told.
            let close = peer.connection.close().unwrap_or(Close::Done);
            let close = (peer.heard.len() < HEARD_OCTETS).then_some(close);
            return Outcome { heard: peer.heard, close };
        }
    }
    panic!("{MOVES} moves, and no end");
}

/// What to try first, and with how many octets.
#[derive(Clone, Copy)]
struct Choice {
    first: u8,
    most: usize,
}

impl Choice {
    const LARGEST: Choice = Choice { first: 0, most: usize::MAX };

    fn read(octet: u8) -> Choice {
        let most = match usize::from(octet >> 2) {
            0 => usize::MAX,
            few @ 1..32 => few,
            many => (many - 31) << 11,
        };
        Choice { first: octet & 3, most }
    }
}

struct Conversation<'a, P: Protocol> {
    connection: Connection<P>,
    now: Now,
    unsaid: &'a [u8],
    last: Option<LastWord>,
    heard: Vec<u8>,
    lent: Option<Lent>,
    is_whole: bool,
    may_be_late: bool,
    /// How many more octets may come though they are not wanted any more.
    late: usize,
}

impl<P: Protocol> Conversation<'_, P> {
    /// One move; false once there are no more.
    fn go_on(&mut self, choice: Choice) -> bool {
        match self.connection.needs().end {
            Some(End::Finish) => self.connection.finished(self.now),
            Some(End::Close | End::Reset) => return false,
            None if self.heard.len() == HEARD_OCTETS => return false,
            None => {
                let moves = [Self::speak, Self::hear, Self::lend, Self::dawdle];
                let order = moves.iter().cycle().skip(usize::from(choice.first)).take(moves.len());
                let is_made = { order }.any(|make| make(self, choice.most));
                if !is_made {
                    self.fall_silent();
                }
            }
        }
        self.check();
        true
    }

    /// The server hears some octets, or that there are no more.
    fn speak(&mut self, most: usize) -> bool {
        let hears = if self.connection.needs().read {
            self.late = if self.may_be_late { READ_OCTETS } else { 0 };
            if self.is_whole { usize::MAX } else { READ_OCTETS }
        } else {
            self.late
        };
        if hears == 0 {
            return false;
        }
        if !self.unsaid.is_empty() {
            let (said, unsaid) = self.unsaid.split_at(most.min(hears).min(self.unsaid.len()));
            self.unsaid = unsaid;
            self.late = self.late.saturating_sub(said.len());
            self.connection.received(said, self.now);
            return true;
        }
        let is_fin = self.last == Some(LastWord::Fin);
        if is_fin {
            self.last = None;
            self.connection.peer_finished(self.now);
        }
        is_fin
    }

    /// Output is taken as by epoll, or what was lent is given back.
    fn hear(&mut self, most: usize) -> bool {
        let most = most.min(HEARD_OCTETS - self.heard.len());
        let mut slices = [IoSlice::new(&[]); 16];
        let taken = match self.lent.take() {
            Some(lent) => {
                let filled = lent.slices(&mut slices);
                let taken = take(&mut self.heard, &slices[..filled], most);
                self.connection.queue().give_back(lent, taken);
                taken
            }
            None => {
                let queue = self.connection.queue();
                let filled = queue.slices(&mut slices);
                let taken = take(&mut self.heard, &slices[..filled], most);
                queue.sent(taken);
                taken
            }
        };
        if taken > 0 {
            self.connection.sent(self.now);
        }
        taken > 0
    }

    /// Output is lent as to io_uring.
    fn lend(&mut self, _: usize) -> bool {
        if self.lent.is_some() || !self.connection.needs().write {
            return false;
        }
        self.lent = self.connection.queue().lend();
        self.lent.is_some()
    }

    /// A little time passes, too little for any deadline; never a move of its own.
    fn dawdle(&mut self, most: usize) -> bool {
        self.now.at = self.now.at + Duration::from_nanos(most.min(1000) as u64);
        self.connection.time(self.now);
        false
    }

    /// Nothing can happen by itself any more.
    fn fall_silent(&mut self) {
        if self.last == Some(LastWord::Stopping) {
            self.last = None;
            return self.connection.stopping(self.now);
        }
        let deadline = self.connection.needs().deadline;
        self.now.at = deadline.expect("a connection that wants nothing that can come must have ended");
        self.connection.time(self.now);
    }

    fn check(&mut self) {
        let (unsent, unconsumed) = (self.connection.queue().unsent(), self.connection.unconsumed());
        if !self.is_whole {
            assert!(unsent <= SEND_HIGH_OCTETS + BEYOND_HIGH, "{unsent} octets are unsent");
            assert!(unconsumed <= TAIL_OCTETS, "{unconsumed} octets are kept");
        }
    }
}

/// Moves up to `most` octets to the end of `heard`, and says how many.
fn take(heard: &mut Vec<u8>, slices: &[IoSlice<'_>], most: usize) -> usize {
    let before = heard.len();
    for slice in slices {
        let room = most - (heard.len() - before);
        heard.extend_from_slice(&slice[..room.min(slice.len())]);
    }
    heard.len() - before
}
