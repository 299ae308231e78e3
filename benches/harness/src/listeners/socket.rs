//! The ear of a listener on a WebSocket (RFC 6455).

use std::io;

use super::answer::{take_head, unexpected};
use super::event::{after, wrong};

/// A client's key may be any 16 octets in base64; with that of the example in section 1.3 its answer is known.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What a client says must be masked, with octets that whoever gave it its words cannot foresee (section 5.3). Nobody gives words here.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

#[derive(Default)]
pub(super) struct Socket {
    is_open: bool,
    /// A message of which fragments are still to come.
    message: Option<Vec<u8>>,
}

impl Socket {
    pub(super) fn is_following(&self) -> bool {
        self.is_open
    }

    pub(super) fn ask(&self, cursor: &str, say: &mut Vec<u8>) {
        let request = format!(
            "GET /ws?after={cursor} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        say.extend_from_slice(request.as_bytes());
    }

    /// Pings are answered into `say`.
    pub(super) fn hear(
        &mut self,
        heard: &mut Vec<u8>,
        say: &mut Vec<u8>,
        event: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.is_open {
            let Some(head) = take_head(heard)? else { return Ok(()) };
            if head.status != 101 {
                return Err(unexpected("a WebSocket", head.status, heard));
            }
            if head.accept.as_deref() != Some(ACCEPT) {
                return Err(wrong(format!("Sec-WebSocket-Accept is {:?}, not {ACCEPT:?}", head.accept)));
            }
            self.is_open = true;
        }
        let mut at = 0;
        while let Some((frame, length)) = frame(&heard[at..])? {
            self.frame(frame, say, event)?;
            at += length;
        }
        heard.drain(..at);
        Ok(())
    }

    fn frame(&mut self, frame: Frame<'_>, say: &mut Vec<u8>, event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match (frame.opcode, frame.is_final, self.message.take()) {
            (TEXT, true, None) => hear_message(frame.payload, event),
            (TEXT, false, None) => {
                self.message = Some(frame.payload.to_vec());
                Ok(())
            }
            (CONTINUATION, is_final, Some(mut message)) => {
                message.extend_from_slice(frame.payload);
                if is_final {
                    return hear_message(&message, event);
                }
                self.message = Some(message);
                Ok(())
            }
            (PING, true, message) => {
                self.message = message;
                pong(frame.payload, say);
                Ok(())
            }
            (PONG, true, message) => {
                self.message = message;
                Ok(())
            }
            (CLOSE, ..) => {
                let code = frame.payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                Err(wrong(format!("the server has closed the WebSocket: {code}")))
            }
            (opcode, ..) => Err(wrong(format!("a frame with opcode {opcode} came out of turn"))),
        }
    }
}

struct Frame<'a> {
    opcode: u8,
    is_final: bool,
    payload: &'a [u8],
}

/// The frame at the front, and the octets it takes, if it is all there (section 5.2).
fn frame(octets: &[u8]) -> io::Result<Option<(Frame<'_>, usize)>> {
    let [first, second, rest @ ..] = octets else { return Ok(None) };
    if first & 0x70 != 0 || second & 0x80 != 0 {
        return Err(wrong("a frame has reserved bits, or is masked, which a server's must not be".into()));
    }
    let (length, begin) = match second & 0x7F {
        126 => match rest.first_chunk() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (u64::from_be_bytes(*length), 10),
            None => return Ok(None),
        },
        length => (u64::from(length), 2),
    };
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(begin));
    let end = end.ok_or_else(|| wrong("a frame is larger than memory".into()))?;
    let Some(payload) = octets.get(begin..end) else { return Ok(None) };
    Ok(Some((Frame { opcode: first & 0x0F, is_final: first & FINAL != 0, payload }, end)))
}

fn hear_message(message: &[u8], event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    if after(message, b"{\"resync\"").is_some() {
        return Err(wrong("the server has forgotten events before the listener heard them (resync)".into()));
    }
    event(message)
}

/// A control frame has 125 octets at most (section 5.5), so its length is one octet.
fn pong(payload: &[u8], say: &mut Vec<u8>) {
    say.extend_from_slice(&[FINAL | PONG, 0x80 | payload.len() as u8]);
    say.extend_from_slice(&MASK);
    say.extend(payload.iter().zip(MASK.iter().cycle()).map(|(octet, mask)| octet ^ mask));
}
