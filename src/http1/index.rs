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
use super::scanner::{BLOCK, Carry, Classify, Lines, Positions, Scanner, TOKEN, lines, run, valid};
use super::target::{self, TargetForm};

/// Finds what is where in heads, one after the other: the parts of the request line, and the lines of the fields. What they mean
/// is for [`HeadParser`](super::HeadParser), which is this and a look at the fields that matter.
#[derive(Debug)]
pub struct HeadIndex {
    scanner: Scanner,
    part: Part,
    version: Version,
    form: TargetForm,
    /// Where parts start and end, as far as they have come.
    method: u32,
    method_end: u32,
    target_end: u32,
    fields: u32,
    /// The first octet that will be looked at again; the end of a complete head.
    at: usize,
    /// Positions noted, in settled blocks or in all of a complete head.
    count: usize,
    carry: Carry,
    positions: Positions,
    section: Section,
    started: bool,
    /// Why it was refused.
    error: Option<Error>,
}

/// What the octet at `at` is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
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

/// What came of the first block.
enum First {
    Over(Found),
    /// All of it is settled, and the fields go on.
    Settled(usize, Carry),
    /// It is not as most are, and was not looked at.
    Unusual,
}

/// Why the request line is not complete.
enum Pause {
    More,
    Wrong,
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
            error: None,
        }
    }

    /// Makes ready for the next head. The memory of up to 1024 lines is kept for it, more is given back.
    #[inline]
    pub fn reset(&mut self) {
        self.part = match self.section {
            Section::Head => Part::Start,
            Section::Fields => Part::Fields,
        };
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
            self.error = grammar::refusal(self.section, input, limits);
        }
        if self.error.is_none() {
            return Progress::More;
        }
        self.part = Part::Refused;
        Progress::Refused
    }

    /// Why it was refused.
    #[cold]
    pub(super) fn error(&self) -> Error {
        self.error.unwrap_or(Error::new(ErrorKind::Method, 0))
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
    fn end_in(&mut self, lines: Lines, at: usize, count: usize, limits: &HttpLimits) -> Found {
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

// The request line.

impl HeadIndex {
    /// Most requests are `GET /... HTTP/1.1` with all of that in the first block. Then the block is loaded once for both, the
    /// request line and the fields behind it; nothing waits for where the fields start but what is of the fields.
    #[inline(always)]
    fn first_block<C: Classify>(&mut self, by: C, input: &[u8], limits: &HttpLimits) -> First {
        const METHOD: &[u8] = b"GET ";
        const VERSION: &[u8] = b" HTTP/1.1\r\n";
        if !input.starts_with(b"GET /") || limits.method < 3 {
            return First::Unusual;
        }
        let (octets, is_whole) = match input.first_chunk() {
            Some(block) => (by.whole(block), true),
            None => (by.tail(input, 0), false),
        };
        let target_end = by.target_end(octets, METHOD.len());
        if target_end >= BLOCK && is_whole {
            (self.method, self.method_end, self.at, self.part) = (0, 3, BLOCK, Part::Target);
            return First::Unusual;
        }
        let fields = target_end + VERSION.len();
        if fields >= BLOCK || target_end - METHOD.len() > limits.target || input.get(target_end..fields) != Some(VERSION) {
            return First::Unusual;
        }
        (self.method, self.method_end, self.target_end, self.fields) = (0, 3, target_end as u32, fields as u32);
        (self.version, self.form) = (Version::Http11, TargetForm::Origin);
        let lines = lines(by.masks(octets, 0), Carry::NONE, u64::MAX << fields);
        if lines.ends != 0 {
            First::Over(self.end_in(lines, 0, 0, limits))
        } else if !is_whole {
            First::Unusual
        } else if lines.wrong != 0 {
            First::Over(Found::Doubt)
        } else {
            First::Settled(self.positions.write(0, lines.stream, 0), lines.carry)
        }
    }

    /// Goes on in the request line, and says where the first field is. What is known is kept in `self` but not read from there
    /// again: where the fields are is waited for.
    #[inline(always)]
    fn request_line<C: Classify>(&mut self, by: C, input: &[u8], limits: &HttpLimits) -> Result<usize, Pause> {
        if !matches!(self.part, Part::Target | Part::Version) {
            self.any_method(input, limits)?;
        }
        let (mut at, target) = (self.at, self.method_end as usize + 1);
        if self.part != Part::Version {
            at += target_run(by, &input[at..]);
            let is_too_long = at - target > limits.target;
            match input.get(at) {
                _ if is_too_long => return Err(Pause::Wrong),
                Some(b' ') if at > target => {}
                Some(_) => return Err(Pause::Wrong),
                None => {
                    (self.part, self.at) = (Part::Target, at);
                    return Err(Pause::More);
                }
            }
            self.target_end = at as u32;
            at += 1;
        }
        self.version = Version::Http11;
        if !input[at..].starts_with(b"HTTP/1.1\r\n") {
            self.any_version(input, at)?;
        }
        let method = &input[self.method as usize..target - 1];
        self.form = target::form(method, &input[target..at - 1]).ok_or(Pause::Wrong)?;
        self.fields = (at + 10) as u32;
        Ok(at + 10)
    }

    /// Goes on in a method, or up to it. It is short: it is looked up octet by octet.
    #[inline(never)]
    fn any_method(&mut self, input: &[u8], limits: &HttpLimits) -> Result<(), Pause> {
        if self.part == Part::Start {
            self.method = match input {
                [] | [b'\r'] => return Err(Pause::More),
                [b'\r', b'\n', ..] => 2,
                [b'\r', ..] => return Err(Pause::Wrong),
                _ => 0,
            };
            self.at = self.method as usize;
            self.part = Part::Method;
        }
        if self.part == Part::Method {
            let start = self.method as usize;
            self.at += run(&input[self.at..], TOKEN);
            let is_too_long = self.at - start > limits.method;
            match input.get(self.at) {
                _ if is_too_long => return Err(Pause::Wrong),
                Some(b' ') if self.at > start => {}
                Some(_) => return Err(Pause::Wrong),
                None => return Err(Pause::More),
            }
            self.method_end = self.at as u32;
            self.at += 1;
            self.part = Part::Target;
        }
        if matches!(self.part, Part::Target | Part::Version) { Ok(()) } else { Err(Pause::Wrong) }
    }

    #[cold]
    fn any_version(&mut self, input: &[u8], at: usize) -> Result<(), Pause> {
        (self.part, self.at) = (Part::Version, at);
        let rest = &input[at..];
        if rest.starts_with(b"HTTP/1.0\r\n") {
            self.version = Version::Http10;
            Ok(())
        } else if b"HTTP/1.1\r\n".starts_with(rest) || b"HTTP/1.0\r\n".starts_with(rest) {
            Err(Pause::More)
        } else {
            // Perhaps it is HTTP/2.0, of which only the end is missing.
            Err(Pause::Wrong)
        }
    }
}

/// How many octets at the front are of a target.
#[inline(always)]
fn target_run<C: Classify>(by: C, octets: &[u8]) -> usize {
    let mut at = 0;
    while at < octets.len() {
        let (block, length) = match octets[at..].first_chunk() {
            Some(block) => (by.whole(block), BLOCK),
            None => (by.tail(octets, at), octets.len() - at),
        };
        let end = by.target_end(block, 0);
        if end < length {
            return at + end;
        }
        at += length;
    }
    at
}
