//! The head of a request: request line and fields, parsed while it arrives, read where it lies.
//!
//! ```text
//! [ CRLF ] method SP target SP version CRLF *( field-line CRLF ) CRLF          RFC 9112 section 2.1
//!
//! parse(input, which has grown at its end since the last call):
//!     go on where the last call stopped, in the state it stopped in:
//!         let the scanner find the end of the run
//!         the input ends first: remember how far it is, ask for more
//!         the octet there ends the run rightly: remember the position, next state
//!         else: refuse
//! ```
//!
//! What this departs from the obvious in:
//!
//! 1. **Positions, not slices.** The parser owns no octet and borrows none between calls, so the caller's buffer may move and
//!    grow. [`Head`] joins the two again for as long as someone reads.
//! 2. **The outcome is a function of the octets.** An error is found at the first octet after which nothing could have made the
//!    head valid, and this octet is its offset. So a head that came in one piece is refused for the same reason as one that
//!    came octet by octet. Limits are such octets too: the first beyond the limit. To see no further than that, each run is
//!    scanned in a window that ends there.
//! 3. **Three errors wait for the end of what they are about**: version and target form for the end of the request line (in
//!    this order), meaning for the end of the head ([`framing`](super::framing)).
//! 4. **One CRLF before the request line is skipped** (RFC 9112 section 2.2: old clients send one after a body). A second one
//!    is refused.

use super::error::{Error, ErrorKind};
use super::fields::{FieldLines, Fields};
use super::framing::{Facts, Framing, judge};
use super::limits::{HttpLimits, LONGEST_PART};
use super::scanner::{Scanner, Swar};
use super::target::{self, TargetForm};

/// A version this server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 (RFC 1945).
    Http10,
    /// HTTP/1.1 (RFC 9112).
    Http11,
}

/// Parses the heads of requests, one after the other.
#[derive(Debug)]
pub struct HeadParser {
    /// Set once there is nothing more to find out.
    outcome: Option<Result<usize, Error>>,
    expected: Expected,
    /// The next octet of the request line to look at.
    at: usize,
    method: u32,
    method_end: u32,
    target_end: u32,
    version: Version,
    form: TargetForm,
    fields: FieldLines,
    facts: Facts,
}

/// What the octet at `at` is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Start,
    SkippedLf,
    Method,
    Target,
    Version,
    Fields,
}

impl Default for HeadParser {
    fn default() -> Self {
        Self::new()
    }
}

impl HeadParser {
    /// A parser that owns no memory yet.
    pub const fn new() -> Self {
        HeadParser {
            outcome: None,
            expected: Expected::Start,
            at: 0,
            method: 0,
            method_end: 0,
            target_end: 0,
            version: Version::Http11,
            form: TargetForm::Origin,
            fields: FieldLines::new(),
            facts: Facts { framing: Framing::None, keep_alive: false, expects_continue: false },
        }
    }

    /// Makes ready for the next message. The memory of up to 1024 field positions is kept for it, more is given back.
    #[inline]
    pub fn reset(&mut self) {
        self.outcome = None;
        self.expected = Expected::Start;
        self.at = 0;
        self.method = 0;
        self.fields.reset();
    }

    /// Parses on. `input` starts at the first octet of the message; between two calls it may only grow.
    ///
    /// `Some(n)`: the head is the first `n` octets of `input`. `None`: it needs more. A complete head and an error are both final:
    /// the same is told until [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// A head that RFC 9112 does not allow, or that is beyond a limit; see [`ErrorKind`].
    #[inline]
    pub fn parse(&mut self, input: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        self.parse_with::<Swar>(input, limits)
    }

    /// [`parse`](Self::parse) with a scanner of one's choice. The outcome does not depend on it.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    #[inline]
    pub fn parse_with<S: Scanner>(&mut self, input: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        if self.outcome.is_none() {
            self.outcome = self.advance::<S>(input, limits).transpose();
        }
        self.outcome.transpose()
    }

    /// Whether octets of a request have been seen, beyond the one CRLF that may be skipped before it.
    ///
    /// A header deadline runs from the first such octet, an idle deadline until then.
    pub fn started(&self) -> bool {
        match self.expected {
            Expected::Start | Expected::SkippedLf => false,
            Expected::Method => self.at > self.method as usize,
            _ => true,
        }
    }

    /// The head in `input`, which must begin with the octets parsed.
    ///
    /// # Panics
    ///
    /// If the last [`parse`](Self::parse) gave anything but `Some`.
    #[inline]
    pub fn head<'a>(&'a self, input: &'a [u8]) -> Head<'a> {
        match self.outcome {
            Some(Ok(end)) => Head { parser: self, input: &input[..end] },
            _ => panic!("head() is for a head that parse() has found complete"),
        }
    }

    #[inline]
    fn advance<S: Scanner>(&mut self, input: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        if self.expected != Expected::Fields {
            if !self.request_line::<S>(input, limits)? {
                return Ok(None);
            }
            self.fields.begin(self.at);
            self.expected = Expected::Fields;
        }
        let Some(end) = self.fields.scan::<S>(input, limits.fields_octets, limits.fields)? else {
            return Ok(None);
        };
        self.facts = judge(input, self.fields.fields(input), end - 2, self.version, self.form, limits)?;
        Ok(Some(end))
    }

    /// Whether the request line is complete. Enters it where the last call left off.
    #[inline]
    fn request_line<S: Scanner>(&mut self, input: &[u8], limits: &HttpLimits) -> Result<bool, Error> {
        if self.expected == Expected::Start {
            match input.first() {
                None => return Ok(false),
                Some(b'\r') => {
                    self.at = 1;
                    self.expected = Expected::SkippedLf;
                }
                Some(_) => self.expected = Expected::Method,
            }
        }
        if self.expected == Expected::SkippedLf {
            match input.get(1) {
                None => return Ok(false),
                Some(b'\n') => {}
                Some(_) => return Err(Error::new(ErrorKind::BareCr, 1)),
            }
            (self.at, self.method) = (2, 2);
            self.expected = Expected::Method;
        }
        if self.expected == Expected::Method {
            let start = self.method as usize;
            let bound = start + limits.method.min(LONGEST_PART);
            let at = self.at + S::token(&window(input, bound)[self.at..]);
            self.at = at;
            match input.get(at) {
                _ if at > bound => return Err(Error::new(ErrorKind::MethodTooLong, bound)),
                None => return Ok(false),
                Some(b' ') if at > start => {}
                Some(b'\n') => return Err(Error::new(ErrorKind::BareLf, at)),
                Some(_) => return Err(Error::new(ErrorKind::Method, at)),
            }
            self.method_end = at as u32;
            self.at = at + 1;
            self.expected = Expected::Target;
        }
        if self.expected == Expected::Target {
            let start = self.method_end as usize + 1;
            let bound = start + limits.target.min(LONGEST_PART);
            let at = self.at + S::target(&window(input, bound)[self.at..]);
            self.at = at;
            match input.get(at) {
                _ if at > bound => return Err(Error::new(ErrorKind::TargetTooLong, bound)),
                None => return Ok(false),
                Some(b'\n') => return Err(Error::new(ErrorKind::BareLf, at)),
                Some(b' ' | b'\r') if at == start => {
                    return Err(Error::new(ErrorKind::TargetEmpty, at));
                }
                Some(b' ') => {}
                Some(b'\r') => return Err(Error::new(ErrorKind::VersionMalformed, at)),
                Some(_) => return Err(Error::new(ErrorKind::TargetOctet, at)),
            }
            self.target_end = at as u32;
            self.at = at + 1;
            self.expected = Expected::Version;
        }
        self.version(input)
    }

    /// The rest of the request line, and what can be judged at its end. Whether the line is complete.
    #[inline]
    fn version(&mut self, input: &[u8]) -> Result<bool, Error> {
        let start = self.target_end as usize + 1;
        if input[start..].starts_with(b"HTTP/1.1\r\n") {
            self.version = Version::Http11;
            self.at = start + 10;
        } else if !self.uncommon_version(input, start)? {
            return Ok(false);
        }
        let target = self.method_end as usize + 1;
        let method = &input[self.method as usize..self.method_end as usize];
        self.form =
            target::form(method, &input[target..self.target_end as usize]).ok_or(Error::new(ErrorKind::TargetForm, target))?;
        Ok(true)
    }

    #[cold]
    fn uncommon_version(&mut self, input: &[u8], start: usize) -> Result<bool, Error> {
        const SHAPE: &[u8; 10] = b"HTTP/d.d\r\n";
        while let Some(&shape) = SHAPE.get(self.at - start) {
            let Some(&octet) = input.get(self.at) else {
                return Ok(false);
            };
            let fits = if shape == b'd' { octet.is_ascii_digit() } else { octet == shape };
            if !fits {
                let kind = match (octet, shape) {
                    (_, b'\n') => ErrorKind::BareCr,
                    (b'\n', _) => ErrorKind::BareLf,
                    _ => ErrorKind::VersionMalformed,
                };
                return Err(Error::new(kind, self.at));
            }
            self.at += 1;
        }
        self.version = match &input[start + 5..start + 8] {
            b"1.1" => Version::Http11,
            b"1.0" => Version::Http10,
            _ => return Err(Error::new(ErrorKind::VersionUnsupported, start)),
        };
        Ok(true)
    }
}

/// The input up to the octet at `bound`, which is the first too many.
#[inline(always)]
fn window(input: &[u8], bound: usize) -> &[u8] {
    &input[..input.len().min(bound + 1)]
}

/// A complete head: the positions of a [`HeadParser`] beside the octets they are about.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    parser: &'a HeadParser,
    input: &'a [u8],
}

impl<'a> Head<'a> {
    /// The method, as sent; methods are case-sensitive (RFC 9110 section 9.1).
    #[inline]
    pub fn method(&self) -> &'a [u8] {
        &self.input[self.parser.method as usize..self.parser.method_end as usize]
    }

    /// The target, as sent: its octets are not decoded and need not be UTF-8.
    #[inline]
    pub fn target(&self) -> &'a [u8] {
        &self.input[self.parser.method_end as usize + 1..self.parser.target_end as usize]
    }

    /// The form of the target; it goes with the method.
    #[inline]
    pub fn target_form(&self) -> TargetForm {
        self.parser.form
    }

    /// The version.
    #[inline]
    pub fn version(&self) -> Version {
        self.parser.version
    }

    /// All fields, in the order they came in.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        self.parser.fields.fields(self.input)
    }

    /// The values of all fields of that name, whatever its case, in the order they came in.
    pub fn field<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Where the body ends.
    #[inline]
    pub fn framing(&self) -> Framing {
        self.parser.facts.framing
    }

    /// Whether the client would have the connection stay open after the answer (RFC 9112 section 9.3): in 1.1 unless Connection
    /// says `close`, in 1.0 only if it says `keep-alive` and not `close`.
    #[inline]
    pub fn keep_alive(&self) -> bool {
        self.parser.facts.keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends its body (RFC 9110 section 10.1.1). Never so in HTTP/1.0,
    /// nor without a body.
    #[inline]
    pub fn expects_continue(&self) -> bool {
        self.parser.facts.expects_continue
    }
}
