//! The head of a request: where everything is, and what it means to the connection.
//!
//! ```text
//! parse(input, which has grown at its end since the last call):
//!     let the index find the lines                          index.rs: linear, strict, final
//!     the head is complete: judge what its fields mean      framing.rs
//! ```
//!
//! A third kind of error waits longest: meaning is judged at the end of the head, after all octets.

use super::error::Error;
use super::fields::Fields;
use super::framing::{Facts, Framing, judge};
use super::index::{HeadIndex, Progress};
use super::limits::HttpLimits;
use super::scanner::Scanner;
use super::target::TargetForm;

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
    index: HeadIndex,
    judged: bool,
    /// What the fields mean, once they were judged.
    facts: Facts,
    /// Or why they were refused.
    refused: Option<Error>,
}

impl Default for HeadParser {
    fn default() -> Self {
        Self::new()
    }
}

impl HeadParser {
    /// A parser that owns no memory yet, with the [scanner chosen](Scanner::chosen) for this process.
    pub fn new() -> Self {
        Self::with_scanner(Scanner::chosen())
    }

    /// The same, with a scanner of one's choice. The outcome does not depend on it.
    pub const fn with_scanner(scanner: Scanner) -> Self {
        let facts = Facts { framing: Framing::None, keep_alive: false, expects_continue: false };
        HeadParser { index: HeadIndex::with_scanner(scanner), judged: false, facts, refused: None }
    }

    /// Makes ready for the next message. The memory of up to 1024 lines is kept for it, more is given back.
    #[inline]
    pub fn reset(&mut self) {
        self.index.reset();
        self.judged = false;
    }

    /// Parses on. `input` starts at the first octet of the message; between two calls it may only grow.
    ///
    /// `Some(n)`: the head is the first `n` octets of `input`. `None`: it needs more. A complete head and an error are both final:
    /// the same is told until [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// A head that RFC 9112 does not allow, or that is beyond a limit; see [`ErrorKind`](super::ErrorKind).
    #[inline]
    pub fn parse(&mut self, input: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        match self.index.advance(input, limits) {
            Progress::More => Ok(None),
            Progress::Refused => Err(self.index.error()),
            Progress::Complete(end) => {
                if !self.judged {
                    self.judge(input, end, limits);
                }
                match self.refused {
                    None => Ok(Some(end)),
                    Some(error) => Err(error),
                }
            }
        }
    }

    #[inline(always)]
    fn judge(&mut self, input: &[u8], end: usize, limits: &HttpLimits) {
        let (version, form) = (self.index.version(), self.index.target_form());
        self.judged = true;
        self.refused = None;
        match judge(input, self.index.fields(input).spans(), end - 2, version, form, limits) {
            Ok(facts) => self.facts = facts,
            Err(error) => self.refused = Some(error),
        }
    }

    /// Whether octets of a request have been seen, beyond the one CRLF that may be skipped before it.
    ///
    /// A header deadline runs from the first such octet, an idle deadline until then.
    pub fn started(&self) -> bool {
        self.index.started()
    }

    /// See [`HeadIndex::settled`].
    pub fn settled(&self) -> usize {
        self.index.settled()
    }

    /// The head in `input`, which must begin with the octets parsed.
    ///
    /// # Panics
    ///
    /// If the last [`parse`](Self::parse) gave anything but `Some`.
    #[inline]
    pub fn head<'a>(&'a self, input: &'a [u8]) -> Head<'a> {
        match self.index.end() {
            Some(end) if self.judged && self.refused.is_none() => Head { parser: self, input: &input[..end] },
            _ => panic!("head() is for a head that parse() has found complete"),
        }
    }
}

/// A complete head: the positions of a [`HeadParser`], and what they mean, beside the octets they are about.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    parser: &'a HeadParser,
    input: &'a [u8],
}

impl<'a> Head<'a> {
    /// The method, as sent; methods are case-sensitive (RFC 9110 section 9.1).
    #[inline]
    pub fn method(&self) -> &'a [u8] {
        self.parser.index.method(self.input)
    }

    /// The target, as sent: its octets are not decoded and need not be UTF-8.
    #[inline]
    pub fn target(&self) -> &'a [u8] {
        self.parser.index.target(self.input)
    }

    /// The form of the target; it goes with the method.
    #[inline]
    pub fn target_form(&self) -> TargetForm {
        self.parser.index.target_form()
    }

    /// The version.
    #[inline]
    pub fn version(&self) -> Version {
        self.parser.index.version()
    }

    /// All fields, in the order they came in.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        self.parser.index.fields(self.input)
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
