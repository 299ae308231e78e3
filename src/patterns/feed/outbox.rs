//! What a slow client has still to hear, and what is done when that is too much.
//!
//! ```text
// ANCHOR: picture
//! events ─> [ waiting: entries, shared ] ─> [ send queue: octets ] ─> kernel ─> client
//!            may still be dropped,            handed over only while
//!            newest last                      little is unsent
//!           └───────── waiting + unsent: never above the bound ─────┘
// ANCHOR_END: picture
//! ```
//!
//! What is in the send queue must be sent, for half an event cannot be taken back. So events wait in front of it, where they can
//! still be dropped, and are handed over while less than the low mark is unsent. The bound is hard: it counts what is unsent and
//! what waits, in octets, and holds at every moment, however fast events come and however slowly they are read.
//!
//! An event larger than half of the bound is not sent at all, to nobody: in its place, and counted as dropped, a client is told
//! *resync*. A server whose bound is twice its largest event has none of those.
//!
//! Whoever cannot keep up must lose something, and it is for the application to say what:
//!
//! | policy | what a client that is too slow loses | fit for |
//! |---|---|---|
//! | [`Policy::DropOldest`] | the events that have waited longest | readings, prices: the latest counts |
//! | [`Policy::Disconnect`] | its connection; it comes back with the id of the last event it has, and hears the rest from the history, at its own pace | logs, orders: every event counts |
//! | [`Policy::Conflate`] | all but the newest of each topic, from the moment on at which it is behind; if that is still too much, the oldest | the state of many things |

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::entry::Entry;
use super::figures::{Counters, count};
use crate::limits::SEND_LOW_OCTETS;

/// What an event costs beside its octets: the size of a chunk and two line ends (RFC 9112 section 7.1), or the header of a frame.
pub const FRAMING_OCTETS: usize = 16;

/// The same of a resync: its longest form, framed.
const RESYNC_OCTETS: usize = 128;

// ANCHOR: policies
/// What to do with a client that is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The events that have waited longest are dropped.
    DropOldest,
    /// Its connection is reset.
    Disconnect,
    /// While events wait, a newer one takes the place of an older one of the same
    /// topic. Those without a topic are of one topic.
    Conflate,
}
// ANCHOR_END: policies

/// How slow a client may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// The most octets that are unsent and waiting for one client.
    pub bound: usize,
    /// What is done about more.
    pub policy: Policy,
}

impl Default for Slow {
    /// 1 MiB, and the oldest are dropped.
    fn default() -> Self {
        Slow { bound: 1 << 20, policy: Policy::DropOldest }
    }
}

impl Slow {
    /// Events are handed over while less than this is unsent.
    pub fn mark(&self) -> usize {
        SEND_LOW_OCTETS.min(self.bound / 2)
    }
}

/// What it costs to have an event in an outbox: its longest form, framed.
pub(super) fn cost(entry: &Entry) -> usize {
    entry.most_octets() + FRAMING_OCTETS
}

/// Events that wait for one client.
#[derive(Debug)]
pub struct Outbox {
    slow: Slow,
    /// By number, which is the order in which they came.
    waiting: BTreeMap<u64, Arc<Entry>>,
    /// The number of the only one of each topic, where they are conflated.
    places: BTreeMap<Box<str>, u64>,
    octets: usize,
}

/// The outbox is full, and the policy is to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSlow;

impl Outbox {
    /// An empty one.
    pub fn new(slow: Slow) -> Outbox {
        Outbox { slow, waiting: BTreeMap::new(), places: BTreeMap::new(), octets: 0 }
    }

    /// Whether events wait in it.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    // ANCHOR: put
    /// Takes an event for a client of whose octets so many are unsent; what must go
    /// for it goes by the policy.
    ///
    /// # Errors
    /// It is too much, and the client is to be cut off.
    pub fn put(&mut self, entry: &Arc<Entry>, unsent: usize, counters: &Counters) -> Result<(), TooSlow> {
        let cost = self.cost(entry);
        if self.slow.policy == Policy::Conflate
            && let Some(place) = self.places.get(topic(entry))
        {
            self.remove(*place);
            count(&counters.conflated, 1);
        }
        while unsent + self.octets + cost > self.slow.bound {
            if self.slow.policy == Policy::Disconnect {
                count(&counters.disconnected, 1);
                return Err(TooSlow);
            }
            count(&counters.dropped, 1);
            if self.take().is_none() {
                // All the room there is holds what is on its way already.
                return Ok(());
            }
        }
        self.octets += cost;
        self.waiting.insert(entry.id().number, Arc::clone(entry));
        if self.slow.policy == Policy::Conflate {
            self.places.insert(topic(entry).into(), entry.id().number);
        }
        Ok(())
    }
    // ANCHOR_END: put

    /// The next one that may be handed over, while so much is unsent.
    pub fn next(&mut self, unsent: usize) -> Option<Arc<Entry>> {
        if unsent < self.slow.mark() { self.take() } else { None }
    }

    /// Octets of those that wait.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Whether it is not to be sent, but a resync in its place: a new connection would not help.
    pub fn is_too_large(&self, entry: &Entry) -> bool {
        cost(entry) > self.slow.bound / 2
    }

    fn cost(&self, entry: &Entry) -> usize {
        if self.is_too_large(entry) { RESYNC_OCTETS } else { cost(entry) }
    }

    fn take(&mut self) -> Option<Arc<Entry>> {
        let (&oldest, _) = self.waiting.first_key_value()?;
        self.remove(oldest)
    }

    fn remove(&mut self, place: u64) -> Option<Arc<Entry>> {
        let entry = self.waiting.remove(&place)?;
        self.octets -= self.cost(&entry);
        self.places.remove(topic(&entry));
        Some(entry)
    }
}

/// What it is conflated by.
fn topic(entry: &Entry) -> &str {
    entry.topic().unwrap_or_default()
}

impl FromStr for Policy {
    type Err = NoPolicy;

    fn from_str(name: &str) -> Result<Policy, NoPolicy> {
        match name {
            "drop-oldest" => Ok(Policy::DropOldest),
            "disconnect" => Ok(Policy::Disconnect),
            "conflate" => Ok(Policy::Conflate),
            _ => Err(NoPolicy),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Policy::DropOldest => "drop-oldest",
            Policy::Disconnect => "disconnect",
            Policy::Conflate => "conflate",
        })
    }
}

/// There is no policy of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPolicy;

impl fmt::Display for NoPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policies for slow clients are drop-oldest, disconnect and conflate")
    }
}

impl std::error::Error for NoPolicy {}

#[cfg(test)]
mod tests {
    use super::super::entry::Cursor;
    use super::*;

    fn entry(number: u64, topic: Option<&str>) -> Arc<Entry> {
        Arc::new(Entry::new(Cursor { epoch: 7, number }, "0123456789", topic.map(str::to_owned)))
    }

    /// Room for exactly three of the entries without a topic.
    fn outbox(policy: Policy) -> (Outbox, Counters) {
        (Outbox::new(Slow { bound: 3 * cost(&entry(1, None)), policy }), Counters::default())
    }

    fn drain(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.next(0)).map(|entry| entry.id().number).collect()
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let (mut outbox, counters) = outbox(Policy::DropOldest);
        (1..=5).for_each(|number| outbox.put(&entry(number, None), 0, &counters).unwrap());
        assert_eq!(outbox.octets(), 3 * cost(&entry(1, None)));
        assert_eq!((drain(&mut outbox), outbox.octets), (vec![3, 4, 5], 0));
        assert_eq!(counters.figures().dropped, 2);
    }

    #[test]
    fn what_is_unsent_counts_and_cannot_be_dropped() {
        let (mut outbox, counters) = outbox(Policy::DropOldest);
        let unsent = 2 * cost(&entry(1, None));
        (1..=2).for_each(|number| outbox.put(&entry(number, None), unsent, &counters).unwrap());
        assert!(outbox.next(unsent).is_none(), "too much is unsent");
        outbox.put(&entry(3, None), unsent + 1, &counters).unwrap();
        assert_eq!((drain(&mut outbox), counters.figures().dropped), (vec![], 3));
    }

    #[test]
    fn who_is_too_slow_is_cut_off_but_not_for_an_event_that_is_too_large() {
        let (mut outbox, counters) = outbox(Policy::Disconnect);
        let large = Arc::new(Entry::new(Cursor { epoch: 7, number: 9 }, &"x".repeat(1000), None));
        assert_eq!(outbox.put(&large, 0, &counters), Ok(()));
        assert!(outbox.is_too_large(&large) && outbox.octets() == RESYNC_OCTETS);
        assert_eq!(drain(&mut outbox), [9]);
        (1..=3).for_each(|number| outbox.put(&entry(number, None), 0, &counters).unwrap());
        assert_eq!(outbox.put(&entry(4, None), 0, &counters), Err(TooSlow));
        assert_eq!((counters.figures().disconnected, counters.figures().dropped), (1, 0));
    }

    #[test]
    fn the_newest_of_each_topic_is_kept() {
        let (mut outbox, counters) = outbox(Policy::Conflate);
        outbox.slow.bound *= 2;
        for (number, topic) in [(1, Some("a")), (2, None), (3, Some("b")), (4, Some("a")), (5, None), (6, Some("a"))] {
            outbox.put(&entry(number, topic), 0, &counters).unwrap();
        }
        assert_eq!((drain(&mut outbox), outbox.octets, outbox.places.len()), (vec![3, 5, 6], 0, 0));
        assert_eq!((counters.figures().conflated, counters.figures().dropped), (3, 0));
    }

    #[test]
    fn policies_have_names() {
        for policy in [Policy::DropOldest, Policy::Disconnect, Policy::Conflate] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!("drop".parse::<Policy>(), Err(NoPolicy));
    }
}
