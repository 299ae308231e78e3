//! Who lives in a loop: how they come, who has room, what they have for each other, and how they go. The loop itself only has to
//! wait for them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::mailroom::{Mailroom, grow};
use super::slots::Key;
use crate::connection::Connection;
use crate::context::Birth;
use crate::identity::{Common, ConnectionId};
use crate::protocol::{MessageOf, Service};
use crate::time::Now;

/// The connections of a loop as a community; the loop keeps each with its socket.
pub(crate) struct Residents<'a, S: Service> {
    service: &'a S,
    common: Arc<Common>,
    pub(crate) mailroom: Mailroom<'a, MessageOf<S>>,
    accepted: usize,
    born: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Stopping,
    /// The drain limit has come: nobody is born any more.
    Cut,
}

impl<'a, S: Service> Residents<'a, S> {
    /// At first there is the founder, if there is one.
    pub(crate) fn new(
        service: &'a S,
        common: Arc<Common>,
        mut mailroom: Mailroom<'a, MessageOf<S>>,
        founder: Option<Birth<MessageOf<S>>>,
    ) -> Self {
        mailroom.expect(founder);
        Residents { service, common, mailroom, accepted: 0, born: 0, stage: Stage::Open }
    }

    /// Whether one more may be accepted.
    pub(crate) fn have_place(&self) -> bool {
        self.accepted < self.common.limits.connections
    }

    /// A newcomer's connection; `None` if it is turned away.
    pub(crate) fn accept(&mut self, now: Now) -> Option<Connection<S::Protocol>> {
        let protocol = if self.have_place() { self.service.accept(self.common.told(now)) } else { None }?;
        self.accepted += 1;
        Some(Connection::accepted(protocol, &self.common, now))
    }

    /// The last words to somebody who is turned away.
    pub(crate) fn refusal(&self, now: Now) -> Vec<u8> {
        self.service.refusal(self.common.told(now))
    }

    /// The next one who is to be born, and where it is to be connected to. If there is no room for it, or nothing grows out of
    /// its seed, that goes back.
    pub(crate) fn bear(&mut self, now: Now) -> Option<(Connection<S::Protocol>, Option<SocketAddr>)> {
        let birth = self.mailroom.next_birth()?;
        let (id, address) = (birth.id, birth.address);
        let is_founder = id == ConnectionId::FOUNDER;
        let has_room = is_founder || self.stage != Stage::Cut && self.born < self.common.limits.connections;
        let protocol =
            grow(self.service, birth, has_room, self.common.told(now)).map_err(|letter| self.mailroom.post([letter])).ok()?;
        self.born += 1;
        let mut connection = Connection::born(protocol, id, address.is_some(), &self.common, now);
        if self.stage == Stage::Stopping {
            connection.stopping(now);
        }
        Some((connection, address))
    }

    /// One of them has a place now: letters find it there.
    pub(crate) fn settle(&mut self, id: ConnectionId, key: Key) {
        self.mailroom.move_in(id, key);
    }

    /// One of them goes, and has its last word.
    pub(crate) fn leave(&mut self, connection: &mut Connection<S::Protocol>, now: Now) {
        connection.closed(now);
        self.mailroom.take_from(connection);
        self.mailroom.move_out(connection.id());
    }

    /// Its place is free, as nothing is done for it any more.
    pub(crate) fn free(&mut self, is_born: bool) {
        let count = if is_born { &mut self.born } else { &mut self.accepted };
        *count -= 1;
    }

    /// Whether all have gone and nobody is to come.
    pub(crate) fn are_gone(&self) -> bool {
        self.accepted + self.born == 0 && !self.mailroom.has_births()
    }

    /// From now on who is born is told that the server stops.
    pub(crate) fn begin_stopping(&mut self) {
        self.stage = Stage::Stopping;
    }

    /// And from now on nobody is.
    pub(crate) fn cut(&mut self) {
        self.stage = Stage::Cut;
    }
}
