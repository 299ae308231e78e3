//! The room: who is in it, and everything that is said, passed on.
//!
//! **Invariant:** no two guests have the same name at one time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Note, Shared, What};
use crate::context::Context;
use crate::identity::ConnectionId;
use crate::patterns::json::quoted;
use crate::protocol::{Event, Interest, Protocol};
use crate::websocket::text_frame;

/// The founder of a chat.
pub struct Room {
    /// In the order in which they came.
    guests: Vec<(ConnectionId, Arc<str>)>,
    places: HashMap<ConnectionId, Arc<str>>,
    shared: Arc<Shared>,
    is_closed: bool,
}

type Cx<'a> = Context<'a, Note>;

impl Protocol for Room {
    type Message = Note;

    /// It has no peer.
    fn receive(&mut self, _: &[u8], _: &mut Cx<'_>) -> usize {
        0
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Cx<'_>) {
        match event {
            Event::Message(from, Note(what)) => self.hear(from, what, cx),
            // Who is told something and has gone did not have the time to say so.
            Event::Returned(guest, Note(What::Frame(_)), _) => self.leave(guest, cx),
            // Everybody else is told the same, and leaves by themselves.
            Event::Stopping => self.is_closed = true,
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_closed).then_some(Interest { messages: true, ..Interest::default() })
    }
}

impl Room {
    pub(super) fn new(shared: &Arc<Shared>) -> Room {
        Room { guests: Vec::new(), places: HashMap::new(), shared: Arc::clone(shared), is_closed: false }
    }

    fn hear(&mut self, from: ConnectionId, what: What, cx: &mut Cx<'_>) {
        match what {
            What::Enter { name } => self.enter(from, name.into(), cx),
            What::Say { text } => {
                if let Some(name) = self.places.get(&from) {
                    self.shared.figures.said.fetch_add(1, Ordering::Relaxed);
                    self.tell_all(&message("said", &[("name", name), ("text", &text)]), None, cx);
                }
                cx.message(from, Note(What::Passed));
            }
            What::Leave => self.leave(from, cx),
            What::Ask => {
                let members = format!("{{\"members\":{}}}\n", self.names());
                cx.message(from, Note(What::Members(members)));
            }
            _ => {}
        }
    }

    fn enter(&mut self, guest: ConnectionId, name: Arc<str>, cx: &mut Cx<'_>) {
        if self.guests.iter().any(|(_, other)| *other == name) {
            return cx.message(guest, Note(What::Taken));
        }
        self.shared.figures.joined.fetch_add(1, Ordering::Relaxed);
        self.guests.push((guest, Arc::clone(&name)));
        self.places.insert(guest, Arc::clone(&name));
        let welcome = format!("{{\"type\":\"welcome\",\"members\":{}}}", self.names());
        cx.message(guest, Note(What::Frame(text_frame(&welcome))));
        self.tell_all(&message("joined", &[("name", &name)]), Some(guest), cx);
    }

    fn leave(&mut self, guest: ConnectionId, cx: &mut Cx<'_>) {
        if let Some(name) = self.places.remove(&guest) {
            self.guests.retain(|(other, _)| *other != guest);
            self.tell_all(&message("left", &[("name", &name)]), None, cx);
        }
    }

    fn tell_all(&self, frame: &Bytes, but: Option<ConnectionId>, cx: &mut Cx<'_>) {
        for &(guest, _) in self.guests.iter().filter(|(guest, _)| Some(*guest) != but) {
            cx.message(guest, Note(What::Frame(frame.clone())));
        }
    }

    /// As an array in JSON.
    fn names(&self) -> String {
        let names: Vec<String> = self.guests.iter().map(|(_, name)| quoted(name)).collect();
        format!("[{}]", names.join(","))
    }
}

/// A JSON object of a type and strings, in a frame that all who are told it share.
fn message(kind: &str, members: &[(&str, &str)]) -> Bytes {
    let mut object = format!("{{\"type\":\"{kind}\"");
    for (name, value) in members {
        object.push_str(&format!(",\"{name}\":{}", quoted(value)));
    }
    object.push('}');
    text_frame(&object)
}
