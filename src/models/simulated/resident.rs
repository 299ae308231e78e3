//! The two ends of a connection: what the server holds of it, and what its peer does.

use std::io::IoSlice;
use std::net::SocketAddr;

use bytes::BytesMut;

use super::Ending;
use super::watched::Watched;
use crate::connection::{Connection, Needs};
use crate::identity::ConnectionId;
use crate::limits::SEND_LOW_OCTETS;
use crate::protocol::{Close, Protocol};
use crate::send_queue::{LENT_SEGMENTS, Lent};
use crate::time::Now;

/// A connection of the server, or a protocol without one.
pub(super) struct Resident<P: Protocol> {
    pub(super) connection: Connection<Watched<P>>,
    /// As they were after the last thing it was told.
    pub(super) needs: Needs,
    /// The number of its peer.
    pub(super) peer: Option<usize>,
    /// Where it is to be connected to.
    pub(super) address: Option<SocketAddr>,
    pub(super) is_born: bool,
    /// With the kernel, which reads it when it likes.
    pub(super) lent: Option<Lent>,
    /// How many more octets may be heard though they are not wanted any more.
    pub(super) late: usize,
    /// Octets it has heard while it was open.
    pub(super) heard: u64,
    /// File operations under way.
    pub(super) asked: usize,
    /// Letters it was given, and gave back when it ended; how many of those it was told have been entered; letters seen leaving.
    pub(super) accepted: usize,
    pub(super) sent_back: usize,
    pub(super) entered: usize,
    pub(super) posted: usize,
    /// The number of the last message from each.
    pub(super) last_from: Vec<(ConnectionId, usize)>,
}

impl<P: Protocol> Resident<P> {
    pub(super) fn new(connection: Connection<Watched<P>>) -> Self {
        Resident {
            needs: connection.needs(),
            connection,
            peer: None,
            address: None,
            is_born: false,
            lent: None,
            late: 0,
            heard: 0,
            asked: 0,
            accepted: 0,
            sent_back: 0,
            entered: 0,
            posted: 0,
            last_from: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> ConnectionId {
        self.connection.id()
    }

    /// Tells it that octets were taken.
    pub(super) fn sent(&mut self, now: Now) -> Result<(), &'static str> {
        let awaits_room = self.wants().is_some_and(|interest| interest.room) && self.connection.unsent() < SEND_LOW_OCTETS;
        let before = self.connection.protocol().heard.rooms;
        self.connection.sent(now);
        let is_told = !awaits_room || self.connection.protocol().heard.rooms > before;
        if is_told { Ok(()) } else { Err("there is room, and it was not told") }
    }

    /// Letters that wait in its mailbox.
    pub(super) fn waiting(&self) -> usize {
        self.accepted.saturating_sub(self.connection.protocol().heard.letters.len() + self.sent_back)
    }
}

/// The far end of a connection.
pub(super) struct FarEnd {
    /// Said by the peer and not heard yet, and whether FIN follows.
    pub(super) on_the_way: BytesMut,
    pub(super) fin: Fin,
    /// A reset has been sent, by the peer or by the network: what is on the way may still be heard.
    pub(super) is_broken: bool,
    /// Taken by the kernel and not read by the peer yet.
    pub(super) taken: BytesMut,
    /// As the peer sees it.
    pub(super) ending: Option<Ending>,
    /// The peer has read the end.
    pub(super) is_end_read: bool,
    /// As the server saw it.
    pub(super) close: Option<Close>,
    /// Nobody is there any more who could hear.
    pub(super) is_left: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fin {
    Unsaid,
    Said,
    Heard,
}

impl FarEnd {
    pub(super) fn new() -> FarEnd {
        FarEnd {
            on_the_way: BytesMut::new(),
            fin: Fin::Unsaid,
            is_broken: false,
            taken: BytesMut::new(),
            ending: None,
            is_end_read: false,
            close: None,
            is_left: false,
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.taken.is_empty() || self.ending.is_some()
    }

    /// Takes the first `count` octets of these; says how many there were.
    pub(super) fn take(&mut self, slices: &[IoSlice<'_>], count: usize) -> usize {
        let mut left = count;
        for slice in slices {
            let octets = &slice[..slice.len().min(left)];
            self.taken.extend_from_slice(octets);
            left -= octets.len();
        }
        count - left
    }

    /// The same of what is lent.
    pub(super) fn take_lent(&mut self, lent: &Lent, count: usize) -> usize {
        let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
        let filled = lent.slices(&mut slices);
        self.take(&slices[..filled], count)
    }
}
