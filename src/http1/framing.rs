//! What the fields of a complete head mean to the connection: where the body ends, and whether another request may follow.
//!
//! ```text
//! judge(fields):
//!     one pass: remember what Host, Content-Length, Transfer-Encoding, Connection and Expect say
//!     then refuse, in this order:
//!         Host                 missing (1.1 only), repeated, malformed
//!         Content-Length       repeated, malformed
//!         Transfer-Encoding    in 1.0, beside Content-Length, malformed, chunked not final (400), another before it (501)
//!         the body             longer than the limit (413)
//!         Expect               anything but 100-continue (417)
//! ```
//!
//! The order is part of the contract: a head that breaks several rules is always refused for the same one.
//!
//! A choice where the RFC leaves one: a repeated Content-Length is refused even if all values agree, and so is the list `5, 5`
//! (RFC 9110 section 8.6 allows either). Whoever sends one has a broken intermediary in between. Empty members of lists, though,
//! are ignored even in Transfer-Encoding (`chunked,`, or an empty line beside another): RFC 9110 section 5.6.1.2 demands it. Where
//! no member is left in all its lines, chunked is not the final one.

use super::error::{Error, ErrorKind};
use super::fields::trimmed;
use super::head::Version;
use super::limits::HttpLimits;
use super::target::{Authority, TargetForm};
use std::ops::Range;

/// Where the body of a request ends (RFC 9112 section 6.3; a request's body never ends with the connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// The body is that many octets (perhaps none).
    Length(u64),
    /// The body comes in chunks, for [`ChunkedDecoder`](super::ChunkedDecoder).
    Chunked,
}

/// What [`judge`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Where the body ends.
    pub framing: Framing,
    /// See [`Head::keep_alive`](super::Head::keep_alive).
    pub keep_alive: bool,
    /// See [`Head::expects_continue`](super::Head::expects_continue).
    pub expects_continue: bool,
}

/// Judges the fields of a head in `input` whose empty line starts at `end`. Each field is where its name is and where its value
/// is, with the white space around it or without; they must be such as [`HeadIndex`](super::HeadIndex) takes.
///
/// # Errors
///
/// What the table above says, at the offset of the value concerned.
#[inline]
pub fn judge(
    input: &[u8],
    fields: impl Iterator<Item = (Range<usize>, Range<usize>)>,
    end: usize,
    version: Version,
    form: TargetForm,
    limits: &HttpLimits,
) -> Result<Facts, Error> {
    let mut noted = Noted::default();
    noted.all(input, fields);

    let host = noted.host.one(ErrorKind::HostRepeated)?;
    match host {
        None if version == Version::Http10 => {}
        None => return Err(Error::new(ErrorKind::HostMissing, end)),
        Some(value) => check_host(input, value, form)?,
    }

    let length = match noted.length.one(ErrorKind::ContentLengthRepeated)? {
        None => None,
        Some(value) => {
            let at = value.start;
            let length = decimal(&input[value]).ok_or(Error::new(ErrorKind::ContentLengthMalformed, at))?;
            Some((length, at))
        }
    };

    let framing = match (noted.codings, length) {
        (None, None) => Framing::None,
        (None, Some((length, at))) if length > limits.body => {
            return Err(Error::new(ErrorKind::BodyTooLarge, at));
        }
        (None, Some((length, _))) => Framing::Length(length),
        (Some(codings), _) => {
            let refused = |kind| Err(Error::new(kind, codings.at));
            if version == Version::Http10 {
                return refused(ErrorKind::TransferEncodingInHttp10);
            }
            if length.is_some() {
                return refused(ErrorKind::LengthAndTransferEncoding);
            }
            match codings.verdict() {
                Ok(()) => Framing::Chunked,
                Err(kind) => return refused(kind),
            }
        }
    };

    // RFC 9110 section 10.1.1: an HTTP/1.0 expectation is ignored, and there is nothing to continue with where there is no
    // body.
    let may_expect = version == Version::Http11;
    if let (true, Some(at)) = (may_expect, noted.unknown_expectation) {
        return Err(Error::new(ErrorKind::ExpectationUnknown, at));
    }
    let keep_alive = !noted.close && (version == Version::Http11 || noted.keep_alive);
    let has_body = !matches!(framing, Framing::None | Framing::Length(0));
    Ok(Facts { framing, keep_alive, expects_continue: may_expect && noted.expects_continue && has_body })
}

/// What one pass over the fields remembers.
#[derive(Default)]
struct Noted {
    host: Single,
    length: Single,
    codings: Option<Codings>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    unknown_expectation: Option<usize>,
}

impl Noted {
    /// Few fields matter, and their names have five lengths: all others cost one comparison.
    #[inline]
    fn all(&mut self, input: &[u8], fields: impl Iterator<Item = (Range<usize>, Range<usize>)>) {
        for (name, value) in fields {
            if !matches!(name.len(), 4 | 6 | 10 | 14 | 17) {
                continue;
            }
            let name = &input[name];
            if is(name, b"host") {
                self.host.note(trimmed(input, value));
            } else if is(name, b"connection") {
                self.connection(&input[trimmed(input, value)]);
            } else if is(name, b"content-length") {
                self.length.note(trimmed(input, value));
            } else if is(name, b"transfer-encoding") {
                let value = trimmed(input, value);
                let codings = self.codings.get_or_insert(Codings { at: value.start, ..Codings::default() });
                codings.add(&input[value]);
            } else if is(name, b"expect") {
                let value = trimmed(input, value);
                self.expect(&input[value.clone()], value.start);
            }
        }
    }

    /// RFC 9112 section 9.3, over all Connection lines. Options unknown here concern nobody but proxies.
    fn connection(&mut self, value: &[u8]) {
        if is(value, b"keep-alive") {
            // Most browsers say just this in every request.
            self.keep_alive = true;
            return;
        }
        for option in members(value) {
            self.close |= is(option, b"close");
            self.keep_alive |= is(option, b"keep-alive");
        }
    }

    fn expect(&mut self, value: &[u8], at: usize) {
        for expectation in members(value) {
            if expectation.eq_ignore_ascii_case(b"100-continue") {
                self.expects_continue = true;
            } else {
                self.unknown_expectation.get_or_insert(at);
            }
        }
    }
}

/// A field that may appear once.
#[derive(Default)]
struct Single {
    value: Option<Range<usize>>,
    again: Option<usize>,
}

impl Single {
    #[inline]
    fn note(&mut self, value: Range<usize>) {
        match self.value {
            None => self.value = Some(value),
            Some(_) => _ = self.again.get_or_insert(value.start),
        }
    }

    /// The one value there is, if any.
    #[inline]
    fn one(self, repeated: ErrorKind) -> Result<Option<Range<usize>>, Error> {
        match self.again {
            Some(at) => Err(Error::new(repeated, at)),
            None => Ok(self.value),
        }
    }
}

/// The transfer codings of all Transfer-Encoding lines, as one list.
#[derive(Clone, Copy, Default)]
struct Codings {
    /// Where the first value starts.
    at: usize,
    malformed: bool,
    unknown: bool,
    chunked: usize,
    /// Whether the last coding is `chunked`.
    last_is_chunked: bool,
}

impl Codings {
    /// One line of them.
    fn add(&mut self, value: &[u8]) {
        for coding in members(value) {
            let name = coding.split(|octet| matches!(octet, b';' | b' ' | b'\t')).next().unwrap_or_default();
            let is_chunked = name.eq_ignore_ascii_case(b"chunked");
            self.malformed |= name.is_empty() || !super::scanner::is_token(name);
            self.malformed |= is_chunked && coding.len() > name.len();
            self.malformed |= !parameters_follow(&coding[name.len()..]);
            self.unknown |= !is_chunked;
            self.chunked += usize::from(is_chunked);
            self.last_is_chunked = is_chunked;
        }
    }

    /// RFC 9112 section 6.3, item 4: 400 where chunked is not the final coding, whatever the others are; section 6.1: 501 for
    /// one that is not understood.
    fn verdict(self) -> Result<(), ErrorKind> {
        if self.malformed {
            Err(ErrorKind::TransferEncodingMalformed)
        } else if self.chunked > 1 || !self.last_is_chunked {
            Err(ErrorKind::ChunkedNotFinal)
        } else if self.unknown {
            Err(ErrorKind::TransferEncodingUnsupported)
        } else {
            Ok(())
        }
    }
}

/// Whether nothing follows the name of a coding, or a `;`, perhaps after white space. As no coding with parameters is
/// implemented, the parameters themselves are not read.
fn parameters_follow(rest: &[u8]) -> bool {
    rest.is_empty() || rest.trim_ascii_start().first() == Some(&b';')
}

/// Host (RFC 9112 section 3.2): an authority without user information. It is empty where the target URI has no authority, which
/// the two forms that spell theirs out do not leave open.
#[inline]
fn check_host(input: &[u8], value: Range<usize>, form: TargetForm) -> Result<(), Error> {
    let at = value.start;
    let valid = match &input[value] {
        [] => matches!(form, TargetForm::Origin | TargetForm::Asterisk),
        host => Authority::parse(host).is_some_and(|authority| !authority.host.is_empty()),
    };
    if valid { Ok(()) } else { Err(Error::new(ErrorKind::HostMalformed, at)) }
}

/// `1*DIGIT` as a number, unless it is too large for one.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The members of a list, without the white space around them; empty ones are none (RFC 9110 section 5.6.1.2).
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Whether `text`, of token octets, is `lower`, whatever its case.
///
/// Setting one bit makes capitals small. It would also make `-` of CR, but a CR is in no field name.
#[inline(always)]
fn is<const N: usize>(text: &[u8], lower: &[u8; N]) -> bool {
    let Ok(text) = <&[u8; N]>::try_from(text) else {
        return false;
    };
    text.iter().zip(lower).fold(0, |difference, (octet, lower)| difference | ((octet | 0x20) ^ lower)) == 0
}
