//! Where everything is in the head of a request: found while it arrives, read where it lies.
//!
//! ```text
//! parse(input, which has grown at its end since the last call):
//!     the request line, if it has not ended:
//!         go on where the last call stopped: each part is a run, and what ends it must be right
//!     for each block of the fields from the first that is not settled:
//!         classify it, find the lines in it
//!         something is wrong: let the grammar say what
//!         the head ends here: that was it
//!         note the positions; a whole block is settled
//!     ask for more
//! ```
//!
//! 1. **Positions, not slices.** The index owns no octet and borrows none between calls, so the caller's buffer may move and grow.
//! 2. **The outcome is a function of the octets.** An error is found at the first octet after which nothing could have made the
//!    head valid, and this octet is its offset. So a head that came in one piece is refused for the same reason as one that came
//!    octet by octet. Limits are such octets too: the first beyond the limit.
//! 3. **The unfinished block at the end is tried, not settled.** All of its octets that are there are judged, so errors are found
//!    at once; the next call forgets that and starts from the settled state.
//! 4. **One CRLF before the request line is skipped** (RFC 9112 section 2.2: old clients send one after a body). A second one is
//!    refused.

use super::error::{Error, ErrorKind};
use super::fields::Fields;
use super::grammar::{self, Section};
use super::head::Version;
use super::limits::{HttpLimits, LONGEST_PART};
use super::request_line::{First, Pause};
use super::scanner::{BLOCK, Carry, Classify, Lines, Positions, Scanner, lines, valid};
use super::target::TargetForm;

/// Finds what is where in heads, one after the other: the parts of the request line, and the lines of the fields. What they mean
/// is for [`HeadParser`](super::HeadParser), which is this and a look at the fields that matter.
#[derive(Debug)]
pub struct HeadIndex {
    scanner: Scanner,
    pub(super) part: Part,
    pub(super) version: Version,
    pub(super) form: TargetForm,
    /// Where parts start and end, as far as they have come.
    pub(super) method: u32,
    pub(super) method_end: u32,
    pub(super) target_end: u32,
    pub(super) fields: u32,
    /// The first octet that will be looked at again; the end of a complete head.
    pub(super) at: usize,
    /// Positions noted, in settled blocks or in all of a complete head.
    pub(super) count: usize,
    pub(super) carry: Carry,
    pub(super) positions: Positions,
    section: Section,
    started: bool,
    /// Why it was refused, if it was.
    error: Error,
}

/// What the octet at `at` is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Start,
    Method,
    Target,
    Version,
    Fields,
    /// There is nothing more to find out.
    Complete,
    Refused,
}

/// What came of parsing on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The head ends there.
    Complete(usize),
    /// There is nothing wrong with what is there.
    More,
    Refused,
}

/// What came of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The head ends there.
    Complete(usize),
    /// There is nothing wrong with what is there.
    More,
    /// It is wrong, or may be beyond a limit: the grammar knows.
    Doubt,
}

/// More octets than any head has whose parts are within [`LONGEST_PART`], and few enough for their positions.
const LONGEST_HEAD: usize = 3 * LONGEST_PART + 64;

impl HeadIndex {
    /// An index that owns no memory yet, with the [scanner chosen](Scanner::chosen) for this process.
    pub fn new() -> Self {
        Self::with_scanner(Scanner::chosen())
    }

    /// The same, with a scanner of one's choice. What is found does not depend on it.
    pub const fn with_scanner(scanner: Scanner) -> Self {
        Self::of(Section::Head, scanner)
    }

    /// An index of field lines without a request line: trailers.
    pub(super) fn of_fields() -> Self {
        Self::of(Section::Fields, Scanner::chosen())
    }

    const fn of(section: Section, scanner: Scanner) -> Self {
        HeadIndex {
            scanner,
            part: match section {
                Section::Head => Part::Start,
                Section::Fields => Part::Fields,
            },
            version: Version::Http11,
            form: TargetForm::Origin,
            method: 0,
            method_end: 0,
            target_end: 0,
            fields: 0,
            at: 0,
            count: 0,
            carry: Carry::LINE_START,
            positions: Positions::new(),
            section,
            started: false,
            error: Error { kind: ErrorKind::Method, offset: 0 },
        }
    }

    /// Makes ready for the next head. The memory of up to 1024 lines is kept for it, more is given back.
    #[inline]
    pub fn reset(&mut self) {
        self.part = Part::Start;
        if self.section == Section::Fields {
            (self.part, self.count, self.carry) = (Part::Fields, 0, Carry::LINE_START);
        }
        self.at = 0;
        self.started = false;
        self.positions.shrink();
    }

    /// Goes on. `input` starts at the first octet of the message; between two calls it may only grow.
    ///
    /// `Some(n)`: the head is the first `n` octets of `input`. `None`: it needs more. A complete head and an error are both final:
    /// the same is told until [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// Octets, a version or a target form that RFC 9112 does not allow, or a part beyond its limit.
    #[inline]
    pub fn parse(&mut self, input: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        match self.advance(input, limits) {
            Progress::Complete(end) => Ok(Some(end)),
            Progress::More => Ok(None),
            Progress::Refused => Err(self.error()),
        }
    }

    /// The same; why it is refused is kept.
    #[inline(always)]
    pub(super) fn advance(&mut self, input: &[u8], limits: &HttpLimits) -> Progress {
        if input.len() > LONGEST_PART {
            return self.advance_long(input, limits);
        }
        match self.scanner.run(self, input, limits) {
            Found::Complete(end) => Progress::Complete(end),
            Found::More => {
                self.started = !matches!(input, [] | [b'\r'] | [b'\r', b'\n']);
                Progress::More
            }
            Found::Doubt => self.doubt(input, limits),
        }
    }

    /// Positions must have their place in 32 bits, however generous the limits.
    #[cold]
    fn advance_long(&mut self, input: &[u8], limits: &HttpLimits) -> Progress {
        let longest = |limit: usize| limit.min(LONGEST_PART);
        let (method, target, fields_octets) = (longest(limits.method), longest(limits.target), longest(limits.fields_octets));
        let limits = HttpLimits { method, target, fields_octets, ..*limits };
        let input = &input[..input.len().min(LONGEST_HEAD)];
        match self.scanner.run(self, input, &limits) {
            Found::Complete(end) => Progress::Complete(end),
            Found::More | Found::Doubt => self.doubt(input, &limits),
        }
    }

    #[cold]
    fn doubt(&mut self, input: &[u8], limits: &HttpLimits) -> Progress {
        self.started = true;
        if self.part != Part::Refused {
            match grammar::refusal(self.section, input, limits) {
                Some(error) => (self.part, self.error) = (Part::Refused, error),
                None => return Progress::More,
            }
        }
        Progress::Refused
    }

    /// Why it was refused.
    #[cold]
    pub(super) fn error(&self) -> Error {
        self.error
    }

    /// Whether octets of a request have been seen, beyond the one CRLF that may be skipped before it.
    pub fn started(&self) -> bool {
        self.started || self.part == Part::Complete
    }

    /// The next call looks at no octet before this one again: what a test of linear time counts. (What is refused is read once
    /// more, from its start.)
    pub fn settled(&self) -> usize {
        self.at
    }

    /// The end of the head, once that is complete.
    #[inline]
    pub(super) fn end(&self) -> Option<usize> {
        (self.part == Part::Complete).then_some(self.at)
    }

    /// The method in `input`, which must begin with the octets parsed; so in the functions below. They mean nothing before the
    /// head is complete.
    #[inline]
    pub fn method<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[self.method as usize..self.method_end as usize]
    }

    /// The target.
    #[inline]
    pub fn target<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[self.method_end as usize + 1..self.target_end as usize]
    }

    /// The form of the target.
    #[inline]
    pub fn target_form(&self) -> TargetForm {
        self.form
    }

    /// The version.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The fields, in the order they came in.
    #[inline]
    pub fn fields<'a>(&'a self, input: &'a [u8]) -> Fields<'a> {
        Fields::new(input, self.fields as usize, self.positions.first(self.count))
    }
}

impl Default for HeadIndex {
    fn default() -> Self {
        Self::new()
    }
}

// Blocks of fields.

impl HeadIndex {
    /// Goes on, with one form of the scanner. Those call it, so that it is compiled for each of them.
    #[inline(always)]
    pub(super) fn run<C: Classify>(&mut self, by: C, input: &[u8], limits: &HttpLimits) -> Found {
        if self.part == Part::Start {
            match self.first_block(by, input, limits) {
                First::Over(found) => return found,
                First::Settled(count, carry) => return self.blocks(by, input, limits, (BLOCK, count, carry)),
                First::Unusual => {}
            }
        }
        let settled = if self.part == Part::Fields {
            (self.at, self.count, self.carry)
        } else {
            match self.request_line(by, input, limits) {
                Ok(fields) => (fields, 0, Carry::LINE_START),
                Err(Pause::More) => return Found::More,
                Err(Pause::Wrong) => return self.end().map_or(Found::Doubt, Found::Complete),
            }
        };
        self.blocks(by, input, limits, settled)
    }

    /// Looks at blocks of fields, from the first that is not settled: where it is, how many positions were noted before it, and
    /// what reaches into it.
    #[inline(always)]
    fn blocks<C: Classify>(
        &mut self,
        by: C,
        input: &[u8],
        limits: &HttpLimits,
        (mut at, mut count, mut carry): (usize, usize, Carry),
    ) -> Found {
        // ANCHOR: blocks
        while let Some(block) = input[at..].first_chunk::<BLOCK>() {
            let lines = lines(by.masks(by.whole(block), carry.runs()), carry, u64::MAX);
            if lines.ends != 0 {
                return self.end_in(lines, at, count, limits);
            }
            if lines.wrong != 0 {
                return Found::Doubt;
            }
            count = self.positions.write(count, lines.stream, at);
            carry = lines.carry;
            at += BLOCK;
        }
        (self.part, self.at, self.count, self.carry) = (Part::Fields, at, count, carry);
        // ANCHOR_END: blocks
        let left = input.len() - at;
        if left > 0 {
            let lines = lines(by.masks(by.tail(input, at), carry.runs()), carry, u64::MAX);
            if lines.ends != 0 {
                return self.end_in(lines, at, count, limits);
            }
            if lines.wrong & valid(left) != 0 {
                return Found::Doubt;
            }
            count += (lines.stream & valid(left)).count_ones() as usize;
        }
        // At the limit it may be beyond it or not.
        let octets = input.len() - self.fields as usize;
        if octets > limits.fields_octets || count / 2 >= limits.fields { Found::Doubt } else { Found::More }
    }

    /// The head ends in the block at `at`.
    #[inline(always)]
    pub(super) fn end_in(&mut self, lines: Lines, at: usize, count: usize, limits: &HttpLimits) -> Found {
        // All up to and including the lowest bit.
        let head = lines.ends ^ (lines.ends - 1);
        let end = at + lines.ends.trailing_zeros() as usize + 1;
        let count = self.positions.write(count, lines.stream & head, at);
        let octets = end - 2 - self.fields as usize;
        if lines.wrong & head != 0 || octets > limits.fields_octets || count / 2 > limits.fields {
            return Found::Doubt;
        }
        (self.at, self.count, self.part) = (end, count, Part::Complete);
        Found::Complete(end)
    }
}
