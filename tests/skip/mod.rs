//! What a test says when the machine lacks what it needs.

use std::fmt::Display;
use std::io::{self, Write};

/// Says on one line that something is skipped, and why. It goes past the harness, which keeps what a passing test prints to
/// itself.
pub fn skipped(why: impl Display) {
    let _ = writeln!(io::stderr(), "skipped: {why}");
}
