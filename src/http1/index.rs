//! Where everything is in the head of a request: found while it arrives, read where it lies.
//!
//! ```text
//! parse(input, which has grown at its end since the last call):
//!     for each block from the first that is not settled:
//!         classify it
//!         the request line goes on here: find the ends of its parts, where each must end rightly
//!         find the lines in the block; something is wrong: let the grammar say what
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

use super::error::Error;
use super::fields::Fields;
use super::grammar::{self, Section};
use super::head::Version;
use super::limits::{HttpLimits, LONGEST_PART};
use super::scanner::{BLOCK, Carry, Classify, Masks, Positions, Scanner, lines, valid};
use super::target::{self, TargetForm};

/// Finds what is where in heads, one after the other: the parts of the request line, and the lines of the fields. What they mean
/// is for [`HeadParser`](super::HeadParser), which is this and a look at the fields that matter.
#[derive(Debug)]
pub struct HeadIndex {
    scanner: Scanner,
    /// What there is: the head of a request, or field lines alone.
    section: Section,
    /// Set once there is nothing more to find out.
    outcome: Option<Result<usize, Error>>,
    /// At the first octet that will be looked at again; once the head is complete, at its end.
    state: State,
    positions: Positions,
    started: bool,
    examined: usize,
}

/// What is known at the start of a block.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The first octet of the block.
    base: usize,
    part: Part,
    version: Version,
    form: TargetForm,
    /// Where parts start and end, as far as they have come.
    method: u32,
    method_end: u32,
    target_end: u32,
    fields: u32,
    /// Positions noted.
    count: usize,
    carry: Carry,
}

/// What the first octet of a block is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Method,
    Target,
    Version,
    Fields,
}

/// What came of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The head ends there.
    Complete(usize),
    /// There is nothing wrong with what is there.
    More,
    /// It is wrong, or may be beyond a limit: the grammar knows.
    Doubtful,
}

/// What came of looking for the end of the request line.
enum Line {
    Ended,
    GoesOn,
    Wrong,
}

/// More octets than any head within [`LONGEST_PART`] has, and few enough for their positions.
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
        let state = State::new(section);
        HeadIndex { scanner, section, outcome: None, state, positions: Positions::new(), started: false, examined: 0 }
    }

    /// Makes ready for the next head. The memory of up to 1024 lines is kept for it, more is given back.
    #[inline]
    pub fn reset(&mut self) {
        self.outcome = None;
        self.state = State::new(self.section);
        self.started = false;
        self.examined = 0;
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
        if let Some(outcome) = self.outcome {
            return outcome.map(Some);
        }
        match self.scanner.run(self, input, limits) {
            Progress::Complete(end) => {
                self.outcome = Some(Ok(end));
                Ok(Some(end))
            }
            Progress::More => {
                self.started = !matches!(input, [] | [b'\r'] | [b'\r', b'\n']);
                Ok(None)
            }
            Progress::Doubtful => self.doubt(input, limits),
        }
    }

    #[cold]
    fn doubt(&mut self, input: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        self.examined += 2 * input.len();
        match grammar::refusal(self.section, input, limits) {
            Some(error) => {
                self.outcome = Some(Err(error));
                Err(error)
            }
            None => Ok(None),
        }
    }

    /// Whether octets of a request have been seen, beyond the one CRLF that may be skipped before it.
    pub fn started(&self) -> bool {
        self.started || self.outcome.is_some()
    }

    /// How many octets have been looked at since the last [`reset`](Self::reset), those that were looked at again counted again:
    /// what a test of linear time counts.
    pub fn examined(&self) -> usize {
        self.examined
    }

    /// The method in `input`, which must begin with the octets parsed; so in the functions below. They mean nothing before the
    /// head is complete.
    #[inline]
    pub fn method<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[self.state.method as usize..self.state.method_end as usize]
    }

    /// The target.
    #[inline]
    pub fn target<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[self.state.method_end as usize + 1..self.state.target_end as usize]
    }

    /// The form of the target.
    #[inline]
    pub fn target_form(&self) -> TargetForm {
        self.state.form
    }

    /// The version.
    #[inline]
    pub fn version(&self) -> Version {
        self.state.version
    }

    /// The fields, in the order they came in.
    #[inline]
    pub fn fields<'a>(&'a self, input: &'a [u8]) -> Fields<'a> {
        Fields::new(input, self.state.fields as usize, self.positions.first(self.state.count))
    }
}

impl Default for HeadIndex {
    fn default() -> Self {
        Self::new()
    }
}

// Blocks.

impl HeadIndex {
    /// Looks at all blocks that are not settled. The scanners call this, so that it is compiled for each of them.
    #[inline(always)]
    pub(super) fn run<C: Classify>(&mut self, by: C, input: &[u8], limits: &HttpLimits) -> Progress {
        let input = &input[..input.len().min(LONGEST_HEAD)];
        let begun_at = self.state.base;
        let mut state = self.state;
        while let Some(block) = input[state.base..].first_chunk::<BLOCK>() {
            let octets = by.whole(block);
            match state.block(by, octets, u64::MAX, input, limits, &mut self.positions) {
                Progress::More => {}
                Progress::Complete(end) => {
                    self.examined += state.base + BLOCK - begun_at;
                    return self.complete(state, end, limits);
                }
                Progress::Doubtful => return Progress::Doubtful,
            }
            state.base += BLOCK;
        }
        if state.base != begun_at {
            self.state = state;
        }
        self.examined += input.len() - begun_at;
        let left = input.len() - state.base;
        if left > 0 {
            let octets = by.tail(input, state.base);
            match state.block(by, octets, valid(left), input, limits, &mut self.positions) {
                Progress::More => {}
                Progress::Complete(end) => return self.complete(state, end, limits),
                Progress::Doubtful => return Progress::Doubtful,
            }
        }
        if state.may_be_beyond(input.len(), limits) { Progress::Doubtful } else { Progress::More }
    }

    #[inline(always)]
    fn complete(&mut self, state: State, end: usize, limits: &HttpLimits) -> Progress {
        self.state = state;
        let octets = end - 2 - state.fields as usize;
        if octets > longest(limits.fields_octets) || state.count / 2 > limits.fields {
            return Progress::Doubtful;
        }
        Progress::Complete(end)
    }
}

/// A limit, or what is taken for it.
#[inline(always)]
fn longest(limit: usize) -> usize {
    limit.min(LONGEST_PART)
}

impl State {
    const fn new(section: Section) -> Self {
        let part = match section {
            Section::Head => Part::Method,
            Section::Fields => Part::Fields,
        };
        State {
            base: 0,
            part,
            version: Version::Http11,
            form: TargetForm::Origin,
            method: 0,
            method_end: 0,
            target_end: 0,
            fields: 0,
            count: 0,
            carry: Carry { start: matches!(section, Section::Fields) as u64, cr: 0, empty: 0, name: 0 },
        }
    }

    /// Looks at the block at `base`, of which the octets are there that `there` has bits for.
    #[inline(always)]
    fn block<C: Classify>(
        &mut self,
        by: C,
        octets: C::Octets<'_>,
        there: u64,
        input: &[u8],
        limits: &HttpLimits,
        positions: &mut Positions,
    ) -> Progress {
        let masks = by.masks(octets, self.runs(input));
        let mut from = u64::MAX;
        if self.part != Part::Fields {
            match self.request_line(by, octets, &masks, there, input, limits) {
                Line::Ended => {}
                Line::GoesOn => {
                    self.carry.start = masks.lf >> 63;
                    self.carry.cr = masks.cr >> 63;
                    return Progress::More;
                }
                Line::Wrong => return Progress::Doubtful,
            }
        }
        if self.fields as usize > self.base {
            from = from.checked_shl(self.fields - self.base as u32).unwrap_or(0);
        }
        let lines = lines(&masks, self.carry, from);
        if lines.ends != 0 {
            // All up to and including the lowest bit.
            let head = lines.ends ^ (lines.ends - 1);
            if lines.wrong & head != 0 {
                return Progress::Doubtful;
            }
            self.count = positions.write(self.count, lines.stream & head, self.base);
            return Progress::Complete(self.base + lines.ends.trailing_zeros() as usize + 1);
        }
        if lines.wrong & there != 0 || self.count / 2 > limits.fields {
            return Progress::Doubtful;
        }
        self.count = positions.write(self.count, lines.stream & there, self.base);
        self.carry = lines.carry;
        Progress::More
    }

    /// Where in this block a method or name goes on, or starts without a LF before it.
    #[inline(always)]
    fn runs(&self, input: &[u8]) -> u64 {
        if self.part == Part::Method && self.base == 0 {
            return if input.starts_with(b"\r") { 0b100 } else { 1 };
        }
        u64::from(self.part == Part::Method) | self.carry.start | self.carry.name
    }

    /// Whether what is there of the fields, without their end, may be beyond a limit. At the limit, it may be or not.
    #[inline(always)]
    fn may_be_beyond(&self, end: usize, limits: &HttpLimits) -> bool {
        let fields = self.fields as usize;
        self.part == Part::Fields && (end > fields + longest(limits.fields_octets) || self.count / 2 >= limits.fields)
    }
}

// The request line.

impl State {
    /// Goes on with the request line in a block. When it has ended, `fields` is where the first field starts, perhaps in the next
    /// block.
    #[inline(always)]
    fn request_line<C: Classify>(
        &mut self,
        by: C,
        octets: C::Octets<'_>,
        masks: &Masks,
        there: u64,
        input: &[u8],
        limits: &HttpLimits,
    ) -> Line {
        let end = (self.base + BLOCK).min(input.len());
        if self.part == Part::Method {
            let mut from = there;
            if self.base == 0 {
                if input[0] == b'\r' {
                    match input {
                        [_, b'\n', ..] => self.method = 2,
                        [_] => return Line::GoesOn,
                        _ => return Line::Wrong,
                    }
                }
                from &= u64::MAX << self.method;
            }
            let stops = !masks.token & from;
            let run = from & (stops ^ stops.wrapping_sub(1));
            let stop = if stops == 0 { end } else { self.base + stops.trailing_zeros() as usize };
            let length = stop - self.method as usize;
            if masks.bad & run != 0 || length > longest(limits.method) {
                return Line::Wrong;
            }
            if stops == 0 {
                return Line::GoesOn;
            }
            if input[stop] != b' ' || length == 0 {
                return Line::Wrong;
            }
            self.method_end = stop as u32;
            self.part = Part::Target;
        }
        if self.part == Part::Target {
            let target = self.method_end as usize + 1;
            let mut from = there;
            if target > self.base {
                from &= u64::MAX.checked_shl((target - self.base) as u32).unwrap_or(0);
            }
            let stops = by.target_ends(octets) & from;
            let stop = if stops == 0 { end } else { self.base + stops.trailing_zeros() as usize };
            let length = stop.saturating_sub(target);
            if length > longest(limits.target) {
                return Line::Wrong;
            }
            if stops == 0 {
                return Line::GoesOn;
            }
            if input[stop] != b' ' || length == 0 {
                return Line::Wrong;
            }
            self.target_end = stop as u32;
            self.part = Part::Version;
        }
        self.version(input)
    }

    #[inline(always)]
    fn version(&mut self, input: &[u8]) -> Line {
        let start = self.target_end as usize + 1;
        let rest = &input[start..];
        if !rest.starts_with(b"HTTP/1.1\r\n") {
            match uncommon_version(rest) {
                Line::Ended => self.version = Version::Http10,
                other => return other,
            }
        }
        let method = &input[self.method as usize..self.method_end as usize];
        let Some(form) = target::form(method, &input[self.method_end as usize + 1..start - 1]) else {
            return Line::Wrong;
        };
        self.form = form;
        self.fields = start as u32 + 10;
        self.part = Part::Fields;
        Line::Ended
    }
}

#[cold]
fn uncommon_version(rest: &[u8]) -> Line {
    if rest.starts_with(b"HTTP/1.0\r\n") {
        Line::Ended
    } else if b"HTTP/1.1\r\n".starts_with(rest) || b"HTTP/1.0\r\n".starts_with(rest) {
        Line::GoesOn
    } else {
        // Perhaps it is HTTP/2.0, of which only the end is missing.
        Line::Wrong
    }
}
