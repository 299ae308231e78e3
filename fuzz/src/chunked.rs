//! A chunked body.

use super::http1_support::decode_into;
use super::input::Input;
use super::plain;

/// The input is an [`Input`] whose octets are a body, and whatever follows it. Asserts that
///
/// - octets, trailers, end and error are the same in one piece, octet by octet and in the pieces of the input;
/// - all of a piece is consumed before more is asked for, and each turn hands over at least an octet;
/// - a body ends within the input, not an octet earlier, and what follows it does not matter;
/// - an error is at an octet of the input, and is found with this octet, and not before;
/// - the body is what the [plain reader](plain) takes it to be, and of the trailers none is handed over that comes too late.
pub fn chunked(input: &[u8]) {
    let Some(input) = Input::read(input) else { return };
    let (octets, limits) = (input.octets, &input.limits());
    let shown = octets.escape_ascii();
    let decode = |octets: &[u8], ends: &[usize]| {
        let mut body = Vec::new();
        let outcome = decode_into(&mut body, octets, ends.iter().copied(), limits);
        (outcome, body)
    };

    let whole = decode(octets, &[octets.len()]);
    let dripped: Vec<usize> = (0..=octets.len()).collect();
    assert_eq!(decode(octets, &dripped), whole, "octet by octet: {shown}");
    let ends = input.ends(octets.len());
    assert_eq!(decode(octets, &ends), whole, "cut at {ends:?}: {shown}");

    match &whole {
        (Ok(None), body) => assert!(body.len() < octets.len().max(1)),
        (Ok(Some((end, trailers))), body) => {
            assert_eq!(decode(octets, &[end - 1]).0, Ok(None), "too early: {shown}");
            assert_eq!(decode(&octets[..*end], &[*end]), whole, "looked beyond: {shown}");
            assert!(body.len() as u64 <= limits.body, "{} octets: {shown}", body.len());
            let (expected, expected_end, mut expected_trailers) = plain::read_chunked(octets);
            assert_eq!((body, *end), (&expected, expected_end), "{shown}");
            expected_trailers.retain(|(name, _)| !COME_TOO_LATE.iter().any(|late| name.eq_ignore_ascii_case(late)));
            for trailer in trailers {
                assert!(expected_trailers.contains(trailer), "{trailer:?}: {shown}");
            }
        }
        (Err(error), body) => {
            assert!(error.offset < octets.len(), "{error:?}: {shown}");
            let before = decode(octets, &[error.offset]);
            assert_eq!(before, (Ok(None), body.clone()), "too early: {shown}");
            assert_eq!(decode(octets, &[error.offset + 1]), whole, "too late: {shown}");
        }
    }
}

/// Trailers that would change where messages end or whom they are for, if anybody believed them (RFC 9110 section 6.5.1).
const COME_TOO_LATE: &[&[u8]] =
    &[b"Content-Length", b"Transfer-Encoding", b"Host", b"Trailer", b"Authorization", b"Content-Type"];
