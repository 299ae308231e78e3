//! A load generator for HTTP/1.1, over readiness (mio) and on one thread.
//!
//! It is a closed loop: each connection says its next request when the last one has been answered, so the load adapts itself
//! to the server and the figure is what the server can do. Every answer is checked, status, length and each octet of the body.
//!
//! - [`Steady`]: so many connections, kept alive, all asking the same.
//! - [`Churn`]: a connection for each request.
//! - [`Beside`]: one ping after the other, while other connections keep the server busy.
//! - [`Idle`]: connections that say nothing.
//!
//! **Invariant:** nothing here knows the library, its models or the rows of the benchmark.

mod answer;
mod beside;
mod churn;
mod connect;
mod idle;
mod steady;
mod wire;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll};

pub use beside::{Background, Beside};
pub use churn::Churn;
pub use idle::Idle;
pub use steady::Steady;

/// Set by whoever wants the load to end early: every run then fails with `Interrupted`.
pub static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// For so long a server may leave every connection unanswered before that is called a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked, and what must be the answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// The request, head and body.
    pub request: Vec<u8>,
    /// The body of the answer, whose status must be 200.
    pub answer: Vec<u8>,
}

impl Question {
    /// `GET target`.
    pub fn get(target: &str, answer: Vec<u8>) -> Question {
        Question { request: format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes(), answer }
    }

    /// `GET target`, after which the server is to close the connection.
    pub fn get_and_close(target: &str, answer: Vec<u8>) -> Question {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes();
        Question { request, answer }
    }

    /// `POST /` with a body that must come back.
    pub fn post(body: Vec<u8>) -> Question {
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        Question { request: [head.as_bytes(), &body].concat(), answer: body }
    }
}

/// When to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Load before the measurement.
    pub warm_up: Duration,
    /// The measurement.
    pub window: Duration,
}

/// The two moments between which is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Start,
    End,
}

/// What came of a run.
#[derive(Debug)]
pub struct Sample {
    /// Whole, right answers within the window.
    pub answers: u64,
    /// The same with those before and after it.
    pub answers_in_all: u64,
    /// The window as it was.
    pub elapsed: Duration,
    /// From the asking to the last octet of the answer, in nanoseconds, for the answers of the window.
    pub latency: Histogram<u64>,
}

/// Keeps the time of a run: warm-up, window, and the answers that still come afterwards.
struct Stopwatch<'e> {
    plan: Plan,
    edge: &'e mut dyn FnMut(Edge),
    phase: Phase,
    phase_began: Instant,
    last_answer: Instant,
    sample: Sample,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Window,
    Over,
}

impl<'e> Stopwatch<'e> {
    fn start(plan: Plan, edge: &'e mut dyn FnMut(Edge)) -> Self {
        let now = Instant::now();
        // From a microsecond to a minute, to a thousandth: 0.2 MB.
        let latency = Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("bounds in order");
        let sample = Sample { answers: 0, answers_in_all: 0, elapsed: Duration::ZERO, latency };
        Stopwatch { plan, edge, phase: Phase::WarmUp, phase_began: now, last_answer: now, sample }
    }

    fn answered(&mut self, asked: Instant, now: Instant) {
        self.last_answer = now;
        self.sample.answers_in_all += 1;
        if self.phase == Phase::Window {
            self.sample.answers += 1;
            self.sample.latency.saturating_record((now - asked).as_nanos() as u64);
        }
    }

    /// Waits for events, moves from phase to phase, and gives the time.
    fn turn(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<Instant> {
        let left = match self.phase {
            Phase::WarmUp => self.plan.warm_up.saturating_sub(self.phase_began.elapsed()),
            Phase::Window => self.plan.window.saturating_sub(self.phase_began.elapsed()),
            Phase::Over => PATIENCE,
        };
        match poll.poll(events, Some(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            result => result?,
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
        }
        let now = Instant::now();
        let spent = now - self.phase_began;
        if self.phase == Phase::WarmUp && spent >= self.plan.warm_up {
            (self.edge)(Edge::Start);
            (self.phase, self.phase_began) = (Phase::Window, Instant::now());
        } else if self.phase == Phase::Window && spent >= self.plan.window {
            self.sample.elapsed = spent;
            (self.edge)(Edge::End);
            self.phase = Phase::Over;
        } else if now - self.last_answer > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer for {} s", PATIENCE.as_secs())));
        }
        Ok(now)
    }

    fn is_measuring(&self) -> bool {
        self.phase == Phase::Window
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}
