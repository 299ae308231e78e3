//! Where publishers and their readers meet.
//!
//! The hub hears one message after the other, so there is an order of all events without a lock, and "bring me up to date, and
//! tell me what comes" has no moment in between at which an event could slip through: the page and the place among the followers
//! are one step.
//!
//! | who waits | for what | what the hub holds for it | who keeps the time |
//! |---|---|---|---|
//! | a parked poll | `least` octets after its cursor | a cursor and three numbers | the poll: at its limit it says that it is [enough](News::Enough) |
//! | a follower | every event | its name | the follower: a heartbeat |
//! | the hub | messages | | nobody |
//!
//! An event costs one encoding, one message for each follower, and one addition for each parked poll. The least and the limit of
//! a poll have the meaning of Kafka's `fetch.min.bytes` and `fetch.max.wait.ms` (Apache Kafka, consumer configurations): few events
//! a second are told one by one and at once, many are told in batches.
//!
//! Who hangs up says [`Leave`](News::Leave), or is found out by a message that comes [back](Event::Returned). A message that comes
//! back because a loop has more mail than it may have is told again a little later. Of events that is the newest alone, however many
//! came back: a follower sees by its number that some are missing, and asks for a page.
//!
//! When the server stops, everybody who is parked is answered at once with whatever there is, and the hub ends, once it
//! has told again what had come back: what is published or asked after that comes back to the one who said it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::entry::Cursor;
use super::figures::{Counters, count, raise};
use super::history::{History, Retention};
use super::outbox::cost;
use super::{News, Ticket};
use crate::context::{Context, Why};
use crate::identity::ConnectionId;
use crate::protocol::{Event, Interest, Protocol};
use crate::time::Time;

/// How soon a message is told again that found a full mailbox.
const AGAIN: Duration = Duration::from_millis(10);

/// The hub of a server.
pub struct Hub {
    counters: Arc<Counters>,
    retention: Retention,
    /// Since it began.
    history: Option<History>,
    // Ordered, so that the same seed makes the same world.
    parked: BTreeMap<ConnectionId, Parked>,
    followers: BTreeSet<ConnectionId>,
    /// Answers that found no place, each of one who asks nothing more before he has it; followers for whom some event found none; and
    /// when they are told again.
    returned: Vec<(ConnectionId, News)>,
    behind: BTreeSet<ConnectionId>,
    again: Option<Time>,
    has_stopped: bool,
}

/// A poll that waits.
struct Parked {
    ticket: Ticket,
    after: Cursor,
    /// How many octets there are after its cursor, and how many it wants.
    octets: usize,
    least: usize,
    most: usize,
}

type Cx<'a> = Context<'a, News>;

impl Protocol for Hub {
    type Message = News;

    fn receive(&mut self, input: &[u8], _: &mut Cx<'_>) -> usize {
        input.len()
    }

    fn event(&mut self, event: Event<News>, cx: &mut Cx<'_>) {
        match event {
            Event::Begun(_) => self.history = Some(History::new(cx.unix_seconds(), self.retention)),
            Event::Message(from, news) => self.hear(from, news, cx),
            Event::Returned(to, news, Why::Full) => self.keep(to, news, cx),
            Event::Returned(to, _, Why::Gone) => self.forget(to),
            Event::Deadline => self.tell_again(cx),
            Event::Stopping => self.stop(cx),
            Event::Room | Event::File(..) | Event::PeerFinished | Event::HangUp | Event::Closed(_) => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        let is_over = self.has_stopped && self.returned.is_empty();
        (!is_over).then_some(Interest { messages: !self.has_stopped, deadline: self.again, ..Interest::default() })
    }
}

impl Hub {
    /// A hub that keeps so much.
    pub fn new(retention: Retention, counters: Arc<Counters>) -> Hub {
        Hub {
            counters,
            retention,
            history: None,
            parked: BTreeMap::new(),
            followers: BTreeSet::new(),
            returned: Vec::new(),
            behind: BTreeSet::new(),
            again: None,
            has_stopped: false,
        }
    }

    fn hear(&mut self, from: ConnectionId, news: News, cx: &mut Cx<'_>) {
        match news {
            News::Publish { ticket, text, topic } => self.publish(from, ticket, &text, topic, cx),
            News::Poll { ticket, after, least, most, park } => self.poll(from, ticket, after, (least, most), park, cx),
            News::Enough { ticket } => {
                if self.parked.get(&from).is_some_and(|parked| parked.ticket == ticket) {
                    self.answer(from, cx);
                }
            }
            News::Follow { ticket, after, most } => self.follow(from, ticket, after, most, cx),
            News::Leave => self.forget(from),
            News::Seed | News::Numbered(..) | News::Page(..) | News::Fresh(_) => {}
        }
    }

    // ANCHOR: publish
    /// One event: the publisher is told its name first, then everybody who waits for it.
    fn publish(&mut self, from: ConnectionId, ticket: Ticket, text: &str, topic: Option<String>, cx: &mut Cx<'_>) {
        let Some(history) = &mut self.history else { return };
        let entry = history.push(text, topic);
        let surplus = history.surplus();
        count(&self.counters.events, 1);
        count(&self.counters.forgotten, surplus as u64);
        cx.message(from, News::Numbered(ticket, entry.id()));
        for follower in &self.followers {
            cx.message(*follower, News::Fresh(Arc::clone(&entry)));
        }
        // ANCHOR: parked
        let mut enough = Vec::new();
        for (who, parked) in &mut self.parked {
            parked.octets += entry.octets();
            // Or what it waits for would be forgotten while it waits for more.
            if parked.octets >= parked.least || !history.reaches(parked.after, surplus) {
                enough.push(*who);
            }
        }
        enough.into_iter().for_each(|who| self.answer(who, cx));
        // ANCHOR_END: parked
        if let Some(history) = &mut self.history {
            history.forget(surplus);
        }
    }
    // ANCHOR_END: publish

    // ANCHOR: poll
    fn poll(
        &mut self,
        from: ConnectionId,
        ticket: Ticket,
        after: Option<Cursor>,
        (least, most): (usize, usize),
        park: bool,
        cx: &mut Cx<'_>,
    ) {
        let Some(history) = &self.history else { return };
        let (after, least) = (after.unwrap_or(history.newest()), least.min(most.max(1)));
        let octets = history.octets_after(after, least);
        self.parked.insert(from, Parked { ticket, after, octets, least, most });
        if !park || octets >= least || !history.reaches(after, 0) {
            self.answer(from, cx);
        }
        self.count_those_who_wait();
    }

    /// What a poll asked for, as it is now.
    fn answer(&mut self, who: ConnectionId, cx: &mut Cx<'_>) {
        let Some(history) = &self.history else { return };
        if let Some(Parked { ticket, after, most, .. }) = self.parked.remove(&who) {
            cx.message(who, News::Page(ticket, Box::new(history.page(Some(after), most + 1, |entry| entry.octets() + 1))));
        }
        self.counters.parked.store(self.parked.len() as u64, Ordering::Relaxed);
    }
    // ANCHOR_END: poll

    // ANCHOR: follow
    /// The next page; who has been given the last one hears the rest as it comes.
    fn follow(&mut self, from: ConnectionId, ticket: Ticket, after: Option<Cursor>, most: usize, cx: &mut Cx<'_>) {
        let Some(history) = &self.history else { return };
        let page = history.page(after, most, cost);
        if page.is_last {
            self.followers.insert(from);
        } else {
            self.followers.remove(&from);
        }
        cx.message(from, News::Page(ticket, Box::new(page)));
        self.count_those_who_wait();
    }
    // ANCHOR_END: follow

    fn forget(&mut self, who: ConnectionId) {
        self.parked.remove(&who);
        self.followers.remove(&who);
        self.count_those_who_wait();
    }

    fn keep(&mut self, to: ConnectionId, news: News, cx: &mut Cx<'_>) {
        match news {
            News::Fresh(_) => _ = self.behind.insert(to),
            answer => self.returned.push((to, answer)),
        }
        self.again.get_or_insert(cx.now() + AGAIN);
    }

    fn tell_again(&mut self, cx: &mut Cx<'_>) {
        self.again = None;
        for (to, news) in std::mem::take(&mut self.returned) {
            cx.message(to, news);
        }
        let behind = std::mem::take(&mut self.behind);
        if let Some(newest) = self.history.as_ref().and_then(History::last) {
            // It is of no use any more to one who has left meanwhile.
            for who in behind.intersection(&self.followers) {
                cx.message(*who, News::Fresh(Arc::clone(newest)));
            }
        }
    }

    fn stop(&mut self, cx: &mut Cx<'_>) {
        while let Some((&who, _)) = self.parked.first_key_value() {
            self.answer(who, cx);
        }
        self.followers.clear();
        self.count_those_who_wait();
        self.has_stopped = true;
    }

    fn count_those_who_wait(&self) {
        let (followers, parked) = (self.followers.len() as u64, self.parked.len() as u64);
        self.counters.followers.store(followers, Ordering::Relaxed);
        self.counters.parked.store(parked, Ordering::Relaxed);
        raise(&self.counters.most_followers, followers);
        raise(&self.counters.most_parked, parked);
    }
}
