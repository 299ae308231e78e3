//! What is wrong with a head: the grammar, octet by octet. The [index](super::index) asks when it has seen that something is.
//!
//! ```text
//! [ CRLF ] method SP target SP version CRLF *( field-line CRLF ) CRLF          RFC 9112 section 2.1
//! field-line = name ":" OWS value OWS                                          RFC 9112 section 5, without folding
//! ```
//!
//! It reads from the first octet to the first one that is wrong. That is a second look at these octets, and the last: an error is
//! final. (At a limit the index cannot tell, and may ask up to four times in a head.)
//!
//! 1. **Limits are octets too.** What is beyond a limit is wrong at the first octet beyond it. Of several things wrong, the one at
//!    the lowest offset is told; at one offset, a limit before a bad octet.
//! 2. **Two errors wait for the end of the request line**: its version and, after that, the form of its target.
//! 3. **What the fields mean is not judged here** but in [`framing`](super::framing), once the head is complete.

use super::error::{Error, ErrorKind};
use super::limits::{HttpLimits, LONGEST_PART};
use super::scanner::{TARGET, TOKEN, VALUE, run};
use super::target;

/// What octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// A request line, fields and an empty line.
    Head,
    /// Fields and an empty line.
    Fields,
}

/// Why reading ends before the head does.
enum Stop {
    /// There are no more octets.
    Over,
    Wrong(Error),
}

/// What is wrong with the octets, if anything is.
pub(super) fn refusal(section: Section, input: &[u8], limits: &HttpLimits) -> Option<Error> {
    let lines = match section {
        Section::Head => request_line(input, limits),
        Section::Fields => Ok(0),
    };
    match lines.and_then(|start| field_lines(input, start, limits)) {
        Err(Stop::Wrong(error)) => Some(error),
        Ok(()) | Err(Stop::Over) => None,
    }
}

fn octet(input: &[u8], at: usize) -> Result<u8, Stop> {
    input.get(at).copied().ok_or(Stop::Over)
}

fn wrong<T>(kind: ErrorKind, at: usize) -> Result<T, Stop> {
    Err(Stop::Wrong(Error::new(kind, at)))
}

/// The end of a run that starts at `start` and may be `limit` long.
fn end_of_run(input: &[u8], start: usize, class: u8, limit: usize, too_long: ErrorKind) -> Result<usize, Stop> {
    let bound = start + limit.min(LONGEST_PART);
    let window = &input[start..input.len().min(bound + 1)];
    let end = start + run(window, class);
    if end > bound { wrong(too_long, bound) } else { Ok(end) }
}

/// Where the first field line starts.
fn request_line(input: &[u8], limits: &HttpLimits) -> Result<usize, Stop> {
    let mut start = 0;
    if octet(input, 0)? == b'\r' {
        if octet(input, 1)? != b'\n' {
            return wrong(ErrorKind::BareCr, 1);
        }
        start = 2;
    }

    let method_end = end_of_run(input, start, TOKEN, limits.method, ErrorKind::MethodTooLong)?;
    match octet(input, method_end)? {
        b' ' if method_end > start => {}
        b'\n' => return wrong(ErrorKind::BareLf, method_end),
        _ => return wrong(ErrorKind::Method, method_end),
    }

    let target = method_end + 1;
    let target_end = end_of_run(input, target, TARGET, limits.target, ErrorKind::TargetTooLong)?;
    match octet(input, target_end)? {
        b'\n' => return wrong(ErrorKind::BareLf, target_end),
        b' ' | b'\r' if target_end == target => return wrong(ErrorKind::TargetEmpty, target_end),
        b' ' => {}
        b'\r' => return wrong(ErrorKind::VersionMalformed, target_end),
        _ => return wrong(ErrorKind::TargetOctet, target_end),
    }

    let end = version(input, target_end + 1)?;
    if target::form(&input[start..method_end], &input[target..target_end]).is_none() {
        return wrong(ErrorKind::TargetForm, target);
    }
    Ok(end)
}

fn version(input: &[u8], start: usize) -> Result<usize, Stop> {
    const SHAPE: &[u8; 10] = b"HTTP/d.d\r\n";
    for (at, &shape) in (start..).zip(SHAPE) {
        let octet = octet(input, at)?;
        let fits = if shape == b'd' { octet.is_ascii_digit() } else { octet == shape };
        if !fits {
            let kind = match (octet, shape) {
                (_, b'\n') => ErrorKind::BareCr,
                (b'\n', _) => ErrorKind::BareLf,
                _ => ErrorKind::VersionMalformed,
            };
            return wrong(kind, at);
        }
    }
    match &input[start + 5..start + 8] {
        b"1.1" | b"1.0" => Ok(start + SHAPE.len()),
        _ => wrong(ErrorKind::VersionUnsupported, start),
    }
}

/// Field lines up to and including the empty one.
fn field_lines(input: &[u8], start: usize, limits: &HttpLimits) -> Result<(), Stop> {
    // The lines may reach up to `bound`; only the empty line may lie beyond.
    let bound = start + limits.fields_octets.min(LONGEST_PART);
    let window = &input[..input.len().min(bound)];
    let within = |at| match window.get(at) {
        Some(&octet) => Ok(octet),
        None if at < input.len() => wrong(ErrorKind::FieldsTooLong, bound),
        None => Err(Stop::Over),
    };
    let mut at = start;
    for count in 0.. {
        match octet(input, at)? {
            b'\r' if octet(input, at + 1)? == b'\n' => return Ok(()),
            b'\r' => return wrong(ErrorKind::BareCr, at + 1),
            _ if count >= limits.fields => return wrong(ErrorKind::TooManyFields, at),
            _ => {}
        }
        at = name(window, at, count == 0, within)?;
        at += 1;
        at += run(&window[at..], VALUE);
        match within(at)? {
            b'\r' => at += 1,
            b'\n' => return wrong(ErrorKind::BareLf, at),
            _ => return wrong(ErrorKind::FieldValueOctet, at),
        }
        if within(at)? != b'\n' {
            return wrong(ErrorKind::BareCr, at);
        }
        at += 1;
    }
    Ok(())
}

/// Where the colon is behind a name that starts at `start`.
// ANCHOR: name
fn name(window: &[u8], start: usize, is_first: bool, within: impl Fn(usize) -> Result<u8, Stop>) -> Result<usize, Stop> {
    let at = start + run(&window[start.min(window.len())..], TOKEN);
    let starts_line = at == start;
    let kind = match within(at)? {
        b':' if !starts_line => return Ok(at),
        b':' => ErrorKind::FieldNameEmpty,
        b'\n' => ErrorKind::BareLf,
        b'\r' => ErrorKind::ColonMissing,
        b' ' | b'\t' if starts_line && is_first => ErrorKind::SpaceBeforeFields,
        b' ' | b'\t' if starts_line => ErrorKind::ObsoleteFold,
        b' ' | b'\t' => ErrorKind::FieldNameSpace,
        _ => ErrorKind::FieldNameOctet,
    };
    wrong(kind, at)
}
// ANCHOR_END: name
