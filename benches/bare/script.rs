//! What a bare server knows beforehand: how long a request is, and the octets of its answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use harness::load::Question;
use serde::{Deserialize, Serialize};

/// Answers up to this many octets lie ready one behind the other, so that those to pipelined requests leave with one call.
const READY: usize = 64 << 10;

/// A request's length, and its answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Script {
    request: usize,
    answer: Vec<u8>,
}

impl Script {
    /// Hears from a server that understands the question what is to be answered: a head, and a body of so many octets.
    pub fn by_asking(server: SocketAddr, question: &Question, body: usize) -> io::Result<Script> {
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(&question.request)?;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while !is_whole(&answer, body) {
            match stream.read(&mut buffer)? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the echo hung up within its answer")),
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(Script { request: question.request.len(), answer })
    }
}

/// Whether a head is there, and so many octets behind it. The load checks what is in them.
fn is_whole(answer: &[u8], body: usize) -> bool {
    answer.windows(4).position(|octets| octets == b"\r\n\r\n").is_some_and(|end| answer.len() >= end + 4 + body)
}

/// The script, ready to be played; it stays until the process ends, and so the kernel may be given its octets without a thought.
pub struct Play {
    pub request: usize,
    /// Its length.
    pub answer: usize,
    /// The answer again and again.
    pub answers: &'static [u8],
}

impl Play {
    pub fn new(script: &Script) -> Play {
        let answer = script.answer.len();
        let answers = script.answer.repeat((READY / answer.max(1)).max(1)).leak();
        Play { request: script.request, answer, answers }
    }
}

/// How far one connection is: it counts, and that is all the parsing there is.
#[derive(Default)]
pub struct Progress {
    /// Octets of a request that is not whole.
    heard: usize,
    /// Octets of answers that were not sent yet.
    pub unsent: usize,
    /// Where in an answer they begin.
    pub at: usize,
}

impl Progress {
    /// So many octets have come.
    #[inline]
    pub fn hear(&mut self, octets: usize, play: &Play) {
        self.heard += octets;
        // Mostly it is one request, and a division takes longer than all the rest of this.
        while self.heard >= play.request {
            self.heard -= play.request;
            self.unsent += play.answer;
        }
    }

    /// What is to be sent next, if anything.
    #[inline]
    pub fn to_send(&self, play: &Play) -> Option<&'static [u8]> {
        let ready = play.answers.len() - self.at;
        (self.unsent > 0).then(|| &play.answers[self.at..self.at + ready.min(self.unsent)])
    }

    /// So many of those octets have been taken.
    #[inline]
    pub fn sent(&mut self, octets: usize, play: &Play) {
        self.unsent -= octets;
        self.at += octets;
        while self.at >= play.answer {
            self.at -= play.answer;
        }
    }
}
