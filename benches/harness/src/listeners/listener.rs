//! One connection, and what is heard on it.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::Way;
use super::event::{Event, Ledger, wrong};
use super::polling::Polling;
use super::socket::Socket;
use super::stream::{Form, Stream};
use crate::load::Sources;

/// A connection, without what is said on it.
pub(super) struct Wire {
    stream: TcpStream,
    /// What is said and not sent yet.
    pub(super) say: Vec<u8>,
    /// What has come and is not taken apart yet.
    pub(super) heard: Vec<u8>,
}

impl Wire {
    pub(super) fn connect(to: SocketAddr, sources: &mut Sources, registry: &Registry, token: usize) -> io::Result<Wire> {
        let stream = sources.connect(to)?;
        // So that closing leaves nothing behind: thousands of waiting ends (TIME_WAIT) would burden the next round.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Wire { stream, say: Vec::new(), heard: Vec::new() })
    }

    /// Sends as much as there is room for; returns how many octets these were.
    pub(super) fn send(&mut self) -> io::Result<usize> {
        let mut sent = 0;
        while sent < self.say.len() {
            match self.stream.write(&self.say[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(gone(error)),
            }
        }
        self.say.drain(..sent);
        Ok(sent)
    }

    /// Takes in what has come, if anything has: at most a bufferful, and then `more` may be there.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up")),
                Ok(octets) => {
                    self.heard.extend_from_slice(&buffer[..octets]);
                    return Ok(Received { octets, more: octets == buffer.len() });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received { octets: 0, more: false }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(gone(error)),
            }
        }
    }
}

/// A server that leaves with something unread resets the connection.
fn gone(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ (io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            io::Error::new(kind, format!("the server hung up ({error})"))
        }
        _ => error,
    }
}

pub(super) struct Received {
    pub(super) octets: usize,
    pub(super) more: bool,
}

/// A listener.
pub(super) struct Listener {
    pub(super) wire: Wire,
    ear: Ear,
    ledger: Ledger,
}

/// What a listener says and hears in its way.
enum Ear {
    Polling(Polling),
    Stream(Stream),
    Socket(Socket),
}

impl Listener {
    /// It wants to hear what comes after `cursor`, which is event `number`.
    pub(super) fn new(wire: Wire, way: Way, cursor: &str, number: u64) -> Listener {
        let ear = match way {
            Way::ShortPoll { .. } | Way::LongPoll { .. } => Ear::Polling(Polling::new(way, cursor)),
            Way::Stream => Ear::Stream(Stream::new(Form::ServerSent)),
            Way::Lines => Ear::Stream(Stream::new(Form::Lines)),
            Way::WebSocket => Ear::Socket(Socket::default()),
        };
        let mut listener = Listener { wire, ear, ledger: Ledger::after(number) };
        let say = &mut listener.wire.say;
        match &mut listener.ear {
            Ear::Polling(polling) => polling.ask(say),
            Ear::Stream(stream) => stream.ask(cursor, say),
            Ear::Socket(socket) => socket.ask(cursor, say),
        }
        listener
    }

    /// Whether the server holds it: it has said something to it.
    pub(super) fn is_following(&self) -> bool {
        match &self.ear {
            Ear::Polling(polling) => polling.is_following(),
            Ear::Stream(stream) => stream.is_following(),
            Ear::Socket(socket) => socket.is_following(),
        }
    }

    /// Whether it polls and no answer is due.
    pub(super) fn may_ask(&self) -> bool {
        matches!(&self.ear, Ear::Polling(polling) if !polling.is_due())
    }

    /// Says the next request of one who polls.
    pub(super) fn ask(&mut self) {
        if let Ear::Polling(polling) = &mut self.ear {
            polling.ask(&mut self.wire.say);
        }
    }

    /// The number of the last event it has heard.
    pub(super) fn last(&self) -> u64 {
        self.ledger.last()
    }

    /// Takes apart what has come. Each event is checked against the moments at which events were published, `first` being the
    /// number of the first one there, and `delivered` is told of it.
    pub(super) fn hear(&mut self, first: u64, published: &[u64], mut delivered: impl FnMut(u64)) -> io::Result<()> {
        let ledger = &mut self.ledger;
        let mut event = |object: &[u8]| {
            let event = Event::parse(object)?;
            ledger.hear(&event)?;
            let place = ledger.last().checked_sub(first).and_then(|place| usize::try_from(place).ok());
            match place.and_then(|place| published.get(place)) {
                Some(&at) if at == event.published => delivered(at),
                Some(_) => return Err(wrong(format!("event {} has another text than was published", ledger.last()))),
                None => return Err(wrong(format!("event {} was never published", ledger.last()))),
            }
            Ok(())
        };
        match &mut self.ear {
            Ear::Polling(polling) => polling.hear(&mut self.wire.heard, &mut event),
            Ear::Stream(stream) => stream.hear(&mut self.wire.heard, &mut event),
            Ear::Socket(socket) => socket.hear(&mut self.wire.heard, &mut self.wire.say, &mut event),
        }
    }
}
