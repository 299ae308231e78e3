//! Eight octets at a time, in one 64-bit word: SIMD within a register.
//!
//! ```text
//! run(class, octets):
//!     for each word of eight octets:
//!         ends = the high bit of each octet that is not in class
//!         if ends != 0: return octets before the word + (trailing zeros of ends) / 8
//!     do the last seven octets, or fewer, one by one
//! ```
//!
//! The words are read little-endian, so the first octet is the lowest and a count of trailing zeros finds it, on any machine.
//!
//! Where this departs from the pseudo-code, each time because it was measured to be quicker:
//!
//! 1. **Values, which are most of a head, are first asked sixteen octets at a time whether there is an end at all.** The
//!    question is put without a branch per octet, and compilers answer it with vector instructions, though nothing here names
//!    any: four of them with SSE2, which every x86-64 has, where two words take thirty.
//! 2. **Tokens are looked up one by one.** Names are short, and a token is no range: in words it takes twice the additions of a
//!    value, and often there is no whole word.

use super::{Scanner, TARGET, TOKEN, VALUE, run};

/// Looks at eight octets with a handful of additions, and at sixteen where that is possible.
pub struct Swar;

impl Scanner for Swar {
    #[inline]
    fn token(octets: &[u8]) -> usize {
        run(octets, TOKEN)
    }

    #[inline]
    fn target(octets: &[u8]) -> usize {
        let at = words(octets, ends_of_target);
        at + run(&octets[at..], TARGET)
    }

    #[inline]
    fn value(octets: &[u8]) -> usize {
        let mut at = 0;
        for block in octets.as_chunks::<16>().0 {
            if block.iter().fold(false, |any, &octet| any | (octet < b' ') | (octet == DELETE)) {
                let end = words(block, ends_of_value);
                if end < block.len() {
                    return at + end;
                }
                // It was a HTAB.
            }
            at += block.len();
        }
        at += words(&octets[at..], ends_of_value);
        at + run(&octets[at..], VALUE)
    }
}

/// How many octets lie before the first end in a whole word, or how many are in whole words.
#[inline(always)]
fn words(octets: &[u8], ends: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = octets.as_chunks();
    for (i, word) in words.iter().enumerate() {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return i * 8 + ends.trailing_zeros() as usize / 8;
        }
    }
    octets.len() - rest.len()
}

const DELETE: u8 = 0x7f;

#[inline(always)]
const fn ends_of_target(word: u64) -> u64 {
    below(word, b' ' + 1) | equal(word, DELETE) | equal(word, b'#')
}

#[inline(always)]
const fn ends_of_value(word: u64) -> u64 {
    (below(word, b' ') & !equal(word, b'\t')) | equal(word, DELETE)
}

/// The same octet eight times.
const fn all(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; 8])
}

const HIGH: u64 = all(0x80);

/// The high bit of each octet that is below `bound` (at most 0x80), and no other bit.
///
/// With its high bit off, no octet plus `0x80 - bound` reaches beyond its eight bits, so none carries into its neighbour; the
/// sum has the high bit on exactly where the octet is not below the bound.
#[inline(always)]
const fn below(word: u64, bound: u8) -> u64 {
    !((word & !HIGH) + all(0x80 - bound)) & !word & HIGH
}

/// The high bit of each octet that is `octet`, and no other bit.
#[inline(always)]
const fn equal(word: u64, octet: u8) -> u64 {
    below(word ^ all(octet), 1)
}

#[cfg(test)]
mod tests {
    use super::super::Byte;
    use super::*;

    /// Every octet, in every place of inputs about as long as one to five words, at every alignment, among every filler that
    /// could leak into its neighbours.
    #[test]
    fn agrees_with_the_reference() {
        for filler in [b'a', b'\t', b'~', 0x80] {
            for length in [1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 41] {
                for place in 0..length {
                    for octet in 0..=255 {
                        let mut octets = vec![filler; length];
                        octets[place] = octet;
                        let skipped = place % 9;
                        let octets = &octets[skipped.min(length)..];
                        assert_eq!(Swar::token(octets), Byte::token(octets), "token in {octets:?}");
                        assert_eq!(Swar::target(octets), Byte::target(octets), "target in {octets:?}");
                        assert_eq!(Swar::value(octets), Byte::value(octets), "value in {octets:?}");
                    }
                }
            }
        }
    }

    /// Two octets that end a run, in one word: a carry from the first must not hide or move it.
    #[test]
    fn finds_the_first_of_two_ends() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                let octets =
                    [b'a', first, second, b'a', 0x80, second, first, b'a', first, b'a', second, b'a', 1, b'a', 0, first];
                assert_eq!(Swar::target(&octets), Byte::target(&octets), "{octets:?}");
                assert_eq!(Swar::value(&octets), Byte::value(&octets), "{octets:?}");
            }
        }
    }
}
