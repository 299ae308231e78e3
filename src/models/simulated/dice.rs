//! The dice that choose among moves, and the habits of a world, which they draw before the first one.

use crate::identity::throw;
use crate::limits::READ_OCTETS;

// ANCHOR: habits
/// How the kernel of one world behaves.
pub(super) struct Habits {
    /// The most octets it moves at once.
    pub(super) largest: usize,
    /// Output is given away for a while, as to io_uring, instead of looked at, as by epoll.
    pub(super) lends: bool,
    /// Octets it takes though the peer does not read them.
    pub(super) buffer: usize,
    /// Octets that may still arrive after reading was called off, as from a multishot receive.
    pub(super) late: usize,
    /// It runs out of buffers to receive into.
    pub(super) starves: bool,
}

impl Habits {
    pub(super) const WHOLE: Habits = Habits { largest: usize::MAX, lends: false, buffer: 0, late: 0, starves: false };

    pub(super) fn drawn(dice: &mut Dice) -> Habits {
        Habits {
            largest: [1, 3, 17, 1460, READ_OCTETS, usize::MAX][dice.below(6)],
            lends: dice.one_in(2),
            buffer: [0, 1, 2000, 300_000][dice.below(4)],
            late: [0, 0, 50, READ_OCTETS][dice.below(4)],
            starves: dice.one_in(4),
        }
    }
}
// ANCHOR_END: habits

/// Those without a seed always choose the first.
pub(super) struct Dice(Option<u64>);

impl Dice {
    pub(super) fn seeded(seed: u64) -> Dice {
        Dice(Some(seed))
    }

    pub(super) fn without() -> Dice {
        Dice(None)
    }

    /// One of 0 up to `count`, which is not among them; 0 if there are none.
    #[inline]
    pub(super) fn below(&mut self, count: usize) -> usize {
        match &mut self.0 {
            Some(state) if count > 1 => (throw(state) % count as u64) as usize,
            _ => 0,
        }
    }

    /// Now and then; never without a seed.
    #[inline]
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }
}
