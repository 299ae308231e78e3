//! The library's models as contestants: what a process does that was started to be one of them. All benchmarks that compare them
//! with something include this module.

pub mod read;
pub mod serve;

use std::io;

use harness::child::Spent;
use iolab::{Cost, Unavailable};

/// The part of a [`Cost`] that tables are about.
fn spent(cost: Cost) -> Spent {
    let calls = cost.calls.iter().map(|(name, count)| (name.to_owned(), count)).collect();
    Spent { calls, threads_peak: cost.threads_peak, stalls: cost.stalls }
}

/// Whether a failure means that this machine lacks what a model needs.
pub fn is_unavailable(error: &io::Error) -> bool {
    Unavailable::within(error).is_some()
}
