//! What follows from it: the protocol hears what it wants to, in the order of the rules, until it is over.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::{Buf, BytesMut};

use super::{Connection, Fin, Link, News, PeerState, Stage};
use crate::context::{Context, Why};
use crate::limits::{LINGER, LINGER_IN_ALL, SEND_HIGH_OCTETS, SEND_LIMIT_OCTETS, TAIL_OCTETS};
use crate::protocol::{Close, Event, Interest, Peer, Protocol};
use crate::send_queue::SendQueue;
use crate::time::Now;

impl<P: Protocol> Connection<P> {
    pub(super) fn begin(&mut self, result: io::Result<()>, now: Now) {
        self.tell(Event::Begun(result), now);
        self.resume(now);
    }

    /// Lets the protocol hear something, and sees what it wants now. `None` if it panicked.
    #[inline]
    pub(super) fn hear<R>(&mut self, now: Now, hear: impl FnOnce(&mut P, &mut Context<'_, P::Message>) -> R) -> Option<R> {
        let can_speak = self.link != Link::None && self.stage == Stage::Open;
        let mut lost;
        let cx = &mut Context {
            now,
            me: self.id,
            common: &self.common,
            queue: if can_speak {
                &mut self.queue
            } else {
                lost = SendQueue::default();
                &mut lost
            },
            wishes: &mut self.wishes,
            mail: &mut self.mail,
        };
        // ANCHOR: caught
        let protocol = &mut self.protocol;
        // It has no invariant that others rely on: after a panic it is not asked anything again.
        let heard = catch_unwind(AssertUnwindSafe(|| (hear(protocol, cx), protocol.interest())));
        let Ok((answer, interest)) = heard else {
            self.end(Close::Panicked, now);
            return None;
        };
        // ANCHOR_END: caught
        if self.stage == Stage::Open {
            self.interest = interest;
            self.paused |= self.queue.unsent() >= SEND_HIGH_OCTETS;
            if self.wishes.finish && self.fin == Fin::Unsaid {
                self.fin = Fin::Said;
            }
            if self.wishes.abort {
                self.end(Close::Aborted, now);
            } else if self.queue.unsent() > SEND_LIMIT_OCTETS {
                self.end(Close::SendLimit, now);
            }
        }
        Some(answer)
    }

    pub(super) fn tell(&mut self, event: Event<P::Message>, now: Now) {
        self.hear(now, |protocol, cx| protocol.event(event, cx));
    }

    // ANCHOR: show
    /// Shows `octets` for as long as they are wanted and consumed; returns how many were.
    pub(super) fn show(&mut self, octets: &[u8], now: Now) -> usize {
        let mut consumed = 0;
        while consumed < octets.len() && self.stage == Stage::Open && self.willing() {
            let rest = &octets[consumed..];
            let count = self.hear(now, |protocol, cx| {
                let count = protocol.receive(rest, cx);
                assert!(count <= rest.len(), "a protocol consumed {count} octets of {}", rest.len());
                count
            });
            match count {
                Some(count) if count > 0 => consumed += count,
                _ => break,
            }
        }
        consumed
    }
    // ANCHOR_END: show

    pub(super) fn show_tail(&mut self, now: Now) {
        let mut tail = std::mem::take(&mut self.tail);
        let consumed = self.show(&tail, now);
        // What is consumed is passed over and not moved: a long tail is taken in many bites.
        if consumed < tail.len() {
            tail.advance(consumed);
            self.tail = tail;
        }
    }

    pub(super) fn keep(&mut self, octets: &[u8]) {
        if octets.is_empty() || self.stage != Stage::Open {
            return;
        }
        self.octets_copied += octets.len() as u64;
        self.tail.extend_from_slice(octets);
    }

    pub(super) fn wants_of_peer(&self, wanted: Peer) -> bool {
        self.interest.is_some_and(|interest| interest.peer == wanted)
    }

    pub(super) fn is_overdue(&self, now: Now) -> bool {
        self.watch.until().is_some_and(|until| until <= now.at)
    }

    pub(super) fn willing(&self) -> bool {
        self.wants_of_peer(Peer::Bytes) && !self.paused
    }

    pub(super) fn wants_messages(&self) -> bool {
        self.link != Link::Connecting && self.interest.is_some_and(|interest| interest.messages)
    }

    /// Whether the protocol waits for octets and has none unread: so it is after nearly every request and every answer, and then
    /// nothing is due that [`settle_news`](Self::settle_news) tells.
    #[inline]
    pub(super) fn only_listens(&self) -> bool {
        matches!(&self.interest, Some(Interest { peer: Peer::Bytes, room: false, messages: false, .. }))
            && self.stage == Stage::Open
            && self.link == Link::Up
            && self.peer == PeerState::Speaking
            && self.tail.is_empty()
    }

    /// After an event: the state may have changed, so the tail is shown again.
    pub(super) fn resume(&mut self, now: Now) {
        if !self.tail.is_empty() && self.stage == Stage::Open && self.willing() {
            self.show_tail(now);
        }
        self.settle(now);
    }

    /// Tells the peer's end, room, and mail that has waited, when their turn has come, and sees whether the protocol is over or
    /// stuck.
    #[inline]
    pub(super) fn settle(&mut self, now: Now) {
        if self.only_listens() {
            return self.watch.look(&self.queue, &self.common.limits, now.at);
        }
        self.settle_news(now);
    }

    fn settle_news(&mut self, now: Now) {
        let mut is_room_told = false;
        while self.stage == Stage::Open && self.link != Link::Connecting {
            if self.peer == PeerState::Finished && self.willing() {
                self.peer = PeerState::Told;
                self.tell(Event::PeerFinished, now);
            } else if self.hang_up == News::Come && self.wants_of_peer(Peer::HangUp) {
                self.hang_up = News::Told;
                self.tell(Event::HangUp, now);
            } else if !is_room_told && self.queue.unsent() == 0 && self.interest.is_some_and(|interest| interest.room) {
                is_room_told = true;
                self.tell(Event::Room, now);
            } else if self.wants_messages()
                && let Some(letter) = self.mailbox.pop_front()
            {
                self.tell(Event::Message(letter.from, letter.message), now);
            } else {
                break;
            }
            self.show_tail(now);
        }
        if self.link == Link::Up {
            self.watch.look(&self.queue, &self.common.limits, now.at);
        }
        if self.stage != Stage::Open {
            return;
        }
        let Some(interest) = self.interest else { return self.flush(now) };
        // A protocol that is not willing was not shown its tail: what the kernel delivers after it was told to stop is kept, and
        // its buffers bound it. One that is willing has been shown it and has left it.
        if self.tail.len() > TAIL_OCTETS && self.willing() {
            self.end(Close::TailLimit, now);
        } else if !self.something_comes(interest) {
            self.end(Close::Stuck, now);
        }
    }

    pub(super) fn something_comes(&self, interest: Interest) -> bool {
        let from_peer = self.link == Link::Up
            && match interest.peer {
                Peer::Ignore => false,
                Peer::HangUp => self.hang_up != News::Told,
                Peer::Bytes => self.peer != PeerState::Told,
            };
        let is_sending = self.link == Link::Up && self.queue.unsent() > 0;
        let is_answered = is_sending || self.has_files_to_do() || self.link == Link::Connecting;
        from_peer || is_answered || interest.deadline.is_some() || interest.messages
    }

    /// The protocol has said all.
    pub(super) fn flush(&mut self, now: Now) {
        self.stage = Stage::Flushing;
        self.tail = BytesMut::new();
        self.return_mailbox();
        self.hear_out(now);
    }

    // ANCHOR: hear-out
    /// Once nothing is left to do here, only the peer may still be speaking.
    pub(super) fn hear_out(&mut self, now: Now) {
        if self.stage == Stage::Flushing && self.fin == Fin::Sent && !self.has_files_to_do() {
            match self.peer {
                PeerState::Speaking => {
                    self.stage = Stage::Lingering { until: now.at + LINGER, last: now.at + LINGER_IN_ALL };
                }
                PeerState::Finished | PeerState::Told => self.end(Close::Done, now),
            }
        }
    }
    // ANCHOR_END: hear-out

    pub(super) fn has_files_to_do(&self) -> bool {
        self.files_under_way > 0 || !self.wishes.files.is_empty()
    }

    pub(super) fn end(&mut self, close: Close, now: Now) {
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        self.stage = Stage::Over(close);
        self.tail = BytesMut::new();
        self.wishes.files = Vec::new();
        self.return_mailbox();
        if close != Close::Panicked {
            self.tell(Event::Closed(close), now);
            self.wishes.files = Vec::new();
        }
    }

    pub(super) fn return_mailbox(&mut self) {
        let returned = self.mailbox.drain(..).filter_map(|letter| letter.returned(Why::Gone));
        self.mail.letters.extend(returned);
        self.mailbox = VecDeque::new();
    }
}
