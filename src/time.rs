//! Instants without a clock: loops read the clock once a turn and pass it down; the simulator makes time up.

use std::ops::Add;
use std::time::Duration;

/// An instant, in nanoseconds from an origin that all loops of a process share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// The instant so many nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// How long it is from now until this instant; zero if it has passed.
    pub fn after(self, now: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(now.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates after 584 years, so that an endless time limit may be written as `Duration::MAX`.
    fn add(self, span: Duration) -> Time {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(nanos))
    }
}

/// What a loop knows of the time during one turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub at: Time,
    /// For people: seconds since 1970-01-01 00:00 UTC.
    pub unix_seconds: u64,
}
