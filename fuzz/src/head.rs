//! The head of a request: three ways into one parser. [`head`] is given all of it, [`target`] and [`fields`] the part that their
//! rules are about, so that no input is spent on finding the rest again.

use iolab::http1::ErrorKind;
use iolab::http1::scanner::{Byte, Swar};

use super::http1_support::{Counting, is_about_fields, is_found_at_once, parse_to};
use super::input::Input;
use super::plain;

/// The input is an [`Input`] whose octets are a head, and whatever follows it.
pub fn head(input: &[u8]) {
    let Some(input) = Input::read(input) else { return };
    check(&input, input.octets);
}

/// The octets are a request target; the variant is the method.
pub fn target(input: &[u8]) {
    let Some(input) = Input::read(input) else { return };
    let method: &[u8] = [&b"CONNECT "[..], b"OPTIONS ", b"connect ", b"GET "][usize::from(input.variant())];
    check(&input, &[method, input.octets, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
}

/// The octets are field lines; the variant is the request line before them.
pub fn fields(input: &[u8]) {
    let Some(input) = Input::read(input) else { return };
    let line: &[u8] =
        [&b"GET http://a/ HTTP/1.1\r\n"[..], b"OPTIONS * HTTP/1.1\r\n", b"PUT / HTTP/1.0\r\n", b"POST / HTTP/1.1\r\n"]
            [usize::from(input.variant())];
    check(&input, &[line, input.octets, b"\r\n\r\n"].concat());
}

/// Asserts that
///
/// - the outcome is the same in one piece, octet by octet and in the pieces of the input, and with either scanner;
/// - no octet is looked at twice, however many pieces they come in;
/// - a head ends within the input, not an octet earlier, and what follows it does not matter;
/// - an error is at an octet of the input; one about octets is found with this octet, and not before;
/// - the head means what the [plain reader](plain) takes it to mean, or is refused for the same reason.
fn check(input: &Input<'_>, octets: &[u8]) {
    let limits = &input.limits();
    let whole = parse_to::<Swar>(octets, [octets.len()], limits);
    let shown = octets.escape_ascii();
    assert_eq!(parse_to::<Byte>(octets, [octets.len()], limits), whole, "byte scanner: {shown}");
    let ends = input.ends(octets.len());
    assert_eq!(parse_to::<Swar>(octets, ends.iter().copied(), limits), whole, "cut at {ends:?}: {shown}");
    let (dripped, examined) = Counting::during(|| parse_to::<Counting>(octets, 0..=octets.len(), limits));
    assert_eq!(dripped, whole, "octet by octet: {shown}");
    assert!(examined <= octets.len(), "{examined} octets examined of {}: {shown}", octets.len());

    match whole {
        Ok(None) => {}
        Ok(Some(parsed)) => {
            let end = parsed.octets;
            assert_eq!(parse_to::<Swar>(octets, [end - 1], limits), Ok(None), "too early: {shown}");
            assert_eq!(parse_to::<Swar>(&octets[..end], [end], limits), Ok(Some(parsed.clone())), "looked beyond: {shown}");
            assert_eq!(plain::read(&octets[..end], limits), Ok(parsed), "{shown}");
        }
        Err(error) => {
            assert!(error.offset < octets.len(), "{error:?}: {shown}");
            if is_found_at_once(error.kind) {
                assert_eq!(parse_to::<Swar>(octets, [error.offset], limits), Ok(None), "too early: {shown}");
                assert_eq!(parse_to::<Swar>(octets, [error.offset + 1], limits), Err(error), "too late: {shown}");
            }
            if error.kind == ErrorKind::TargetForm || is_about_fields(error.kind) {
                assert_eq!(plain::read(octets, limits), Err(error.kind), "{shown}");
            }
        }
    }
}
