//! Mail on its way: late, but in order between any two; a register of what has become of each letter; and births.

use std::mem;

use super::moves::{Move, Who};
use super::resident::Resident;
use super::watched::{Numbered, Watched};
use super::{NumberedOf, World};
use crate::connection::Connection;
use crate::context::{Birth, Letter, Mail, Why};
use crate::limits::MAILBOX_MESSAGES;
use crate::protocol::Service;

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    OnTheWay,
    /// It was told to whom it was meant for, or as returned.
    Heard,
    /// It came back, and its sender had gone.
    Lost,
}

impl<S: Service> World<'_, S> {
    /// Takes what a resident has for others.
    pub(super) fn collect_mail(&mut self, index: usize) {
        let Mail { births, letters } = self.residents[index].connection.take_mail();
        self.births.extend(births);
        for letter in letters {
            let resident = &mut self.residents[index];
            let is_sent_back = letter.message.number != 0;
            *if is_sent_back { &mut resident.sent_back } else { &mut resident.posted } += 1;
            self.post(letter);
        }
    }

    fn post(&mut self, mut letter: Letter<NumberedOf<S>>) {
        if letter.message.number == 0 {
            self.fates.push(Fate::OnTheWay);
            letter.message.number = self.fates.len();
        }
        self.letters.push_back(letter);
    }

    /// Enters the letters that a resident has been told.
    pub(super) fn enter_heard(&mut self, index: usize) {
        let resident = &mut self.residents[index];
        let id = resident.id();
        let letters = &resident.connection.protocol().heard.letters;
        let mut complaint = None;
        for &(from, number) in &letters[resident.entered..] {
            if mem::replace(&mut self.fates[number - 1], Fate::Heard) != Fate::OnTheWay {
                complaint = Some("a letter was told twice");
            }
            let Some(from) = from else { continue };
            match resident.last_from.iter_mut().find(|(sender, _)| *sender == from) {
                Some((_, last)) if *last > number => complaint = Some("messages of one sender came out of order"),
                Some((_, last)) => *last = number,
                None => resident.last_from.push((from, number)),
            }
        }
        resident.entered = letters.len();
        if resident.waiting() > MAILBOX_MESSAGES {
            complaint = Some("more letters wait in its mailbox than may");
        }
        if let Some(complaint) = complaint {
            self.complain(id, complaint);
        }
    }

    /// Whether there is a letter that can be delivered.
    pub(super) fn has_deliverable(&self) -> bool {
        self.letters.iter().any(|letter| self.is_deliverable(letter))
    }

    /// What is for one who is to be born waits for that.
    fn is_deliverable(&self, letter: &Letter<NumberedOf<S>>) -> bool {
        !self.births.iter().any(|birth| birth.id == letter.to)
    }

    /// Delivers the oldest letter between two that the dice choose, or sends it back.
    pub(super) fn deliver(&mut self) {
        let count = self.letters.len();
        let start = self.dice.below(count);
        let mut places = (0..count).map(|place| (start + place) % count);
        let Some(drawn) = places.find(|&place| self.is_deliverable(&self.letters[place])) else { return };
        let Letter { from, to, .. } = self.letters[drawn];
        let oldest = self.letters.iter().position(|letter| (letter.from, letter.to) == (from, to)).unwrap_or(drawn);
        let Some(letter) = self.letters.remove(oldest) else { return };
        let (number, is_return) = (letter.message.number, letter.returned.is_some());
        let resident = self.residents.iter().position(|resident| resident.id() == to);
        let Some(index) = resident.filter(|&index| self.residents[index].is_open()) else {
            self.note(Who::Connection(to), Move::Returned(from));
            if is_return {
                self.fates[number - 1] = Fate::Lost;
            }
            let returned = match resident {
                Some(index) => self.residents[index].connection.deliver(letter, self.now),
                None => letter.returned(Why::Gone),
            };
            match returned {
                Some(letter) if !is_return => self.post(letter),
                None if is_return => {}
                _ => self.complain(to, "one who has ended took a letter"),
            }
            return;
        };
        self.note(Who::Connection(to), Move::Delivered(from));
        let resident = &mut self.residents[index];
        let refused = resident.connection.deliver(letter, self.now);
        resident.accepted += usize::from(refused.is_none());
        if let Some(letter) = refused {
            if self.residents[index].waiting() < MAILBOX_MESSAGES {
                self.complain(to, "a letter was refused though there was room for it");
            }
            self.post(letter);
        }
        self.look_after(index);
    }

    /// Brings one of those who are to be into the world, unless there are too many, or the service makes nothing of the seed.
    pub(super) fn bear(&mut self) {
        let birth = self.births.swap_remove(self.dice.below(self.births.len()));
        let Birth { parent, id, address, seed: Numbered { message: seed, .. } } = birth;
        let has_room = self.count(true) < self.common.limits.connections;
        let grown =
            if has_room { self.service.grow(seed, self.now).map_err(|seed| (seed, Why::Gone)) } else { Err((seed, Why::Full)) };
        match grown {
            Ok(protocol) => {
                self.note(Who::Connection(id), Move::Born(Some(parent)));
                let connection = Connection::born(Watched::new(protocol), id, address.is_some(), &self.common, self.now);
                self.residents.push(Resident { address, is_born: true, ..Resident::new(connection) });
                let place = self.residents.len() - 1;
                self.look_after(place);
                if self.is_stopping {
                    self.tell(place, |connection, now| connection.stopping(now));
                }
            }
            Err((message, why)) => {
                self.note(Who::Connection(id), Move::Born(None));
                self.post(Birth::failed(id, parent, Numbered { number: 0, message }, why));
            }
        }
    }
}
