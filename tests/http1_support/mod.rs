//! Requests in pieces: what the parser says must not depend on how they are cut.
#![allow(dead_code)] // each test file needs another part of this

use iolab::http1::scanner::{Byte, Scanner, Swar};
use iolab::http1::{Chunk, ChunkedDecoder, Error, ErrorKind, Framing, HeadParser, HttpLimits, TargetForm, Version};
use std::cell::Cell;

pub type Field = (Vec<u8>, Vec<u8>);

/// All a head says.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub octets: usize,
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub form: TargetForm,
    pub version: Version,
    pub fields: Vec<Field>,
    pub framing: Framing,
    pub keep_alive: bool,
    pub expects_continue: bool,
}

pub type HeadOutcome = Result<Option<Parsed>, Error>;

/// Parses the head of a request that arrives up to each of `ends`, which rise.
pub fn parse_to<S: Scanner>(input: &[u8], ends: impl IntoIterator<Item = usize>, limits: &HttpLimits) -> HeadOutcome {
    let mut parser = HeadParser::new();
    for end in ends {
        match parser.parse_with::<S>(&input[..end], limits) {
            Ok(None) => {}
            Ok(Some(octets)) => {
                let head = parser.head(&input[..end]);
                return Ok(Some(Parsed {
                    octets,
                    method: head.method().to_vec(),
                    target: head.target().to_vec(),
                    form: head.target_form(),
                    version: head.version(),
                    fields: head.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
                    framing: head.framing(),
                    keep_alive: head.keep_alive(),
                    expects_continue: head.expects_continue(),
                }));
            }
            Err(error) => {
                assert_eq!(parser.parse_with::<S>(input, limits), Err(error), "an error must be final");
                return Err(error);
            }
        }
    }
    Ok(None)
}

/// Parses a head whole, byte by byte, and cut at every place, with each scanner: it must be the same every time.
pub fn parse_every_way(input: &[u8], limits: &HttpLimits) -> HeadOutcome {
    let whole = parse_to::<Swar>(input, [input.len()], limits);
    let shown = input.escape_ascii();
    assert_eq!(parse_to::<Byte>(input, [input.len()], limits), whole, "byte scanner: {shown}");
    assert_eq!(parse_to::<Swar>(input, 0..=input.len(), limits), whole, "byte by byte: {shown}");
    assert_eq!(parse_to::<Byte>(input, 0..=input.len(), limits), whole, "byte by byte, byte scanner: {shown}");
    for cut in 0..input.len() {
        assert_eq!(parse_to::<Swar>(input, [cut, input.len()], limits), whole, "cut at {cut}: {shown}");
    }
    whole
}

/// All a chunked body says: its octets, how many octets it took, its trailers. `None`: it is not over.
pub type BodyOutcome = Result<Option<(Vec<u8>, usize, Vec<Field>)>, Error>;

/// Decodes a chunked body that arrives up to each of `ends`, which rise.
pub fn decode_to(input: &[u8], ends: impl IntoIterator<Item = usize>, limits: &HttpLimits) -> BodyOutcome {
    let mut body = Vec::new();
    let outcome = decode_into(&mut body, input, ends, limits)?;
    Ok(outcome.map(|(octets, trailers)| (body, octets, trailers)))
}

/// The same; `body` is given its octets, those before an error or before the end of the input too.
pub fn decode_into(
    body: &mut Vec<u8>,
    input: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &HttpLimits,
) -> Result<Option<(usize, Vec<Field>)>, Error> {
    let mut decoder = ChunkedDecoder::new(0);
    let mut at = 0;
    for end in ends {
        loop {
            let (consumed, chunk) = decoder.decode(&input[at..end], limits)?;
            at += consumed;
            match chunk {
                Chunk::NeedMore => {
                    assert_eq!(at, end, "all of the input must be consumed before more is asked for");
                    break;
                }
                Chunk::Data(data) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(data);
                }
                Chunk::End => {
                    let trailers = decoder.trailers().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
                    return Ok(Some((at, trailers)));
                }
            }
        }
    }
    Ok(None)
}

/// Decodes a body whole, byte by byte, and cut at every place.
pub fn decode_every_way(input: &[u8], limits: &HttpLimits) -> BodyOutcome {
    let whole = decode_to(input, [input.len()], limits);
    let shown = input.escape_ascii();
    assert_eq!(decode_to(input, 0..=input.len(), limits), whole, "byte by byte: {shown}");
    for cut in 0..input.len() {
        assert_eq!(decode_to(input, [cut, input.len()], limits), whole, "cut at {cut}: {shown}");
    }
    whole
}

/// Whether the octet at its offset suffices to find an error: it is about octets, not about what a whole line or head means.
pub fn is_found_at_once(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    let whole_line = matches!(kind, VersionUnsupported | TargetForm);
    !whole_line && !is_about_fields(kind)
}

/// Whether an error is about what the fields of a whole head mean.
pub fn is_about_fields(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    let host = matches!(kind, HostMissing | HostRepeated | HostMalformed);
    let length = matches!(kind, ContentLengthRepeated | ContentLengthMalformed | BodyTooLarge);
    let codings = matches!(
        kind,
        TransferEncodingInHttp10
            | LengthAndTransferEncoding
            | TransferEncodingMalformed
            | ChunkedNotFinal
            | TransferEncodingUnsupported
    );
    host || length || codings || kind == ExpectationUnknown
}

/// Takes the mark `@@` out of a message, and says where it was.
pub fn marked(message: &[u8]) -> (Vec<u8>, usize) {
    let at = message.windows(2).position(|octets| octets == b"@@").expect("a message marked with @@");
    ([&message[..at], &message[at + 2..]].concat(), at)
}

thread_local! {
    static EXAMINED: Cell<usize> = const { Cell::new(0) };
}

/// Counts the octets a scanner was given to look at and did: the run, and the octet that ended it.
pub struct Counting;

impl Counting {
    /// How many octets were examined on this thread while `parse` ran.
    pub fn during<T>(parse: impl FnOnce() -> T) -> (T, usize) {
        EXAMINED.set(0);
        let result = parse();
        (result, EXAMINED.get())
    }

    fn count(octets: &[u8], run: usize) -> usize {
        EXAMINED.set(EXAMINED.get() + octets.len().min(run + 1));
        run
    }
}

impl Scanner for Counting {
    fn token(octets: &[u8]) -> usize {
        Self::count(octets, Byte::token(octets))
    }

    fn target(octets: &[u8]) -> usize {
        Self::count(octets, Byte::target(octets))
    }

    fn value(octets: &[u8]) -> usize {
        Self::count(octets, Byte::value(octets))
    }
}
