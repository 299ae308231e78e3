//! A protocol around a protocol: every octet is veiled on its way, and after the last one comes a word of the veil's own.

use std::io::IoSlice;

use iolab::{Context, Directory, Event, Interest, MessageOf, Now, Protocol, SendQueue, Service};

/// With what each octet is veiled, by exclusive or.
pub const VEIL: u8 = 0x55;

/// What it says itself at the end.
pub const LAST_WORD: &[u8] = b"(veiled)";

/// The same service behind a veil. What has no peer, and what it connects to, is not veiled.
pub struct VeiledService<S>(pub S);

impl<S: Service> Service for VeiledService<S> {
    type Protocol = Veiled<S::Protocol>;

    fn accept(&self, now: Now) -> Option<Self::Protocol> {
        self.0.accept(now).map(|inner| Veiled { inner, is_veiled: true, has_said_last: false })
    }

    fn grow(&self, seed: MessageOf<Self>, now: Now) -> Result<Self::Protocol, MessageOf<Self>> {
        self.0.grow(seed.0, now).map(|inner| Veiled { inner, is_veiled: false, has_said_last: true }).map_err(Lifted)
    }

    fn directory(&self) -> Option<&Directory> {
        self.0.directory()
    }
}

/// A message of the protocol inside.
#[derive(Debug)]
pub struct Lifted<M>(M);

pub struct Veiled<P> {
    inner: P,
    is_veiled: bool,
    has_said_last: bool,
}

impl<P: Protocol> Veiled<P> {
    fn talk<R>(
        &mut self,
        cx: &mut Context<'_, Lifted<P::Message>>,
        talk: impl FnOnce(&mut P, &mut Context<'_, P::Message>) -> R,
    ) -> R {
        let inner = &mut self.inner;
        if !self.is_veiled {
            return cx.within(Lifted, |cx| talk(inner, cx));
        }
        let mut output = SendQueue::default();
        let (answer, has_finished) = cx.within_on(&mut output, Lifted, |cx| talk(inner, cx));
        while output.unsent() > 0 {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = output.slices(&mut slices);
            let veiled: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().map(|octet| octet ^ VEIL)).collect();
            let count = veiled.len();
            cx.append(veiled);
            output.sent(count);
        }
        if (has_finished || self.inner.interest().is_none()) && !self.has_said_last {
            self.has_said_last = true;
            cx.write(LAST_WORD);
        }
        if has_finished {
            cx.finish();
        }
        answer
    }
}

impl<P: Protocol> Protocol for Veiled<P> {
    type Message = Lifted<P::Message>;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Self::Message>) -> usize {
        if !self.is_veiled {
            return self.talk(cx, |inner, cx| inner.receive(input, cx));
        }
        let plain: Vec<u8> = input.iter().map(|octet| octet ^ VEIL).collect();
        self.talk(cx, |inner, cx| inner.receive(&plain, cx))
    }

    fn event(&mut self, event: Event<Self::Message>, cx: &mut Context<'_, Self::Message>) {
        let event = match event {
            Event::Message(from, Lifted(message)) => Event::Message(from, message),
            Event::Returned(to, Lifted(message), why) => Event::Returned(to, message, why),
            Event::Begun(result) => Event::Begun(result),
            Event::PeerFinished => Event::PeerFinished,
            Event::HangUp => Event::HangUp,
            Event::Room => Event::Room,
            Event::Deadline => Event::Deadline,
            Event::File(ticket, result) => Event::File(ticket, result),
            Event::Stopping => Event::Stopping,
            Event::Closed(close) => Event::Closed(close),
        };
        self.talk(cx, |inner, cx| inner.event(event, cx));
    }

    fn interest(&self) -> Option<Interest> {
        self.inner.interest()
    }
}
