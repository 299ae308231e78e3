//! What can happen next, and the dice that choose.

use std::fmt;

use crate::connection::End;
use crate::limits::READ_OCTETS;

/// One thing that happens, and of how many octets.
#[derive(Clone, Copy)]
pub(super) enum Move {
    // Drawn among those that are possible.
    Hear(usize),
    HearFin,
    Take(usize),
    Lend,
    GiveBack(usize),
    ReadFile,
    End(End),
    // Made when it is their time, or when the peer or the server wants it.
    Time,
    Cut,
    Stop,
    Say(usize),
    Finish,
    Reset,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Hear(count) => write!(f, "{count} octets are heard"),
            Move::HearFin => f.write_str("FIN is heard"),
            Move::Take(count) => write!(f, "the kernel takes {count} octets"),
            Move::Lend => f.write_str("output is lent to the kernel"),
            Move::GiveBack(count) => write!(f, "it is given back, {count} octets of it sent"),
            Move::ReadFile => f.write_str("a file has been read"),
            Move::End(End::Finish) => f.write_str("FIN is sent"),
            Move::End(End::Close) => f.write_str("the connection is closed"),
            Move::End(End::Reset) => f.write_str("the connection is reset"),
            Move::Time => f.write_str("a deadline comes"),
            Move::Cut => f.write_str("the drain limit comes"),
            Move::Stop => f.write_str("the server begins to stop"),
            Move::Say(count) => write!(f, "  the peer says {count} octets"),
            Move::Finish => f.write_str("  the peer finishes"),
            Move::Reset => f.write_str("  the peer resets the connection"),
        }
    }
}

/// How the kernel of one conversation behaves.
pub(super) struct Habits {
    /// The most octets it moves at once.
    pub(super) largest: usize,
    /// Output is given away for a while, as to io_uring, instead of looked at, as by epoll.
    pub(super) lends: bool,
    /// Octets it takes though the peer does not read them.
    pub(super) buffer: usize,
    /// Octets that may still arrive after reading was called off, as from a multishot receive.
    pub(super) late: usize,
}

impl Habits {
    pub(super) const WHOLE: Habits = Habits { largest: usize::MAX, lends: false, buffer: 0, late: 0 };

    pub(super) fn drawn(dice: &mut Dice) -> Habits {
        Habits {
            largest: [1, 3, 17, 1460, READ_OCTETS, usize::MAX][dice.below(6)],
            lends: dice.one_in(2),
            buffer: [0, 1, 2000, 300_000][dice.below(4)],
            late: [0, 0, 50, READ_OCTETS][dice.below(4)],
        }
    }
}

/// Steele, Lea and Flood's SplitMix64: enough to choose among moves. Those without a seed always choose the first.
pub(super) struct Dice(Option<u64>);

impl Dice {
    pub(super) fn seeded(seed: u64) -> Dice {
        Dice(Some(seed))
    }

    pub(super) fn without() -> Dice {
        Dice(None)
    }

    /// One of 0 up to `count`, which is not among them; 0 if there are none.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let Some(state) = &mut self.0 else { return 0 };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        if count == 0 { 0 } else { (mixed % count as u64) as usize }
    }

    /// Now and then; never without a seed.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }
}
