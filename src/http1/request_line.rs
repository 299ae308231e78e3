//! The request line of a head, up to the first field.
//!
//! ```text
//! method SP target SP version CRLF                       RFC 9112 section 3
//! ```
//!
//! Three runs, one after the other, each entered where the last call left it. Where the line ends is waited for by all that
//! follows, and that wait is most of what a small request costs: the load of the next block would have to wait for the count of
//! zeros that found the end of the target. So there are two ways:
//!
//! 1. **Usual lines are found in the first block** ([`first_block`](HeadIndex::first_block)): `GET /... HTTP/1.1` and the fields
//!    behind it come out of one load, and what is of the line is masked out of what is of the fields.
//! 2. **All others are found run by run**, and the first block of fields starts where the line ends.

use super::head::Version;
use super::index::{Found, HeadIndex, Part};
use super::limits::HttpLimits;
use super::scanner::{BLOCK, Carry, Classify, TOKEN, lines, run};
use super::target::{self, TargetForm};

/// Why the request line is not complete.
pub(super) enum Pause {
    More,
    Wrong,
}

/// What came of the first block.
pub(super) enum First {
    Over(Found),
    /// All of it is settled: so many positions were noted, and the fields go on.
    Settled(usize, Carry),
    /// It is not as most are, and was not settled.
    Unusual,
}

impl HeadIndex {
    /// Most requests are `GET /... HTTP/1.1` with all of that in the first block. Then the block is loaded once for both, the
    /// request line and the fields behind it; nothing waits for where the fields start but what is of the fields.
    #[inline(always)]
    pub(super) fn first_block<C: Classify>(&mut self, by: C, input: &[u8], limits: &HttpLimits) -> First {
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
    pub(super) fn request_line<C: Classify>(&mut self, by: C, input: &[u8], limits: &HttpLimits) -> Result<usize, Pause> {
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
