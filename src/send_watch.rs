//! How long a peer may take to take what is said to it: a minimum rate, and a grace.
//!
//! A time limit on each send would let a peer that takes an octet now and then hold its place, and the output, for ever; one on
//! the whole answer would cut off whoever fetches much over a slow line. So a peer has [`send_grace`](crate::limits::ServeLimits)
//! from the moment there is something to take, and every octet it takes earns it the time that octet may take at
//! [`send_rate`](crate::limits::ServeLimits), up to the full grace again.

use std::time::Duration;

use crate::limits::ServeLimits;
use crate::send_queue::SendQueue;
use crate::time::Time;

/// How often within a grace lent output is asked back, to learn how much of it has been taken. It counts as taken when that is
/// known: the less often, the longer a peer that has stopped is waited for.
const LOOKS_PER_GRACE: u32 = 8;

/// The patience with one peer.
#[derive(Default)]
pub(crate) struct SendWatch {
    /// When it ends, while there is something to take.
    until: Option<Time>,
    /// When it was last known how much has been taken.
    looked: Time,
    /// Of the octets ever taken, those that have earned their time.
    credited: u64,
}

impl SendWatch {
    /// Looks at what there is to take, and what has been taken since the last look.
    #[inline]
    pub(crate) fn look(&mut self, queue: &SendQueue, limits: &ServeLimits, now: Time) {
        if queue.unsent() == 0 {
            self.until = None;
        } else {
            self.look_at_output(queue, limits, now);
        }
    }

    // ANCHOR: patience
    fn look_at_output(&mut self, queue: &SendQueue, limits: &ServeLimits, now: Time) {
        let full = now + limits.send_grace;
        let taken = queue.taken() - self.credited;
        match self.until {
            None => self.until = Some(full),
            Some(_) if taken == 0 => return,
            Some(until) => {
                let earned = Duration::from_secs_f64(taken as f64 / limits.send_rate.max(1) as f64);
                self.until = Some((until + earned).min(full));
            }
        }
        self.credited = queue.taken();
        self.has_looked(now);
    }
    // ANCHOR_END: patience

    /// It is known how much has been taken, however little that is.
    pub(crate) fn has_looked(&mut self, now: Time) {
        self.looked = now;
    }

    pub(crate) fn until(&self) -> Option<Time> {
        self.until
    }

    /// When there is something to learn of lent output, or to conclude.
    pub(crate) fn next(&self, limits: &ServeLimits) -> Option<Time> {
        self.until.map(|until| until.min(self.looked + limits.send_grace / LOOKS_PER_GRACE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_the_rate_is_heard_out_and_who_does_not_is_not() {
        let limits = ServeLimits { send_grace: Duration::from_secs(10), send_rate: 100, ..ServeLimits::default() };
        for (rate, is_heard_out) in [(99, false), (50, false), (1, false), (100, true), (1000, true)] {
            let (mut watch, mut queue) = (SendWatch::default(), SendQueue::default());
            queue.append(vec![0; 200_000]);
            let mut now = Time::from_nanos(0);
            watch.look(&queue, &limits, now);
            let cut = (0..2000).any(|_| {
                now = now + Duration::from_secs(1);
                queue.sent(rate.min(queue.unsent()));
                watch.look(&queue, &limits, now);
                watch.until().is_some_and(|until| until < now)
            });
            assert_eq!(!cut, is_heard_out, "{rate} octets a second");
        }
    }

    #[test]
    fn haste_earns_no_more_than_the_grace() {
        let limits = ServeLimits { send_grace: Duration::from_secs(10), send_rate: 100, ..ServeLimits::default() };
        let (mut watch, mut queue) = (SendWatch::default(), SendQueue::default());
        queue.append(vec![0; 200_000]);
        let now = Time::from_nanos(0);
        watch.look(&queue, &limits, now);
        queue.sent(100_000);
        watch.look(&queue, &limits, now + Duration::from_secs(1));
        assert_eq!(watch.until(), Some(now + Duration::from_secs(11)));
    }
}
