//! One connection of the load: a batch of requests goes out, as many answers come in.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::answer::{Answers, Progress};
use super::connect::Sources;

/// Room for one read. All connections share it.
pub(super) const BUFFER: usize = 256 << 10;

pub(super) struct Wire {
    stream: TcpStream,
    /// Octets of the batch that were sent.
    sent: usize,
    /// Answers that are still due.
    due: usize,
    progress: Progress,
    asked: Instant,
    peer_finished: bool,
}

impl Wire {
    pub(super) fn connect(
        to: SocketAddr,
        sources: &mut Sources,
        registry: &Registry,
        token: usize,
        answers: &Answers,
    ) -> io::Result<Wire> {
        let stream = sources.connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE)?;
        let progress = answers.progress();
        Ok(Wire { stream, sent: 0, due: 0, progress, asked: Instant::now(), peer_finished: false })
    }

    /// Asks: sends `batch`, to which so many answers are due.
    pub(super) fn ask(&mut self, batch: &[u8], answers: usize, now: Instant) -> io::Result<()> {
        (self.sent, self.due, self.asked) = (0, answers, now);
        self.send(batch)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.due == 0
    }

    /// When the present batch was sent.
    pub(super) fn asked(&self) -> Instant {
        self.asked
    }

    /// Whether the server has hung up.
    pub(super) fn peer_finished(&self) -> bool {
        self.peer_finished
    }

    /// Goes on with the batch and its answers; says how many answers were completed.
    pub(super) fn ready(&mut self, event: &Event, batch: &[u8], answers: &mut Answers, buffer: &mut [u8]) -> io::Result<usize> {
        if event.is_writable() && self.sent < batch.len() && self.due > 0 {
            self.send(batch)?;
        }
        let mut completed = 0;
        while event.is_readable() && !self.peer_finished {
            let count = match self.stream.read(buffer) {
                Ok(0) => {
                    self.peer_finished = true;
                    break;
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            completed += self.hear(&buffer[..count], answers)?;
            // A short read has emptied the socket; only a FIN that is already there would not be told again.
            if count < buffer.len() && !event.is_read_closed() {
                break;
            }
        }
        if self.peer_finished && self.due > 0 {
            let why = format!("the server hung up with {} answers due", self.due);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        Ok(completed)
    }

    fn hear(&mut self, mut octets: &[u8], answers: &mut Answers) -> io::Result<usize> {
        let mut completed = 0;
        while !octets.is_empty() {
            if self.due == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer came that nobody had asked for"));
            }
            let (count, whole) = answers.take(&mut self.progress, octets)?;
            octets = &octets[count..];
            if whole {
                self.due -= 1;
                completed += 1;
            }
        }
        Ok(completed)
    }

    fn send(&mut self, batch: &[u8]) -> io::Result<()> {
        while self.sent < batch.len() {
            match self.stream.write(&batch[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
