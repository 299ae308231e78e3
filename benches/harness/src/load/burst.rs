//! How long a bursty load lets answers gather before it hears them.

use std::time::{Duration, Instant};

/// The part of all requests under way that a burst should be. The server still has the others, so it does not run out while
/// they gather.
const PART: f64 = 0.25;

/// Never longer than this, lest one stall of the server make a long one of the load.
const LONGEST: Duration = Duration::from_micros(200);

/// How much the last burst says about the next one.
const WEIGHT: f64 = 0.125;

/// Adapts the time between bursts to how fast answers come. Without it, a load that has time to spare would look for each
/// single answer: its costs would grow until it had none, and nobody could tell it from one that is at its end.
///
/// A time that is too long corrects itself: the server answers all there is, which is more than the part.
pub(super) struct Burst {
    requests: f64,
    /// Seconds, on average.
    per_answer: f64,
    last: Instant,
    answers: u64,
}

impl Burst {
    /// For so many requests under way.
    pub(super) fn new(requests: usize, now: Instant) -> Burst {
        Burst { requests: requests as f64, per_answer: 0.0, last: now, answers: 0 }
    }

    /// Whether more answers should gather first.
    pub(super) fn gathers(&self, now: Instant) -> bool {
        now - self.last < LONGEST.min(Duration::from_secs_f64(self.per_answer * self.requests * PART))
    }

    /// Answers were heard, beginning `now`: so many by then since the start. Hearing and asking them again is a part of the time
    /// in which the next ones gather.
    pub(super) fn heard(&mut self, answers: u64, now: Instant) {
        if answers > self.answers {
            let gathered = (now - self.last).min(2 * LONGEST).as_secs_f64();
            self.per_answer += WEIGHT * (gathered / (answers - self.answers) as f64 - self.per_answer);
            (self.answers, self.last) = (answers, now);
        }
    }
}
