//! Frames of a client and of a server, octet by octet, and a conversation that says back what it hears and keeps a record.

#![allow(dead_code, reason = "what one test binary has no use for, another has")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use iolab::websocket::{Conversation, Socket, WebSocket, WebSocketLimits, close_code};
use iolab::{Event, Interest, Now, Peer, Service};

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;
/// A frame that is not the last of its message lacks this bit.
pub const FIN: u8 = 0x80;
/// A continuation which is the last.
pub const LAST: u8 = 0x80;
pub const MORE: u8 = 0x00;

/// A frame of a client: what its first octet is, and its payload.
pub fn client(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut payload = payload.as_ref().to_vec();
    let mut frame = header(first, 0x80, payload.len());
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(octet, mask)| *octet ^= mask);
    frame.extend_from_slice(&mask);
    frame.extend_from_slice(&payload);
    frame
}

/// A frame of a server.
pub fn server(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let mut frame = header(first, 0, payload.as_ref().len());
    frame.extend_from_slice(payload.as_ref());
    frame
}

fn header(first: u8, mask: u8, length: usize) -> Vec<u8> {
    match length {
        0..126 => vec![first, mask | length as u8],
        126..0x1_0000 => [&[first, mask | 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// The payload of a close frame.
pub fn closed(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_ref()].concat()
}

/// What conversations have heard.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn note(&self, entry: String) {
        self.0.lock().unwrap().push(entry);
    }

    /// Since the last look.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Whether RFC 6455 section 7.4 and the IANA registry let a close frame have that code.
pub fn is_allowed(code: u16) -> bool {
    const REGISTERED: [u16; 12] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    REGISTERED.contains(&code) || (3000..5000).contains(&code)
}

/// What a text tells an [`Echo`] to close with, if it does.
pub fn command(text: &str) -> Option<(u16, &str)> {
    let (code, reason) = text.strip_prefix("close ")?.split_once(' ')?;
    let code = code.parse().ok().filter(|&code| is_allowed(code) || code == close_code::NONE)?;
    Some((code, reason))
}

/// Says back what it hears, unless it is a [`command`].
#[derive(Clone, Default)]
pub struct Echo {
    pub log: Log,
}

impl Conversation for Echo {
    type Message = Infallible;

    fn text(&mut self, text: &str, socket: &mut Socket<'_, '_, Infallible>) {
        self.log.note(format!("text {text}"));
        match command(text) {
            Some((code, reason)) => socket.close(code, reason),
            None => socket.text(text),
        }
    }

    fn binary(&mut self, octets: &[u8], socket: &mut Socket<'_, '_, Infallible>) {
        self.log.note(format!("binary {}", octets.escape_ascii()));
        socket.binary(octets);
    }

    fn event(&mut self, event: Event, _: &mut Socket<'_, '_, Infallible>) {
        self.log.note(format!("{event:?}"));
    }

    fn closing(&mut self, code: u16, reason: &str, socket: &mut Socket<'_, '_, Infallible>) {
        socket.text("nobody hears this");
        self.log.note(format!("closing {code} {reason}"));
    }

    fn interest(&self) -> Interest {
        Interest { peer: Peer::Bytes, ..Interest::default() }
    }
}

/// Meets everybody with an [`Echo`], as if the handshake were over.
#[derive(Default)]
pub struct Echoes {
    pub log: Log,
    pub limits: WebSocketLimits,
}

impl Service for Echoes {
    type Protocol = WebSocket<Echo>;

    fn accept(&self, _: Now) -> Option<WebSocket<Echo>> {
        Some(WebSocket::new(Echo { log: self.log.clone() }, self.limits))
    }
}
