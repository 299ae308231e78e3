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

use super::{Scanner, TARGET, TOKEN, VALUE, run};

/// Looks at eight octets with a handful of additions.
pub struct Swar;

impl Scanner for Swar {
    #[inline]
    fn token(octets: &[u8]) -> usize {
        run(octets, TOKEN)
    }

    #[inline]
    fn target(octets: &[u8]) -> usize {
        let mut rest = octets;
        while let Some((word, after)) = rest.split_first_chunk() {
            let word = u64::from_le_bytes(*word);
            let ends = below(word, b' ' + 1) | equal(word, 0x7f) | equal(word, b'#');
            if ends != 0 {
                return octets.len() - rest.len() + first(ends);
            }
            rest = after;
        }
        octets.len() - rest.len() + run(rest, TARGET)
    }

    #[inline]
    fn value(octets: &[u8]) -> usize {
        let mut rest = octets;
        while let Some((word, after)) = rest.split_first_chunk() {
            let word = u64::from_le_bytes(*word);
            let ends = (below(word, b' ') | equal(word, 0x7f)) & !equal(word, b'\t');
            if ends != 0 {
                return octets.len() - rest.len() + first(ends);
            }
            rest = after;
        }
        octets.len() - rest.len() + run(rest, VALUE)
    }
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

/// The lowest octet whose high bit is set.
#[inline(always)]
const fn first(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}
