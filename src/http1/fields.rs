//! Field lines: where they are, and how they are read. The head and the trailers of a chunked body are both made of them.
//!
//! ```text
//! *( name ":" OWS value OWS CRLF ) CRLF           RFC 9112 section 5, with a name and without folding
//! ```
//!
//! Nothing is copied and nothing is borrowed while the octets arrive: a line is two positions, its colon and its CR. It starts
//! where the line before ended. Names, values and their trimming are computed when someone looks.

use super::error::{Error, ErrorKind};
use super::limits::LONGEST_PART;
use super::scanner::Scanner;
use std::ops::Range;
use std::slice;

/// The positions of the field lines seen so far, and where the scan goes on.
#[derive(Debug)]
pub(crate) struct FieldLines {
    lines: Vec<Line>,
    /// What the octet at `at` is expected to be.
    expected: Expected,
    /// The next octet to look at.
    at: usize,
    /// Where the first line starts.
    start: usize,
    /// Where the line being scanned starts, and where its colon is once it was found.
    line: usize,
    colon: usize,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    colon: u32,
    cr: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    LineStart,
    Name,
    Value,
    Lf,
    LastLf,
    Nothing,
}

/// Positions kept for the next message; more than that (8 KiB) is given back.
const KEPT_LINES: usize = 1024;

impl FieldLines {
    pub(crate) const fn new() -> Self {
        FieldLines { lines: Vec::new(), expected: Expected::LineStart, at: 0, start: 0, line: 0, colon: 0 }
    }

    /// Forgets all lines; the first of the next ones starts at `start`.
    #[inline]
    pub(crate) fn begin(&mut self, start: usize) {
        self.lines.clear();
        if self.lines.capacity() > KEPT_LINES {
            self.lines.shrink_to(KEPT_LINES);
        }
        self.expected = Expected::LineStart;
        (self.at, self.start, self.line, self.colon) = (start, start, start, 0);
    }

    /// Scans on. `Some(end)`: the empty line has been seen and ends there. `octets` and `count` bound the lines.
    ///
    /// Of several things wrong, the one at the lowest offset is told; at one offset, a limit before a bad octet.
    #[inline]
    pub(crate) fn scan<S: Scanner>(&mut self, input: &[u8], octets: usize, count: usize) -> Result<Option<usize>, Error> {
        // The lines may reach up to `bound`; only the empty line may lie beyond. So they are scanned in a window that ends there.
        let bound = self.start + octets.min(LONGEST_PART);
        let window = &input[..input.len().min(bound)];
        let mut at = self.at;
        loop {
            match self.expected {
                Expected::LineStart => match input.get(at) {
                    None => break,
                    Some(b'\r') => {
                        at += 1;
                        self.expected = Expected::LastLf;
                    }
                    Some(_) if at >= bound => return Err(Error::new(ErrorKind::FieldsTooLong, at)),
                    Some(_) if self.lines.len() >= count => {
                        return Err(Error::new(ErrorKind::TooManyFields, at));
                    }
                    Some(_) => {
                        self.line = at;
                        self.expected = Expected::Name;
                    }
                },
                Expected::Name => {
                    at += S::token(&window[at..]);
                    match window.get(at) {
                        None => break,
                        Some(b':') if at > self.line => {}
                        Some(&octet) => return Err(self.bad_name(octet, at)),
                    }
                    self.colon = at;
                    at += 1;
                    self.expected = Expected::Value;
                }
                Expected::Value => {
                    at += S::value(&window[at..]);
                    match window.get(at) {
                        None => break,
                        Some(b'\r') => {}
                        Some(b'\n') => return Err(Error::new(ErrorKind::BareLf, at)),
                        Some(_) => return Err(Error::new(ErrorKind::FieldValueOctet, at)),
                    }
                    at += 1;
                    self.expected = Expected::Lf;
                }
                Expected::Lf => {
                    match window.get(at) {
                        None => break,
                        Some(b'\n') => {}
                        Some(_) => return Err(Error::new(ErrorKind::BareCr, at)),
                    }
                    self.lines.push(Line { colon: self.colon as u32, cr: at as u32 - 1 });
                    at += 1;
                    self.expected = Expected::LineStart;
                }
                Expected::LastLf => {
                    match input.get(at) {
                        None => break,
                        Some(b'\n') => {}
                        Some(_) => return Err(Error::new(ErrorKind::BareCr, at)),
                    }
                    at += 1;
                    self.expected = Expected::Nothing;
                }
                Expected::Nothing => {
                    self.at = at;
                    return Ok(Some(at));
                }
            }
        }
        self.at = at;
        if window.len() < input.len() && at < input.len() {
            return Err(Error::new(ErrorKind::FieldsTooLong, bound));
        }
        Ok(None)
    }

    #[cold]
    fn bad_name(&self, octet: u8, at: usize) -> Error {
        let first = at == self.line;
        let kind = match octet {
            b'\n' => ErrorKind::BareLf,
            b'\r' => ErrorKind::ColonMissing,
            b':' => ErrorKind::FieldNameEmpty,
            b' ' | b'\t' if first && self.lines.is_empty() => ErrorKind::SpaceBeforeFields,
            b' ' | b'\t' if first => ErrorKind::ObsoleteFold,
            b' ' | b'\t' => ErrorKind::FieldNameSpace,
            _ => ErrorKind::FieldNameOctet,
        };
        Error::new(kind, at)
    }

    /// The lines found, in `input`, which must be what was scanned.
    #[inline]
    pub(crate) fn fields<'a>(&'a self, input: &'a [u8]) -> Fields<'a> {
        Fields { input, line: self.start, lines: self.lines.iter() }
    }
}

/// Fields in the order of their lines: pairs of name and value, as slices of the octets received.
///
/// Names come as they were sent and compare without regard to case ([`slice::eq_ignore_ascii_case`]); values come without the
/// spaces and tabs around them, may be empty, and may hold any octet but controls (HTAB is allowed) and DEL: they need not be
/// UTF-8 (RFC 9110 section 5.5).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    input: &'a [u8],
    line: usize,
    lines: slice::Iter<'a, Line>,
}

impl<'a> Fields<'a> {
    /// The next field's name, and where its value lies.
    #[inline]
    pub(crate) fn next_span(&mut self) -> Option<(&'a [u8], Range<usize>)> {
        let line = self.lines.next()?;
        let (colon, cr) = (line.colon as usize, line.cr as usize);
        let name = &self.input[self.line..colon];
        self.line = cr + 2;
        let value = &self.input[colon + 1..cr];
        let start = value.iter().position(|octet| !matches!(octet, b' ' | b'\t')).unwrap_or(value.len());
        let end = value.iter().rposition(|octet| !matches!(octet, b' ' | b'\t')).map_or(start, |last| last + 1);
        Some((name, colon + 1 + start..colon + 1 + end))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.next_span()?;
        Some((name, &self.input[value]))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lines.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}
