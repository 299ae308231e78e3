//! One who is in the room, or wants to be: the conversation on a WebSocket.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::in_order::InOrder;
use super::{Note, SAID_OCTETS, Shared, What};
use crate::context::Why;
use crate::identity::ConnectionId;
use crate::patterns::returned::Returned;
use crate::protocol::{Event, Interest, Peer};
use crate::websocket::{Conversation, Socket, WebSocket, WebSocketLimits, close_code};

/// The close code for a name that somebody else has.
pub const NAME_TAKEN: u16 = 4009;

/// A guest.
pub struct Guest {
    name: String,
    /// What it has said last has not been passed on yet: it is not listened to.
    is_speaking: bool,
    is_leaving: bool,
    heard: InOrder,
    /// What the room had no place for.
    returned: Returned<Note>,
    shared: Arc<Shared>,
}

type Cx<'a, 'cx> = Socket<'a, 'cx, Note>;

impl Guest {
    pub(super) fn upgraded(name: String, shared: &Arc<Shared>) -> WebSocket<Guest> {
        let limits = WebSocketLimits {
            message: SAID_OCTETS,
            ping_every: Some(shared.settings.ping_every),
            ..WebSocketLimits::default()
        };
        let guest = Guest {
            name,
            is_speaking: false,
            is_leaving: false,
            heard: InOrder::default(),
            returned: Returned::new(),
            shared: Arc::clone(shared),
        };
        WebSocket::new(guest, limits)
    }

    fn hear(&mut self, what: What, socket: &mut Cx<'_, '_>) {
        match what {
            What::Frame { number, frame } => {
                self.heard.put(number, frame);
                while let Some(frame) = self.heard.next() {
                    self.pass_on(frame, socket);
                }
                self.judge(0, socket);
            }
            What::Passed => self.is_speaking = false,
            What::Taken => socket.close(NAME_TAKEN, "the name is taken"),
            What::TooSlow => self.show_out(socket),
            _ => {}
        }
    }

    fn pass_on(&mut self, frame: Bytes, socket: &mut Cx<'_, '_>) {
        self.judge(frame.len(), socket);
        if socket.is_open() {
            self.shared.figures.heard.fetch_add(1, Ordering::Relaxed);
            socket.frame(frame);
        }
    }

    /// Shows it out if so many more octets would be too many.
    fn judge(&mut self, more: usize, socket: &mut Cx<'_, '_>) {
        if socket.unsent() + self.heard.octets() + more > self.shared.settings.bound {
            self.show_out(socket);
        }
    }

    fn show_out(&mut self, socket: &mut Cx<'_, '_>) {
        if socket.is_open() {
            self.shared.figures.shown_out.fetch_add(1, Ordering::Relaxed);
            socket.close(close_code::TRY_AGAIN_LATER, "too slow: more is said than is taken here");
            self.leave(socket);
        }
    }

    fn tell_room(&self, what: What, socket: &mut Cx<'_, '_>) {
        socket.context().message(ConnectionId::FOUNDER, Note(what));
    }

    fn leave(&mut self, socket: &mut Cx<'_, '_>) {
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.tell_room(What::Leave, socket);
        }
    }
}

impl Conversation for Guest {
    type Message = Note;

    fn text(&mut self, text: &str, socket: &mut Cx<'_, '_>) {
        let text = text.trim();
        if !text.is_empty() {
            self.is_speaking = true;
            self.tell_room(What::Say { text: text.to_owned() }, socket);
        }
    }

    fn binary(&mut self, _: &[u8], socket: &mut Cx<'_, '_>) {
        socket.close(close_code::UNSUPPORTED, "people say text");
    }

    fn event(&mut self, event: Event<Note>, socket: &mut Cx<'_, '_>) {
        match event {
            Event::Begun(_) => {
                let name = std::mem::take(&mut self.name);
                self.tell_room(What::Enter { name }, socket);
            }
            Event::Message(_, Note(what)) => self.hear(what, socket),
            Event::Returned(_, _, Why::Gone) => socket.close(close_code::GOING_AWAY, "the room is closed"),
            // Who has left for good is noticed when it is told something.
            Event::Returned(room, note, Why::Full) if socket.is_open() => self.returned.keep(room, note, socket.now()),
            Event::Deadline => {
                for (room, note) in self.returned.due(socket.now()) {
                    socket.context().message(room, note);
                }
            }
            _ => {}
        }
    }

    /// However it ends.
    fn closing(&mut self, _: u16, _: &str, socket: &mut Cx<'_, '_>) {
        self.leave(socket);
    }

    // ANCHOR: interest
    fn interest(&self) -> Interest {
        // The room's answer is sure to come, and what it has said before it hung up
        // is heard after that.
        let peer = if self.is_speaking { Peer::Ignore } else { Peer::Bytes };
        Interest { peer, messages: true, deadline: self.returned.deadline(), ..Interest::default() }
    }
    // ANCHOR_END: interest
}
