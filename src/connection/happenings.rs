//! What happens to a connection, told by its model.

use std::io;

use super::{Connection, Fin, Link, News, PeerState, Stage};
use crate::context::{Letter, Why};
use crate::file_op::{FileDone, FileTicket};
use crate::limits::{LINGER, MAILBOX_MESSAGES, SEND_LOW_OCTETS};
use crate::protocol::{Close, Event, Peer, Protocol};
use crate::send_queue::SendQueue;
use crate::time::Now;

impl<P: Protocol> Connection<P> {
    /// The connection that it was born for is there, or failed.
    pub fn connected(&mut self, result: io::Result<()>, now: Now) {
        if self.link != Link::Connecting {
            return;
        }
        if result.is_ok() {
            self.link = Link::Up;
        } else {
            self.link = Link::None;
            self.queue = SendQueue::default();
        }
        if self.stage == Stage::Open {
            self.begin(result, now);
        }
    }

    /// Octets have come.
    pub fn received(&mut self, octets: &[u8], now: Now) {
        match &mut self.stage {
            Stage::Open => {}
            Stage::Lingering { until, last } => return *until = (*last).min(now.at + LINGER),
            Stage::Flushing | Stage::Over(_) => return,
        }
        if self.tail.is_empty() {
            let consumed = self.show(octets, now);
            self.keep(&octets[consumed..]);
        } else {
            self.keep(octets);
            self.show_tail(now);
        }
        self.settle(now);
    }

    /// FIN has come.
    pub fn peer_finished(&mut self, now: Now) {
        if self.peer == PeerState::Speaking {
            self.peer = PeerState::Finished;
            if self.hang_up == News::None {
                self.hang_up = News::Come;
            }
        }
        match self.stage {
            Stage::Lingering { .. } => self.end(Close::Done, now),
            Stage::Open => self.resume(now),
            Stage::Flushing | Stage::Over(_) => {}
        }
    }

    /// The peer has finished or gone, as [`Needs::hang_up`](super::Needs::hang_up) asked; what it said before may be unread.
    pub fn hung_up(&mut self, now: Now) {
        if self.hang_up == News::None {
            self.hang_up = News::Come;
            self.resume(now);
        }
    }

    /// The kernel has taken octets from the [queue](Self::queue).
    pub fn sent(&mut self, now: Now) {
        self.watch.look(&self.queue, &self.common.limits, now.at);
        self.recall &= self.is_overdue(now);
        if self.stage == Stage::Open && self.queue.unsent() < SEND_LOW_OCTETS {
            self.paused = false;
            if self.only_listens() {
                return;
            }
            if self.interest.is_some_and(|interest| interest.room) {
                self.tell(Event::Room, now);
            }
            self.resume(now);
        }
    }

    /// Time has passed.
    pub fn time(&mut self, now: Now) {
        self.recall = self.queue.is_lent() && self.watch.next(&self.common.limits).is_some_and(|look| look <= now.at);
        if !self.recall {
            if self.is_overdue(now) {
                return self.end(Close::Unheard, now);
            }
            self.watch.has_looked(now.at);
        }
        match self.stage {
            Stage::Open => {
                let Some(deadline) = self.interest.and_then(|interest| interest.deadline) else { return };
                if deadline > now.at {
                    return;
                }
                self.tell(Event::Deadline, now);
                if self.stage == Stage::Open && self.interest.is_some_and(|interest| interest.deadline == Some(deadline)) {
                    self.end(Close::Stuck, now);
                }
                self.resume(now);
            }
            Stage::Lingering { until, .. } if until <= now.at => self.end(Close::Done, now),
            _ => {}
        }
    }

    /// A letter has come. What is handed back goes to its sender.
    #[must_use]
    pub fn deliver(&mut self, letter: Letter<P::Message>, now: Now) -> Option<Letter<P::Message>> {
        if self.stage != Stage::Open {
            return letter.returned(Why::Gone);
        }
        match letter.returned {
            Some(why) => self.tell(Event::Returned(letter.from, letter.message, why), now),
            None if self.mailbox.is_empty() && self.wants_messages() => {
                self.tell(Event::Message(letter.from, letter.message), now);
            }
            None if self.mailbox.len() < MAILBOX_MESSAGES => {
                self.mailbox.push_back(letter);
                return None;
            }
            None => return letter.returned(Why::Full),
        }
        self.resume(now);
        None
    }

    /// A file operation is done.
    pub fn file_done(&mut self, ticket: FileTicket, result: io::Result<FileDone>, now: Now) {
        self.files_under_way -= 1;
        if self.stage == Stage::Open {
            self.tell(Event::File(ticket, result), now);
            self.resume(now);
        }
        self.hear_out(now);
    }

    /// The server is shutting down. It is told once.
    pub fn stopping(&mut self, now: Now) {
        let is_news = !std::mem::replace(&mut self.is_stopping, true);
        if is_news && self.stage == Stage::Open {
            self.tell(Event::Stopping, now);
            self.resume(now);
        }
    }

    /// FIN was sent, as [`End::Finish`](super::End::Finish) asked.
    pub fn finished(&mut self, now: Now) {
        self.fin = Fin::Sent;
        match self.stage {
            Stage::Open => self.settle(now),
            Stage::Flushing => self.hear_out(now),
            Stage::Lingering { .. } | Stage::Over(_) => {}
        }
    }

    /// The kernel reported an error. Whoever waits for a hang-up is told of that first, whichever call found it out.
    pub fn failed(&mut self, now: Now) {
        if self.stage == Stage::Open && self.hang_up == News::None && self.wants_of_peer(Peer::HangUp) {
            self.hang_up = News::Told;
            self.tell(Event::HangUp, now);
        }
        self.end(Close::Failed, now);
    }

    /// The drain limit was reached.
    pub fn drained(&mut self, now: Now) {
        self.end(Close::Drained, now);
    }

    /// It is about to be closed, as [`End::Close`](super::End::Close) asked.
    pub fn closed(&mut self, now: Now) {
        self.end(Close::Done, now);
    }
}
