//! A protocol under watch: what it is told is held against the rules of the [contract](crate::protocol).
//!
//! Every protocol of a world is inside one of these, and the messages it sends are numbered, so that [`check`](super::World::check)
//! can say of each of them where it went.

use std::cell::Cell;

use crate::context::Context;
use crate::identity::ConnectionId;
use crate::limits::{SEND_HIGH_OCTETS, SEND_LOW_OCTETS};
use crate::protocol::{Event, Interest, Peer, Protocol};

/// A message and its number among those of the world; 0 before it has one.
pub(super) struct Numbered<M> {
    pub(super) number: usize,
    pub(super) message: M,
}

/// A protocol, and what it has heard.
pub(super) struct Watched<P> {
    protocol: P,
    /// As it was last asked.
    interest: Cell<Option<Interest>>,
    pub(super) heard: Heard,
}

/// What one has heard so far.
#[derive(Default)]
pub(super) struct Heard {
    /// The first rule that was broken.
    pub(super) broken: Option<&'static str>,
    pub(super) is_begun: bool,
    pub(super) is_closed: bool,
    pub(super) is_told_fin: bool,
    pub(super) is_told_hang_up: bool,
    /// The last thing it was told were octets.
    pub(super) was_shown: bool,
    /// Its output was above the high mark and has not been seen below the low one since.
    pub(super) is_paused: bool,
    /// How often it was told that there is room.
    pub(super) rooms: usize,
    /// Octets that it has consumed, and those it was shown last and left.
    pub(super) consumed: u64,
    pub(super) left: usize,
    /// How many octets it had been shown when FIN was told.
    pub(super) shown_before_fin: Option<u64>,
    /// Letters it has sent.
    pub(super) sent: usize,
    /// Letters it was told, in order; for a message also who sent it.
    pub(super) letters: Vec<(Option<ConnectionId>, usize)>,
}

impl<P: Protocol> Watched<P> {
    pub(super) fn new(protocol: P) -> Self {
        Watched { protocol, interest: Cell::new(None), heard: Heard::default() }
    }

    /// What it wanted last.
    pub(super) fn wants(&self) -> Option<Interest> {
        self.interest.get()
    }

    fn hear<R>(
        &mut self,
        cx: &mut Context<'_, Numbered<P::Message>>,
        tell: impl FnOnce(&mut P, &mut Context<'_, P::Message>) -> R,
    ) -> R {
        let before = cx.mail.letters.len();
        let answer = cx.within(|message| Numbered { number: 0, message }, |cx| tell(&mut self.protocol, cx));
        self.heard.sent += cx.mail.letters.len() - before;
        self.heard.is_paused |= cx.unsent() >= SEND_HIGH_OCTETS;
        answer
    }
}

impl Heard {
    fn rule(&mut self, is_kept: bool, broken: &'static str) {
        if !is_kept && self.broken.is_none() {
            self.broken = Some(broken);
        }
    }

    fn begin_to_hear(&mut self, unsent: usize) {
        self.rule(!self.is_closed, "Closed was not the last thing it heard");
        self.is_paused &= unsent >= SEND_LOW_OCTETS;
    }
}

impl<P: Protocol> Protocol for Watched<P> {
    type Message = Numbered<P::Message>;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Self::Message>) -> usize {
        let heard = &mut self.heard;
        heard.begin_to_hear(cx.unsent());
        heard.rule(heard.is_begun, "it was shown octets before Begun");
        heard.rule(!input.is_empty(), "it was shown no octets");
        heard.rule(!heard.is_paused, "it was shown octets though its output is above the high mark");
        heard.rule(heard.left <= input.len(), "octets that it left were not shown again");
        let wants_octets = self.interest.get().is_some_and(|interest| interest.peer == Peer::Bytes);
        heard.rule(wants_octets, "it was shown octets that it did not want");
        let consumed = self.hear(cx, |protocol, cx| protocol.receive(input, cx));
        let heard = &mut self.heard;
        heard.rule(consumed <= input.len(), "it consumed more than it was shown");
        heard.consumed += consumed as u64;
        heard.left = input.len().saturating_sub(consumed);
        heard.was_shown = true;
        consumed
    }

    fn event(&mut self, event: Event<Self::Message>, cx: &mut Context<'_, Self::Message>) {
        let heard = &mut self.heard;
        heard.begin_to_hear(cx.unsent());
        heard.was_shown = false;
        let interest = self.interest.get();
        heard.rule(interest.is_some() || matches!(event, Event::Closed(_) | Event::Begun(_)), "it was over, and heard more");
        let interest = interest.unwrap_or_default();
        if !matches!(event, Event::Begun(_) | Event::Deadline | Event::Stopping | Event::Closed(_)) {
            heard.rule(heard.is_begun, "Begun was not the first thing it heard");
        }
        let event = match event {
            Event::Begun(result) => {
                heard.rule(!heard.is_begun, "Begun was told twice");
                heard.is_begun = true;
                Event::Begun(result)
            }
            Event::PeerFinished => {
                heard.rule(interest.peer == Peer::Bytes, "FIN was told to one who did not listen");
                heard.rule(!heard.is_told_fin, "FIN was told twice");
                heard.rule(!heard.is_paused, "FIN was told though its output is above the high mark");
                heard.is_told_fin = true;
                heard.shown_before_fin = Some(heard.consumed + heard.left as u64);
                Event::PeerFinished
            }
            Event::HangUp => {
                heard.rule(interest.peer == Peer::HangUp, "a hang-up was told to one who did not wait for it");
                heard.rule(!heard.is_told_hang_up, "a hang-up was told twice");
                heard.is_told_hang_up = true;
                Event::HangUp
            }
            Event::Room => {
                heard.rule(interest.room, "room was told to one who did not wait for it");
                heard.rule(cx.unsent() < SEND_LOW_OCTETS, "room was told above the low mark");
                heard.rooms += 1;
                Event::Room
            }
            Event::Deadline => {
                let is_due = interest.deadline.is_some_and(|deadline| deadline <= cx.now());
                heard.rule(is_due, "a deadline was told before its time");
                Event::Deadline
            }
            Event::Message(from, Numbered { number, message }) => {
                heard.rule(interest.messages, "a message was told to one who did not want any");
                heard.letters.push((Some(from), number));
                Event::Message(from, message)
            }
            Event::Returned(from, Numbered { number, message }, why) => {
                heard.letters.push((None, number));
                Event::Returned(from, message, why)
            }
            Event::File(ticket, result) => Event::File(ticket, result),
            Event::Stopping => Event::Stopping,
            Event::Closed(close) => {
                heard.is_closed = true;
                Event::Closed(close)
            }
        };
        self.hear(cx, |protocol, cx| protocol.event(event, cx));
    }

    fn interest(&self) -> Option<Interest> {
        let interest = self.protocol.interest();
        self.interest.set(interest);
        interest
    }
}
