//! The library's models as contestants: what a process does that was started to be one of them. All benchmarks that compare them
//! with something include this module.

pub mod read;
pub mod serve;

use std::io;
use std::process::ExitCode;

use harness::child::{Said, Spent, say};
use iolab::{Cost, Unavailable};

/// The part of a [`Cost`] that tables are about.
fn spent(cost: Cost) -> Spent {
    let calls = cost.calls.iter().map(|(name, count)| (name.to_owned(), count)).collect();
    Spent { calls, threads_peak: cost.threads_peak, stalls: cost.stalls }
}

/// A child's failure is its parent's to tell.
pub fn as_child(result: io::Result<()>) -> io::Result<ExitCode> {
    let Err(error) = result else { return Ok(ExitCode::SUCCESS) };
    say(&match Unavailable::within(&error) {
        Some(unavailable) => Said::Unavailable(unavailable.to_string()),
        None => Said::Failed(error.to_string()),
    })?;
    Ok(ExitCode::FAILURE)
}
