//! Instants without a clock: loops read the clock once a turn and pass it down; the simulator makes time up.

use std::num::NonZeroU64;
use std::ops::Add;
use std::time::Duration;

/// An instant, in nanoseconds from an origin that all loops of a process share.
// One more than the nanoseconds, so that `Option<Time>`, of which every connection has several, is no larger than `Time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(NonZeroU64);

impl Time {
    /// The instant so many nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// How long it is from now until this instant; zero if it has passed.
    pub fn after(self, now: Time) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(now.0.get()))
    }
}

/// The origin.
impl Default for Time {
    fn default() -> Self {
        Time::from_nanos(0)
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

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01. Years are counted from March, so that the leap
/// day is the last of its year, and in eras of 400 years, which all have 146,097 days.
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_the_origin_and_saturates() {
        let later = Time::default() + Duration::from_nanos(5);
        assert_eq!((later, later.after(Time::default())), (Time::from_nanos(5), Duration::from_nanos(5)));
        assert_eq!(Time::default().after(later), Duration::ZERO);
        assert_eq!(later + Duration::MAX, Time::from_nanos(u64::MAX));
        assert_eq!(size_of::<Option<Time>>(), size_of::<Time>());
    }
}
