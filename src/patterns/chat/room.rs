//! The room: who is in it, and everything that is said, passed on.
//!
//! Each guest is told everything, in one order. A loop that is behind may turn a message away; then it is [kept](Returned) and told
//! again, whatever is said to that guest meanwhile waits behind it, and the frames have numbers, by which the guest puts in order
//! those that were on their way already. One for whom more is kept than the chat's bound is shown out: only who hears all of it, or
//! is told that it does not, is in the room.
//!
//! **Invariant:** no two guests have the same name at one time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Note, Shared, What};
use crate::context::{Context, Why};
use crate::identity::ConnectionId;
use crate::patterns::json::quoted;
use crate::patterns::returned::Returned;
use crate::protocol::{Event, Interest, Protocol};
use crate::websocket::text_frame;

/// The founder of a chat.
pub struct Room {
    /// In the order in which they came.
    order: Vec<ConnectionId>,
    guests: HashMap<ConnectionId, Place>,
    returned: Returned<Note>,
    /// Those for whom more is kept than may be, until they are shown out.
    behind: Vec<ConnectionId>,
    shared: Arc<Shared>,
    is_closed: bool,
}

/// A guest, as the room knows it.
struct Place {
    name: Arc<str>,
    /// How many frames it was told.
    told: u64,
    /// The octets of those that are kept for it.
    kept: usize,
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
            Event::Returned(who, _, Why::Gone) => self.leave(who, cx),
            Event::Returned(who, Note(what), Why::Full) => self.keep(who, what, cx),
            Event::Deadline => self.tell_again(cx),
            Event::Stopping => self.stop(),
            _ => {}
        }
        while let Some(guest) = self.behind.pop() {
            self.show_out(guest, cx);
        }
    }

    /// Once it is closed, until everybody has had an answer.
    fn interest(&self) -> Option<Interest> {
        let is_over = self.is_closed && self.returned.is_empty();
        let deadline = self.returned.deadline();
        (!is_over).then_some(Interest { messages: true, deadline, ..Interest::default() })
    }
}

// What it is told.

impl Room {
    pub(super) fn new(shared: &Arc<Shared>) -> Room {
        Room {
            order: Vec::new(),
            guests: HashMap::new(),
            returned: Returned::new(),
            behind: Vec::new(),
            shared: Arc::clone(shared),
            is_closed: false,
        }
    }

    fn hear(&mut self, from: ConnectionId, what: What, cx: &mut Cx<'_>) {
        match what {
            What::Enter { name } => self.enter(from, name.into(), cx),
            What::Say { text } => {
                if let Some(Place { name, .. }) = self.guests.get(&from) {
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
            What::IsFree { name } => {
                let is_taken = self.is_taken(&name, cx);
                cx.message(from, Note(if is_taken { What::Taken } else { What::Free }));
            }
            _ => {}
        }
    }

    /// Who has it may have gone without a word: then that is noticed now, and it is free next time.
    fn is_taken(&self, name: &str, cx: &mut Cx<'_>) -> bool {
        let has_it = |guest: &&ConnectionId| *self.guests[guest].name == *name;
        let other = self.order.iter().find(has_it);
        other.inspect(|&&other| cx.message(other, Note(What::AreYouThere))).is_some()
    }

    fn enter(&mut self, guest: ConnectionId, name: Arc<str>, cx: &mut Cx<'_>) {
        if self.is_taken(&name, cx) {
            return cx.message(guest, Note(What::Taken));
        }
        self.shared.figures.joined.fetch_add(1, Ordering::Relaxed);
        self.order.push(guest);
        self.guests.insert(guest, Place { name: Arc::clone(&name), told: 0, kept: 0 });
        let welcome = format!("{{\"type\":\"welcome\",\"members\":{}}}", self.names());
        self.tell(guest, text_frame(&welcome), cx);
        self.tell_all(&message("joined", &[("name", &name)]), Some(guest), cx);
    }

    fn leave(&mut self, guest: ConnectionId, cx: &mut Cx<'_>) {
        if let Some(Place { name, .. }) = self.guests.remove(&guest) {
            self.order.retain(|other| *other != guest);
            self.tell_all(&message("left", &[("name", &name)]), None, cx);
        }
    }

    fn show_out(&mut self, guest: ConnectionId, cx: &mut Cx<'_>) {
        if self.guests.contains_key(&guest) {
            cx.message(guest, Note(What::TooSlow));
            self.leave(guest, cx);
        }
    }

    /// Everybody else is told the same, and leaves by themselves.
    fn stop(&mut self) {
        self.is_closed = true;
        self.returned.retain(|Note(what)| !matches!(what, What::Frame { .. }));
    }
}

// Telling.

impl Room {
    // ANCHOR: tell
    fn tell_all(&mut self, frame: &Bytes, but: Option<ConnectionId>, cx: &mut Cx<'_>) {
        for place in 0..self.order.len() {
            let guest = self.order[place];
            if Some(guest) != but {
                self.tell(guest, frame.clone(), cx);
            }
        }
    }

    fn tell(&mut self, guest: ConnectionId, frame: Bytes, cx: &mut Cx<'_>) {
        let Some(place) = self.guests.get_mut(&guest) else { return };
        let what = What::Frame { number: place.told, frame };
        place.told += 1;
        if place.kept == 0 {
            cx.message(guest, Note(what));
        } else {
            self.keep(guest, what, cx);
        }
    }
    // ANCHOR_END: tell

    /// What cannot be told now.
    fn keep(&mut self, who: ConnectionId, what: What, cx: &mut Cx<'_>) {
        if let What::Frame { frame, .. } = &what {
            let Some(place) = self.guests.get_mut(&who).filter(|_| !self.is_closed) else { return };
            place.kept += frame.len();
            if place.kept > self.shared.settings.bound {
                self.behind.push(who);
            }
        }
        self.returned.keep(who, Note(what), cx.now());
    }

    fn tell_again(&mut self, cx: &mut Cx<'_>) {
        for (who, Note(what)) in self.returned.due(cx.now()) {
            if let What::Frame { frame, .. } = &what {
                // It may have left meanwhile.
                let Some(place) = self.guests.get_mut(&who) else { continue };
                place.kept -= frame.len();
            }
            cx.message(who, Note(what));
        }
    }

    /// As an array in JSON.
    fn names(&self) -> String {
        let names: Vec<String> = self.order.iter().map(|guest| quoted(&self.guests[guest].name)).collect();
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
