//! What a request is for: the four forms of a request target, and the authority that two of them and Host are made of.

use super::scanner::{CLASS, NAME, run};
use std::net::Ipv6Addr;

/// The form of a request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// A path that starts with `/`, and perhaps a query.
    Origin,
    /// A whole `http` or `https` URI, as proxies are asked.
    Absolute,
    /// `host:port`, for CONNECT only.
    Authority,
    /// `*`, for OPTIONS only: the server itself.
    Asterisk,
}

/// The form of the target, if it has one that goes with the method.
///
/// The octets of a path or query are not judged beyond what the scanner did: they are handed over raw.
#[inline(always)]
pub(crate) fn form(method: &[u8], target: &[u8]) -> Option<TargetForm> {
    if target.first() == Some(&b'/') && method != b"CONNECT" {
        return Some(TargetForm::Origin);
    }
    uncommon_form(method, target)
}

#[cold]
fn uncommon_form(method: &[u8], target: &[u8]) -> Option<TargetForm> {
    if method == b"CONNECT" {
        // RFC 9110 section 9.3.6: a CONNECT without a port is refused.
        let authority = Authority::parse(target)?;
        let whole = !authority.host.is_empty() && authority.port.is_some_and(|port| !port.is_empty());
        return whole.then_some(TargetForm::Authority);
    }
    if target == b"*" {
        return (method == b"OPTIONS").then_some(TargetForm::Asterisk);
    }
    let after_scheme = without_prefix(target, b"http://").or_else(|| without_prefix(target, b"https://"))?;
    let end = after_scheme.iter().position(|octet| matches!(octet, b'/' | b'?')).unwrap_or(after_scheme.len());
    // RFC 9110 section 4.2.1: an empty host is invalid; section 4.2.4: so is user information from an untrusted source. Its `@`
    // is in no host.
    let authority = Authority::parse(&after_scheme[..end])?;
    (!authority.host.is_empty()).then_some(TargetForm::Absolute)
}

fn without_prefix<'a>(target: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (scheme, rest) = target.split_at_checked(prefix.len())?;
    scheme.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `host [ ":" port ]` (RFC 3986 section 3.2 without user information).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    pub(crate) host: &'a [u8],
    /// May be empty, as the grammar allows.
    pub(crate) port: Option<&'a [u8]>,
}

impl<'a> Authority<'a> {
    pub(crate) fn parse(octets: &'a [u8]) -> Option<Self> {
        let host = match octets.first() {
            Some(b'[') => ip_literal(octets)?,
            _ => reg_name(octets)?,
        };
        let (host, rest) = octets.split_at(host);
        match rest.split_first() {
            None => Some(Authority { host, port: None }),
            Some((b':', port)) if is_port(port) => Some(Authority { host, port: Some(port) }),
            Some(_) => None,
        }
    }
}

/// Whether a host is what most are: letters, digits, `-` and `.`, and perhaps a port of up to four digits. Others may be valid too.
#[inline(never)]
pub(crate) fn is_usual_host(octets: &[u8]) -> bool {
    let name = usual_name(octets);
    match &octets[name..] {
        [] => name > 0,
        [b':', port @ ..] => name > 0 && port.len() <= 4 && port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// How many octets at the front are letters, digits, `-` or `.`: eight at a time.
#[inline(always)]
fn usual_name(octets: &[u8]) -> usize {
    let Some(last) = octets.last_chunk() else {
        let word = octets.iter().rev().fold(0, |word, &octet| word << 8 | u64::from(octet));
        return others(word).trailing_zeros() as usize / 8;
    };
    let last_at = octets.len() - 8;
    let mut at = 0;
    while at < last_at
        && let Some(word) = octets[at..].first_chunk()
    {
        let others = others(u64::from_le_bytes(*word));
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    // Some of the last eight are new, all that are not are usual: 64 trailing zeros are as many as there are octets.
    last_at + others(u64::from_le_bytes(*last)).trailing_zeros() as usize / 8
}

/// The length of `*( unreserved / pct-encoded / sub-delims )` at the front. An IPv4 address is one too.
fn reg_name(octets: &[u8]) -> Option<usize> {
    let mut at = run(octets, NAME);
    while octets.get(at) == Some(&b'%') {
        let digits = octets.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        at += 3;
        at += run(&octets[at..], NAME);
    }
    Some(at)
}

/// The high bit of each octet that is no letter, digit, `-` or `.`.
///
/// With the high bits off, an octet plus `0x80 - low` has its high bit on from `low` upwards, and none carries into its neighbour.
#[inline(always)]
const fn others(word: u64) -> u64 {
    const fn all(octet: u8) -> u64 {
        u64::from_ne_bytes([octet; 8])
    }
    const HIGH: u64 = all(0x80);
    let low = word & !HIGH;
    let small = low | all(0x20);
    let letter = (small + all(0x80 - b'a')) & !(small + all(0x7f - b'z'));
    // From `-` to `9` there are also `.`, which is welcome, and `/`.
    let digit = (low + all(0x80 - b'-')) & !(low + all(0x7f - b'9'));
    let not_slash = (low ^ all(b'/')) + all(0x7f);
    (!(letter | digit & not_slash) | word) & HIGH
}

/// The length of `"[" ( IPv6address / IPvFuture ) "]"` at the front.
fn ip_literal(octets: &[u8]) -> Option<usize> {
    let close = octets.iter().position(|&octet| octet == b']')?;
    let address = &octets[1..close];
    let valid = match address.first() {
        Some(b'v' | b'V') => is_ip_future(&address[1..]),
        _ => str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok()),
    };
    valid.then_some(close + 1)
}

/// `1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`
fn is_ip_future(octets: &[u8]) -> bool {
    let Some(dot) = octets.iter().position(|&octet| octet == b'.') else {
        return false;
    };
    let (version, address) = (&octets[..dot], &octets[dot + 1..]);
    let in_address = |&octet: &u8| octet == b':' || CLASS[octet as usize] & NAME != 0;
    !version.is_empty() && version.iter().all(u8::is_ascii_hexdigit) && !address.is_empty() && address.iter().all(in_address)
}

fn is_port(digits: &[u8]) -> bool {
    let value = digits.iter().try_fold(0_u16, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        value.checked_mul(10)?.checked_add(u16::from(digit))
    });
    value.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every octet, in every place of a word, among octets that could leak into their neighbours.
    #[test]
    fn usual_names_end_where_a_plain_loop_finds_it() {
        let is_usual = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.');
        for filler in [b'a', b'Z', b'-', b'9', b'.'] {
            for length in 0..20 {
                for place in 0..length {
                    for octet in 0..=255 {
                        let mut octets = vec![filler; length];
                        octets[place] = octet;
                        let plain = octets.iter().position(|octet| !is_usual(octet)).unwrap_or(length);
                        assert_eq!(usual_name(&octets), plain, "{octets:?}");
                    }
                }
            }
        }
    }
}
