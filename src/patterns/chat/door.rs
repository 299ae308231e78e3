//! The door: HTTP, until somebody goes in.

use std::mem;
use std::sync::Arc;

use super::guest::Guest;
use super::{NAME_CHARACTERS, Note, Shared, What};
use crate::http1::{Exchange, Handler, Head, Trailers};
use crate::identity::ConnectionId;
use crate::protocol::{Event, Interest};
use crate::websocket::{WebSocket, accept};

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
    /// Somebody of this name goes in.
    Entering(String),
}

type Cx<'a, 'cx> = Exchange<'a, 'cx, Note>;

impl Door {
    pub(super) fn new(shared: &Arc<Shared>) -> Door {
        Door { state: State::Open, shared: Arc::clone(shared) }
    }

    fn enter(&mut self, head: &Head<'_>, exchange: &mut Cx<'_, '_>) {
        let name = match head.parameter("name").map(|name| name.trim().to_owned()) {
            Some(name) if is_fit(&name) => name,
            Some(_) => {
                let why = format!("a name has 1 to {NAME_CHARACTERS} characters, none of them a control character\n");
                return refuse(400, &[], &why, exchange);
            }
            None => return refuse(400, &[], "say who you are: /ws?name=NAME\n", exchange),
        };
        match accept(head) {
            Ok(accepted) => {
                exchange.upgrade(&accepted.fields());
                self.state = State::Entering(name);
            }
            Err(refusal) => refuse(refusal.status(), refusal.fields(), &format!("{refusal}\n"), exchange),
        }
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
                exchange.context().message(ConnectionId::FOUNDER, Note(What::Ask));
            }
            (b"/" | b"/members", _) => refuse(405, &[("Allow", "GET, HEAD")], "this can only be read\n", exchange),
            _ => refuse(404, &[], "here are /, /members and /ws?name=NAME\n", exchange),
        }
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Cx<'_, '_>) {}

    fn event(&mut self, event: Event<Note>, exchange: &mut Cx<'_, '_>) {
        if !matches!(self.state, State::Asking) || !exchange.is_open() {
            return;
        }
        match event {
            Event::Message(_, Note(What::Members(members))) => {
                let fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
                exchange.answer_whole(200, &fields, members.as_bytes());
            }
            Event::Returned(..) => refuse(503, &[("Retry-After", "1")], "the room is closed\n", exchange),
            _ => return,
        }
        self.state = State::Open;
    }

    fn interest(&self) -> Interest {
        Interest { messages: matches!(self.state, State::Asking), ..Interest::default() }
    }

    fn upgraded(&mut self) -> Option<WebSocket<Guest>> {
        match mem::replace(&mut self.state, State::Open) {
            State::Entering(name) => Some(Guest::upgraded(name, &self.shared)),
            _ => None,
        }
    }
}

fn is_fit(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAME_CHARACTERS && !name.chars().any(char::is_control)
}

fn refuse(status: u16, fields: &[(&str, &str)], why: &str, exchange: &mut Cx<'_, '_>) {
    let fields = [&[("Content-Type", "text/plain; charset=utf-8")], fields].concat();
    exchange.answer_whole(status, &fields, why.as_bytes());
}
