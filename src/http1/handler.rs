//! What an application above HTTP is.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::exchange::Exchange;
use super::head::Head;
use crate::context::Context;
use crate::protocol::{Event, Interest, Protocol};

/// An application above HTTP: hears requests and answers them, one after the other on one connection. Like everything above the
/// contract it has no socket, no clock and no thread.
///
/// `request` is called once a head has arrived, then `body` for each stretch of the body, then `complete`. The answer can be
/// given at any of these moments or at a later event, whole or bit by bit; the next request is heard once it has
/// [ended](Exchange::end). A handler that answers before the body has come need not care for the rest: it is read and dropped.
pub trait Handler: Send + Sized + 'static {
    /// What others may tell it. [`Infallible`] for none.
    type Message: Send + 'static;

    /// What the connection speaks after an [upgrade](Exchange::upgrade). [`NoUpgrade`] if there is none.
    type Upgraded: Protocol<Message = Self::Message>;

    /// A request begins.
    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_, Self::Message>);

    /// Some octets of its body, at least one, however the peer cut them.
    fn body(&mut self, octets: &[u8], exchange: &mut Exchange<'_, '_, Self::Message>) {
        let _ = (octets, exchange);
    }

    /// The request is complete. `trailers` are the fields behind a chunked body.
    fn complete(&mut self, trailers: Trailers<'_>, exchange: &mut Exchange<'_, '_, Self::Message>);

    /// Something else has happened, for which it [waited](Self::interest) or asked, before its answer has ended.
    ///
    /// That the server is shutting down ([`Event::Stopping`]) it hears once the request is complete. Two things it may hear when there
    /// is [no answer to give](Exchange::is_open): that a message came back ([`Event::Returned`]), and as the last thing that the
    /// connection has ended ([`Event::Closed`]).
    ///
    /// A message that comes between two requests waits, and is told when the next one waits for messages. Whoever may be told
    /// something late (an answer that crossed a deadline, say) sends a number along that comes back with it.
    ///
    /// After [`Event::HangUp`] or [`Event::PeerFinished`] the answer is the last of the connection: those are told once.
    fn event(&mut self, event: Event<Self::Message>, exchange: &mut Exchange<'_, '_, Self::Message>) {
        let _ = (event, exchange);
    }

    /// What it waits for before it goes on with its answer: a function of its state. It is asked from the head of a request to the
    /// end of the answer. Until the request is complete HTTP wants the peer's octets, whatever is said here of the peer; after that
    /// [`HangUp`](crate::Peer::HangUp) is for an answer that is a long time coming: if the peer has gone, that is told. A peer that
    /// has said FIN and still listens looks the same (`EPOLLRDHUP`).
    fn interest(&self) -> Interest {
        Interest::default()
    }

    /// What the connection speaks from now on: asked once an [upgrade](Exchange::upgrade) was said. It hears
    /// [`Event::Begun`] first, and everything else from then on. If there is nothing, the connection ends.
    fn upgraded(&mut self) -> Option<Self::Upgraded> {
        None
    }
}

/// The fields behind a chunked body, as names and values.
pub type Trailers<'a> = &'a [(&'a [u8], &'a [u8])];

/// For handlers that never upgrade a connection: there is none of it.
pub struct NoUpgrade<M = Infallible>(Infallible, PhantomData<fn() -> M>);

impl<M: Send + 'static> Protocol for NoUpgrade<M> {
    type Message = M;

    fn receive(&mut self, _: &[u8], _: &mut Context<'_, M>) -> usize {
        match self.0 {}
    }

    fn event(&mut self, _: Event<M>, _: &mut Context<'_, M>) {
        match self.0 {}
    }

    fn interest(&self) -> Option<Interest> {
        match self.0 {}
    }
}
