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
    line: usize,
    /// Of colon and CR, by turns.
    positions: &'a [u32],
}

impl<'a> Fields<'a> {
    /// The fields in `input` whose first line starts at `start`.
    #[inline(always)]
    pub(super) fn new(input: &'a [u8], start: usize, positions: &'a [u32]) -> Self {
        Fields { input, line: start, positions }
    }

    /// Where the next field's name is, and its untrimmed value.
    #[inline(always)]
    pub(super) fn next_span(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let (&[colon, cr], rest) = self.positions.split_first_chunk()?;
        let (colon, cr) = (colon as usize, cr as usize);
        let name = self.line..colon;
        self.line = cr + 2;
        self.positions = rest;
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
        (self.positions.len() / 2, Some(self.positions.len() / 2))
    }
}

impl ExactSizeIterator for Fields<'_> {}
