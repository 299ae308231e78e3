//! Which octet may stand where: the grammar's classes as a table.

/// Bits of [`CLASS`].
pub(crate) const TOKEN: u8 = 1;
pub(crate) const TARGET: u8 = 2;
pub(crate) const VALUE: u8 = 4;
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

/// Whether an octet is of a class.
#[inline(always)]
pub(crate) fn is(octet: u8, class: u8) -> bool {
    CLASS[octet as usize] & class != 0
}

/// How many octets at the front of `octets` are of the class.
#[inline(always)]
pub(crate) fn run(octets: &[u8], class: u8) -> usize {
    octets.iter().position(|&octet| !is(octet, class)).unwrap_or(octets.len())
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
            let is = |class| is(octet, class);
            assert_eq!(is(TOKEN), among("!#$%&'*+-.^_`|~"), "token: {octet:#x}");
            assert_eq!(is(NAME), among("-._~!$&'()*+,;="), "name: {octet:#x}");
            let controls_and_delete = [0..=0x1f, 0x7f..=0x7f].iter().any(|range| range.contains(&octet));
            assert_eq!(is(VALUE), !controls_and_delete || octet == 0x09, "value: {octet:#x}");
            assert_eq!(is(TARGET), !controls_and_delete && octet != 0x20 && octet != 0x23, "target: {octet:#x}");
        }
    }
}
