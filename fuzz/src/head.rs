//! The head of a request: three ways into one parser. [`head`] is given all of it, [`target`] and [`fields`] the part that their
//! rules are about, so that no input is spent on finding the rest again.

use iolab::http1::ErrorKind;
use iolab::http1::scanner::Scanner;

use super::http1_support::{is_about_fields, is_found_at_once, most_examined, parse_to, parse_with};
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
/// - the outcome is the same in one piece, octet by octet and in the pieces of the input, and with each scanner of this processor;
/// - at most a block of octets is looked at again in each call;
/// - a head ends within the input, not an octet earlier, and what follows it does not matter;
/// - an error is at an octet of the input; one about octets is found with this octet, and not before;
/// - the head means what the [plain reader](plain) takes it to mean, or is refused for the same reason;
/// - what is taken is within all limits, and what is beyond one is refused at the first octet beyond.
fn check(input: &Input<'_>, octets: &[u8]) {
    let limits = &input.limits();
    let whole = parse_to(octets, [octets.len()], limits);
    let shown = octets.escape_ascii();
    let ends = input.ends(octets.len());
    for scanner in Scanner::all() {
        let form = scanner.form();
        assert_eq!(parse_with(scanner, octets, [octets.len()], limits).0, whole, "{form}: {shown}");
        assert_eq!(parse_with(scanner, octets, ends.iter().copied(), limits).0, whole, "{form}, cut at {ends:?}: {shown}");
        let (dripped, examined) = parse_with(scanner, octets, 0..=octets.len(), limits);
        assert_eq!(dripped, whole, "{form}, octet by octet: {shown}");
        let most = most_examined(octets.len(), octets.len() + 1);
        assert!(examined <= most, "{form}: {examined} octets examined of {}: {shown}", octets.len());
    }

    match whole {
        Ok(None) => {}
        Ok(Some(parsed)) => {
            let end = parsed.octets;
            assert_eq!(parse_to(octets, [end - 1], limits), Ok(None), "too early: {shown}");
            assert_eq!(parse_to(&octets[..end], [end], limits), Ok(Some(parsed.clone())), "looked beyond: {shown}");
            let lines = Lines::of(octets, end);
            let beyond = [
                (parsed.method.len(), limits.method),
                (parsed.target.len(), limits.target),
                (end - 2 - lines.fields, limits.fields_octets),
                (parsed.fields.len(), limits.fields),
            ];
            assert!(beyond.iter().all(|(has, limit)| has <= limit), "{beyond:?}: {shown}");
            assert_eq!(plain::read(&octets[..end], limits), Ok(parsed), "{shown}");
        }
        Err(error) => {
            assert!(error.offset < octets.len(), "{error:?}: {shown}");
            if is_found_at_once(error.kind) {
                assert_eq!(parse_to(octets, [error.offset], limits), Ok(None), "too early: {shown}");
                assert_eq!(parse_to(octets, [error.offset + 1], limits), Err(error), "too late: {shown}");
            }
            let lines = Lines::of(octets, error.offset);
            let allowed = match error.kind {
                ErrorKind::MethodTooLong => (error.offset - lines.method, limits.method),
                ErrorKind::TargetTooLong => (error.offset - lines.target, limits.target),
                ErrorKind::FieldsTooLong => (error.offset - lines.fields, limits.fields_octets),
                ErrorKind::TooManyFields => (lines.count, limits.fields),
                _ => (0, 0),
            };
            assert_eq!(allowed.0, allowed.1, "{error:?}: {shown}");
            if error.kind == ErrorKind::TargetForm || is_about_fields(error.kind) {
                assert_eq!(plain::read(octets, limits), Err(error.kind), "{shown}");
            }
        }
    }
}

/// Where the parts of a head start, as far as there is one before some octet, and how many whole field lines there are.
struct Lines {
    method: usize,
    target: usize,
    fields: usize,
    count: usize,
}

impl Lines {
    fn of(octets: &[u8], end: usize) -> Lines {
        let head = &octets[..end];
        let method = if octets.starts_with(b"\r\n") { 2.min(end) } else { 0 };
        let behind = |what: &[u8], start: usize| {
            let at = head[start..].windows(what.len()).position(|window| window == what);
            at.map_or(end, |at| start + at + what.len())
        };
        let fields = behind(b"\r\n", method);
        let count = head[fields..].windows(2).filter(|window| window == b"\r\n").count();
        Lines { method, target: behind(b" ", method), fields, count }
    }
}
