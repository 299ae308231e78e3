//! What a message means, the plain way: a whole message is taken apart with `split`, without states, positions or limits. What is
//! clever in the parser and what is clever here have nothing in common, so both being wrong alike is unlikely.
//!
//! It judges meaning and trusts the parser with octets: it is asked only about what the parser took, or refused for its meaning.

use std::net::Ipv6Addr;

use iolab::http1::{ErrorKind, Framing, HttpLimits, TargetForm, Version};

use super::http1_support::{Field, Parsed};

/// The head at the front of `octets`, or why it is refused.
pub fn read(octets: &[u8], limits: &HttpLimits) -> Result<Parsed, ErrorKind> {
    let start = if octets.starts_with(b"\r\n") { 2 } else { 0 };
    let line = before(&octets[start..], b"\r\n");
    let parts: Vec<&[u8]> = line.split(|&octet| octet == b' ').collect();
    let [method, target, version] = parts[..] else { panic!("a request line of three parts") };
    let version = if version == b"HTTP/1.1" { Version::Http11 } else { Version::Http10 };
    let form = form(method, target).ok_or(ErrorKind::TargetForm)?;

    let head = before(&octets[start..], b"\r\n\r\n");
    let fields = fields(&head[line.len()..]);
    let is_11 = version == Version::Http11;
    let values = |name: &str| -> Vec<&[u8]> {
        let same = fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        same.map(|(_, value)| value.as_slice()).collect()
    };

    match values("Host")[..] {
        [_, _, ..] => return Err(ErrorKind::HostRepeated),
        [] if is_11 => return Err(ErrorKind::HostMissing),
        [] => {}
        [b""] if matches!(form, TargetForm::Origin | TargetForm::Asterisk) => {}
        [host] if is_authority(host) => {}
        [_] => return Err(ErrorKind::HostMalformed),
    }
    let length = match values("Content-Length")[..] {
        [_, _, ..] => return Err(ErrorKind::ContentLengthRepeated),
        [] => None,
        [value] => Some(number(value).ok_or(ErrorKind::ContentLengthMalformed)?),
    };
    let codings = values("Transfer-Encoding");
    let framing = match length {
        _ if !codings.is_empty() && !is_11 => return Err(ErrorKind::TransferEncodingInHttp10),
        Some(_) if !codings.is_empty() => return Err(ErrorKind::LengthAndTransferEncoding),
        None if !codings.is_empty() => chunked(&members(&codings))?,
        Some(length) if length > limits.body => return Err(ErrorKind::BodyTooLarge),
        Some(length) => Framing::Length(length),
        None => Framing::None,
    };
    let expectations = values("Expect");
    let expectations = members(&expectations);
    if is_11 && expectations.iter().any(|expected| !expected.eq_ignore_ascii_case(b"100-continue")) {
        return Err(ErrorKind::ExpectationUnknown);
    }
    let options = values("Connection");
    let says = |option: &[u8]| members(&options).iter().any(|member| member.eq_ignore_ascii_case(option));
    Ok(Parsed {
        octets: start + head.len() + 4,
        method: method.to_vec(),
        target: target.to_vec(),
        form,
        version,
        framing,
        keep_alive: !says(b"close") && (is_11 || says(b"keep-alive")),
        expects_continue: is_11 && !expectations.is_empty() && !matches!(framing, Framing::None | Framing::Length(0)),
        fields,
    })
}

/// The fields of `*( CRLF name ":" value )`.
fn fields(lines: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = lines;
    while let Some(after) = rest.strip_prefix(b"\r\n") {
        let line = before(after, b"\r\n");
        let name = before(line, b":");
        fields.push((name.to_vec(), without_space(&line[name.len() + 1..]).to_vec()));
        rest = &after[line.len()..];
    }
    fields
}

/// RFC 9112 section 3.2.
fn form(method: &[u8], target: &[u8]) -> Option<TargetForm> {
    let target = str::from_utf8(target).map_or_else(|_| String::from_utf8_lossy(target).into_owned(), String::from);
    if method == b"CONNECT" {
        let has_port = !target.ends_with(':') && target.rsplit(']').next().is_some_and(|after| after.contains(':'));
        return (has_port && is_authority(target.as_bytes())).then_some(TargetForm::Authority);
    }
    if target.starts_with('/') {
        return Some(TargetForm::Origin);
    }
    if target == "*" {
        return (method == b"OPTIONS").then_some(TargetForm::Asterisk);
    }
    let (scheme, rest) = target.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_web && is_authority(authority.as_bytes())).then_some(TargetForm::Absolute)
}

/// `host [ ":" port ]` with a host that is not empty (RFC 3986 section 3.2).
fn is_authority(octets: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(octets) else { return false };
    let (is_host, after) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) => (is_address(address), after),
            None => return false,
        },
        None => {
            let name = text.split(':').next().unwrap_or_default();
            (is_name(name), &text[name.len()..])
        }
    };
    let is_port = |port: &str| {
        let significant = port.trim_start_matches('0');
        let fits = significant.is_empty() || significant.parse::<u16>().is_ok();
        port.bytes().all(|octet| octet.is_ascii_digit()) && fits
    };
    is_host && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port))
}

/// What stands in brackets: an address of IP version 6, or of one to come.
fn is_address(text: &str) -> bool {
    match text.strip_prefix(['v', 'V']) {
        Some(future) => future.split_once('.').is_some_and(|(version, address)| {
            let is_hex = !version.is_empty() && version.bytes().all(|octet| octet.is_ascii_hexdigit());
            is_hex && !address.is_empty() && address.chars().all(|c| c == ':' || is_name_char(c))
        }),
        None => text.parse::<Ipv6Addr>().is_ok(),
    }
}

fn is_name(text: &str) -> bool {
    let mut pieces = text.split('%');
    let is_plain = |piece: &str| piece.chars().all(is_name_char);
    let is_encoded = |piece: &str| {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or(("", piece));
        digits.len() == 2 && digits.bytes().all(|octet| octet.is_ascii_hexdigit()) && is_plain(rest)
    };
    !text.is_empty() && pieces.next().is_some_and(is_plain) && pieces.all(is_encoded)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c)
}

/// `1*DIGIT` below 2^64.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()))?;
    digits.parse().ok()
}

/// RFC 9112 sections 6.1 and 6.3.
fn chunked(codings: &[&[u8]]) -> Result<Framing, ErrorKind> {
    let name = |coding: &[u8]| without_space(before(coding, b";")).to_ascii_lowercase();
    let names: Vec<Vec<u8>> = codings.iter().map(|coding| name(coding)).collect();
    let is_token = |name: &[u8]| {
        let is_letter = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
        !name.is_empty() && name.iter().all(is_letter)
    };
    let has_parameters = |(name, coding): (&Vec<u8>, &&[u8])| name == b"chunked" && coding.contains(&b';');
    if !names.iter().all(|name| is_token(name)) || names.iter().zip(codings).any(has_parameters) {
        return Err(ErrorKind::TransferEncodingMalformed);
    }
    match names.iter().position(|name| name == b"chunked") {
        Some(at) if at + 1 < names.len() => Err(ErrorKind::ChunkedNotFinal),
        None => Err(ErrorKind::ChunkedNotFinal),
        Some(0) => Ok(Framing::Chunked),
        Some(_) => Err(ErrorKind::TransferEncodingUnsupported),
    }
}

/// A whole chunked body (RFC 9112 section 7.1) at the front of `octets`: its octets, where it ends, and all its trailers. Its
/// extensions are not looked at.
pub fn read_chunked(octets: &[u8]) -> (Vec<u8>, usize, Vec<Field>) {
    let mut body = Vec::new();
    let mut rest = octets;
    loop {
        let line = before(rest, b"\r\n");
        let end = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
        let digits = str::from_utf8(&line[..end]).expect("digits");
        let size = usize::from_str_radix(digits, 16).expect("a size");
        if size == 0 {
            let trailers = before(&rest[line.len()..], b"\r\n\r\n");
            let behind = &rest[line.len() + trailers.len() + 4..];
            return (body, octets.len() - behind.len(), fields(trailers));
        }
        let (chunk, after) = rest[line.len() + 2..].split_at(size);
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n").expect("CRLF behind a chunk");
    }
}

/// The members of a list that goes on from line to line, without the empty ones.
fn members<'a>(lines: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let all = lines.iter().flat_map(|line| line.split(|&octet| octet == b','));
    all.map(without_space).filter(|member| !member.is_empty()).collect()
}

fn without_space(mut octets: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = octets {
        octets = rest;
    }
    octets
}

/// What comes before `end`, or all if it does not come.
fn before<'a>(octets: &'a [u8], end: &[u8]) -> &'a [u8] {
    let at = octets.windows(end.len()).position(|window| window == end);
    &octets[..at.unwrap_or(octets.len())]
}
