//! A service whose every callback is recorded.

use crate::context::Context;
use crate::directory::Directory;
use crate::protocol::{Event, Interest, MessageOf, Protocol, Service};
use crate::sys::recorder;
use crate::time::Now;

/// The same service; while somebody [records](crate::trace::Recorder), each time that it or one of its protocols is told something is
/// a span in the trace. Else it costs a load for each.
///
/// Not recorded is [`Protocol::interest`]: it is no news, but a question that a model asks after each of them, and may ask several
/// times.
#[derive(Debug)]
pub struct Traced<'s, S>(&'s S);

impl<'s, S: Service> Traced<'s, S> {
    /// Around this one.
    pub fn new(service: &'s S) -> Self {
        Traced(service)
    }
}

impl<S: Service> Service for Traced<'_, S> {
    type Protocol = TracedProtocol<S::Protocol>;

    fn accept(&self, now: Now) -> Option<Self::Protocol> {
        let _span = recorder::asked("accept");
        self.0.accept(now).map(TracedProtocol)
    }

    fn refusal(&self, now: Now) -> Vec<u8> {
        let _span = recorder::asked("refusal");
        self.0.refusal(now)
    }

    fn grow(&self, seed: MessageOf<Self>, now: Now) -> Result<Self::Protocol, MessageOf<Self>> {
        let _span = recorder::asked("grow");
        self.0.grow(seed, now).map(TracedProtocol)
    }

    fn founder(&self) -> Option<MessageOf<Self>> {
        self.0.founder()
    }

    fn directory(&self) -> Option<&Directory> {
        self.0.directory()
    }
}

/// A protocol of a [`Traced`] service.
///
/// What panics leaves no span: a guard for that would have to be kept in memory around every callback, recorded or not.
#[derive(Debug)]
pub struct TracedProtocol<P>(P);

impl<P: Protocol> Protocol for TracedProtocol<P> {
    type Message = P::Message;

    #[inline]
    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, P::Message>) -> usize {
        let begun = recorder::moment();
        let consumed = self.0.receive(input, cx);
        if begun != 0 {
            recorder::told(begun, "receive", cx.me().bits(), Some(input.len()));
        }
        consumed
    }

    #[inline]
    fn event(&mut self, event: Event<P::Message>, cx: &mut Context<'_, P::Message>) {
        let begun = recorder::moment();
        let name = if begun != 0 { name(&event) } else { "" };
        self.0.event(event, cx);
        if begun != 0 {
            recorder::told(begun, name, cx.me().bits(), None);
        }
    }

    #[inline]
    fn interest(&self) -> Option<Interest> {
        self.0.interest()
    }
}

/// What it is told, as the trace names it.
fn name<M>(event: &Event<M>) -> &'static str {
    match event {
        Event::Begun(_) => "begun",
        Event::PeerFinished => "peer finished",
        Event::HangUp => "hang-up",
        Event::Room => "room",
        Event::Deadline => "deadline",
        Event::Message(..) => "message",
        Event::Returned(..) => "returned",
        Event::File(..) => "file",
        Event::Stopping => "stopping",
        Event::Closed(_) => "closed",
    }
}
