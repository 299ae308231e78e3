//! When is asked: as fast as answers come, or at a rate of its own.

use std::time::{Duration, Instant};

use crate::statistics::Dice;

/// When requests are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// A closed loop: whoever has been answered asks again. The load adapts itself to the server, and what is found is what the
    /// server can do.
    #[default]
    Closed,
    /// An open loop: so many requests a second on average, whatever becomes of them, at random intervals as of many users who
    /// do not know each other (exponentially distributed; the dice are seeded, so they are the same in each run). A latency
    /// counts from the moment when the request *was to be* asked, even if no connection was free then: no delay hides the
    /// others it caused (coordinated omission; Gil Tene, *How NOT to Measure Latency*, 2013).
    Open { rate: f64 },
}

/// When the next requests of an open loop are to be asked.
pub(super) struct Arrivals {
    next: Instant,
    /// Seconds between two of them, on average.
    interval: f64,
    dice: Dice,
}

impl Arrivals {
    pub(super) fn new(rate: f64, now: Instant) -> Arrivals {
        Arrivals { next: now, interval: 1.0 / rate, dice: Dice(1) }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// One that was to be asked by `now`: when.
    #[inline]
    pub(super) fn take(&mut self, now: Instant) -> Option<Instant> {
        if self.next > now {
            return None;
        }
        let due = self.next;
        // Evenly distributed in (0, 1], of which the logarithm is finite.
        let share = ((self.dice.throw() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        self.next += Duration::from_secs_f64(-share.ln() * self.interval);
        Some(due)
    }
}
