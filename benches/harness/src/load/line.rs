//! One connection by readiness: a stream, and what is still to be said on it.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::connect::Sources;
use super::conversation::{Script, Speech};

/// Room for one read. All connections share it.
pub(super) const BUFFER: usize = 256 << 10;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

pub(super) struct Line {
    stream: TcpStream,
    speech: Speech,
    manner: Manner,
    token: Token,
    peer_finished: bool,
}

/// When is written.
#[derive(Clone)]
pub(super) enum Manner {
    /// At once, and the rest when there is room.
    AtOnce,
    /// When epoll has said that there is room, of which it is asked each time, as programs do that write from callbacks.
    WhenTold(Rc<Registry>),
}

impl Line {
    pub(super) fn connect(
        to: SocketAddr,
        sources: &mut Sources,
        registry: &Registry,
        token: usize,
        manner: Manner,
    ) -> io::Result<Line> {
        let stream = sources.connect(to)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = match &manner {
            Manner::AtOnce => BOTH,
            Manner::WhenTold(_) => Interest::READABLE,
        };
        let token = Token(token);
        registry.register(&mut stream, token, interest)?;
        Ok(Line { stream, speech: Speech::default(), manner, token, peer_finished: false })
    }

    /// Says so many requests more, or as much of them as there is room for now.
    pub(super) fn say(&mut self, script: &Script, requests: usize) -> io::Result<()> {
        let waited = !self.speech.is_said();
        self.speech.add(script, requests);
        match &self.manner {
            _ if waited => Ok(()),
            Manner::AtOnce => self.send(script),
            Manner::WhenTold(registry) => registry.reregister(&mut self.stream, self.token, BOTH),
        }
    }

    /// Whether the server has hung up.
    pub(super) fn peer_finished(&self) -> bool {
        self.peer_finished
    }

    /// Goes on with what is to be said, and hands on what was heard, until `hear` says that it has heard the last of it.
    pub(super) fn ready(
        &mut self,
        event: &Event,
        script: &Script,
        buffer: &mut [u8],
        mut hear: impl FnMut(&[u8]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        if event.is_writable() && !self.speech.is_said() {
            self.send(script)?;
            if let (Manner::WhenTold(registry), true) = (&self.manner, self.speech.is_said()) {
                registry.reregister(&mut self.stream, self.token, Interest::READABLE)?;
            }
        }
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
            if hear(&buffer[..count])? {
                return Ok(true);
            }
            // A short read has emptied the socket; only a FIN that is already there would not be told again.
            if count < buffer.len() && !event.is_read_closed() {
                break;
            }
        }
        Ok(false)
    }

    fn send(&mut self, script: &Script) -> io::Result<()> {
        while !self.speech.is_said() {
            match self.stream.write(&script.octets()[self.speech.next(script)]) {
                Ok(count) => self.speech.said(script, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
