//! Requests in pieces: what the parser says must not depend on how they are cut.
#![allow(dead_code)] // each test file needs another part of this

use iolab::http1::scanner::Scanner;
use iolab::http1::{Chunk, ChunkedDecoder, Error, ErrorKind, Framing, HeadParser, HttpLimits, TargetForm, Version};

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

/// Parses the head of a request that arrives up to each of `ends`, which rise, with the scanner chosen for this process.
pub fn parse_to(input: &[u8], ends: impl IntoIterator<Item = usize>, limits: &HttpLimits) -> HeadOutcome {
    parse_with(Scanner::chosen(), input, ends, limits).0
}

/// The same with any scanner; also says how many octets were looked at.
pub fn parse_with(
    scanner: Scanner,
    input: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &HttpLimits,
) -> (HeadOutcome, usize) {
    let mut parser = HeadParser::with_scanner(scanner);
    let mut examined = 0;
    for end in ends {
        examined += end - parser.settled();
        // Whoever looks behind the slice looks behind this memory.
        let input = input[..end].to_vec();
        match parser.parse(&input, limits) {
            Ok(None) => {}
            Ok(Some(octets)) => {
                let head = parser.head(&input);
                let parsed = Parsed {
                    octets,
                    method: head.method().to_vec(),
                    target: head.target().to_vec(),
                    form: head.target_form(),
                    version: head.version(),
                    fields: head.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
                    framing: head.framing(),
                    keep_alive: head.keep_alive(),
                    expects_continue: head.expects_continue(),
                };
                assert_eq!(parser.parse(&input, limits), Ok(Some(octets)), "a complete head must be final");
                return (Ok(Some(parsed)), examined);
            }
            Err(error) => {
                assert_eq!(parser.parse(&input, limits), Err(error), "an error must be final");
                return (Err(error), examined);
            }
        }
    }
    (Ok(None), examined)
}

/// Parses a head whole and byte by byte with each scanner, and cut at every place with the one chosen: it must be the same every
/// time.
pub fn parse_every_way(input: &[u8], limits: &HttpLimits) -> HeadOutcome {
    let whole = parse_to(input, [input.len()], limits);
    let shown = input.escape_ascii();
    for scanner in Scanner::all() {
        let form = scanner.form();
        assert_eq!(parse_with(scanner, input, [input.len()], limits).0, whole, "{form}: {shown}");
        assert_eq!(parse_with(scanner, input, 0..=input.len(), limits).0, whole, "{form}, byte by byte: {shown}");
    }
    for cut in 0..input.len() {
        assert_eq!(parse_to(input, [cut, input.len()], limits), whole, "cut at {cut}: {shown}");
    }
    whole
}

/// The most octets that may be looked at in so many calls: no more than a block anew in each.
pub fn most_examined(octets: usize, calls: usize) -> usize {
    octets + 63 * calls
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
