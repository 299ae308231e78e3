//! What the dice do beside drawing moves: how large they are, how late it is, and, with faults, what breaks.

use std::time::Duration;

use super::World;
use super::moves::{Move, Who};
use crate::protocol::Service;
use crate::time::Time;

/// After so many moves all further ones are as large as they can be: a seed that moves single octets would need a minute for
/// a megabyte, and has shown by then what it can show.
const SMALL_MOVES: usize = 4000;

/// With faults, something breaks before one in so many moves.
pub(super) const FAULTS: usize = 60;

impl<S: Service> World<'_, S> {
    /// A loop is not always in time, and comes by for nothing now and then.
    pub(super) fn dawdle(&mut self) {
        if !self.dice.one_in(4) {
            return;
        }
        let later = self.now.at + Duration::from_nanos(self.dice.below(1000) as u64);
        if self.next_deadline().is_none_or(|deadline| later < deadline) {
            self.now.at = later;
            let place = self.dice.below(self.residents.len());
            if place < self.residents.len() {
                self.tell(place, |connection, now| connection.time(now));
            }
        }
    }

    /// Whether anything was there to be broken.
    pub(super) fn break_something(&mut self) -> bool {
        match self.dice.below(3) {
            0 => {
                let peer = self.dice.below(self.peers.len());
                let is_breakable = self.peers.get(peer).is_some_and(|far| !far.is_broken && !far.is_left);
                if is_breakable {
                    self.reset(peer);
                }
                is_breakable
            }
            1 if !self.out_of_descriptors => {
                self.out_of_descriptors = true;
                self.note(Who::World, Move::DescriptorsOut);
                true
            }
            _ => self.jump(None),
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let deadlines = self.residents.iter().filter_map(|resident| resident.needs.deadline);
        let cut_at = self.cut_at.filter(|_| !self.residents.is_empty());
        deadlines.chain(cut_at).min()
    }

    /// Jumps to what is to happen next by the clock, but not beyond `until`; false if there is nothing.
    pub(super) fn jump(&mut self, until: Option<Time>) -> bool {
        let Some(next) = self.next_deadline() else { return false };
        if until.is_some_and(|until| until < next) || !self.is_patient() {
            return false;
        }
        let late = Duration::from_nanos(self.dice.below(1000) as u64);
        self.now.at = self.now.at.max(next) + late;
        if self.cut_at.is_some_and(|at| at <= self.now.at) {
            self.cut_at = None;
            self.note(Who::World, Move::Cut);
            for place in 0..self.residents.len() {
                self.tell(place, |connection, now| connection.drained(now));
            }
        }
        for place in 0..self.residents.len() {
            if self.residents[place].needs.deadline.is_some_and(|deadline| deadline <= self.now.at) {
                self.note_of(place, Move::Time);
                self.tell(place, |connection, now| connection.time(now));
            }
        }
        true
    }

    /// Some of them, and in the shortest run all.
    pub(super) fn portion(&mut self, most: usize) -> usize {
        let largest = if self.story.len() > SMALL_MOVES { usize::MAX } else { self.habits.largest };
        let most = most.min(largest);
        if self.dice.one_in(4) { most } else { most - self.dice.below(most) }
    }
}
