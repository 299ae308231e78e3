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
    /// Where the colon of the line being scanned is, once it was found.
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
}

/// Positions kept for the next message; more than that (8 KiB) is given back.
const KEPT_LINES: usize = 1024;

impl FieldLines {
    pub(crate) const fn new() -> Self {
        FieldLines { lines: Vec::new(), expected: Expected::LineStart, at: 0, start: 0, colon: 0 }
    }

    /// Forgets all lines.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.lines.clear();
        if self.lines.capacity() > KEPT_LINES {
            self.lines.shrink_to(KEPT_LINES);
        }
    }

    /// The first line starts at `start`.
    #[inline]
    pub(crate) fn begin(&mut self, start: usize) {
        self.expected = Expected::LineStart;
        (self.at, self.start) = (start, start);
    }

    /// Scans on. `Some(end)`: the empty line has been seen and ends there. `octets` and `count` bound the lines.
    ///
    /// Of several things wrong, the one at the lowest offset is told; at one offset, a limit before a bad octet.
    #[inline]
    pub(crate) fn scan<S: Scanner>(&mut self, input: &[u8], octets: usize, count: usize) -> Result<Option<usize>, Error> {
        // The lines may reach up to `bound`; only the empty line may lie beyond. So they are scanned in a window that ends
        // there.
        let bound = self.start + octets.min(LONGEST_PART);
        let window = &input[..input.len().min(bound)];
        let FieldLines { mut expected, mut at, mut colon, .. } = *self;
        // Where the line starts. Only in a line entered here can the name turn out to be empty: the
        // last call does not stop between the start of a line and the first octet of its name.
        let mut line = self.start;
        // Each turn is a line. The first one enters it where the last call left off; after that, `expected` is known
        // everywhere.
        let out_of_input = loop {
            if expected == Expected::LineStart {
                match input.get(at) {
                    None => break Expected::LineStart,
                    Some(b'\r') => {
                        at += 1;
                        expected = Expected::LastLf;
                    }
                    Some(_) if self.lines.len() >= count => {
                        return Err(Error::new(ErrorKind::TooManyFields, at));
                    }
                    Some(_) => {
                        line = at;
                        expected = Expected::Name;
                    }
                }
            }
            if expected == Expected::LastLf {
                match input.get(at) {
                    None => break Expected::LastLf,
                    Some(b'\n') => return Ok(Some(at + 1)),
                    Some(_) => return Err(Error::new(ErrorKind::BareCr, at)),
                }
            }
            if expected == Expected::Name {
                at += S::token(&window[at..]);
                match window.get(at) {
                    None => break Expected::Name,
                    Some(b':') if at > line => {}
                    Some(&octet) => return Err(self.bad_name(octet, at, at == line)),
                }
                colon = at;
                at += 1;
                expected = Expected::Value;
            }
            if expected == Expected::Value {
                at += S::value(&window[at..]);
                match window.get(at) {
                    None => break Expected::Value,
                    Some(b'\r') => {}
                    Some(b'\n') => return Err(Error::new(ErrorKind::BareLf, at)),
                    Some(_) => return Err(Error::new(ErrorKind::FieldValueOctet, at)),
                }
                at += 1;
            }
            match window.get(at) {
                None => break Expected::Lf,
                Some(b'\n') => {}
                Some(_) => return Err(Error::new(ErrorKind::BareCr, at)),
            }
            self.lines.push(Line { colon: colon as u32, cr: at as u32 - 1 });
            at += 1;
            expected = Expected::LineStart;
        };
        if at < input.len() {
            return Err(Error::new(ErrorKind::FieldsTooLong, bound));
        }
        (self.expected, self.at, self.colon) = (out_of_input, at, colon);
        Ok(None)
    }

    #[cold]
    fn bad_name(&self, octet: u8, at: usize, first: bool) -> Error {
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
    /// Where the next field's name is, and its untrimmed value.
    #[inline(always)]
    pub(crate) fn next_span(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let line = self.lines.next()?;
        let (colon, cr) = (line.colon as usize, line.cr as usize);
        let name = self.line..colon;
        self.line = cr + 2;
        Some((name, colon + 1..cr))
    }
}

/// The value within a span, without the white space around it (RFC 9110 section 5.5).
#[inline]
pub(crate) fn trimmed(input: &[u8], span: Range<usize>) -> Range<usize> {
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t');
    let Range { mut start, mut end } = span;
    while start < end && is_space(&input[start]) {
        start += 1;
    }
    while start < end && is_space(&input[end - 1]) {
        end -= 1;
    }
    start..end
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.next_span()?;
        Some((&self.input[name], &self.input[trimmed(self.input, value)]))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lines.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}
