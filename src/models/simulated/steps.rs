//! The engine: which moves are possible, and how each is made.

use std::io::{self, IoSlice};
use std::mem;

use bytes::Buf;

use super::chance::FAULTS;
use super::disk::errno;
use super::moves::{Move, Who};
use super::resident::{FarEnd, Fin, Resident};
use super::watched::Watched;
use super::{Ending, WatchedOf, World};
use crate::connection::{Connection, End};
use crate::limits::READ_OCTETS;
use crate::protocol::Service;
use crate::send_queue::LENT_SEGMENTS;
use crate::time::Now;

/// A world that runs out of something does so before one in so many moves.
const SHORTAGES: usize = 40;

impl<S: Service> World<'_, S> {
    // ANCHOR: step
    /// Makes one move; false if nothing can happen now, except that time passes.
    pub(super) fn step(&mut self) -> bool {
        if !self.is_patient() {
            return false;
        }
        let mut possible = mem::take(&mut self.possible);
        possible.clear();
        self.list(&mut possible);
        let drawn = possible.get(self.dice.below(possible.len())).copied();
        self.possible = possible;
        let Some((place, drawn)) = drawn else { return false };
        if self.habits.starves && !self.out_of_buffers && self.dice.one_in(SHORTAGES) {
            self.out_of_buffers = true;
            self.note(Who::World, Move::BuffersOut);
            return true;
        }
        if self.faults && self.dice.one_in(FAULTS) && self.break_something() {
            return true;
        }
        self.dawdle();
        self.make(place, drawn);
        true
    }
    // ANCHOR_END: step

    // What is possible.

    /// Lists the moves that can be made now, each with the place of whom it is about.
    fn list(&self, possible: &mut Vec<(usize, Move)>) {
        if !self.out_of_descriptors
            && let Some(&newcomer) = self.newcomers.first()
        {
            possible.push((newcomer, Move::Accept));
        }
        let all = [
            (self.out_of_buffers, Move::BuffersBack),
            (self.out_of_descriptors, Move::DescriptorsBack),
            (!self.births.is_empty(), Move::Bear),
            (!self.letters.is_empty() && self.has_deliverable(), Move::Deliver),
            (!self.files.is_empty(), Move::File),
        ];
        possible.extend(all.into_iter().filter(|(is_possible, _)| *is_possible).map(|(_, drawn)| (0, drawn)));
        for (place, resident) in self.residents.iter().enumerate() {
            self.list_for(resident, |drawn| possible.push((place, drawn)));
        }
    }

    fn list_for(&self, resident: &Resident<S::Protocol>, mut list: impl FnMut(Move)) {
        let needs = &resident.needs;
        if let Some(end) = needs.end {
            list(Move::End(end));
        }
        let Some(peer) = resident.peer else {
            if resident.address.is_some() {
                list(Move::Connect);
            }
            return;
        };
        let far = &self.peers[peer];
        let wanted = if self.reader.0 == peer { self.reader.1 } else { 0 };
        let takes = if far.is_broken { 0 } else { (wanted + self.habits.buffer).saturating_sub(far.taken.len()) };
        if needs.write && self.habits.lends && resident.lent.is_none() && !far.is_broken {
            list(Move::Lend);
        }
        if takes > 0 {
            if needs.write && !self.habits.lends {
                list(Move::Take(takes));
            }
            if let Some(lent) = &resident.lent {
                list(Move::GiveBack(takes.min(lent.octets())));
            }
        }
        if needs.recall
            && let Some(lent) = &resident.lent
        {
            list(Move::Recall(takes.min(lent.octets())));
        }
        let hears = if needs.read { READ_OCTETS } else { resident.late };
        let unheard = hears.min(far.on_the_way.len());
        if unheard > 0 && !self.out_of_buffers {
            list(Move::Hear(unheard));
        }
        if hears > 0 && far.on_the_way.is_empty() && far.fin == Fin::Said && !far.is_broken {
            list(Move::HearFin);
        }
        if needs.hang_up && (far.fin == Fin::Said || far.is_broken) {
            list(Move::HangUp);
        }
        if far.is_broken && (needs.read || needs.write || resident.lent.is_some()) {
            list(Move::Fail);
        }
    }

    // How it is made.

    fn make(&mut self, place: usize, drawn: Move) {
        match drawn {
            Move::Accept => {
                self.newcomers.remove(0);
                self.accept(place);
            }
            Move::BuffersBack => {
                self.out_of_buffers = false;
                self.note(Who::World, drawn);
            }
            Move::DescriptorsBack => {
                self.out_of_descriptors = false;
                self.note(Who::World, drawn);
            }
            Move::Bear => self.bear(),
            Move::Deliver => self.deliver(),
            Move::File => self.finish_file(),
            Move::Connect => self.connect_out(place),
            Move::End(end) => {
                self.note_of(place, drawn);
                self.end(place, end);
            }
            _ => {
                if let Some(peer) = self.residents[place].peer {
                    self.make_octets(place, peer, drawn);
                }
            }
        }
    }

    /// What happens between a resident and its peer.
    fn make_octets(&mut self, place: usize, peer: usize, drawn: Move) {
        let now = self.now;
        let most = match drawn {
            Move::Hear(most) | Move::GiveBack(most) | Move::Recall(most) => most,
            Move::Take(most) => most.min(self.residents[place].connection.queue().sendable()),
            _ => 0,
        };
        let count = self.portion(most);
        let (resident, far) = (&mut self.residents[place], &mut self.peers[peer]);
        let mut verdict = Ok(());
        let made = match drawn {
            Move::Hear(_) => {
                resident.late = resident.late.saturating_sub(count);
                resident.heard += count as u64;
                resident.connection.received(&far.on_the_way[..count], now);
                far.on_the_way.advance(count);
                Move::Hear(count)
            }
            Move::HearFin => {
                far.fin = Fin::Heard;
                resident.connection.peer_finished(now);
                drawn
            }
            Move::HangUp => {
                resident.connection.hung_up(now);
                drawn
            }
            Move::Take(_) => {
                let queue = resident.connection.queue();
                let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
                let filled = queue.slices(&mut slices);
                let taken = far.take(&slices[..filled], count);
                queue.sent(taken);
                verdict = resident.sent(now);
                Move::Take(taken)
            }
            Move::Lend => {
                resident.lent = resident.connection.queue().lend();
                drawn
            }
            Move::GiveBack(_) | Move::Recall(_) => {
                let Some(lent) = resident.lent.take() else { return };
                let taken = far.take_lent(&lent, count);
                resident.connection.queue().give_back(lent, taken);
                if taken > 0 {
                    verdict = resident.sent(now);
                }
                if let Move::Recall(_) = drawn {
                    if resident.connection.needs().deadline.is_some_and(|deadline| deadline <= now.at) {
                        resident.connection.time(now);
                    }
                    Move::Recall(taken)
                } else {
                    Move::GiveBack(taken)
                }
            }
            Move::Fail => {
                if let Some(lent) = resident.lent.take() {
                    resident.connection.queue().give_back(lent, 0);
                }
                resident.connection.failed(now);
                drawn
            }
            _ => return,
        };
        self.note_of(place, made);
        if let Err(complaint) = verdict {
            self.complain(self.residents[place].id(), complaint);
        }
        self.look_after(place);
    }

    /// Gives a newcomer a protocol, or turns it away.
    pub(super) fn accept(&mut self, peer: usize) {
        let has_room = self.count(false) < self.common.limits.connections;
        let protocol = if has_room { self.service.accept(self.now) } else { None };
        let far = &mut self.peers[peer];
        match protocol {
            Some(protocol) => {
                self.note(Who::Peer(peer), Move::Accept);
                let connection = Connection::accepted(Watched::new(protocol), &self.common, self.now);
                self.residents.push(Resident { peer: Some(peer), ..Resident::new(connection) });
                self.look_after(self.residents.len() - 1);
            }
            None => {
                far.taken.extend_from_slice(&self.service.refusal(self.now));
                far.is_left = true;
                far.ending.get_or_insert(Ending::Finished);
                self.note(Who::Peer(peer), Move::Refuse);
            }
        }
    }

    fn connect_out(&mut self, place: usize) {
        let Some(address) = self.residents[place].address.take() else { return };
        let error = if self.out_of_descriptors {
            Some(libc::EMFILE)
        } else if !self.listened.contains(&address) {
            Some(libc::ECONNREFUSED)
        } else if self.faults && self.dice.one_in(FAULTS) {
            Some(libc::ETIMEDOUT)
        } else {
            self.unanswered.push((address, self.peers.len()));
            self.residents[place].peer = Some(self.peers.len());
            self.peers.push(FarEnd::new());
            None
        };
        self.note_of(place, Move::Connected(error));
        self.tell(place, |connection, now| connection.connected(error.map_or(Ok(()), |error| Err(errno(error))), now));
    }

    fn end(&mut self, place: usize, end: End) {
        if let Some(peer) = self.residents[place].peer {
            let far = &mut self.peers[peer];
            let is_reset = match end {
                End::Finish => false,
                End::Close => !far.on_the_way.is_empty(),
                End::Reset => true,
            };
            let seen = if is_reset || far.is_broken { Ending::Reset } else { Ending::Finished };
            // A reset overtakes what was said before it, the end included, unless that was read already.
            if is_reset && far.ending == Some(Ending::Finished) && !far.is_end_read {
                far.ending = Some(Ending::Reset);
            }
            far.ending.get_or_insert(seen);
        }
        match end {
            End::Finish => self.tell(place, |connection, now| connection.finished(now)),
            End::Close | End::Reset => {
                self.tell(place, |connection, now| connection.closed(now));
                self.leave(place);
            }
        }
    }

    /// A resident has ended, and all that it had for others is taken.
    fn leave(&mut self, place: usize) {
        let resident = self.residents.remove(place);
        let id = resident.id();
        let close = resident.connection.close();
        if let Some(peer) = resident.peer {
            let far = &mut self.peers[peer];
            (far.is_left, far.close) = (true, close);
            far.on_the_way.clear();
        }
        if resident.asked == 0 {
            self.close_files_of(id);
        }
        self.closes.extend(close.map(|close| (id, close)));
        self.see_off(&resident);
    }

    // What follows from anything that a resident was told.

    pub(super) fn tell(&mut self, place: usize, tell: impl FnOnce(&mut Connection<WatchedOf<S>>, Now)) {
        tell(&mut self.residents[place].connection, self.now);
        self.look_after(place);
    }

    /// Takes what a resident asks for, and sees what it needs now.
    pub(super) fn look_after(&mut self, place: usize) {
        let resident = &mut self.residents[place];
        if resident.connection.has_files() {
            let id = resident.id();
            let asked = resident.connection.take_files();
            resident.asked += asked.len();
            self.files.extend(asked.into_iter().map(|request| (id, request)));
        }
        resident.needs = resident.connection.needs();
        if resident.needs.read {
            resident.late = self.habits.late;
        }
        self.most_unsent = self.most_unsent.max(resident.connection.queue().unsent());
        self.most_unconsumed = self.most_unconsumed.max(resident.connection.unconsumed());
        if resident.connection.has_mail() {
            self.collect_mail(place);
        }
        self.watch(place);
    }

    pub(super) fn note_of(&mut self, place: usize, made: Move) {
        let id = self.residents[place].id();
        self.note(Who::Connection(id), made);
    }
}

/// Nothing can happen any more.
pub(super) fn silence() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, "silence: nothing can happen any more")
}
