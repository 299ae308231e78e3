//! When to ping, and when to take a silent peer for gone.

use std::time::Duration;

use super::limits::SILENT_SPANS;
use crate::time::Time;

/// One peer's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keepalive {
    every: Duration,
    ping_at: Time,
    heard: Time,
}

/// What a deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    /// Nothing has been heard for too long.
    Gone,
}

impl Keepalive {
    pub(super) fn new(every: Duration, now: Time) -> Keepalive {
        let every = every.max(Duration::from_millis(1));
        Keepalive { every, ping_at: now + every, heard: now }
    }

    pub(super) fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// When something may be due.
    pub(super) fn next(&self) -> Time {
        self.ping_at.min(self.silent_until())
    }

    // ANCHOR: due
    /// What is due, and puts it off: what is due next comes later than now. A peer
    /// that is not listened to is not silent.
    pub(super) fn due(&mut self, now: Time, is_listening: bool) -> Due {
        if self.next() > now {
            return Due::Nothing;
        }
        if !is_listening {
            self.heard = now;
        }
        if self.silent_until() <= now {
            return Due::Gone;
        }
        if self.ping_at > now {
            return Due::Nothing;
        }
        self.ping_at = now + self.every;
        Due::Ping
    }
    // ANCHOR_END: due

    fn silent_until(&self) -> Time {
        self.heard + self.every.saturating_mul(SILENT_SPANS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn pings_until_it_has_been_silent_for_three_spans() {
        let mut keepalive = Keepalive::new(SPAN, at(0));
        assert_eq!((keepalive.next(), keepalive.due(at(9), true)), (at(10), Due::Nothing));
        assert_eq!((keepalive.due(at(10), true), keepalive.next()), (Due::Ping, at(20)));
        keepalive.heard(at(15));
        assert_eq!((keepalive.due(at(20), true), keepalive.due(at(30), true)), (Due::Ping, Due::Ping));
        assert_eq!((keepalive.due(at(40), true), keepalive.next()), (Due::Ping, at(45)));
        assert_eq!(keepalive.due(at(44), true), Due::Nothing);
        assert_eq!(keepalive.due(at(45), true), Due::Gone);
    }

    #[test]
    fn who_is_not_listened_to_is_not_silent() {
        let mut keepalive = Keepalive::new(SPAN, at(0));
        for ten in 1..10 {
            assert_eq!(keepalive.due(at(10 * ten), false), Due::Ping);
        }
        assert_eq!(keepalive.due(at(100), true), Due::Ping, "its silence begins when it is listened to");
    }

    #[test]
    fn what_is_due_next_is_later() {
        for every in [Duration::ZERO, Duration::from_nanos(1), SPAN, Duration::MAX] {
            let mut keepalive = Keepalive::new(every, at(1));
            let now = keepalive.next();
            let due = keepalive.due(now, false);
            assert!(keepalive.next() > now || now == Time::from_nanos(u64::MAX), "{every:?}: {due:?}");
        }
    }
}
