//! A protocol without a peer: it waits, tells its parent, and is gone.

use std::sync::Arc;

use iolab::{ConnectionId, Event, Interest, Peer, Time};

use super::{Cx, Message, Names};

pub struct Job {
    name: String,
    parent: ConnectionId,
    due: Time,
    text: String,
    names: Names,
    /// Its word is on its way and may come back.
    has_told: bool,
    is_over: bool,
}

impl Job {
    pub fn new(name: String, parent: ConnectionId, due: Time, text: String, names: &Names) -> Job {
        Job { name, parent, due, text, names: Arc::clone(names), has_told: false, is_over: false }
    }

    /// Once its word is said it stays for a while, so that it is there if its word comes back.
    pub fn interest(&self) -> Option<Interest> {
        let interest = Interest { peer: Peer::Ignore, messages: true, room: false, deadline: Some(self.due) };
        (!self.is_over).then_some(interest)
    }

    pub fn event(&mut self, event: Event<Message>, cx: &mut Cx<'_>) {
        match event {
            Event::Deadline if self.has_told => self.is_over = true,
            Event::Deadline => {
                self.has_told = true;
                self.due = cx.now() + super::RETURNS_WITHIN;
                self.tell_parent(format!("done: {}", self.text), cx);
            }
            Event::Message(from, Message::Cancel) => {
                cx.message(from, Message::Print(format!("{} cancelled", self.name)));
                self.is_over = true;
            }
            Event::Message(from, Message::Ping { to }) => cx.message(from, Message::Pong { name: to }),
            Event::Stopping => {
                if !self.has_told {
                    self.tell_parent("stopped".into(), cx);
                }
                self.is_over = true;
            }
            Event::Returned(_, _, why) => {
                let heir = self.names.lock().unwrap().get("heir").copied();
                if let Some(heir) = heir {
                    cx.message(heir, Message::Print(format!("{}: its parent is {why:?}", self.name)));
                }
                self.is_over = true;
            }
            _ => {}
        }
    }

    fn tell_parent(&self, text: String, cx: &mut Cx<'_>) {
        cx.message(self.parent, Message::Print(format!("{} {text}", self.name)));
    }
}
