//! How far does it go? The three questions a head parser asks of its octets, and two ways of answering them.
//!
//! A head is a row of *runs*: the method and each field name are runs of token octets, the target is a run of target octets,
//! each field value a run of value octets. All the work per octet is in finding where a run ends; the grammar (`head.rs`,
//! `fields.rs`) looks at nothing but the octet that ended it. So a scanner is three functions:
//!
//! ```text
//! run(class, octets):
//!     for i in 0 .. octets.len():
//!         if octets[i] is not in class: return i
//!     return octets.len()
//! ```
//!
//! | run | octets in it | RFC |
//! |---|---|---|
//! | token | letters, digits, ``!#$%&'*+-.^_`\|~`` | 9110 section 5.6.2, `tchar` |
//! | target | `0x21..=0xff` but `#` and DEL: raw, handed over as they came | 9112 section 3.2 |
//! | value | `0x20..=0xff` but DEL, and HTAB: text, white space and obs-text | 9110 section 5.5 |
//!
//! [`Byte`] is that pseudo-code, and the reference. [`Swar`] departs from it, and must give the same answer on every input.
//!
//! **Invariant:** a scanner looks at no octet twice in one call, and keeps nothing between calls: a caller that asks only about
//! octets it has not asked about before is linear, however its input was split.

mod byte;
mod swar;

pub use byte::Byte;
pub use swar::Swar;

/// Finds the ends of runs. Each function says how many octets at the front of `octets` belong to the run: `octets.len()` if
/// all do.
pub trait Scanner {
    /// Octets of a method or a field name.
    fn token(octets: &[u8]) -> usize;
    /// Octets of a request target.
    fn target(octets: &[u8]) -> usize;
    /// Octets of a field value.
    fn value(octets: &[u8]) -> usize;
}

/// Bits of [`CLASS`].
pub(crate) const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const VALUE: u8 = 4;
/// `unreserved` and `sub-delims` of RFC 3986 section 2: what a host name is made of, besides percent-encoded octets.
pub(crate) const NAME: u8 = 8;

/// The classes each octet belongs to.
pub(crate) static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let o = octet as u8;
        let symbol = matches!(
            o,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        if o.is_ascii_alphanumeric() || symbol {
            class[octet] |= TOKEN;
        }
        if o > b' ' && o != b'#' && o != 0x7f {
            class[octet] |= TARGET;
        }
        if o >= b' ' && o != 0x7f || o == b'\t' {
            class[octet] |= VALUE;
        }
        let unreserved = o.is_ascii_alphanumeric() || matches!(o, b'-' | b'.' | b'_' | b'~');
        if unreserved || matches!(o, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=') {
            class[octet] |= NAME;
        }
        octet += 1;
    }
    class
};

/// How many octets at the front of `octets` are of the class.
#[inline(always)]
pub(crate) fn run(octets: &[u8], class: u8) -> usize {
    octets.iter().position(|&octet| CLASS[octet as usize] & class == 0).unwrap_or(octets.len())
}

/// Whether all octets are token octets.
pub(crate) fn is_token(octets: &[u8]) -> bool {
    run(octets, TOKEN) == octets.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table against the grammar, spelled out octet by octet.
    #[test]
    fn classes_are_those_of_the_grammar() {
        let alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for octet in 0..=255_u8 {
            let among =
                |symbols: &str| octet.is_ascii() && (alphanumeric.contains(octet as char) || symbols.contains(octet as char));
            let is = |class| CLASS[octet as usize] & class != 0;
            assert_eq!(is(TOKEN), among("!#$%&'*+-.^_`|~"), "token: {octet:#x}");
            assert_eq!(is(NAME), among("-._~!$&'()*+,;="), "name: {octet:#x}");
            let controls_and_delete = [0..=0x1f, 0x7f..=0x7f].iter().any(|range| range.contains(&octet));
            assert_eq!(is(VALUE), !controls_and_delete || octet == 0x09, "value: {octet:#x}");
            assert_eq!(is(TARGET), !controls_and_delete && octet != 0x20 && octet != 0x23, "target: {octet:#x}");
        }
    }
}
