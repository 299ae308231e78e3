//! An application above WebSocket, and what it can do.

use std::time::Duration;

use bytes::Bytes;

use super::close::{close_code, may_be_sent, write_close};
use super::frame::{CONTROL_OCTETS, Opcode, is_whole_message, write_frame};
use super::lifecycle::Stage;
use crate::context::Context;
use crate::lifecycle::Lifecycle;
use crate::protocol::{Event, Interest, Peer};
use crate::time::Time;

/// An application above WebSocket: hears messages and events of one connection, and says what it likes when it likes. It has no
/// socket, no clock and no thread.
///
/// The order in which it hears things: [`Event::Begun`] first, then anything, [`closing`](Self::closing) once, and
/// [`Event::Closed`] last. What it says after `closing`, or after it has [closed](Socket::close) itself, is thrown away.
pub trait Conversation: Send + Sized + 'static {
    /// What others may tell it. [`Infallible`](std::convert::Infallible) for none.
    type Message: Send + 'static;

    /// A text message.
    fn text(&mut self, text: &str, socket: &mut Socket<'_, '_, Self::Message>);

    /// A binary message.
    fn binary(&mut self, octets: &[u8], socket: &mut Socket<'_, '_, Self::Message>);

    /// Something else has happened, for which it [waited](Self::interest) or asked. It need not close when it hears
    /// [`Event::Stopping`]: that is done for it, with [1001](close_code::GOING_AWAY), after it was told.
    fn event(&mut self, event: Event<Self::Message>, socket: &mut Socket<'_, '_, Self::Message>) {
        let _ = (event, socket);
    }

    /// The peer will say no more, with the code and reason of its close frame. [1005](close_code::NONE) is a close frame
    /// without a code, [1006](close_code::ABNORMAL) an end without one. A peer that broke the rules is told which and this hears
    /// the same: [`ErrorKind`](super::ErrorKind)'s code and reason.
    fn closing(&mut self, code: u16, reason: &str, socket: &mut Socket<'_, '_, Self::Message>) {
        let _ = (code, reason, socket);
    }

    /// What it waits for: a function of its state. Where it does not want its peer's octets
    /// ([`Peer::Ignore`]), the peer is not read, and has to wait: back-pressure. [`Peer::HangUp`] is the same, but a peer that has
    /// gone is told of: if it is still not listened to then, that is its end, and what it has said before is not heard any more.
    fn interest(&self) -> Interest {
        Interest { peer: Peer::Bytes, messages: true, ..Interest::default() }
    }
}

/// What a conversation can do with its connection.
pub struct Socket<'a, 'cx, M> {
    pub(super) stage: &'a mut Stage,
    /// The limit of the close handshake.
    pub(super) patience: Duration,
    pub(super) cx: &'a mut Context<'cx, M>,
}

impl<'cx, M> Socket<'_, 'cx, M> {
    /// Says a text message.
    pub fn text(&mut self, text: &str) {
        self.say(Opcode::Text, text.as_bytes());
    }

    /// Says a binary message.
    pub fn binary(&mut self, octets: &[u8]) {
        self.say(Opcode::Binary, octets);
    }

    /// Says a message that was made into a whole frame before, by [`text_frame`](super::text_frame) or
    /// [`binary_frame`](super::binary_frame). Where it is large it is not copied: all who are sent it share the octets.
    pub fn frame(&mut self, frame: Bytes) {
        debug_assert!(is_whole_message(&frame), "no whole frame of a server with a message");
        if self.is_open() {
            self.cx.send(frame);
        }
    }

    /// Asks for a sign of life: up to [`CONTROL_OCTETS`] that come back in a pong, which nobody is told of. Those beyond are left
    /// out.
    pub fn ping(&mut self, octets: &[u8]) {
        self.say(Opcode::Ping, &octets[..octets.len().min(CONTROL_OCTETS)]);
    }

    /// Says the last frame: that this side closes, and why. The peer's messages are not told any more; `closing` tells its answer.
    ///
    /// [1005](close_code::NONE) is for no code and no reason. Another code that [may not be sent](may_be_sent) is a bug of the
    /// conversation, and 1011 is said. Of the reason the first 123 octets are, in whole characters.
    pub fn close(&mut self, code: u16, reason: &str) {
        if self.is_open() {
            self.say_close(code, reason);
            self.stage.enter(Stage::Closing(self.cx.now() + self.patience));
        }
    }

    /// Says the last frame, if nobody has yet.
    pub(super) fn say_close(&mut self, code: u16, reason: &str) {
        let is_allowed = code == close_code::NONE || may_be_sent(code);
        debug_assert!(is_allowed, "{code} may not be sent");
        let code = if is_allowed { code } else { close_code::INTERNAL_ERROR };
        if self.is_open() {
            self.cx.write_with(|out| write_close(out, code, reason));
        }
    }

    /// Whether what is said now is sent: neither side has closed.
    pub fn is_open(&self) -> bool {
        *self.stage == Stage::Open
    }

    /// Octets said and not yet taken by the kernel.
    pub fn unsent(&self) -> usize {
        self.cx.unsent()
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.cx.now()
    }

    /// Whom to tell something, whom to spawn, its own name and dice; and how to [cut off](Context::abort) a peer that is not worth
    /// a close. What is [written](Context::write) there would stand between the frames.
    pub fn context(&mut self) -> &mut Context<'cx, M> {
        self.cx
    }

    fn say(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.is_open() {
            self.cx.write_with(|out| write_frame(out, opcode, payload));
        }
    }
}
