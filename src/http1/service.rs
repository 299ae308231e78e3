//! What the HTTP connections of a server have in common, and a server that has nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::Http1;
use super::date::imf_fixdate;
use super::exchange::{Answer, write_head};
use super::handler::Handler;
use super::lifecycle::TimeLimits;
use super::limits::HttpLimits;
use crate::protocol::Service;
use crate::time::Now;

/// The bounds of a server's HTTP connections, and their count of requests. A service that has other protocols beside HTTP makes its
/// connections with it.
#[derive(Clone)]
pub struct Http(Arc<Shared>);

pub(super) struct Shared {
    pub(super) limits: HttpLimits,
    pub(super) time_limits: TimeLimits,
    pub(super) requests: AtomicU64,
}

impl Http {
    /// With these bounds.
    pub fn new(limits: HttpLimits, time_limits: TimeLimits) -> Http {
        Http(Arc::new(Shared { limits, time_limits, requests: AtomicU64::new(0) }))
    }

    /// A new connection, whose requests `handler` answers.
    pub fn connection<H: Handler>(&self, handler: H, now: Now) -> Http1<H> {
        Http1::new(Arc::clone(&self.0), handler, now)
    }

    /// The last words to a connection that is [turned away](Service::refusal): 503.
    pub fn refusal(&self, now: Now) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let body = b"the server has as many connections as it can serve: try again later\n";
        let fields = [("Content-Type", "text/plain"), ("Retry-After", "1")];
        let length = Answer::Length(body.len() as u64);
        write_head(&mut out, 503, &imf_fixdate(now.unix_seconds), length, "Connection: close\r\n", &fields);
        out.extend_from_slice(body);
        out
    }

    /// Requests whose head was understood, on the connections that have ended.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }
}

/// An HTTP server: makes a handler for each connection.
pub struct HttpService<F> {
    http: Http,
    handler: F,
}

impl<H: Handler, F: Fn() -> H + Send + Sync> HttpService<F> {
    /// A server whose connections are each given a handler by `handler`.
    pub fn new(limits: HttpLimits, time_limits: TimeLimits, handler: F) -> Self {
        HttpService { http: Http::new(limits, time_limits), handler }
    }

    /// [`Http::requests`].
    pub fn requests(&self) -> u64 {
        self.http.requests()
    }
}

impl<H: Handler, F: Fn() -> H + Send + Sync> Service for HttpService<F> {
    type Protocol = Http1<H>;

    fn accept(&self, now: Now) -> Option<Http1<H>> {
        Some(self.http.connection((self.handler)(), now))
    }

    fn refusal(&self, now: Now) -> Vec<u8> {
        self.http.refusal(now)
    }
}
