//! What must be so whatever was drawn: after every move, when somebody ends, and when nothing can happen any more.

use super::World;
use super::mail::Fate;
use super::resident::{Fin, Resident};

use crate::identity::ConnectionId;
use crate::limits::{FILE_OPERATIONS, READ_OCTETS, SEND_LOW_OCTETS, TAIL_OCTETS};
use crate::protocol::{Close, Interest, Peer, Protocol, Service};

impl<S: Service> World<'_, S> {
    /// Makes all moves that can be made without time, and holds everything that has happened against the rules.
    ///
    /// Each connection heard `Begun` first and `Closed` last, each once, and in between only what it wanted, in order: all octets,
    /// then FIN; no octets above the high mark; no message, octet or news that it wanted and that was kept from it. None was
    /// stuck, and none waits for what cannot come. Every letter was told once, to its addressee or as returned, or its sender has
    /// gone. No bound was passed.
    ///
    /// # Errors
    /// The first rule that was broken, and by whom.
    pub fn check(&mut self) -> Result<(), String> {
        self.begin_to_wait(0, 0);
        while self.step() {}
        for place in 0..self.residents.len() {
            self.watch(place);
            if let Some(complaint) = self.complaint_at_rest(&self.residents[place]) {
                self.complain(self.residents[place].id(), complaint);
            }
        }
        let on_the_way = self.fates.iter().filter(|fate| **fate == Fate::OnTheWay).count();
        let waiting: usize = self.residents.iter().map(Resident::waiting).sum();
        match &self.complaint {
            Some(complaint) => Err(complaint.clone()),
            None if self.panicked == 0 && on_the_way != waiting => {
                Err(format!("{on_the_way} letters have not arrived, and only {waiting} wait in mailboxes"))
            }
            None if !self.newcomers.is_empty() || !self.births.is_empty() || !self.letters.is_empty() => {
                Err("somebody was not accepted, not born, or got no mail".into())
            }
            None => Ok(()),
        }
    }

    /// Whether another move may be made in this wait.
    pub(super) fn is_patient(&mut self) -> bool {
        if self.patience == 0 {
            self.complaint.get_or_insert_with(|| "it does not come to rest".into());
            return false;
        }
        self.patience -= 1;
        true
    }

    /// Keeps the first complaint.
    pub(super) fn complain(&mut self, about: ConnectionId, complaint: &str) {
        self.complaint.get_or_insert_with(|| format!("{about}: {complaint}"));
    }

    /// After each thing that a resident was told.
    pub(super) fn watch(&mut self, place: usize) {
        let resident = &self.residents[place];
        if resident.connection.protocol().heard.letters.len() > resident.entered {
            self.enter_heard(place);
        }
        let resident = &self.residents[place];
        let complaint = resident.complaint().or_else(|| {
            let fin_has_come = resident.peer.is_some_and(|peer| self.peers[peer].fin == Fin::Heard);
            let waits = resident.listens() && fin_has_come && !resident.connection.protocol().heard.is_told_fin;
            waits.then_some("FIN was not told to one who listens")
        });
        if let Some(complaint) = complaint {
            self.complain(resident.id(), complaint);
        }
    }

    /// When it has ended and all its mail is taken.
    pub(super) fn see_off(&mut self, resident: &Resident<S::Protocol>) {
        let heard = &resident.connection.protocol().heard;
        let complaint = match resident.connection.close() {
            Some(Close::Panicked) => {
                self.panicked += 1;
                return;
            }
            Some(Close::Done) if resident.asked > 0 => "its end did not wait for its file operations",
            _ if !heard.is_closed => "Closed was not told",
            _ if resident.waiting() > 0 => "letters in its mailbox were lost",
            _ if resident.posted != heard.sent => "letters that it sent were lost",
            _ => return,
        };
        self.complain(resident.id(), complaint);
    }

    /// Nothing can happen any more but by the clock or by a peer: what does it wait for?
    fn complaint_at_rest(&self, resident: &Resident<S::Protocol>) -> Option<&'static str> {
        let heard = &resident.connection.protocol().heard;
        let Some(Interest { peer, messages, deadline, .. }) = resident.wants() else {
            let is_over = resident.connection.close().is_some() || resident.needs.deadline.is_some();
            return (!is_over).then_some("it has said all, and nothing will end it");
        };
        let is_up = resident.peer.is_some();
        let from_peer = match peer {
            Peer::Ignore => false,
            Peer::HangUp => is_up && resident.needs.hang_up,
            // A broken connection is found out by reading it, which is a move, and one above the high mark is sending.
            Peer::Bytes => is_up && !heard.is_told_fin,
        };
        let is_sending = is_up && resident.needs.deadline.is_some();
        let waits = from_peer || is_sending || messages || deadline.is_some();
        (resident.asked > 0)
            .then_some("a file operation was not answered")
            .or((!waits).then_some("it waits for what cannot come"))
    }
}

impl<P: Protocol> Resident<P> {
    /// Whether its protocol is still there to be told something.
    pub(super) fn is_open(&self) -> bool {
        self.connection.close().is_none() && self.connection.protocol().wants().is_some()
    }

    /// What it waits for, if it is open.
    pub(super) fn wants(&self) -> Option<Interest> {
        self.connection.protocol().wants().filter(|_| self.connection.close().is_none())
    }

    /// Whether octets, and FIN, should be told if they are there.
    fn listens(&self) -> bool {
        let is_paused = self.connection.protocol().heard.is_paused && self.unsent() >= SEND_LOW_OCTETS;
        !is_paused && self.wants().is_some_and(|interest| interest.peer == Peer::Bytes)
    }

    fn unsent(&self) -> usize {
        self.connection.unsent()
    }

    fn complaint(&self) -> Option<&'static str> {
        if self.connection.close() == Some(Close::Panicked) {
            return None;
        }
        let heard = &self.connection.protocol().heard;
        let wants_messages = heard.is_begun && self.wants().is_some_and(|interest| interest.messages);
        let unconsumed = self.connection.unconsumed();
        // ANCHOR: rules
        let rules = [
            (heard.broken.is_some(), heard.broken.unwrap_or_default()),
            (self.connection.close() == Some(Close::Stuck), "it was stuck"),
            (self.asked > FILE_OPERATIONS, "more file operations are under way than may be"),
            (wants_messages && self.waiting() > 0, "a message waits for one who wants it"),
            (unconsumed > 0 && self.listens() && !heard.was_shown, "what it left was not shown again after an event"),
            (unconsumed > TAIL_OCTETS + READ_OCTETS, "more octets are kept for it than may be"),
            (heard.shown_before_fin.is_some_and(|shown| shown != self.heard), "FIN was told before the last octet"),
        ];
        // ANCHOR_END: rules
        rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, complaint)| complaint)
    }
}
