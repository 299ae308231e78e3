//! What has been published, for those who come late: a ring, bounded by count and by octets.
//!
//! ```text
// ANCHOR: picture
//!   forgotten   │ 4 │ 5 │ 6 │ 7 │   <- the newest is appended here
//!
//!   after 5:                                    6, 7
//!   after 3:                                    4, 5, 6, 7
//!   after 2, or of another start of the server: resync, 4, 5, 6, 7
// ANCHOR_END: picture
//! ```
//!
//! The newest is always there, however little is kept. Whoever waits for what is about to be forgotten is to be told before: so
//! an event is [appended](History::push) first, and then the oldest are [forgotten](History::forget).
//!
//! Numbers have no gaps, so where an event lies is a subtraction.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::{Cursor, Entry};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events. The newest is kept in any case.
    pub events: usize,
    /// Octets of them; the newest is kept in any case.
    pub octets: usize,
}

impl Default for Retention {
    /// 1,024 events of 8 MiB together.
    fn default() -> Self {
        Retention { events: 1024, octets: 8 << 20 }
    }
}

/// The ring.
#[derive(Debug)]
pub struct History {
    retention: Retention,
    entries: VecDeque<Arc<Entry>>,
    octets: usize,
    /// The name of the last one that was published, forgotten or not.
    newest: Cursor,
}

/// Some of it.
#[derive(Clone, Debug)]
pub struct Page {
    /// In order.
    pub entries: Vec<Arc<Entry>>,
    /// What comes after this page comes after this cursor.
    pub next: Cursor,
    /// It was to begin after a cursor to which the history does not reach back, or which is of another start of the server: so
    /// some may be gone for ever. It begins with the oldest there is, or to come, which is named here.
    pub resync: Option<Cursor>,
    /// There is no more, for now.
    pub is_last: bool,
}

impl Page {
    /// Octets of JSON in it.
    pub fn octets(&self) -> usize {
        self.entries.iter().map(|entry| entry.octets()).sum()
    }
}

impl History {
    /// One that begins now; the names of its events begin with this.
    pub fn new(epoch: u64, retention: Retention) -> History {
        History { retention, entries: VecDeque::new(), octets: 0, newest: Cursor { epoch, number: 0 } }
    }

    /// The cursor of one who wants what comes from now on.
    pub fn newest(&self) -> Cursor {
        self.newest
    }

    /// Names and keeps an event. There may be a [surplus](Self::surplus) then.
    pub fn push(&mut self, text: &str, topic: Option<String>) -> Arc<Entry> {
        self.newest.number += 1;
        let entry = Arc::new(Entry::new(self.newest, text, topic));
        self.octets += entry.octets_kept();
        self.entries.push_back(Arc::clone(&entry));
        entry
    }

    /// How many of the oldest are more than is to be kept; never all of them.
    pub fn surplus(&self) -> usize {
        let (mut left, mut octets) = (self.entries.len(), self.octets);
        for oldest in &self.entries {
            if left <= 1 || left <= self.retention.events && octets <= self.retention.octets {
                break;
            }
            left -= 1;
            octets -= oldest.octets_kept();
        }
        self.entries.len() - left
    }

    /// Forgets so many of the oldest.
    pub fn forget(&mut self, count: usize) {
        let forgotten: usize = self.entries.drain(..count).map(|entry| entry.octets_kept()).sum();
        self.octets -= forgotten;
    }

    /// The newest event.
    pub fn last(&self) -> Option<&Arc<Entry>> {
        self.entries.back()
    }

    // ANCHOR: page
    /// What came after `after`: of no more than `most` octets by this measure, but
    /// at least one event, if there is one.
    pub fn page(&self, after: Option<Cursor>, most: usize, measure: impl Fn(&Entry) -> usize) -> Page {
        let after = after.unwrap_or(self.newest);
        let (from, resync) = match self.place_after(after) {
            Some(place) => (place, None),
            None => (0, Some(Cursor { number: self.oldest_number(), ..self.newest })),
        };
        let mut octets = 0;
        let fits = |entry: &&Arc<Entry>| {
            let is_first = octets == 0;
            octets += measure(entry);
            is_first || octets <= most
        };
        let entries: Vec<_> = self.entries.range(from..).take_while(fits).cloned().collect();
        let is_last = from + entries.len() == self.entries.len();
        let next = if is_last { self.newest } else { entries.last().map_or(self.newest, |entry| entry.id()) };
        Page { entries, next, resync, is_last }
    }
    // ANCHOR_END: page

    /// Octets of JSON after a cursor; it may stop counting at `enough`.
    pub fn octets_after(&self, after: Cursor, enough: usize) -> usize {
        let from = self.place_after(after).unwrap_or(0);
        let mut octets = 0;
        for entry in self.entries.range(from..) {
            if octets >= enough {
                break;
            }
            octets += entry.octets();
        }
        octets
    }

    /// Whether all that came after this is there, and will be when so many more are forgotten.
    pub fn reaches(&self, after: Cursor, surplus: usize) -> bool {
        self.place_after(after).is_some_and(|place| place >= surplus)
    }

    /// The number of the oldest that is there, or is to come.
    fn oldest_number(&self) -> u64 {
        self.newest.number + 1 - self.entries.len() as u64
    }

    /// Where what came after this begins, if all of it is there.
    fn place_after(&self, after: Cursor) -> Option<usize> {
        let is_ours = after.epoch == self.newest.epoch || after == Cursor::BEGINNING;
        let is_within = after.number <= self.newest.number && after.number + 1 >= self.oldest_number();
        (is_ours && is_within).then(|| (after.number + 1 - self.oldest_number()) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(events: usize, retention: Retention) -> History {
        let mut history = History::new(7, retention);
        for number in 1..=events {
            history.push(&format!("number {number}"), None);
            history.forget(history.surplus());
        }
        history
    }

    fn numbers(page: &Page) -> Vec<u64> {
        page.entries.iter().map(|entry| entry.id().number).collect()
    }

    fn after(history: &History, cursor: &str, most: usize) -> (Vec<u64>, u64, Option<u64>, bool) {
        let page = history.page(Some(cursor.parse().unwrap()), most, Entry::octets);
        (numbers(&page), page.next.number, page.resync.map(|oldest| oldest.number), page.is_last)
    }

    #[test]
    fn pages_begin_after_their_cursor_or_say_that_they_do_not() {
        let history = filled(7, Retention { events: 4, ..Retention::default() });
        assert_eq!(after(&history, "7-5", 1000), (vec![6, 7], 7, None, true));
        assert_eq!(after(&history, "7-3", 1000), (vec![4, 5, 6, 7], 7, None, true));
        assert_eq!(after(&history, "7-7", 1000), (vec![], 7, None, true));
        for lost in ["7-2", "0", "6-5", "8-5", "7-8", "7-18446744073709551615", "0-18446744073709551615"] {
            assert_eq!(after(&history, lost, 1000), (vec![4, 5, 6, 7], 7, Some(4), true), "{lost}");
        }
        let page = history.page(None, 1000, Entry::octets);
        assert_eq!((numbers(&page), page.next.to_string(), page.resync), (vec![], "7-7".into(), None));
    }

    #[test]
    fn the_beginning_is_the_beginning_until_something_is_forgotten() {
        assert_eq!(after(&filled(0, Retention::default()), "0", 9), (vec![], 0, None, true));
        assert_eq!(after(&filled(0, Retention::default()), "7-0", 9), (vec![], 0, None, true));
        assert_eq!(after(&filled(0, Retention::default()), "6-9", 9), (vec![], 0, Some(1), true));
        assert_eq!(after(&filled(2, Retention::default()), "0", 999), (vec![1, 2], 2, None, true));
    }

    #[test]
    fn a_page_has_at_least_one_event_and_no_more_than_fit() {
        let history = filled(5, Retention::default());
        let one = history.entries[0].octets();
        assert_eq!(after(&history, "0", 0), (vec![1], 1, None, false));
        assert_eq!(after(&history, "0", 2 * one), (vec![1, 2], 2, None, false));
        assert_eq!(after(&history, "0", 3 * one - 1), (vec![1, 2], 2, None, false));
        assert_eq!(after(&history, "7-4", 0), (vec![5], 5, None, true));
        assert_eq!(history.octets_after("7-2".parse().unwrap(), usize::MAX), 3 * one);
        assert_eq!(history.octets_after("7-2".parse().unwrap(), one + 1), 2 * one);
    }

    #[test]
    fn octets_are_a_bound_too() {
        let one = filled(1, Retention::default()).octets;
        let mut history = filled(9, Retention { octets: 3 * one, ..Retention::default() });
        assert_eq!(after(&history, "0", 999).0, [7, 8, 9]);
        assert_eq!((history.surplus(), history.reaches("7-6".parse().unwrap(), 0)), (0, true));
        assert!(!history.reaches("7-6".parse().unwrap(), 1));
        let large = history.push(&"x".repeat(3 * one), None);
        assert_eq!(history.surplus(), 3, "the newest stays, though it is too large");
        history.forget(3);
        assert_eq!((history.octets, history.reaches("7-8".parse().unwrap(), 0)), (large.octets_kept(), false));
        assert_eq!(after(&history, "7-9", 999), (vec![10], 10, None, true));
        assert_eq!(after(&filled(3, Retention { events: 0, octets: 0 }), "7-2", 999), (vec![3], 3, None, true));
    }
}
