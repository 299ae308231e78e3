//! What the fields of a complete head mean to the connection: where the body ends, and whether another request may follow.
//!
//! ```text
//! judge(fields):
//!     one pass: remember what Host and Connection say, and whether there is anything else of interest
//!     another pass, if there is: what Content-Length, Transfer-Encoding and Expect say
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
use super::target::{Authority, TargetForm, is_usual_host};
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
#[inline(never)]
pub fn judge(
    input: &[u8],
    fields: impl Iterator<Item = (Range<usize>, Range<usize>)> + Clone,
    end: usize,
    version: Version,
    form: TargetForm,
    limits: &HttpLimits,
) -> Result<Facts, Error> {
    let mut host: Option<Range<usize>> = None;
    let mut host_again = None;
    let mut options = Options::default();
    let mut has_more = false;
    for (name, value) in fields.clone() {
        if !may_matter(input, &name) {
            continue;
        }
        if name.len() == b"host".len() {
            match host {
                None => host = Some(value),
                Some(_) => _ = host_again.get_or_insert(value),
            }
        } else if is(&input[name], b"connection") {
            options.add(trimmed(&input[value]));
        } else {
            has_more = true;
        }
    }
    if let Some(again) = host_again {
        return refused(ErrorKind::HostRepeated, input, trimmed(&input[again]));
    }
    match host.map(|value| trimmed(&input[value])) {
        None if version == Version::Http10 => {}
        None => return Err(Error::new(ErrorKind::HostMissing, end)),
        Some(value) if is_usual_host(value) || is_host(value, form) => {}
        Some(value) => return refused(ErrorKind::HostMalformed, input, value),
    }
    let keep_alive = !options.close && (version == Version::Http11 || options.keep_alive);
    if has_more {
        return judge_body(input, fields, version, keep_alive, limits);
    }
    Ok(Facts { framing: Framing::None, keep_alive, expects_continue: false })
}

/// The rest of it, for requests that may have a body.
#[inline(never)]
fn judge_body(
    input: &[u8],
    fields: impl Iterator<Item = (Range<usize>, Range<usize>)>,
    version: Version,
    keep_alive: bool,
    limits: &HttpLimits,
) -> Result<Facts, Error> {
    let mut noted = Noted::default();
    for (name, value) in fields {
        if may_matter(input, &name) {
            noted.note(&input[name], trimmed(&input[value]));
        }
    }

    if let Some(again) = noted.length_again {
        return refused(ErrorKind::ContentLengthRepeated, input, again);
    }
    let length = match noted.length {
        None => None,
        Some(value) => match decimal(value) {
            None => return refused(ErrorKind::ContentLengthMalformed, input, value),
            Some(length) => Some((length, value)),
        },
    };

    // ANCHOR: framing
    let framing = match (noted.codings, length) {
        (None, None) => Framing::None,
        (None, Some((length, value))) if length > limits.body => return refused(ErrorKind::BodyTooLarge, input, value),
        (None, Some((length, _))) => Framing::Length(length),
        (Some(codings), _) => {
            let refused = |kind| refused(kind, input, codings.first);
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
    // ANCHOR_END: framing

    // RFC 9110 section 10.1.1: an HTTP/1.0 expectation is ignored, and there is nothing to continue with where there is no
    // body.
    let may_expect = version == Version::Http11;
    if let (true, Some(value)) = (may_expect, noted.unknown_expectation) {
        return refused(ErrorKind::ExpectationUnknown, input, value);
    }
    let has_body = !matches!(framing, Framing::None | Framing::Length(0));
    Ok(Facts { framing, keep_alive, expects_continue: may_expect && noted.expects_continue && has_body })
}

/// Refused because of a value. Nobody needs to know where it is before that.
#[cold]
fn refused(kind: ErrorKind, input: &[u8], value: &[u8]) -> Result<Facts, Error> {
    Err(Error::new(kind, value.as_ptr().addr() - input.as_ptr().addr()))
}

/// The names that matter. No two are of one length.
const NAMES: [&[u8]; 5] = [b"host", b"expect", b"connection", b"content-length", b"transfer-encoding"];

/// For each length of a name: which bits of its first eight octets matter, and what they are if it may be the one that matters.
/// Where no name does, nothing is equal to that.
const FIRST_EIGHT: [(u64, u64); 18] = {
    let mut table = [(0, 1); 18];
    let mut i = 0;
    while i < NAMES.len() {
        let (mut mask, mut first) = (0, 0);
        let mut octet = 0;
        while octet < 8 && octet < NAMES[i].len() {
            mask |= 0xff << (8 * octet);
            first |= (NAMES[i][octet] as u64) << (8 * octet);
            octet += 1;
        }
        table[NAMES[i].len()] = (mask, first);
        i += 1;
    }
    table
};

/// Whether a name begins like one that matters.
///
/// Each of those has a length of its own. So a length says which name it may be, and one comparison of eight octets whether it
/// is; all others cost nothing more. Eight octets can be read from the start of every name that matters: the shortest has four,
/// and a colon and two line ends follow it.
#[inline(always)]
fn may_matter(input: &[u8], name: &Range<usize>) -> bool {
    let length = name.end.wrapping_sub(name.start);
    if name.start > input.len() || length >= FIRST_EIGHT.len() {
        return false;
    }
    let Some(eight) = input[name.start..].first_chunk() else { return false };
    let (mask, first) = FIRST_EIGHT[length];
    (u64::from_le_bytes(*eight) | SMALL) & mask == first
}

/// What all Connection lines say (RFC 9112 section 9.3). Options unknown here concern nobody but proxies.
#[derive(Default)]
struct Options {
    close: bool,
    keep_alive: bool,
}

impl Options {
    /// One line. Most browsers say just `keep-alive` in every request.
    #[inline(always)]
    fn add(&mut self, value: &[u8]) {
        if is(value, b"keep-alive") {
            self.keep_alive = true;
        } else {
            let (close, keep_alive) = options(value);
            self.close |= close;
            self.keep_alive |= keep_alive;
        }
    }
}

#[inline(never)]
fn options(value: &[u8]) -> (bool, bool) {
    members(value).fold((false, false), |(close, keep_alive), option| {
        (close | is(option, b"close"), keep_alive | is(option, b"keep-alive"))
    })
}

/// What one pass over the fields remembers.
#[derive(Default)]
struct Noted<'a> {
    length: Option<&'a [u8]>,
    length_again: Option<&'a [u8]>,
    codings: Option<Codings<'a>>,
    expects_continue: bool,
    unknown_expectation: Option<&'a [u8]>,
}

impl<'a> Noted<'a> {
    fn note(&mut self, name: &[u8], value: &'a [u8]) {
        if is(name, b"expect") {
            self.expect(value);
        } else if is(name, b"content-length") {
            match self.length {
                None => self.length = Some(value),
                Some(_) => _ = self.length_again.get_or_insert(value),
            }
        } else if is(name, b"transfer-encoding") {
            self.codings.get_or_insert(Codings { first: value, ..Codings::default() }).add(value);
        }
    }

    fn expect(&mut self, value: &'a [u8]) {
        for expectation in members(value) {
            if expectation.eq_ignore_ascii_case(b"100-continue") {
                self.expects_continue = true;
            } else {
                self.unknown_expectation.get_or_insert(value);
            }
        }
    }
}

/// The transfer codings of all Transfer-Encoding lines, as one list.
#[derive(Clone, Copy, Default)]
struct Codings<'a> {
    /// The first value.
    first: &'a [u8],
    malformed: bool,
    unknown: bool,
    chunked: usize,
    /// Whether the last coding is `chunked`.
    last_is_chunked: bool,
}

impl Codings<'_> {
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
#[inline(never)]
fn is_host(value: &[u8], form: TargetForm) -> bool {
    match value {
        [] => matches!(form, TargetForm::Origin | TargetForm::Asterisk),
        host => Authority::parse(host).is_some_and(|authority| !authority.host.is_empty()),
    }
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

/// The bit of each octet that makes capitals small. It also makes other octets of each other, but no token octet of another one
/// that is in these names.
const SMALL: u64 = u64::from_ne_bytes([0x20; 8]);

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
