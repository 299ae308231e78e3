//! What a request asks for, and who answers it.
//!
//! | target | answer | by |
//! |---|---|---|
//! | `POST /publish` | 201 and the id | [`Publishing`] |
//! | `GET /events` | 200 and events, or 204 | [`Polling`] |
//! | `GET /stream`, `GET /lines` | events without end | [`Streaming`] |
//! | `GET /ws` | 101, and a WebSocket | [`Push`] |
//! | `GET /stats` | the figures | |
//! | `GET /` | a page that shows all of it | |
//!
//! What can be refused by the head is refused by the head. A `HEAD` of what has no end is answered with a head.

use std::mem;
use std::sync::Arc;

use super::polling::Polling;
use super::publishing::Publishing;
use super::push::Push;
use super::streaming::{Kind, Streaming};
use super::{Shared, parameters};
use crate::http1::{Framing, Handler, Head, Trailers};
use crate::patterns::feed::{News, Ticket};
use crate::patterns::origin::{FOREIGN, is_same_origin};
use crate::protocol::{Event, Interest};
use crate::websocket::{WebSocket, accept};

pub(super) type Exchange<'a, 'cx> = crate::http1::Exchange<'a, 'cx, News>;

/// The page at `/`, as it is sent.
const PAGE: &[u8] = include_bytes!("page.html");

/// One connection's requests.
pub struct Front {
    shared: Arc<Shared>,
    ticket: Ticket,
    doing: Doing,
}

enum Doing {
    Nothing,
    Publishing(Publishing),
    Polling(Polling),
    Streaming(Streaming),
    Upgrading(Push),
}

impl Front {
    pub(super) fn new(shared: Arc<Shared>) -> Front {
        Front { shared, ticket: Ticket::default(), doing: Doing::Nothing }
    }

    fn get(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) -> Result<Doing, Refusal> {
        let ticket = self.ticket.next_request();
        match head.path() {
            b"/events" => Ok(Doing::Polling(Polling::new(head, ticket)?)),
            b"/stream" => Ok(Doing::Streaming(Streaming::new(Kind::Events, head, ticket, exchange)?)),
            b"/lines" => Ok(Doing::Streaming(Streaming::new(Kind::Lines, head, ticket, exchange)?)),
            b"/stats" => {
                let fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
                exchange.answer_whole(200, &fields, self.stats().as_bytes());
                Ok(Doing::Nothing)
            }
            b"/" => {
                exchange.answer_whole(200, &[("Content-Type", "text/html; charset=utf-8")], PAGE);
                Ok(Doing::Nothing)
            }
            _ => Err(Refusal(404, "there is nothing here but /, /publish, /events, /stream, /lines, /ws and /stats")),
        }
    }

    fn open(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        self.doing = Doing::Nothing;
        match (accept(head), parameters::after(head)) {
            (Err(refusal), _) => {
                let fields = [&[PLAIN], refusal.fields()].concat();
                exchange.answer_whole(refusal.status(), &fields, format!("{refusal}\n").as_bytes());
            }
            (_, Err(refusal)) => refusal.tell(exchange),
            (Ok(accepted), Ok(after)) => {
                exchange.upgrade(&accepted.fields());
                self.doing = Doing::Upgrading(Push::new(Arc::clone(&self.shared), after, self.ticket.next_request()));
            }
        }
    }

    fn stats(&self) -> String {
        let figures = self.shared.counters.figures();
        format!(
            "{{\"events\":{},\"followers\":{},\"parked\":{},\"dropped\":{},\"conflated\":{},\"disconnected\":{}}}\n",
            figures.events, figures.followers, figures.parked, figures.dropped, figures.conflated, figures.disconnected
        )
    }
}

impl Handler for Front {
    type Message = News;
    type Upgraded = WebSocket<Push>;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        let doing = match (head.method(), head.path()) {
            (b"POST", b"/publish") | (_, b"/ws") if !is_same_origin(head) => {
                exchange.close_after();
                Err(Refusal(403, FOREIGN))
            }
            (b"POST", b"/publish") => Publishing::new(head, self.ticket.next_request()).map(Doing::Publishing),
            (_, b"/publish") => return refuse_method("POST", exchange),
            (_, b"/ws") => return self.open(head, exchange),
            (b"GET" | b"HEAD", _) => self.get(head, exchange),
            _ => return refuse_method("GET, HEAD", exchange),
        };
        self.doing = doing.unwrap_or_else(|refusal| {
            // A body that nobody wants is not waited for.
            if !matches!(head.framing(), Framing::None | Framing::Length(0)) {
                exchange.close_after();
            }
            refusal.tell(exchange);
            Doing::Nothing
        });
    }

    fn body(&mut self, octets: &[u8], exchange: &mut Exchange<'_, '_>) {
        if let Doing::Publishing(publishing) = &mut self.doing {
            publishing.body(octets, exchange);
        }
    }

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        match &mut self.doing {
            Doing::Nothing | Doing::Upgrading(_) => {}
            Doing::Publishing(publishing) => publishing.complete(exchange),
            Doing::Polling(polling) => polling.begin(&self.shared, exchange),
            Doing::Streaming(streaming) => streaming.begin(&self.shared, exchange),
        }
    }

    fn event(&mut self, event: Event<News>, exchange: &mut Exchange<'_, '_>) {
        match &mut self.doing {
            Doing::Nothing | Doing::Upgrading(_) => {}
            Doing::Publishing(publishing) => publishing.event(event, exchange),
            Doing::Polling(polling) => polling.event(event, &self.shared, exchange),
            Doing::Streaming(streaming) => streaming.event(event, &self.shared, exchange),
        }
        if !exchange.is_open() {
            self.doing = Doing::Nothing;
        }
    }

    fn interest(&self) -> Interest {
        match &self.doing {
            Doing::Nothing | Doing::Upgrading(_) => Interest::default(),
            Doing::Publishing(publishing) => publishing.interest(),
            Doing::Polling(polling) => polling.interest(),
            Doing::Streaming(streaming) => streaming.interest(),
        }
    }

    fn upgraded(&mut self) -> Option<WebSocket<Push>> {
        match mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Upgrading(push) => Some(push.upgraded()),
            _ => None,
        }
    }
}

/// Of what is said in plain words.
const PLAIN: (&str, &str) = ("Content-Type", "text/plain; charset=utf-8");

/// A status, and a line that says why.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str);

impl Refusal {
    /// The server is about to stop, or has more to do than it can.
    pub(super) const BUSY: Refusal = Refusal(503, "the server is stopping, or has too much to do: try again later");

    pub(super) fn tell(self, exchange: &mut Exchange<'_, '_>) {
        let mut fields = vec![PLAIN];
        if self.0 == 503 {
            fields.push(("Retry-After", "1"));
        }
        exchange.answer_whole(self.0, &fields, format!("{}\n", self.1).as_bytes());
    }
}

fn refuse_method(allowed: &str, exchange: &mut Exchange<'_, '_>) {
    // A body that nobody wants is not waited for; and behind a CONNECT may come what is no HTTP.
    exchange.close_after();
    let fields = [PLAIN, ("Allow", allowed)];
    exchange.answer_whole(405, &fields, format!("this takes {allowed}\n").as_bytes());
}
