//! A load generator for HTTP/1.1, on one thread. Every answer is checked, status, length and each octet of the body.
//!
//! - [`Steady`]: so many connections, kept alive, all asking the same: in a closed or in an open loop ([`Pace`]), in bursts that
//!   saturate a server or in light batches ([`Kind`]).
//! - [`Churn`]: a connection for each request.
//! - [`Beside`]: one ping after the other, while other connections keep the server busy.
//! - [`Idle`]: connections that say nothing.
//!
//! How the parts stand on each other:
//!
//! ```text
//! steady.rs          the loop: what time is it, who asks, what was heard
//!   talk.rs          all conversations, and the pace (pace.rs); the watch (stopwatch.rs) keeps the figures
//!   completions.rs   the octets travel by io_uring (ring.rs, the only unsafe)
//!   readiness.rs     or by mio (line.rs)
//! conversation.rs    one connection: what is to be said, and which answers are due
//!   answer.rs        one answer: is it right? (parsed.rs: where it ends)
//! ```
//!
//! **Invariant:** nothing here knows the library, its models or the rows of the benchmark.

mod answer;
mod beside;
mod burst;
mod churn;
mod completions;
mod connect;
mod conversation;
mod idle;
mod line;
mod pace;
mod parsed;
mod readiness;
mod ring;
mod steady;
mod stopwatch;
mod talk;
mod wire;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hdrhistogram::Histogram;

pub use answer::{Expected, Learned, LikeTheFirst};
pub use beside::{Background, Beside};
pub use churn::Churn;
pub(crate) use connect::Sources;
pub use idle::Idle;
pub use pace::Pace;
pub use steady::{Kind, Steady, Terms};
pub use stopwatch::latencies;
pub(crate) use stopwatch::{own_cpu, wait};

/// Set by whoever wants the load to end early: every run then fails with `Interrupted`.
pub static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// What is asked, and what must be the answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// The request, head and body.
    pub request: Vec<u8>,
    pub answer: Expected,
}

impl Question {
    /// `GET target`.
    pub fn get(target: &str, answer: Vec<u8>) -> Question {
        Question {
            request: format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes(),
            answer: Expected::Body(answer),
        }
    }

    /// `GET target`, after which the server is to close the connection.
    pub fn get_and_close(target: &str, answer: Vec<u8>) -> Question {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes();
        Question { request, answer: Expected::Body(answer) }
    }

    /// `POST /` with a body that must come back.
    pub fn post(body: Vec<u8>) -> Question {
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        Question { request: [head.as_bytes(), &body].concat(), answer: Expected::Body(body) }
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
#[derive(Clone, Debug)]
pub struct Sample {
    /// Who asked.
    pub generator: Generator,
    /// Whole, right answers within the window.
    pub answers: u64,
    /// The same with those before and after it.
    pub answers_in_all: u64,
    /// Octets heard within the window.
    pub octets: u64,
    /// The window as it was.
    pub elapsed: Duration,
    /// CPU time of the load within the window, without that in which it looked for answers and found none.
    pub busy: Duration,
    /// From the moment when a request was to be asked to the last octet of its answer, in nanoseconds, for what was to be asked
    /// within the window. In an open loop, requests that were still unasked at its end are here with the time until then.
    pub latency: Histogram<u64>,
    /// How many these are.
    pub unasked: u64,
    /// Connections that the server closed in good order, and that were opened anew.
    pub reopened: u64,
}

impl Sample {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }

    /// The share of its core that the load was busy.
    pub fn busy_share(&self) -> f64 {
        self.busy.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generator {
    /// In bursts over io_uring.
    BurstyUring,
    /// In bursts over epoll, since io_uring cannot be had: why.
    BurstyEpoll(String),
    /// In light batches, over epoll.
    Light,
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Generator::BurstyUring => f.write_str("in bursts over io_uring"),
            Generator::BurstyEpoll(why) => write!(f, "in bursts over epoll (io_uring: {why})"),
            Generator::Light => f.write_str("in light batches over epoll"),
        }
    }
}
