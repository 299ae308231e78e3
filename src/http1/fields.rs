//! How field lines are read. The head and the trailers of a chunked body are both made of them.
//!
//! ```text
//! *( name ":" OWS value OWS CRLF ) CRLF           RFC 9112 section 5, with a name and without folding
//! ```
//!
//! Nothing is copied and nothing is borrowed while the octets arrive: a line is two positions, its colon and its CR. It starts
//! where the line before ended. Names, values and their trimming are computed when someone looks.

use std::ops::Range;

/// Fields in the order of their lines: pairs of name and value, as slices of the octets received.
///
/// Names come as they were sent and compare without regard to case ([`slice::eq_ignore_ascii_case`]); values come without the
/// spaces and tabs around them, may be empty, and may hold any octet but controls (HTAB is allowed) and DEL: they need not be
/// UTF-8 (RFC 9110 section 5.5).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    input: &'a [u8],
    spans: Spans<'a>,
}

impl<'a> Fields<'a> {
    /// The fields in `input` whose first line starts at `start`.
    #[inline(always)]
    pub(super) fn new(input: &'a [u8], start: usize, positions: &'a [u32]) -> Self {
        Fields { input, spans: Spans { line: start, positions } }
    }

    /// Where they are, instead of what they are.
    #[inline(always)]
    pub fn spans(self) -> Spans<'a> {
        self.spans
    }
}

/// Where fields are in the octets received: pairs of the range of the name and the range of the value, with the white space that
/// may be around it.
#[derive(Clone, Debug)]
pub struct Spans<'a> {
    line: usize,
    /// Of colon and CR, by turns.
    positions: &'a [u32],
}

impl Iterator for Spans<'_> {
    type Item = (Range<usize>, Range<usize>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (&[colon, cr], rest) = self.positions.split_first_chunk()?;
        let (colon, cr) = (colon as usize, cr as usize);
        let name = self.line..colon;
        self.line = cr + 2;
        self.positions = rest;
        Some((name, colon + 1..cr))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.positions.len() / 2, Some(self.positions.len() / 2))
    }
}

/// A value without the white space around it (RFC 9110 section 5.5).
#[inline(always)]
pub(super) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.spans.next()?;
        Some((&self.input[name], trimmed(&self.input[value])))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}
