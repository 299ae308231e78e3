//! HTTP/1.1 on one connection: requests are read, handed to a [`Handler`], and answered in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::body::{Chunk, ChunkedDecoder};
use super::date::imf_fixdate;
use super::error::Error;
use super::exchange::{Answer, Exchange, Handler, State, write_head};
use super::framing::Framing;
use super::head::{HeadParser, Version};
use super::lifecycle::{Body, FRESH_GRACE, Stage, TimeLimits};
use super::limits::HttpLimits;
use crate::context::Context;
use crate::file_op::FileDone;
use crate::protocol::{Event, Interest, Peer, Protocol, Service};
use crate::time::{Now, Time};

/// An HTTP server: makes a handler for each connection.
pub struct HttpService<F> {
    shared: Arc<Shared>,
    handler: F,
}

/// What all connections of a server share.
struct Shared {
    limits: HttpLimits,
    time_limits: TimeLimits,
    requests: AtomicU64,
}

impl<H: Handler, F: Fn() -> H + Send + Sync> HttpService<F> {
    /// A server whose connections are each given a handler by `handler`.
    pub fn new(limits: HttpLimits, time_limits: TimeLimits, handler: F) -> Self {
        HttpService { shared: Arc::new(Shared { limits, time_limits, requests: AtomicU64::new(0) }), handler }
    }

    /// Requests whose head was understood, on the connections that have ended.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

impl<H: Handler, F: Fn() -> H + Send + Sync> Service for HttpService<F> {
    type Protocol = Http1<H>;

    fn accept(&self, now: Now) -> Option<Http1<H>> {
        Some(Http1 {
            deadline: Some(now.at + self.shared.time_limits.idle),
            shared: Arc::clone(&self.shared),
            handler: (self.handler)(),
            parser: HeadParser::new(),
            stage: Stage::Idle,
            exchange: None,
            stopping: false,
            requests: 0,
        })
    }

    fn refusal(&self, now: Now) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let body = b"the server has as many connections as it can serve: try again later\n";
        let fields = [("Content-Type", "text/plain"), ("Retry-After", "1")];
        let length = Answer::Length(body.len() as u64);
        write_head(&mut out, 503, &imf_fixdate(now.unix_seconds), length, "Connection: close\r\n", &fields);
        out.extend_from_slice(body);
        out
    }
}

/// One connection; see the tables in [`TimeLimits`]' module for its life.
pub struct Http1<H> {
    shared: Arc<Shared>,
    handler: H,
    parser: HeadParser,
    stage: Stage,
    /// The time limit that runs in this stage.
    deadline: Option<Time>,
    /// While a request is under way.
    exchange: Option<State>,
    stopping: bool,
    requests: u64,
}

impl<H: Handler> Protocol for Http1<H> {
    type Message = Infallible;

    #[inline]
    fn receive(&mut self, input: &[u8], cx: &mut Context<'_>) -> usize {
        match self.stage {
            Stage::Idle | Stage::Head => self.receive_head(input, cx),
            Stage::Body(_) => self.receive_body(input, cx),
            Stage::Answering | Stage::Over => 0,
        }
    }

    fn event(&mut self, event: Event, cx: &mut Context<'_>) {
        match event {
            Event::PeerFinished => match self.stage {
                Stage::Idle => self.end(),
                Stage::Head | Stage::Body(_) => self.fail(400, "the request ended before it was complete", cx),
                Stage::Answering | Stage::Over => {}
            },
            Event::Deadline => match self.stage {
                Stage::Head | Stage::Body(_) => self.fail(408, "the request took too long", cx),
                Stage::Idle => self.end(),
                Stage::Answering | Stage::Over => {}
            },
            Event::Stopping => {
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
                    }
                }
            }
            Event::Room => self.tell(cx, |handler, exchange| {
                exchange.state.awaits_room = false;
                handler.room(exchange);
            }),
            Event::File(ticket, result) => {
                let octets = result.map(|done| match done {
                    FileDone::Read(octets) => octets,
                    FileDone::Opened(..) | FileDone::Done => Bytes::new(),
                });
                self.tell(cx, |handler, exchange| handler.file(ticket, octets, exchange));
            }
            Event::Begun(_) | Event::HangUp | Event::Closed(_) => {}
            Event::Message(_, never) | Event::Returned(_, never, _) => match never {},
        }
    }

    #[inline]
    fn interest(&self) -> Option<Interest> {
        let peer = match self.stage {
            Stage::Idle | Stage::Head | Stage::Body(_) => Peer::Bytes,
            Stage::Answering => Peer::Ignore,
            Stage::Over => return None,
        };
        let room = self.exchange.as_ref().is_some_and(|exchange| exchange.awaits_room);
        Some(Interest { peer, room, deadline: self.deadline, messages: false })
    }
}

impl<H> Drop for Http1<H> {
    fn drop(&mut self) {
        self.shared.requests.fetch_add(self.requests, Ordering::Relaxed);
    }
}

// Reading.

impl<H: Handler> Http1<H> {
    #[inline]
    fn receive_head(&mut self, input: &[u8], cx: &mut Context<'_>) -> usize {
        let octets = match self.parser.parse(input, &self.shared.limits) {
            Ok(Some(octets)) => octets,
            Ok(None) => {
                if matches!(self.stage, Stage::Idle) && self.parser.started() {
                    self.stage = Stage::Head;
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
            is_head: head.method() == b"HEAD",
            keep_alive: head.keep_alive() && !self.stopping,
            awaits_continue: head.expects_continue(),
            answer: Answer::None,
            awaits_room: false,
        });
        let framing = head.framing();
        let exchange = &mut Exchange { state, cx };
        self.handler.request(&head, exchange);
        if head.expects_continue() && exchange.state.answer == Answer::None {
            exchange.state.awaits_continue = false;
            exchange.cx.write(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.parser.reset();
        match framing {
            Framing::None | Framing::Length(0) => self.complete(&[], cx),
            Framing::Length(length) => self.begin_body(Body::Length(length), cx),
            Framing::Chunked => self.begin_body(Body::Chunked(Box::new(ChunkedDecoder::new(octets))), cx),
        }
        octets
    }

    fn begin_body(&mut self, body: Body, cx: &mut Context<'_>) {
        self.stage = Stage::Body(body);
        self.deadline = Some(cx.now() + self.shared.time_limits.body);
        self.end_exchange_if_complete(cx);
    }

    fn receive_body(&mut self, input: &[u8], cx: &mut Context<'_>) -> usize {
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
            match std::mem::replace(&mut self.stage, Stage::Answering) {
                Stage::Body(Body::Chunked(decoder)) => {
                    let trailers: Vec<_> = decoder.trailers().collect();
                    self.complete(&trailers, cx);
                }
                _ => self.complete(&[], cx),
            }
        }
        consumed
    }

    fn complete(&mut self, trailers: &[(&[u8], &[u8])], cx: &mut Context<'_>) {
        self.stage = Stage::Answering;
        self.deadline = None;
        self.tell_if_unanswered(cx, |handler, exchange| handler.complete(trailers, exchange));
        self.end_exchange_if_complete(cx);
    }
}

// Telling the handler, and seeing what came of it.

impl<H: Handler> Http1<H> {
    /// Once the answer has ended, the rest of the request is of no interest.
    #[inline]
    fn tell_if_unanswered(&mut self, cx: &mut Context<'_>, tell: impl FnOnce(&mut H, &mut Exchange<'_, '_>)) {
        if let Some(state) = self.exchange.as_mut().filter(|state| state.answer != Answer::Ended) {
            tell(&mut self.handler, &mut Exchange { state, cx });
        }
    }

    fn tell(&mut self, cx: &mut Context<'_>, tell: impl FnOnce(&mut H, &mut Exchange<'_, '_>)) {
        self.tell_if_unanswered(cx, tell);
        self.end_exchange_if_complete(cx);
    }

    #[inline]
    fn end_exchange_if_complete(&mut self, cx: &mut Context<'_>) {
        let Some(exchange) = &self.exchange else { return };
        if exchange.answer != Answer::Ended {
            return;
        }
        if matches!(self.stage, Stage::Body(_)) && !exchange.keep_alive {
            // Nothing depends on the rest of the body any more.
            return self.end();
        }
        if !matches!(self.stage, Stage::Answering) {
            return;
        }
        if exchange.keep_alive {
            self.exchange = None;
            self.stage = Stage::Idle;
            self.deadline = Some(cx.now() + self.shared.time_limits.idle);
        } else {
            self.end();
        }
    }

    fn end(&mut self) {
        self.stage = Stage::Over;
        self.deadline = None;
        self.exchange = None;
    }
}

// Refusing.

impl<H: Handler> Http1<H> {
    fn refuse(&mut self, error: Error, input: &[u8], cx: &mut Context<'_>) {
        // What cannot be parsed may still be known to be HEAD, whose answer has no body.
        let request = input.strip_prefix(b"\r\n").unwrap_or(input);
        if self.exchange.is_none() && request.starts_with(b"HEAD ") {
            self.exchange = Some(State {
                version: Version::Http11,
                is_head: true,
                keep_alive: false,
                awaits_continue: false,
                answer: Answer::None,
                awaits_room: false,
            });
        }
        self.fail(error.kind.status(), &error.to_string(), cx);
    }

    /// Answers with an error, if no answer has begun, and ends the connection: what was begun is cut short, so that the client
    /// can tell that it is not whole.
    fn fail(&mut self, status: u16, reason: &str, cx: &mut Context<'_>) {
        let is_head = self.exchange.as_ref().is_some_and(|exchange| exchange.is_head);
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
                if !is_head {
                    out.extend_from_slice(reason.as_bytes());
                    out.push(b'\n');
                }
            });
        }
        self.end();
    }
}
