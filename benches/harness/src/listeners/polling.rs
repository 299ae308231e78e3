//! The ear of a listener that asks: `GET /events`.

use std::io;

use super::Way;
use super::answer::{self, unexpected};
use super::event::{after, each_in_array, string, wrong};

pub(super) struct Polling {
    way: Way,
    /// Events after this one are wanted.
    cursor: String,
    /// Requests without an answer: 0 or 1.
    due: bool,
    /// Whether it has been answered at all.
    is_known: bool,
}

impl Polling {
    pub(super) fn new(way: Way, cursor: &str) -> Polling {
        Polling { way, cursor: cursor.to_owned(), due: false, is_known: false }
    }

    /// Whether the server has answered it, so that it holds this connection.
    pub(super) fn is_following(&self) -> bool {
        self.is_known
    }

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Its next request. The first does not wait, to be known.
    pub(super) fn ask(&mut self, say: &mut Vec<u8>) {
        self.due = true;
        let wait = match self.way {
            Way::LongPoll { wait } if self.is_known => format!("&wait={}", wait.as_millis()),
            _ => String::new(),
        };
        say.extend_from_slice(
            format!("GET /events?after={}{wait} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.cursor).as_bytes(),
        );
    }

    pub(super) fn hear(&mut self, heard: &mut Vec<u8>, event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        while let Some(answer) = answer::take(heard)? {
            if !self.due {
                return Err(wrong("an answer came to no question".into()));
            }
            (self.due, self.is_known) = (false, true);
            match answer.status {
                200 => self.cursor = hear_batch(&answer.body, event)?,
                204 => {}
                status => return Err(unexpected("a poll", status, &answer.body)),
            }
        }
        Ok(())
    }
}

/// The events of an answer; returns the cursor for the next one.
fn hear_batch(body: &[u8], event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<String> {
    let strange = || wrong("an answer to a poll has no events, no next or no resync".into());
    let array = after(body, b"\"events\":[").ok_or_else(strange)?;
    let rest = each_in_array(array, event)?;
    let next = string(rest, "next").ok_or_else(strange)?;
    if after(rest, b"\"resync\":false").is_none() {
        return Err(wrong("the server has forgotten events before the listener heard them (resync)".into()));
    }
    Ok(next.to_owned())
}
