//! HTTP/1.1 on one connection: requests are read, handed to a [`Handler`], and answered in order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::body::{Chunk, ChunkedDecoder};
use super::date::imf_fixdate;
use super::error::Error;
use super::exchange::{Answer, CONTINUE, Exchange, State, write_head};
use super::framing::Framing;
use super::handler::Handler;
use super::head::HeadParser;
use super::lifecycle::{Body, FRESH_GRACE, Stage};
use super::service::Shared;
use crate::context::Context;
use crate::lifecycle::Lifecycle;
use crate::protocol::{Event, Interest, Peer, Protocol};
use crate::time::{Now, Time};

/// One connection; see the tables in [`TimeLimits`](super::TimeLimits)' module for its life.
pub struct Http1<H: Handler> {
    shared: Arc<Shared>,
    handler: H,
    parser: HeadParser,
    stage: Stage,
    /// The time limit that runs in this stage.
    deadline: Option<Time>,
    /// While a request is under way.
    exchange: Option<State>,
    /// What is spoken in [`Stage::Upgraded`].
    upgraded: Option<Box<H::Upgraded>>,
    stopping: bool,
    requests: u64,
}

impl<H: Handler> Http1<H> {
    pub(super) fn new(shared: Arc<Shared>, handler: H, now: Now) -> Self {
        Http1 {
            deadline: Some(now.at + shared.time_limits.idle),
            shared,
            handler,
            parser: HeadParser::new(),
            stage: Stage::Idle,
            exchange: None,
            upgraded: None,
            stopping: false,
            requests: 0,
        }
    }
}

impl<H: Handler> Protocol for Http1<H> {
    type Message = H::Message;

    #[inline]
    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, H::Message>) -> usize {
        match self.stage {
            Stage::Idle | Stage::Head => self.receive_head(input, cx),
            Stage::Body(_) => self.receive_body(input, cx),
            Stage::Upgraded => self.upgraded.as_mut().map_or(0, |upgraded| upgraded.receive(input, cx)),
            Stage::Answering | Stage::Over => 0,
        }
    }

    fn event(&mut self, event: Event<H::Message>, cx: &mut Context<'_, H::Message>) {
        if let Some(upgraded) = &mut self.upgraded {
            return upgraded.event(event, cx);
        }
        match event {
            Event::PeerFinished => match self.stage {
                Stage::Idle => self.end(),
                Stage::Head | Stage::Body(_) => self.fail(400, "the request ended before it was complete", cx),
                Stage::Answering => self.tell_of_leaving(event, cx),
                Stage::Upgraded | Stage::Over => {}
            },
            Event::Deadline => match self.stage {
                Stage::Head | Stage::Body(_) if self.is_due(cx) => self.fail(408, "the request took too long", cx),
                Stage::Idle => self.end(),
                _ => self.tell_event(event, cx),
            },
            Event::Stopping => self.stop(cx),
            Event::HangUp => self.tell_of_leaving(event, cx),
            Event::Room | Event::File(..) | Event::Message(..) => self.tell_event(event, cx),
            Event::Returned(..) | Event::Closed(_) => self.tell_anyhow(event, cx),
            Event::Begun(_) => {}
        }
    }

    #[inline]
    fn interest(&self) -> Option<Interest> {
        let interest = match self.stage {
            Stage::Idle | Stage::Head => Interest::default(),
            Stage::Body(_) | Stage::Answering => self.interest_of_handler(),
            Stage::Upgraded => return self.upgraded.as_ref().and_then(|upgraded| upgraded.interest()),
            Stage::Over => return None,
        };
        let peer = if matches!(self.stage, Stage::Answering) { interest.peer } else { Peer::Bytes };
        let deadline = match (self.deadline, interest.deadline) {
            (Some(ours), Some(its)) => Some(ours.min(its)),
            (ours, its) => ours.or(its),
        };
        Some(Interest { peer, deadline, ..interest })
    }
}

impl<H: Handler> Drop for Http1<H> {
    fn drop(&mut self) {
        self.shared.requests.fetch_add(self.requests, Ordering::Relaxed);
    }
}

// Reading.

impl<H: Handler> Http1<H> {
    #[inline]
    fn receive_head(&mut self, input: &[u8], cx: &mut Context<'_, H::Message>) -> usize {
        let octets = match self.parser.parse(input, &self.shared.limits) {
            Ok(Some(octets)) => octets,
            Ok(None) => {
                if matches!(self.stage, Stage::Idle) && self.parser.started() {
                    self.stage.enter(Stage::Head);
                    self.deadline = Some(cx.now() + self.shared.time_limits.header);
                }
                return 0;
            }
            Err(error) => {
                self.refuse(error, input, cx);
                return input.len();
            }
        };
        self.requests += 1;
        let head = self.parser.head(input);
        let state = self.exchange.insert(State {
            version: head.version(),
            has_no_body: head.method() == b"HEAD",
            keep_alive: head.keep_alive() && !self.stopping,
            awaits_continue: head.expects_continue(),
            answer: Answer::None,
        });
        let framing = head.framing();
        let exchange = &mut Exchange { state, cx };
        self.handler.request(&head, exchange);
        if head.expects_continue() && exchange.state.answer == Answer::None {
            exchange.state.awaits_continue = false;
            exchange.cx.write(CONTINUE);
        }
        self.parser.reset();
        match framing {
            Framing::None | Framing::Length(0) => self.complete(&[], cx),
            Framing::Length(length) => self.begin_body(Body::Length(length), cx),
            Framing::Chunked => self.begin_body(Body::Chunked(Box::new(ChunkedDecoder::new(octets))), cx),
        }
        octets
    }

    fn begin_body(&mut self, body: Body, cx: &mut Context<'_, H::Message>) {
        self.stage.enter(Stage::Body(body));
        self.deadline = Some(cx.now() + self.shared.time_limits.body);
        self.end_exchange_if_complete(cx);
    }

    fn receive_body(&mut self, input: &[u8], cx: &mut Context<'_, H::Message>) -> usize {
        let Stage::Body(body) = &mut self.stage else { return 0 };
        let (consumed, octets, is_complete) = match body {
            Body::Length(left) => {
                let count = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= count as u64;
                (count, &input[..count], *left == 0)
            }
            Body::Chunked(decoder) => match decoder.decode(input, &self.shared.limits) {
                Ok((consumed, Chunk::Data(octets))) => (consumed, octets, false),
                Ok((consumed, Chunk::NeedMore)) => (consumed, &[][..], false),
                Ok((consumed, Chunk::End)) => (consumed, &[][..], true),
                Err(error) => {
                    self.refuse(error, &[], cx);
                    return input.len();
                }
            },
        };
        if !octets.is_empty() {
            self.tell(cx, |handler, exchange| handler.body(octets, exchange));
        }
        if is_complete && matches!(self.stage, Stage::Body(_)) {
            match self.stage.enter(Stage::Answering) {
                Stage::Body(Body::Chunked(decoder)) => {
                    let trailers: Vec<_> = decoder.trailers().collect();
                    self.complete(&trailers, cx);
                }
                _ => self.complete(&[], cx),
            }
        }
        consumed
    }

    fn complete(&mut self, trailers: &[(&[u8], &[u8])], cx: &mut Context<'_, H::Message>) {
        self.stage.enter(Stage::Answering);
        self.deadline = None;
        self.tell_if_unanswered(cx, |handler, exchange| handler.complete(trailers, exchange));
        if self.stopping {
            self.tell_if_unanswered(cx, |handler, exchange| handler.event(Event::Stopping, exchange));
        }
        self.end_exchange_if_complete(cx);
    }
}

// Telling the handler, and seeing what came of it.

impl<H: Handler> Http1<H> {
    /// Once the answer has ended, the rest of the request is of no interest.
    #[inline]
    fn tell_if_unanswered(
        &mut self,
        cx: &mut Context<'_, H::Message>,
        tell: impl FnOnce(&mut H, &mut Exchange<'_, '_, H::Message>),
    ) {
        if let Some(state) = &mut self.exchange
            && state.is_open()
        {
            tell(&mut self.handler, &mut Exchange { state, cx });
        }
    }

    fn tell(&mut self, cx: &mut Context<'_, H::Message>, tell: impl FnOnce(&mut H, &mut Exchange<'_, '_, H::Message>)) {
        self.tell_if_unanswered(cx, tell);
        self.end_exchange_if_complete(cx);
    }

    fn tell_event(&mut self, event: Event<H::Message>, cx: &mut Context<'_, H::Message>) {
        self.tell(cx, |handler, exchange| handler.event(event, exchange));
    }

    /// The peer says no more. That is told once in the life of a connection: no request behind this one could be told again.
    fn tell_of_leaving(&mut self, event: Event<H::Message>, cx: &mut Context<'_, H::Message>) {
        if let Some(exchange) = &mut self.exchange {
            exchange.keep_alive = false;
        }
        self.tell_event(event, cx);
    }

    /// Whether or not there is an answer to give.
    fn tell_anyhow(&mut self, event: Event<H::Message>, cx: &mut Context<'_, H::Message>) {
        let mut none = State::NONE;
        let state = self.exchange.as_mut().unwrap_or(&mut none);
        self.handler.event(event, &mut Exchange { state, cx });
        self.end_exchange_if_complete(cx);
    }

    #[inline]
    fn interest_of_handler(&self) -> Interest {
        match &self.exchange {
            Some(state) if state.is_open() => self.handler.interest(),
            _ => Interest::default(),
        }
    }

    /// Whether it is a time limit of HTTP that has come, and not one of the handler.
    fn is_due(&self, cx: &Context<'_, H::Message>) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= cx.now())
    }

    fn stop(&mut self, cx: &mut Context<'_, H::Message>) {
        self.stopping = true;
        match self.stage {
            Stage::Idle if self.requests > 0 => self.end(),
            Stage::Idle => {
                let grace = cx.now() + FRESH_GRACE;
                self.deadline = Some(self.deadline.map_or(grace, |deadline| deadline.min(grace)));
            }
            // An answer that has not begun will say that it is the last.
            _ => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.keep_alive = false;
                }
                if matches!(self.stage, Stage::Answering) {
                    self.tell_event(Event::Stopping, cx);
                }
            }
        }
    }

    #[inline]
    fn end_exchange_if_complete(&mut self, cx: &mut Context<'_, H::Message>) {
        let Some(exchange) = &self.exchange else { return };
        if exchange.is_open() {
            return;
        }
        if matches!(self.stage, Stage::Body(_)) && !exchange.keep_alive && exchange.answer == Answer::Ended {
            // Nothing depends on the rest of the body any more.
            return self.end();
        }
        if !matches!(self.stage, Stage::Answering) {
            return;
        }
        if exchange.answer == Answer::Upgraded {
            self.upgrade(cx);
        } else if exchange.keep_alive {
            self.exchange = None;
            self.stage.enter(Stage::Idle);
            self.deadline = Some(cx.now() + self.shared.time_limits.idle);
        } else {
            self.end();
        }
    }

    /// From here on this is not HTTP any more.
    #[cold]
    fn upgrade(&mut self, cx: &mut Context<'_, H::Message>) {
        self.stage.enter(Stage::Upgraded);
        self.exchange = None;
        let Some(upgraded) = self.handler.upgraded() else { return self.end() };
        let upgraded = self.upgraded.insert(Box::new(upgraded));
        upgraded.event(Event::Begun(Ok(())), cx);
        if self.stopping {
            upgraded.event(Event::Stopping, cx);
        }
    }

    fn end(&mut self) {
        self.stage.enter(Stage::Over);
        self.deadline = None;
        self.exchange = None;
    }
}

// Refusing.

impl<H: Handler> Http1<H> {
    fn refuse(&mut self, error: Error, input: &[u8], cx: &mut Context<'_, H::Message>) {
        // What cannot be parsed may still be known to be HEAD, whose answer has no body.
        let request = input.strip_prefix(b"\r\n").unwrap_or(input);
        if self.exchange.is_none() && request.starts_with(b"HEAD ") {
            self.exchange = Some(State { has_no_body: true, answer: Answer::None, ..State::NONE });
        }
        self.fail(error.kind.status(), &error.to_string(), cx);
    }

    /// Answers with an error, if no answer has begun, and ends the connection: what was begun is cut short, so that the client
    /// can tell that it is not whole.
    fn fail(&mut self, status: u16, reason: &str, cx: &mut Context<'_, H::Message>) {
        let has_no_body = self.exchange.as_ref().is_some_and(|exchange| exchange.has_no_body);
        let answer = self.exchange.as_ref().map_or(Answer::None, |exchange| exchange.answer);
        if answer == Answer::UntilClose {
            // Its end is the end of the connection: only a reset does not look like it.
            cx.abort();
        }
        if answer == Answer::None {
            let date = imf_fixdate(cx.unix_seconds());
            cx.write_with(|out| {
                let length = Answer::Length(reason.len() as u64 + 1);
                write_head(out, status, &date, length, "Connection: close\r\n", &[("Content-Type", "text/plain")]);
                if !has_no_body {
                    out.extend_from_slice(reason.as_bytes());
                    out.push(b'\n');
                }
            });
        }
        self.end();
    }
}
