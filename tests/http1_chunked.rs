//! What the chunked decoder takes, what it refuses, where and why; in one piece and in pieces.

mod http1_support;

use http1_support::{Field, decode_every_way, decode_to, marked};
use iolab::http1::{Chunk, ChunkedDecoder, ErrorKind, HttpLimits};
use proptest::prelude::*;

/// The body and the trailers of a whole chunked body, after which another message follows.
#[track_caller]
fn taken(input: &str) -> (String, Vec<Field>) {
    let followed = format!("{input}GET / HTTP/1.1\r\n");
    match decode_every_way(followed.as_bytes(), &HttpLimits::default()) {
        Ok(Some((body, octets, trailers))) => {
            assert_eq!(octets, input.len(), "what follows the body must be left alone: {input:?}");
            (String::from_utf8(body).expect("the text sent"), trailers)
        }
        other => panic!("{input:?}: {other:?}"),
    }
}

/// Refused for that reason at the mark `@@`.
#[track_caller]
fn refused(kind: ErrorKind, input: impl AsRef<[u8]>) {
    refused_within(&HttpLimits::default(), kind, input);
}

#[track_caller]
fn refused_within(limits: &HttpLimits, kind: ErrorKind, input: impl AsRef<[u8]>) {
    let (input, at) = marked(input.as_ref());
    match decode_every_way(&input, limits) {
        Err(error) => {
            let shown = input.escape_ascii();
            assert_eq!((error.kind, error.offset), (kind, at), "{shown}");
            let too_early = decode_to(&input, [at], limits);
            assert_eq!(too_early, Ok(None), "found too early: {shown}");
            let at_once = decode_to(&input, [at + 1], limits);
            assert_eq!(at_once, Err(error), "found too late: {shown}");
        }
        other => panic!("{}: {other:?}", input.escape_ascii()),
    }
}

#[test]
fn chunks_are_joined() {
    assert_eq!(taken("0\r\n\r\n"), (String::new(), vec![]));
    assert_eq!(taken("5\r\nhello\r\n0\r\n\r\n").0, "hello");
    assert_eq!(
        taken("5\r\nhello\r\nB\r\n, world\r\n\r\n\r\n00a\r\n0123456789\r\n000\r\n\r\n").0,
        "hello, world\r\n\r\n0123456789"
    );
}

#[test]
fn sizes() {
    for size in ["", "@@", "-5", "+5", "g", "x5", " 5", "\t5", "\n5", "\r\n5", ";a"] {
        let size = size.replace("@@", "");
        refused(ErrorKind::ChunkSizeMalformed, format!("@@{size}\r\nhello\r\n0\r\n\r\n"));
    }
    refused(ErrorKind::ChunkSizeMalformed, "0@@x5\r\nhello\r\n0\r\n\r\n");
    refused(ErrorKind::ChunkSizeMalformed, "5@@,\r\n");
    refused(ErrorKind::ChunkSizeMalformed, "5@@\n");
    refused(ErrorKind::ChunkSizeMalformed, "5@@\0");
    refused(ErrorKind::ChunkExtensionMalformed, "5 @@\r\nhello\r\n");
    refused(ErrorKind::ChunkExtensionMalformed, "5\t@@5\r\nhello\r\n");
    refused(ErrorKind::BareCr, "5\r@@hello");
    refused(ErrorKind::BareCr, "5\r@@\r\n");
    refused(ErrorKind::ChunkSizeOverflow, "1000000000000000@@0\r\n");
    refused(ErrorKind::ChunkSizeOverflow, "ffffffffffffffff@@f\r\n");
    refused(ErrorKind::ChunkSizeOverflow, "0001000000000000000@@5\r\n");
}

#[test]
fn extensions_are_read_and_ignored() {
    for extensions in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a;b=c;d=\"\"",
        " ;a",
        "\t; a",
        ";a =b",
        ";a= b",
        ";a\t=\t\"b\"",
        ";a=\"b\" ;c",
        ";a ;b",
        ";a=\"\\\"\\\\;=\\\t\"",
        ";a=\"\t é,;\"",
        ";!#$%&'*+-.^_`|~=1",
    ] {
        assert_eq!(taken(&format!("5{extensions}\r\nhello\r\n0{extensions}\r\n\r\n")).0, "hello", "{extensions:?}");
    }
    for extensions in [
        ";@@\r\n",
        ";@@=a\r\n",
        ";a=@@\r\n",
        ";a=@@;b\r\n",
        ";a=b@@=c\r\n",
        ";a @@\r\n",
        ";a=b @@\r\n",
        ";a=b @@c\r\n",
        ";a=\"b\" @@\r\n",
        ";a @@b\r\n",
        ";a=\"b\"@@c\r\n",
        ";a=\"b\"@@\"\r\n",
        ";a=\"b@@\r\n\"\r\n",
        ";a=\"b@@\n\"\r\n",
        ";a=\"b\\@@\n\"\r\n",
        ";a=\"@@\0\"\r\n",
        ";a=\"\\@@\x7f\"\r\n",
        ";a=\"@@\x7f\"\r\n",
        ";a@@\n",
        ";a=b@@\n",
        ";@@\n",
        ";a@@\0\r\n",
        ";a=@@\x0b\r\n",
        ";a@@\"b\"\r\n",
        ";@@;a\r\n",
        ";a@@(b\r\n",
        ";a=b@@/c\r\n",
        " @@=a\r\n",
        ";a@@é\r\n",
    ] {
        refused(ErrorKind::ChunkExtensionMalformed, format!("5{extensions}hello\r\n0\r\n\r\n"));
        refused(ErrorKind::ChunkExtensionMalformed, format!("5\r\nhello\r\n0{extensions}\r\n"));
    }
    refused(ErrorKind::BareCr, "5;a\r@@hello");
}

#[test]
fn chunks_end_where_their_size_says() {
    refused(ErrorKind::ChunkEnd, "5\r\nhello@@0\r\n\r\n");
    refused(ErrorKind::ChunkEnd, "5\r\nhello@@\n0\r\n\r\n");
    refused(ErrorKind::ChunkEnd, "5\r\nhello\r@@0\r\n\r\n");
    refused(ErrorKind::ChunkEnd, "5\r\nhello\r@@\r\n0\r\n\r\n");
    refused(ErrorKind::ChunkEnd, "5\r\nhello@@XX0\r\n\r\n");
    refused(ErrorKind::ChunkEnd, "4\r\nhell@@o\r\n0\r\n\r\n");
    assert_eq!(decode_every_way(b"6\r\nhello\r", &HttpLimits::default()), Ok(None));
}

#[test]
fn trailers_are_kept_but_for_those_that_come_too_late() {
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let (body, trailers) = taken(
        "1\r\na\r\n0\r\nDigest: \t x y\t\r\nContent-LENGTH: 5\r\nhost: b\r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\
         Authorization: me\r\nContent-Type: text/plain\r\nConnection: close\r\nTrailer: x\r\n\r\n",
    );
    assert_eq!(body, "a");
    assert_eq!(trailers, [field("Digest", "x y"), field("Empty", "")]);
    refused(ErrorKind::SpaceBeforeFields, "0\r\n@@ a: b\r\n\r\n");
    refused(ErrorKind::ObsoleteFold, "0\r\na: b\r\n@@ c\r\n\r\n");
    refused(ErrorKind::FieldNameSpace, "0\r\na@@ : b\r\n\r\n");
    refused(ErrorKind::BareLf, "0\r\na: b@@\n\r\n");
    refused(ErrorKind::BareLf, "0\r\n@@\n");
    refused(ErrorKind::BareCr, "0\r\n\r@@GET / HTTP/1.1\r\n");
    refused(ErrorKind::ColonMissing, "0\r\nGET@@\r\n\r\n");
    refused(ErrorKind::FieldNameSpace, "0\r\nGET@@ / HTTP/1.1\r\n\r\n");
    refused(ErrorKind::FieldValueOctet, "3\r\nabc\r\n0\r\na: @@\0\r\n\r\n");
}

#[test]
fn trailers_are_there_only_at_the_end() {
    let limits = HttpLimits::default();
    let mut decoder = ChunkedDecoder::new(0);
    assert_eq!(decoder.decode(b"0\r\na: b\r\n", &limits), Ok((9, Chunk::NeedMore)));
    assert_eq!(decoder.trailers().count(), 0);
    assert_eq!(decoder.decode(b"\r\n", &limits), Ok((2, Chunk::End)));
    assert_eq!(decoder.trailers().count(), 1);
    assert_eq!(decoder.decode(b"next", &limits), Ok((0, Chunk::End)));
}

#[test]
fn errors_are_counted_from_the_start_of_the_message() {
    let mut decoder = ChunkedDecoder::new(100);
    let error = decoder.decode(b"1\rx", &HttpLimits::default()).expect_err("a bare CR");
    assert_eq!((error.kind, error.offset), (ErrorKind::BareCr, 102));
}

#[test]
fn limits_are_inclusive_and_break_at_the_first_octet_beyond() {
    let limits = HttpLimits { body: 10, chunk_extension_octets: 4, trailer_octets: 10, trailers: 2, ..HttpLimits::default() };
    let inside = |input: &str| assert!(matches!(decode_every_way(input.as_bytes(), &limits), Ok(Some(_))), "{input:?}");
    let beyond = |kind, input: &str| refused_within(&limits, kind, input);
    inside("5;a\r\nhello\r\n5;b\r\nhello\r\n0\r\nA: b\r\nB:\r\n\r\n");
    inside("a\r\n0123456789\r\n0\r\n\r\n");
    beyond(ErrorKind::BodyTooLarge, "b\r@@\n0123456789a\r\n0\r\n\r\n");
    beyond(ErrorKind::BodyTooLarge, "5\r\nhello\r\n6\r@@\n");
    beyond(ErrorKind::BodyTooLarge, "5\r\nhello\r\nffffffffffffffff\r@@\n");
    beyond(ErrorKind::ChunkExtensionsTooLong, "1;abc@@d\r\n");
    beyond(ErrorKind::ChunkExtensionsTooLong, "1;a\r\na\r\n1;a\r\na\r\n0@@;a\r\n");
    beyond(ErrorKind::ChunkExtensionsTooLong, "00000@@05\r\n");
    beyond(ErrorKind::FieldsTooLong, "0\r\nA: bcdefgh@@\r\n\r\n");
    beyond(ErrorKind::FieldsTooLong, "0\r\nA: bcdefgh@@x");
    beyond(ErrorKind::FieldsTooLong, "0\r\nA: bcdef\r\n@@B:\r\n\r\n");
    beyond(ErrorKind::TooManyFields, "0\r\nA:\r\nB:\r\n@@C\r\n\r\n");
    let unlimited = HttpLimits { body: u64::MAX, ..limits };
    refused_within(&unlimited, ErrorKind::BodyTooLarge, "1\r\na\r\nffffffffffffffff\r@@\n");
}

fn chunked(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in chunks {
        wire.extend(format!("{:x};n=\"{}\"\r\n", chunk.len(), chunk.len()).bytes());
        wire.extend(chunk);
        wire.extend(b"\r\n");
    }
    wire.extend(b"0\r\nT: u\r\n\r\n");
    wire
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any body comes back as it was, however it is chunked and cut; with one octet changed, the outcome is still one.
    #[test]
    fn a_body_comes_back_however_it_is_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        change in any::<(prop::sample::Index, u8)>(),
    ) {
        let limits = HttpLimits::default();
        let mut wire = chunked(&chunks);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).chain([wire.len()]).collect();
        ends.sort_unstable();
        let trailers = vec![(b"T".to_vec(), b"u".to_vec())];
        let expected = Ok(Some((chunks.concat(), wire.len(), trailers)));
        prop_assert_eq!(&decode_to(&wire, ends.iter().copied(), &limits), &expected);

        let (place, octet) = change;
        let place = place.index(wire.len());
        wire[place] = octet;
        let whole = decode_to(&wire, [wire.len()], &limits);
        prop_assert_eq!(&decode_to(&wire, ends, &limits), &whole);
        prop_assert_eq!(&decode_to(&wire, 0..=wire.len(), &limits), &whole);
    }
}
