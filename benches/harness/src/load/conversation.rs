//! What is said on one connection and what is heard, however the octets travel.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use super::answer::{Answers, Progress, Taken};

/// The same request, often enough that several of them are sent in one call.
pub(super) struct Script {
    octets: Vec<u8>,
    request: usize,
}

impl Script {
    pub(super) fn new(request: &[u8], at_once: usize) -> Script {
        Script { octets: request.repeat(at_once), request: request.len() }
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// What one connection has still to say of the script. All requests are the same, so a place in one of them and a number of
/// octets are all there is to know.
#[derive(Clone, Copy, Default)]
pub(super) struct Speech {
    place: usize,
    left: usize,
}

impl Speech {
    pub(super) fn of(script: &Script, requests: usize) -> Speech {
        Speech { place: 0, left: script.request * requests }
    }

    pub(super) fn add(&mut self, script: &Script, requests: usize) {
        self.left += script.request * requests;
    }

    pub(super) fn is_said(&self) -> bool {
        self.left == 0
    }

    /// Where in the script the next octets are, as many as follow each other there.
    pub(super) fn next(&self, script: &Script) -> std::ops::Range<usize> {
        self.place..self.place + self.left.min(script.octets.len() - self.place)
    }

    pub(super) fn said(&mut self, script: &Script, octets: usize) {
        self.left -= octets;
        self.place = (self.place + octets) % script.request;
    }
}

/// The answers that are due on one connection, and since when.
pub(super) struct Conversation {
    due: VecDeque<Instant>,
    progress: Progress,
}

impl Conversation {
    pub(super) fn new(answers: &Answers) -> Conversation {
        Conversation { due: VecDeque::new(), progress: answers.progress() }
    }

    pub(super) fn ask(&mut self, at: Instant, requests: usize) {
        self.due.extend(std::iter::repeat_n(at, requests));
    }

    /// Answers that are due.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// Takes what was heard; `answered` is told when each request that is now answered was asked. Says whether the server will
    /// close the connection.
    #[inline]
    pub(super) fn hear(
        &mut self,
        mut octets: &[u8],
        answers: &mut Answers,
        mut answered: impl FnMut(Instant),
    ) -> io::Result<bool> {
        let mut closing = false;
        while !octets.is_empty() {
            let Some(&asked) = self.due.front() else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer came that nobody had asked for"));
            };
            let (count, taken) = answers.take(&mut self.progress, octets)?;
            octets = &octets[count..];
            if let Taken::Whole { closes } = taken {
                self.due.pop_front();
                answered(asked);
                closing = closes;
                // Nothing else is to come, so if there is more, it is no answer to the rest.
                if closing && self.due() > 0 {
                    break;
                }
            }
        }
        Ok(closing)
    }

    /// The server has hung up: an error if it owed anything.
    pub(super) fn hung_up(&self) -> io::Result<()> {
        if self.due() == 0 {
            return Ok(());
        }
        let why = format!("the server hung up with {} answers due", self.due());
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, why))
    }

    /// The rest of the answers will come on another connection, from the start.
    pub(super) fn begin_anew(&mut self, answers: &Answers) {
        self.progress = answers.progress();
    }
}
