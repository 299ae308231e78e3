//! One line that says what is going on, for whoever waits.

use std::io::{self, IsTerminal, Write};

/// On standard error: a line that is written anew on a terminal, one line a row elsewhere.
pub struct Progress {
    is_terminal: bool,
    place: String,
}

impl Progress {
    pub fn on_stderr() -> Progress {
        Progress { is_terminal: io::stderr().is_terminal(), place: String::new() }
    }

    /// From now on it is row `number` of so many.
    pub fn count(&mut self, number: usize, rows: usize) {
        self.place = format!("{number:>3} of {rows}  ");
    }

    /// What is being done.
    pub fn show(&mut self, what: &str) {
        if self.is_terminal {
            // To the left, the text, and erase what is left of the last one.
            let _ = write!(io::stderr(), "\r{}{what}\x1b[K", self.place);
        }
    }

    /// What has been done.
    pub fn done(&mut self, what: &str) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        let _ = writeln!(io::stderr(), "{}{what}", self.place);
    }
}
