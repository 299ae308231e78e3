//! WebSocket on one connection: frames are read, messages handed to a [`Conversation`], and the table in
//! [`lifecycle`](super::lifecycle) followed.
//!
//! ```text
//! receive(input):
//!     within a frame: its payload, as far as it has come          message.rs
//!     a header: a data frame begins, or a control frame whole
//! ```

use super::close::{self, close_code};
use super::conversation::{Conversation, Socket};
use super::error::ErrorKind;
use super::frame::{CONTROL_OCTETS, FrameHeader, Opcode, write_frame};
use super::keepalive::{Due, Keepalive};
use super::lifecycle::Stage;
use super::limits::WebSocketLimits;
use super::mask::unmask;
use super::message::{Incoming, Kind, Message};
use crate::context::Context;
use crate::lifecycle::Lifecycle;
use crate::limits::SEND_LOW_OCTETS;
use crate::protocol::{Event, Interest, Peer, Protocol};
use crate::shelf;
use crate::time::Time;

/// The protocol of a connection that has been [upgraded](crate::http1::Exchange::upgrade), seen from the server.
pub struct WebSocket<C> {
    conversation: C,
    limits: WebSocketLimits,
    stage: Stage,
    incoming: Incoming,
    /// From the beginning on, where pings are wanted.
    keepalive: Option<Keepalive>,
    /// The latest ping that is still to be answered, when there is room.
    owed: Option<Box<[u8]>>,
    /// The conversation has heard `closing`.
    is_told: bool,
}

impl<C: Conversation> WebSocket<C> {
    /// For a connection on which the answer to the handshake was said. It is to hear [`Event::Begun`] first.
    pub fn new(conversation: C, limits: WebSocketLimits) -> Self {
        WebSocket {
            conversation,
            limits,
            stage: Stage::Open,
            incoming: Incoming::default(),
            keepalive: None,
            owed: None,
            is_told: false,
        }
    }
}

impl<C: Conversation> Protocol for WebSocket<C> {
    type Message = C::Message;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, C::Message>) -> usize {
        if self.stage == Stage::Over {
            return 0;
        }
        let consumed = self.receive_frame(input, cx);
        // What was not consumed is shown again, and is no news then.
        if consumed > 0
            && let Some(keepalive) = &mut self.keepalive
        {
            keepalive.heard(cx.now());
        }
        consumed
    }

    fn event(&mut self, event: Event<C::Message>, cx: &mut Context<'_, C::Message>) {
        match event {
            Event::Begun(result) => {
                let is_here = result.is_ok();
                self.keepalive = self.limits.ping_every.map(|every| Keepalive::new(every, cx.now()));
                self.tell(cx, |conversation, socket| conversation.event(Event::Begun(result), socket));
                if !is_here {
                    self.end(close_code::ABNORMAL, "", cx);
                }
            }
            Event::PeerFinished => self.end(close_code::ABNORMAL, "", cx),
            Event::HangUp => {
                self.tell(cx, |conversation, socket| conversation.event(Event::HangUp, socket));
                if self.interest().is_some_and(|interest| interest.peer != Peer::Bytes) {
                    self.end(close_code::ABNORMAL, "", cx);
                }
            }
            Event::Room => self.room(cx),
            Event::Deadline => self.deadline(cx),
            Event::Stopping => self.tell(cx, |conversation, socket| {
                conversation.event(Event::Stopping, socket);
                socket.close(close_code::GOING_AWAY, "the server is stopping");
            }),
            Event::Closed(_) => {
                self.end(close_code::ABNORMAL, "", cx);
                self.tell(cx, |conversation, socket| conversation.event(event, socket));
            }
            Event::Message(..) | Event::Returned(..) | Event::File(..) => {
                self.tell(cx, |conversation, socket| conversation.event(event, socket));
            }
        }
    }

    fn interest(&self) -> Option<Interest> {
        match self.stage {
            Stage::Open => {
                let wanted = self.conversation.interest();
                let keepalive = self.keepalive.as_ref().map(Keepalive::next);
                let deadline = wanted.deadline.into_iter().chain(keepalive).min();
                Some(Interest { room: wanted.room || self.owed.is_some(), deadline, ..wanted })
            }
            Stage::Closing(until) => Some(Interest { peer: Peer::Bytes, deadline: Some(until), ..Interest::default() }),
            Stage::Over => None,
        }
    }
}

// Reading.

impl<C: Conversation> WebSocket<C> {
    fn receive_frame(&mut self, input: &[u8], cx: &mut Context<'_, C::Message>) -> usize {
        if self.incoming.is_within_frame() {
            return self.receive_payload(input, cx);
        }
        match FrameHeader::parse(input) {
            Ok(Some((header, octets))) if header.opcode.is_control() => self.receive_control(&header, octets, input, cx),
            Ok(Some((header, octets))) => self.receive_data(&header, octets, input, cx),
            Ok(None) => 0,
            Err(error) => self.fail(error, input, cx),
        }
    }

    fn receive_data(&mut self, header: &FrameHeader, octets: usize, input: &[u8], cx: &mut Context<'_, C::Message>) -> usize {
        if self.stage != Stage::Open {
            self.incoming.skip(header);
        } else if let Err(error) = self.incoming.begin(header, &self.limits) {
            return self.fail(error, input, cx);
        }
        octets + self.receive_payload(&input[octets..], cx)
    }

    fn receive_payload(&mut self, input: &[u8], cx: &mut Context<'_, C::Message>) -> usize {
        if self.stage != Stage::Open {
            return self.incoming.discard(input);
        }
        match self.incoming.take(input) {
            Ok((octets, None)) => octets,
            Ok((octets, Some(message))) => match self.tell_message(message, cx) {
                Ok(()) => octets,
                Err(error) => self.fail(error, input, cx),
            },
            Err(error) => self.fail(error, input, cx),
        }
    }

    fn tell_message(&mut self, message: Message, cx: &mut Context<'_, C::Message>) -> Result<(), ErrorKind> {
        let Message { kind, octets } = message;
        match kind {
            Kind::Text => {
                let text = std::str::from_utf8(&octets).map_err(|_| ErrorKind::TextNotUtf8)?;
                self.tell(cx, |conversation, socket| conversation.text(text, socket));
            }
            Kind::Binary => self.tell(cx, |conversation, socket| conversation.binary(&octets, socket)),
        }
        shelf::put(octets);
        Ok(())
    }

    /// A control frame is short: it is taken when it is whole.
    fn receive_control(
        &mut self,
        header: &FrameHeader,
        octets: usize,
        input: &[u8],
        cx: &mut Context<'_, C::Message>,
    ) -> usize {
        let length = header.length as usize;
        let Some(masked) = input[octets..].get(..length) else { return 0 };
        let mut payload = [0; CONTROL_OCTETS];
        let payload = &mut payload[..length];
        payload.copy_from_slice(masked);
        unmask(payload, header.mask);
        match header.opcode {
            Opcode::Ping => self.pong(payload, cx),
            Opcode::Close => match close::parse(payload) {
                Ok((code, reason)) => {
                    // The answer has the same code, if there was one (section 5.5.1).
                    self.socket(cx).1.say_close(code, "");
                    self.end(code, reason, cx);
                }
                Err(error) => return self.fail(error, input, cx),
            },
            _ => {}
        }
        octets + length
    }
}

// What is said without the conversation.

impl<C: Conversation> WebSocket<C> {
    // ANCHOR: pong
    fn pong(&mut self, payload: &[u8], cx: &mut Context<'_, C::Message>) {
        if self.stage != Stage::Open {
            return;
        }
        if cx.unsent() < SEND_LOW_OCTETS {
            self.owed = None;
            cx.write_with(|out| write_frame(out, Opcode::Pong, payload));
        } else {
            self.owed = Some(payload.into());
        }
    }
    // ANCHOR_END: pong

    fn room(&mut self, cx: &mut Context<'_, C::Message>) {
        if let Some(payload) = self.owed.take() {
            self.pong(&payload, cx);
        }
        if self.stage == Stage::Open && self.conversation.interest().room {
            self.tell(cx, |conversation, socket| conversation.event(Event::Room, socket));
        }
    }

    fn deadline(&mut self, cx: &mut Context<'_, C::Message>) {
        match self.stage {
            Stage::Open => {
                self.keep_alive(cx);
                let is_due = |deadline: Time| deadline <= cx.now();
                if self.stage == Stage::Open && self.conversation.interest().deadline.is_some_and(is_due) {
                    self.tell(cx, |conversation, socket| conversation.event(Event::Deadline, socket));
                }
            }
            Stage::Closing(until) if until <= cx.now() => self.end(close_code::ABNORMAL, "", cx),
            Stage::Closing(_) | Stage::Over => {}
        }
    }

    fn keep_alive(&mut self, cx: &mut Context<'_, C::Message>) {
        let has_much_to_take = cx.unsent() >= SEND_LOW_OCTETS;
        let is_listening = !has_much_to_take && self.conversation.interest().peer == Peer::Bytes;
        let Some(keepalive) = &mut self.keepalive else { return };
        match keepalive.due(cx.now(), is_listening) {
            Due::Ping if !has_much_to_take => self.socket(cx).1.ping(b""),
            Due::Ping | Due::Nothing => {}
            Due::Gone => {
                cx.abort();
                self.end(close_code::ABNORMAL, "", cx);
            }
        }
    }
}

// Telling the conversation, and the end.

impl<C: Conversation> WebSocket<C> {
    fn socket<'a, 'cx>(&'a mut self, cx: &'a mut Context<'cx, C::Message>) -> (&'a mut C, Socket<'a, 'cx, C::Message>) {
        (&mut self.conversation, Socket { stage: &mut self.stage, patience: self.limits.close, cx })
    }

    fn tell(&mut self, cx: &mut Context<'_, C::Message>, tell: impl FnOnce(&mut C, &mut Socket<'_, '_, C::Message>)) {
        let (conversation, mut socket) = self.socket(cx);
        tell(conversation, &mut socket);
    }

    /// Fails the connection; of what has come nothing more is of interest.
    #[cold]
    fn fail(&mut self, error: ErrorKind, input: &[u8], cx: &mut Context<'_, C::Message>) -> usize {
        self.socket(cx).1.say_close(error.code(), error.reason());
        self.end(error.code(), error.reason(), cx);
        input.len()
    }

    /// All is said on both sides.
    fn end(&mut self, code: u16, reason: &str, cx: &mut Context<'_, C::Message>) {
        self.stage.enter(Stage::Over);
        self.owed = None;
        if !std::mem::replace(&mut self.is_told, true) {
            self.tell(cx, |conversation, socket| conversation.closing(code, reason, socket));
        }
    }
}
