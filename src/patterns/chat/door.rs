//! The door: HTTP, until somebody goes in.
//!
//! A name that is taken is refused here, by an answer of HTTP that says so. Two who ask for the same one at the same time are both
//! told that it is free: then the second learns it [in the room](super::NAME_TAKEN).

use std::mem;
use std::sync::Arc;

use super::guest::Guest;
use super::name::{UNFIT, is_fit};
use super::{Note, Shared, What};
use crate::context::Why;
use crate::http1::{Exchange, Handler, Head, Trailers};
use crate::identity::ConnectionId;
use crate::patterns::origin::{FOREIGN, is_same_origin};
use crate::protocol::{Event, Interest};
use crate::websocket::{Accepted, WebSocket, accept};

const PAGE: &str = include_str!("page.html");

/// What one connection asks for before it is a guest's.
pub struct Door {
    state: State,
    shared: Arc<Shared>,
}

enum State {
    Open,
    /// The room was asked who is there.
    Asking,
    /// The room was asked whether the name is free.
    Knocking {
        name: String,
        accepted: Accepted,
    },
    /// Somebody of this name goes in.
    Entering(String),
}

type Cx<'a, 'cx> = Exchange<'a, 'cx, Note>;

impl Door {
    pub(super) fn new(shared: &Arc<Shared>) -> Door {
        Door { state: State::Open, shared: Arc::clone(shared) }
    }

    fn enter(&mut self, head: &Head<'_>, exchange: &mut Cx<'_, '_>) {
        if !is_same_origin(head) {
            return refuse(403, &[], FOREIGN, exchange);
        }
        let name = match head.parameter("name").map(|name| name.trim().to_owned()) {
            Some(name) if is_fit(&name) => name,
            Some(_) => return refuse(400, &[], UNFIT, exchange),
            None => return refuse(400, &[], "say who you are: /ws?name=NAME", exchange),
        };
        match accept(head) {
            Ok(accepted) => {
                ask_room(What::IsFree { name: name.clone() }, exchange);
                self.state = State::Knocking { name, accepted };
            }
            Err(refusal) => refuse(refusal.status(), refusal.fields(), &refusal.to_string(), exchange),
        }
    }

    /// What becomes of a door that is told this.
    fn answer(&mut self, what: What, exchange: &mut Cx<'_, '_>) {
        self.state = match (mem::replace(&mut self.state, State::Open), what) {
            (State::Asking, What::Members(members)) => {
                let fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
                exchange.answer_whole(200, &fields, members.as_bytes());
                State::Open
            }
            (State::Knocking { name, accepted }, What::Free) => {
                exchange.upgrade(&accepted.fields());
                State::Entering(name)
            }
            (State::Knocking { .. }, What::Taken) => {
                refuse(409, &[], "somebody in the room has this name", exchange);
                State::Open
            }
            (state, _) => state,
        };
    }

    fn waits(&self) -> bool {
        matches!(self.state, State::Asking | State::Knocking { .. })
    }
}

impl Handler for Door {
    type Message = Note;
    type Upgraded = WebSocket<Guest>;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Cx<'_, '_>) {
        match (head.path(), head.method()) {
            (b"/ws", _) => self.enter(head, exchange),
            (b"/", b"GET" | b"HEAD") => {
                exchange.answer_whole(200, &[("Content-Type", "text/html; charset=utf-8")], PAGE.as_bytes());
            }
            (b"/members", b"GET" | b"HEAD") => {
                self.state = State::Asking;
                ask_room(What::Ask, exchange);
            }
            (b"/" | b"/members", _) => refuse(405, &[("Allow", "GET, HEAD")], "this can only be read", exchange),
            _ => refuse(404, &[], "here are /, /members and /ws?name=NAME", exchange),
        }
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Cx<'_, '_>) {}

    fn event(&mut self, event: Event<Note>, exchange: &mut Cx<'_, '_>) {
        if !self.waits() || !exchange.is_open() {
            return;
        }
        match event {
            Event::Message(_, Note(what)) => self.answer(what, exchange),
            Event::Returned(_, _, why) => {
                self.state = State::Open;
                let why = if why == Why::Full { "too many are at the door" } else { "the room is closed" };
                refuse(503, &[("Retry-After", "1")], why, exchange);
            }
            _ => {}
        }
    }

    fn interest(&self) -> Interest {
        Interest { messages: self.waits(), ..Interest::default() }
    }

    fn upgraded(&mut self) -> Option<WebSocket<Guest>> {
        match mem::replace(&mut self.state, State::Open) {
            State::Entering(name) => Some(Guest::upgraded(name, &self.shared)),
            _ => None,
        }
    }
}

fn ask_room(what: What, exchange: &mut Cx<'_, '_>) {
    exchange.context().message(ConnectionId::FOUNDER, Note(what));
}

fn refuse(status: u16, fields: &[(&str, &str)], why: &str, exchange: &mut Cx<'_, '_>) {
    let fields = [&[("Content-Type", "text/plain; charset=utf-8")], fields].concat();
    exchange.answer_whole(status, &fields, format!("{why}\n").as_bytes());
}
