//! The opening handshake, seen from the server (RFC 6455 section 4.2).
//!
//! A client that wants to speak WebSocket says so in an HTTP request, and sends a number used once, the key. The server answers 101
//! with a digest of it. That proves nothing about who the server is, only that it has read the request as what it was: no answer of
//! a server that does not know WebSocket, nor one out of a cache, has that digest.
//!
//! Origin is not judged here: which pages may connect is the application's affair (section 10.2). Sec-WebSocket-Extensions and
//! Sec-WebSocket-Protocol are not read, and so none is negotiated.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

use crate::http1::{Head, Version};

/// What the key is hashed with (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Octets of a key.
const KEY: usize = 16;

/// A handshake that succeeds, once its answer is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    accept: String,
}

impl Accepted {
    /// The fields of the answer 101 (section 4.2.2).
    pub fn fields(&self) -> [(&str, &str); 3] {
        [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", &self.accept)]
    }
}

// ANCHOR: accept
/// Judges a request by section 4.2.1. That it has one Host field, the parser has
/// seen to.
///
/// # Errors
///
/// What is missing, with [status](Refusal::status) and [fields](Refusal::fields) to
/// answer with.
pub fn accept(head: &Head<'_>) -> Result<Accepted, Refusal> {
    if head.method() != b"GET" {
        return Err(Refusal::Method);
    }
    if head.version() != Version::Http11 {
        return Err(Refusal::HttpVersion);
    }
    if !lists(head, b"upgrade", b"websocket") {
        return Err(Refusal::NoUpgrade);
    }
    if !lists(head, b"connection", b"upgrade") {
        return Err(Refusal::Connection);
    }
    if single(head, b"sec-websocket-version") != Some(b"13") {
        return Err(Refusal::Version);
    }
    let key = single(head, b"sec-websocket-key").filter(|key| is_key(key)).ok_or(Refusal::Key)?;
    let mut digest = Sha1::new();
    digest.update(key);
    digest.update(GUID);
    Ok(Accepted { accept: STANDARD.encode(digest.digest().bytes()) })
}
// ANCHOR_END: accept

/// Whether the fields of that name, a list of tokens together, have this one among them. Case does not matter.
fn lists(head: &Head<'_>, name: &[u8], token: &[u8]) -> bool {
    let mut tokens = head.field(name).flat_map(|value| value.split(|&octet| octet == b','));
    tokens.any(|other| other.trim_ascii().eq_ignore_ascii_case(token))
}

/// The value of the only field of that name.
fn single<'a>(head: &Head<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut values = head.field(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn is_key(key: &[u8]) -> bool {
    // The decoder wants room for whole groups of three octets. What is longer has no room and is no key.
    STANDARD.decode_slice(key, &mut [0; KEY.next_multiple_of(3)]) == Ok(KEY)
}

/// Why a request opens no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Any method but GET.
    Method,
    /// HTTP/1.0.
    HttpVersion,
    /// Upgrade does not name `websocket`: most likely a request that wants none.
    NoUpgrade,
    /// Connection does not name `upgrade`.
    Connection,
    /// Sec-WebSocket-Version is not 13, or not there once.
    Version,
    /// Sec-WebSocket-Key is not the base64 of 16 octets, or not there once.
    Key,
}

impl Refusal {
    /// The status to answer with: 405, 426 (RFC 9110 section 15.5.22; RFC 6455 section 4.4 for the version) or 400.
    pub fn status(self) -> u16 {
        match self {
            Refusal::Method => 405,
            Refusal::NoUpgrade | Refusal::Version => 426,
            Refusal::HttpVersion | Refusal::Connection | Refusal::Key => 400,
        }
    }

    /// The fields that go with it. A 426 names what to upgrade to, and whoever says Upgrade says so in Connection (RFC 9110
    /// section 7.8).
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Refusal::Method => &[("Allow", "GET")],
            Refusal::NoUpgrade | Refusal::Version => {
                &[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
            }
            Refusal::HttpVersion | Refusal::Connection | Refusal::Key => &[],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Method => "a WebSocket is opened with GET",
            Refusal::HttpVersion => "a WebSocket is opened with HTTP/1.1",
            Refusal::NoUpgrade => "this is a WebSocket: the Upgrade field must name websocket",
            Refusal::Connection => "the Connection field must name Upgrade",
            Refusal::Version => "Sec-WebSocket-Version must be 13, once",
            Refusal::Key => "Sec-WebSocket-Key must be the base64 of 16 octets, once",
        })
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{HeadParser, HttpLimits};

    fn judge(request: &str) -> Result<Accepted, Refusal> {
        let mut parser = HeadParser::new();
        assert!(matches!(parser.parse(request.as_bytes(), &HttpLimits::default()), Ok(Some(_))), "{request:?}");
        accept(&parser.head(request.as_bytes()))
    }

    const GOOD: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";

    #[test]
    fn the_example_of_section_1_3() {
        let accepted = judge(GOOD).unwrap();
        let fields =
            [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")];
        assert_eq!(accepted.fields(), fields, "and neither a subprotocol nor an extension");
    }

    #[test]
    fn what_may_be_said_in_other_words() {
        for (said, otherwise) in [
            ("Upgrade: websocket", "uPGRADE: h2c ,\tWebSocket"),
            ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
            ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
            ("Connection: Upgrade", "Connection: keep-alive\r\nconnection: upgrade"),
            ("Sec-WebSocket-Version: 13", "SEC-WEBSOCKET-VERSION:  13 "),
        ] {
            assert_eq!(judge(&GOOD.replace(said, otherwise)), judge(GOOD), "{otherwise}");
            assert!(GOOD.contains(said));
        }
    }

    #[test]
    fn what_is_refused() {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        let version = "Sec-WebSocket-Version: 13";
        for (said, instead, refusal) in [
            ("GET ", "POST ", Refusal::Method),
            ("HTTP/1.1", "HTTP/1.0", Refusal::HttpVersion),
            ("Upgrade: websocket\r\n", "", Refusal::NoUpgrade),
            ("Upgrade: websocket", "Upgrade: websockets", Refusal::NoUpgrade),
            ("Upgrade: websocket", "Upgrade: web socket", Refusal::NoUpgrade),
            ("Upgrade: websocket", "Upgrade: websocket/13", Refusal::NoUpgrade),
            ("Connection: Upgrade\r\n", "", Refusal::Connection),
            ("Connection: Upgrade", "Connection: keep-alive", Refusal::Connection),
            (version, "X: 13", Refusal::Version),
            (version, "Sec-WebSocket-Version: 8", Refusal::Version),
            (version, "Sec-WebSocket-Version: 013", Refusal::Version),
            (version, "Sec-WebSocket-Version: 13, 8", Refusal::Version),
            (version, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13", Refusal::Version),
            (key, "X: y", Refusal::Key),
            (key, "Sec-WebSocket-Key:", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWVl", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j_Q==", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==", Refusal::Key),
            (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVl", Refusal::Key),
            (key, &format!("{key}\r\n{key}"), Refusal::Key),
        ] {
            assert_eq!(judge(&GOOD.replace(said, instead)), Err(refusal), "{instead}");
        }
        assert_eq!((Refusal::Version.status(), Refusal::Method.status(), Refusal::Key.status()), (426, 405, 400));
        assert!(Refusal::Version.fields().contains(&("Sec-WebSocket-Version", "13")));
    }
}
