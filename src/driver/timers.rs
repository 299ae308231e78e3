//! One deadline per connection, in a heap that is corrected lazily.
//!
//! A keep-alive connection moves its deadline with every request, nearly always to a later time. So an entry is written only
//! when a deadline comes *earlier* than the one that stands; a later one is found out when the entry falls due, which is once
//! per time limit and not once per request.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::slots::Key;
use crate::time::Time;

/// The heap.
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Time, Key)>>,
}

/// The entry that stands for a connection, kept beside it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Armed(Option<Time>);

impl Timers {
    pub(crate) fn new() -> Self {
        Timers { heap: BinaryHeap::new() }
    }

    /// Makes sure that `key` falls due at `deadline` or earlier.
    #[inline]
    pub(crate) fn arm(&mut self, key: Key, deadline: Option<Time>, armed: &mut Armed) {
        let Some(deadline) = deadline else { return };
        if armed.0.is_none_or(|standing| deadline < standing) {
            armed.0 = Some(deadline);
            self.heap.push(Reverse((deadline, key)));
        }
    }

    /// When the next entry falls due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes an entry that is due at `now`: the connection named must be asked for its deadline, and armed again.
    pub(crate) fn due(&mut self, now: Time) -> Option<(Key, Due)> {
        let &Reverse((due, key)) = self.heap.peek()?;
        if due > now {
            return None;
        }
        self.heap.pop();
        Some((key, Due(due)))
    }

    /// Drops the entries of connections that are gone, once they are the most part: under churn they would pile up for a whole
    /// time limit.
    pub(crate) fn forget(&mut self, living: usize, is_alive: impl Fn(Key) -> bool) {
        if self.heap.len() > 2 * living + 1024 {
            self.heap.retain(|Reverse((_, key))| is_alive(*key));
        }
    }
}

/// An entry that was taken.
pub(crate) struct Due(Time);

impl Armed {
    /// The entry `due` was taken from the heap; returns whether it was the one that stands.
    pub(crate) fn fired(&mut self, due: Due) -> bool {
        let stood = self.0 == Some(due.0);
        if stood {
            self.0 = None;
        }
        stood
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::Slots;
    use super::*;

    const fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn later_deadlines_write_nothing_and_earlier_ones_come_first() {
        let mut timers = Timers::new();
        let mut slots = Slots::new();
        let (a, b) = (slots.insert(()), slots.insert(()));
        let (mut armed_a, mut armed_b) = (Armed::default(), Armed::default());
        timers.arm(a, Some(at(10)), &mut armed_a);
        timers.arm(a, Some(at(50)), &mut armed_a);
        timers.arm(b, Some(at(20)), &mut armed_b);
        timers.arm(b, Some(at(5)), &mut armed_b);
        assert_eq!((timers.heap.len(), timers.next()), (3, Some(at(5))));

        assert!(timers.due(at(4)).is_none());
        let (key, due) = timers.due(at(30)).unwrap();
        assert!(key == b && armed_b.fired(due));
        let (key, due) = timers.due(at(30)).unwrap();
        assert!(key == a && armed_a.fired(due));
        timers.arm(a, Some(at(50)), &mut armed_a);
        let (key, due) = timers.due(at(30)).unwrap();
        assert!(key == b && !armed_b.fired(due), "its first entry was overtaken");
        assert_eq!(timers.next(), Some(at(50)));
    }

    #[test]
    fn the_gone_are_forgotten() {
        let mut timers = Timers::new();
        let mut slots = Slots::new();
        for nanos in 0..5000 {
            let key = slots.insert(());
            timers.arm(key, Some(at(nanos)), &mut Armed::default());
            if nanos % 100 != 0 {
                slots.remove(key);
            }
            timers.forget(slots.len(), |key| slots.get(key).is_some());
        }
        assert!(timers.heap.len() < 1200, "{}", timers.heap.len());
    }
}
