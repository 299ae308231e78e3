//! A body that comes in chunks (RFC 9112 section 7.1, with erratum 7633: all its lines end with CRLF, none with a LF alone).
//!
//! ```text
//! body      = *( size [ extensions ] CRLF octets CRLF ) 1*"0" [ extensions ] CRLF trailers CRLF
//! decode(input):
//!     in a line:      step from state to state, octet by octet, until the line is over
//!     in a chunk:     hand over what there is of its octets
//!     after the last: scan the trailers, which are field lines
//! ```
//!
//! Lines are short and chunks are long, so only the chunks are quick. Everything about sizes is checked: a size that wraps is
//! how servers were smuggled past.

use super::error::{Error, ErrorKind};
use super::fields::Fields;
use super::index::HeadIndex;
use super::limits::{HttpLimits, LONGEST_PART};
use super::scanner::{CLASS, TOKEN};

/// Takes the chunks off a body, however it is split. Holds no octet of the body but the trailers.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Octets of the chunk: its size while that is read, then how many of them are still to come.
    chunk: u64,
    /// Octets of all chunks so far.
    body: u64,
    /// Octets of extensions so far.
    extensions: usize,
    /// Octets of the message consumed so far: where errors are.
    offset: usize,
    /// The trailer section as far as it came, unless it came whole and empty.
    trailer_octets: Vec<u8>,
    trailers: HeadIndex,
}

/// What [`ChunkedDecoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// All of the input is consumed, and the body goes on.
    NeedMore,
    /// Some octets of the body, at least one. How they are cut says nothing: a chunk may come in several pieces.
    Data(&'a [u8]),
    /// The body is complete. What follows the octets consumed belongs to the next message.
    End,
}

/// What the next octet is expected to be. The names of the extension states are those of the grammar in RFC 9112 section 7.1.1:
/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    Size,
    /// Another digit, or what may follow a size.
    SizeDigits,
    /// After white space that only a `;` can follow.
    Semicolon,
    NameStart,
    Name,
    /// After white space that a `=` or `;` can follow.
    Equals,
    ValueStart,
    Token,
    Quoted,
    QuotedPair,
    /// Right after a quoted string.
    QuotedEnd,
    /// The LF of a size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    End,
}

impl ChunkedDecoder {
    /// A decoder for a body that starts `offset` octets into its message: errors say where in the message they are.
    pub fn new(offset: usize) -> Self {
        ChunkedDecoder {
            state: State::Size,
            chunk: 0,
            body: 0,
            extensions: 0,
            offset,
            trailer_octets: Vec::new(),
            trailers: HeadIndex::of_fields(),
        }
    }

    /// Decodes on, and says how many octets of `input` are consumed; they need not be shown again, what follows them must be.
    ///
    /// Call it again after [`Chunk::Data`], without waiting for more input.
    ///
    /// # Errors
    ///
    /// A body that RFC 9112 does not allow, or that is beyond a limit. The decoder is of no use after one. Octets before the
    /// error are handed over first.
    #[inline]
    pub fn decode<'a>(&mut self, input: &'a [u8], limits: &HttpLimits) -> Result<(usize, Chunk<'a>), Error> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data => {
                    let rest = &input[at..];
                    if rest.is_empty() {
                        return Ok((at, Chunk::NeedMore));
                    }
                    let length = usize::try_from(self.chunk).map_or(rest.len(), |chunk| chunk.min(rest.len()));
                    self.chunk -= length as u64;
                    if self.chunk == 0 {
                        self.state = State::DataCr;
                    }
                    self.offset += length;
                    return Ok((at + length, Chunk::Data(&rest[..length])));
                }
                State::Trailers => {
                    let (consumed, chunk) = self.trailer_section(&input[at..], limits)?;
                    return Ok((at + consumed, chunk));
                }
                State::End => return Ok((at, Chunk::End)),
                _ => {
                    let Some(&octet) = input.get(at) else {
                        return Ok((at, Chunk::NeedMore));
                    };
                    match self.step(octet, limits) {
                        Ok(state) => self.state = state,
                        Err(kind) => return Err(Error::new(kind, self.offset)),
                    }
                    at += 1;
                    self.offset += 1;
                }
            }
        }
    }

    /// The trailers, once [`Chunk::End`] has been told; none before.
    ///
    /// Fields that mean something to framing, routing, authentication, request control or content format are left out: RFC 9110
    /// section 6.5.1 forbids them in trailers because they come too late to be obeyed, and lets a recipient discard them. They
    /// are not refused, as nothing here ever merges trailers into the head.
    pub fn trailers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let end = if self.state == State::End { usize::MAX } else { 0 };
        self.all_trailers().take(end).filter(|(name, _)| !is_forbidden_trailer(name))
    }

    fn all_trailers(&self) -> Fields<'_> {
        self.trailers.fields(&self.trailer_octets)
    }

    /// One octet of a line.
    fn step(&mut self, octet: u8, limits: &HttpLimits) -> Result<State, ErrorKind> {
        let is_space = matches!(octet, b' ' | b'\t');
        let is_token = CLASS[octet as usize] & TOKEN != 0;
        let next = match self.state {
            State::Size => {
                self.chunk = hex(octet).ok_or(ErrorKind::ChunkSizeMalformed)?;
                return Ok(State::SizeDigits);
            }
            State::SizeDigits => match octet {
                b'\r' => State::SizeLf,
                b';' => State::NameStart,
                _ if is_space => State::Semicolon,
                _ => {
                    // ANCHOR: size_digits
                    let digit = hex(octet).ok_or(ErrorKind::ChunkSizeMalformed)?;
                    if self.chunk == 0 {
                        // A leading zero: any number of them is allowed, so something must bound them.
                        self.extension(limits)?;
                    }
                    let shifted = self.chunk.checked_mul(16).ok_or(ErrorKind::ChunkSizeOverflow)?;
                    self.chunk = shifted | digit;
                    return Ok(State::SizeDigits);
                    // ANCHOR_END: size_digits
                }
            },
            State::Semicolon => match octet {
                b';' => State::NameStart,
                _ if is_space => State::Semicolon,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::NameStart => match octet {
                _ if is_token => State::Name,
                _ if is_space => State::NameStart,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::Name => match octet {
                _ if is_token => State::Name,
                b'=' => State::ValueStart,
                b';' => State::NameStart,
                b'\r' => State::SizeLf,
                _ if is_space => State::Equals,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::Equals => match octet {
                b'=' => State::ValueStart,
                b';' => State::NameStart,
                _ if is_space => State::Equals,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::ValueStart => match octet {
                _ if is_token => State::Token,
                b'"' => State::Quoted,
                _ if is_space => State::ValueStart,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::Token | State::QuotedEnd => match octet {
                _ if is_token && self.state == State::Token => State::Token,
                b';' => State::NameStart,
                b'\r' => State::SizeLf,
                _ if is_space => State::Semicolon,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::Quoted => match octet {
                b'"' => State::QuotedEnd,
                b'\\' => State::QuotedPair,
                b'\t' | b' '..=b'~' | 0x80.. => State::Quoted,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::QuotedPair => match octet {
                b'\t' | b' '..=b'~' | 0x80.. => State::Quoted,
                _ => return Err(ErrorKind::ChunkExtensionMalformed),
            },
            State::SizeLf if octet == b'\n' => return self.size(limits),
            State::SizeLf => return Err(ErrorKind::BareCr),
            State::DataCr if octet == b'\r' => return Ok(State::DataLf),
            State::DataLf if octet == b'\n' => return Ok(State::Size),
            State::DataCr | State::DataLf => return Err(ErrorKind::ChunkEnd),
            State::Data | State::Trailers | State::End => unreachable!("not a state within a line"),
        };
        if next != State::SizeLf {
            self.extension(limits)?;
        }
        Ok(next)
    }

    /// Counts an octet that says nothing.
    fn extension(&mut self, limits: &HttpLimits) -> Result<(), ErrorKind> {
        if self.extensions >= limits.chunk_extension_octets {
            return Err(ErrorKind::ChunkExtensionsTooLong);
        }
        self.extensions += 1;
        Ok(())
    }

    /// A size line is over.
    fn size(&mut self, limits: &HttpLimits) -> Result<State, ErrorKind> {
        if self.chunk == 0 {
            return Ok(State::Trailers);
        }
        self.body = self.body.checked_add(self.chunk).ok_or(ErrorKind::BodyTooLarge)?;
        if self.body > limits.body {
            return Err(ErrorKind::BodyTooLarge);
        }
        Ok(State::Data)
    }

    /// The trailer section is the one thing that is kept, because it is of no use before it is whole.
    fn trailer_section<'a>(&mut self, rest: &[u8], limits: &HttpLimits) -> Result<(usize, Chunk<'a>), Error> {
        let had = self.trailer_octets.len();
        if had == 0 && rest.starts_with(b"\r\n") {
            self.state = State::End;
            self.offset += 2;
            return Ok((2, Chunk::End));
        }
        // The empty line after as many octets as are allowed is the last thing that can be of interest.
        let room = limits.trailer_octets.min(LONGEST_PART) + 2 - had;
        let taken = &rest[..rest.len().min(room)];
        self.trailer_octets.extend_from_slice(taken);
        let limits = &HttpLimits { fields_octets: limits.trailer_octets, fields: limits.trailers, ..*limits };
        match self.trailers.parse(&self.trailer_octets, limits) {
            Ok(None) => {
                self.offset += taken.len();
                Ok((taken.len(), Chunk::NeedMore))
            }
            Ok(Some(end)) => {
                self.state = State::End;
                self.offset += end - had;
                Ok((end - had, Chunk::End))
            }
            Err(error) => Err(Error::new(error.kind, self.offset - had + error.offset)),
        }
    }
}

#[inline]
fn hex(digit: u8) -> Option<u64> {
    char::from(digit).to_digit(16).map(u64::from)
}

/// Fields that RFC 9110 section 6.5.1 would not have in trailers: what they say must be known before the body.
fn is_forbidden_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: &[&str] = &[
        // framing and routing
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        // authentication
        "authorization",
        "cookie",
        "proxy-authorization",
        // request control
        "cache-control",
        "expect",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "pragma",
        "range",
        // content format
        "content-encoding",
        "content-range",
        "content-type",
    ];
    FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}
