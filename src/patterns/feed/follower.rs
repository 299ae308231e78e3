//! One who follows: brought up to date page by page, then told each event as it comes.
//!
//! ```text
//!                    Page, not the last                 Page, the last
//!   Follow ─> Asking ───────────────────> Reading ─> ... ─────────────> Live ── Fresh n+1 ──> outbox ──> client
//!               ^                            │ all of it has gone        │
//!               └────────── Follow ──────────┘                           │ Fresh n+2: one is missing
//!               └────────────────────── Follow, after n ─────────────────┘
//! ```
//!
//! The history is pulled and not pushed: the next page is asked for when the one before has gone. So a client that comes back after
//! a day is read to at its own pace, and its outbox is only for what comes live. If it is so slow that the history forgets what it
//! has not read, it is told ([`resync`](Wording::resync)).
//!
//! What it knows of its place is one number: the last event it was told. An event with the next number is news, one with a lower
//! number is not, and a higher one means that the news in between was lost on the way (a loop had more mail than it may have):
//! then it asks for a page, as if it had just come. This makes "every event, in order, once" a matter of one comparison.
//!
//! How it is said is not its business: [`Wording`] has the forms, [`Output`] is where they go.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::entry::{Cursor, Entry};
use super::figures::{Counters, count, raise};
use super::history::Page;
use super::outbox::{Outbox, Slow};
use super::{HUB, News, Ticket};
use crate::context::Context;
use crate::time::Time;

/// How events are worded for a kind of clients.
#[derive(Debug)]
pub struct Wording {
    /// The form of an event.
    pub event: fn(&Entry) -> Bytes,
    /// That some events are gone for ever, and which is the oldest there is or will be.
    pub resync: fn(Cursor) -> Bytes,
    /// What is said so that something is said: whoever is on the way (a proxy, an address translation) forgets connections on which
    /// nothing is. `None` where somebody else sees to it.
    pub heartbeat: Option<&'static [u8]>,
}

/// Where it is said.
pub trait Output<'cx> {
    /// Says it.
    fn say(&mut self, octets: Bytes);
    /// Octets that the kernel has not taken yet.
    fn unsent(&self) -> usize;
    /// For everything else.
    fn context(&mut self) -> &mut Context<'cx, News>;
}

/// What is to become of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It goes on.
    GoesOn,
    /// It is [too slow](super::Policy::Disconnect), and is to be cut off.
    TooSlow,
}

/// One client's place in the feed.
#[derive(Debug)]
pub struct Follower {
    wording: &'static Wording,
    ticket: Ticket,
    stage: Stage,
    /// The last event it was told, or passed over.
    last: Option<Cursor>,
    outbox: Outbox,
    mark: usize,
    heartbeat: Duration,
    said_at: Time,
    /// When it is to be seen whether a heartbeat is due.
    due: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A page is on its way.
    Asking,
    /// It is read, and there are more.
    Reading,
    Live,
}

impl Follower {
    /// One who begins after this cursor, or now: asks for its first page.
    pub fn begin(
        wording: &'static Wording,
        after: Option<Cursor>,
        slow: Slow,
        heartbeat: Duration,
        ticket: Ticket,
        cx: &mut Context<'_, News>,
    ) -> Follower {
        let mut follower = Follower {
            wording,
            ticket,
            stage: Stage::Asking,
            last: after,
            outbox: Outbox::new(slow),
            mark: slow.mark(),
            heartbeat,
            said_at: cx.now(),
            due: wording.heartbeat.map(|_| cx.now() + heartbeat),
        };
        follower.ask(cx);
        follower
    }

    fn ask(&mut self, cx: &mut Context<'_, News>) {
        self.stage = Stage::Asking;
        let ticket = self.ticket.next_question();
        cx.message(HUB, News::Follow { ticket, after: self.last, most: self.mark });
    }

    /// Whether this page is the one that was asked for.
    pub fn expects(&self, ticket: Ticket) -> bool {
        self.stage == Stage::Asking && self.ticket == ticket
    }

    /// Its page has come.
    pub fn page<'cx>(&mut self, page: Page, out: &mut impl Output<'cx>, counters: &Counters) -> Verdict {
        if let Some(oldest) = page.resync {
            count(&counters.resyncs, 1);
            self.said_at = out.context().now();
            out.say((self.wording.resync)(oldest));
        }
        self.last = Some(page.next);
        self.stage = if page.is_last { Stage::Live } else { Stage::Reading };
        for entry in &page.entries {
            if self.pass_on(entry, out, counters) == Verdict::TooSlow {
                return Verdict::TooSlow;
            }
        }
        self.room(out, counters);
        Verdict::GoesOn
    }

    // ANCHOR: fresh
    /// Something has been published.
    pub fn fresh<'cx>(&mut self, entry: &Arc<Entry>, out: &mut impl Output<'cx>, counters: &Counters) -> Verdict {
        match self.last {
            // What it has not been told yet comes with its page.
            _ if self.stage != Stage::Live => Verdict::GoesOn,
            Some(last) if entry.id().number <= last.number => Verdict::GoesOn,
            Some(last) if entry.id().number == last.number + 1 => {
                self.last = Some(entry.id());
                self.pass_on(entry, out, counters)
            }
            _ => {
                self.ask(out.context());
                Verdict::GoesOn
            }
        }
    }
    // ANCHOR_END: fresh

    fn pass_on<'cx>(&mut self, entry: &Arc<Entry>, out: &mut impl Output<'cx>, counters: &Counters) -> Verdict {
        if self.outbox.put(entry, out.unsent(), counters).is_err() {
            return Verdict::TooSlow;
        }
        self.hand_over(out, counters);
        Verdict::GoesOn
    }

    fn hand_over<'cx>(&mut self, out: &mut impl Output<'cx>, counters: &Counters) {
        let mut handed = 0;
        while let Some(entry) = self.outbox.next(out.unsent()) {
            self.said_at = out.context().now();
            if self.outbox.is_too_large(&entry) {
                let Cursor { epoch, number } = entry.id();
                out.say((self.wording.resync)(Cursor { epoch, number: number + 1 }));
                count(&counters.dropped, 1);
                count(&counters.resyncs, 1);
            } else {
                out.say((self.wording.event)(&entry));
                handed += 1;
            }
        }
        if handed > 0 {
            count(&counters.deliveries, handed);
        }
        raise(&counters.most_held, (out.unsent() + self.outbox.octets()) as u64);
    }

    /// The client has taken some of what was said.
    pub fn room<'cx>(&mut self, out: &mut impl Output<'cx>, counters: &Counters) {
        self.hand_over(out, counters);
        if self.stage == Stage::Reading && !self.outbox.is_waiting() && out.unsent() == 0 {
            self.ask(out.context());
        }
    }

    /// Its deadline has come.
    pub fn deadline<'cx>(&mut self, out: &mut impl Output<'cx>) {
        let now = out.context().now();
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        if let Some(heartbeat) = self.wording.heartbeat
            && self.said_at + self.heartbeat <= now
        {
            self.said_at = now;
            // Where something is unsent, it is not for want of words that the client hears none.
            if out.unsent() == 0 {
                out.say(Bytes::from_static(heartbeat));
            }
        }
        // Not moved by every event: a timer that is not touched costs nothing.
        self.due = Some(self.said_at + self.heartbeat);
    }

    /// It follows no more.
    pub fn leave(&self, cx: &mut Context<'_, News>) {
        cx.message(HUB, News::Leave);
    }

    /// Whether it waits for the client to take something.
    pub fn wants_room(&self) -> bool {
        self.outbox.is_waiting() || self.stage == Stage::Reading
    }

    /// When it is to be told of its [deadline](Self::deadline).
    pub fn due(&self) -> Option<Time> {
        self.due
    }
}
