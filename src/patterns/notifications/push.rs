//! Push over WebSocket: `GET /ws`.
//!
//! ```text
//!   client ── GET, Upgrade ──> Front: 101
//!          <── frame, frame ── Push <── Page, Fresh, Fresh ── Hub          each event a text message: the JSON
//!          ── text ──────────> Push ── Publish ──> Hub                     and not read before it has its number
//!          <─> ping, pong ──── WebSocket                                   three heartbeats of silence: gone
//! ```
//!
//! The only one of the five ways in which both sides speak: publishing takes a frame and not a request. What the client says is
//! published, and comes back to it as an event like to everybody else; that is its acknowledgement. It is not read again before the
//! hub has taken that, so nobody can publish faster than it is passed on.
//!
//! The price is a state that HTTP does not see: no cache, no proxy and no log knows what is said on it, there is nothing that comes
//! back by itself, and the client has to remember the id of the last event it has heard, for `?after=`.
//!
//! `{"resync":"784111777-9"}` says that some are gone for ever. The rest is RFC 6455: see [`websocket`](crate::websocket).

use std::sync::Arc;

use bytes::Bytes;

use super::Shared;
use super::publishing::LONGEST_TEXT;
use crate::context::Context;
use crate::patterns::feed::{Cursor, Entry, Follower, HUB, News, Output, Ticket, Verdict, Wording};
use crate::protocol::{Event, Interest, Peer};
use crate::websocket::{Conversation, Socket, WebSocket, WebSocketLimits, close_code, text_frame};

static WORDING: Wording = Wording {
    event: Entry::frame,
    resync: |oldest| text_frame(&format!("{{\"resync\":\"{oldest}\"}}")),
    // Pings see to it.
    heartbeat: None,
};

/// One client at the other end of a WebSocket.
pub struct Push {
    shared: Arc<Shared>,
    after: Option<Cursor>,
    ticket: Ticket,
    follower: Option<Follower>,
    /// What it has said has no number yet.
    publishes: bool,
}

type Words<'a, 'cx> = Socket<'a, 'cx, News>;

impl Push {
    pub(super) fn new(shared: Arc<Shared>, after: Option<Cursor>, ticket: Ticket) -> Push {
        Push { shared, after, ticket, follower: None, publishes: false }
    }

    /// The protocol of its connection. Messages are as long as an event may be, and a client is pinged every heartbeat.
    pub(super) fn upgraded(self) -> WebSocket<Push> {
        let ping_every = Some(self.shared.settings.heartbeat);
        WebSocket::new(self, WebSocketLimits { message: LONGEST_TEXT, ping_every, ..WebSocketLimits::default() })
    }

    fn begin(&mut self, socket: &mut Words<'_, '_>) {
        let settings = &self.shared.settings;
        let (ticket, cx) = (self.ticket, socket.context());
        self.follower = Some(Follower::begin(&WORDING, self.after, settings.slow, settings.heartbeat, ticket, cx));
    }

    fn leave(&mut self, socket: &mut Words<'_, '_>) {
        if let Some(follower) = self.follower.take() {
            follower.leave(socket.context());
        }
    }
}

impl Conversation for Push {
    type Message = News;

    fn text(&mut self, text: &str, socket: &mut Words<'_, '_>) {
        if text.is_empty() {
            return socket.close(close_code::POLICY, "an event is a text of at least one octet");
        }
        self.publishes = true;
        let news = News::Publish { ticket: Ticket::default(), text: text.to_owned(), topic: None };
        socket.context().message(HUB, news);
    }

    fn binary(&mut self, _: &[u8], socket: &mut Words<'_, '_>) {
        socket.close(close_code::UNSUPPORTED, "an event is a text");
    }

    fn event(&mut self, event: Event<News>, socket: &mut Words<'_, '_>) {
        let counters = &self.shared.counters;
        let verdict = match (event, &mut self.follower) {
            (Event::Begun(_), _) => return self.begin(socket),
            (Event::Message(_, News::Numbered(..)), _) => return self.publishes = false,
            (Event::Returned(_, News::Publish { .. } | News::Follow { .. }, _), _) => {
                return socket.close(close_code::TRY_AGAIN_LATER, "the server is stopping, or has too much to do");
            }
            (Event::Message(_, News::Page(ticket, page)), Some(follower)) if follower.expects(ticket) => {
                follower.page(*page, socket, counters)
            }
            (Event::Message(_, News::Fresh(entry)), Some(follower)) => follower.fresh(&entry, socket, counters),
            (Event::Room, Some(follower)) => {
                follower.room(socket, counters);
                Verdict::GoesOn
            }
            _ => return,
        };
        if verdict == Verdict::TooSlow {
            // What is unsent would keep it here for as long as it likes.
            socket.context().abort();
        }
    }

    fn closing(&mut self, _: u16, _: &str, socket: &mut Words<'_, '_>) {
        self.leave(socket);
    }

    fn interest(&self) -> Interest {
        let room = self.follower.as_ref().is_some_and(Follower::wants_room);
        // The hub's answer is sure to come, and what it has said before it hung up is heard after that.
        let peer = if self.publishes { Peer::Ignore } else { Peer::Bytes };
        Interest { peer, messages: true, room, deadline: None }
    }
}

impl<'cx> Output<'cx> for Words<'_, 'cx> {
    fn say(&mut self, octets: Bytes) {
        self.frame(octets);
    }

    fn unsent(&self) -> usize {
        Socket::unsent(self)
    }

    fn context(&mut self) -> &mut Context<'cx, News> {
        Socket::context(self)
    }
}
