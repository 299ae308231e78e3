//! One of two kinds of protocols, for a service that has both: those who speak with a peer, and those who live behind them.

use crate::context::Context;
use crate::protocol::{Event, Interest, Protocol};

/// One protocol or the other. Both are told the same kind of messages.
pub enum Either<A, B> {
    /// The one.
    Left(A),
    /// The other.
    Right(B),
}

impl<A: Protocol, B: Protocol<Message = A::Message>> Protocol for Either<A, B> {
    type Message = A::Message;

    #[inline]
    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, A::Message>) -> usize {
        match self {
            Either::Left(protocol) => protocol.receive(input, cx),
            Either::Right(protocol) => protocol.receive(input, cx),
        }
    }

    #[inline]
    fn event(&mut self, event: Event<A::Message>, cx: &mut Context<'_, A::Message>) {
        match self {
            Either::Left(protocol) => protocol.event(event, cx),
            Either::Right(protocol) => protocol.event(event, cx),
        }
    }

    #[inline]
    fn interest(&self) -> Option<Interest> {
        match self {
            Either::Left(protocol) => protocol.interest(),
            Either::Right(protocol) => protocol.interest(),
        }
    }
}
