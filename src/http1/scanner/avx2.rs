//! Two registers of 32 octets.
//!
//! Where this departs from the [reference](super::byte):
//!
//! 1. **A shuffle for each half of the octets, and an AND**, tell tokens and bad octets ([`nibbles`](super::nibbles)).
//! 2. **A mask is read off the sign bits** (`movemask`), so each question is brought to the sign bit by one instruction: is
//!    nothing left of the AND (then the octet is neither token nor bad), is one of its three high bits (plus `0x60` the sum
//!    reaches `0x80`), is the octet a CR. Bad octets so count as tokens too, as [`Masks`] allows.
//! 3. **No octet behind the end is read.** AVX2 has no load that stops at an octet. The tail is taken from two registers that
//!    *end* where the input ends and begin in octets that were looked at before, and the masks are shifted until they are in
//!    place. Only inputs of less than 32 octets have no room for that: they are copied.
#![allow(unsafe_code)]

use super::super::index::{Found, HeadIndex};
use super::super::limits::HttpLimits;
use super::nibbles::{BADS, COLUMNS, ROWS, TOKENS};
use super::{BLOCK, Classify, Masks};
use std::arch::x86_64::*;

/// Looks at 32 octets with one instruction. There is one only where the processor has what it takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::http1) struct Avx2(());

impl Avx2 {
    /// `None` where the processor lacks it.
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        has_all.then_some(Avx2(()))
    }

    /// [`HeadIndex::run`], compiled for such a processor.
    #[inline(always)]
    pub(super) fn run(self, index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
        // SAFETY: an `Avx2` is only made where all these features were detected.
        unsafe { run(self, index, input, limits) }
    }
}

/// Functions that are inlined into this one are compiled with its features; closures would not be.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn run(by: Avx2, index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
    index.run(by, input, limits)
}

/// Octets in two registers, and how their masks become one.
#[derive(Clone, Copy)]
pub(in crate::http1) struct Octets {
    low: __m256i,
    high: __m256i,
    /// Octets at the front of `high` that are in `low` too.
    repeated: u32,
    /// Octets at the front that are of the block before.
    before: u32,
}

impl Octets {
    #[inline(always)]
    fn join(self, low: u32, high: u32) -> u64 {
        (u64::from(low) | (u64::from(high) >> self.repeated) << 32) >> self.before
    }

    #[inline(always)]
    fn places_of(self, octet: u8) -> u64 {
        self.join(equal(self.low, octet), equal(self.high, octet))
    }
}

impl Classify for Avx2 {
    type Octets<'a> = Octets;

    #[inline(always)]
    fn whole(self, block: &[u8; BLOCK]) -> Octets {
        let [low, high] = halves(block);
        Octets { low: load(low), high: load(high), repeated: 0, before: 0 }
    }

    #[inline(always)]
    fn tail(self, input: &[u8], base: usize) -> Octets {
        let left = input.len() - base;
        let nothing = Octets { low: load(&[NOTHING; 32]), high: load(&[NOTHING; 32]), repeated: 0, before: 0 };
        if let (Some(low), Some(high)) = (input[base..].first_chunk(), input.last_chunk()) {
            return Octets { low: load(low), high: load(high), repeated: (BLOCK - left) as u32, before: 0 };
        }
        if let Some(last) = input.last_chunk() {
            return Octets { low: load(last), before: (32 - left) as u32, ..nothing };
        }
        let mut copy = [NOTHING; 32];
        copy[..left].copy_from_slice(&input[base..]);
        Octets { low: load(&copy), ..nothing }
    }

    #[inline(always)]
    fn masks(self, octets: Octets, _runs: u64) -> Masks {
        let (low, high) = (classes(octets.low), classes(octets.high));
        Masks {
            token: octets.join(!equal(low, 0), !equal(high, 0)),
            colon: octets.places_of(b':'),
            cr: octets.places_of(b'\r'),
            lf: octets.places_of(b'\n'),
            bad: octets.join(at_least_32(low), at_least_32(high)),
        }
    }

    #[inline(always)]
    fn target_end(self, octets: Octets, from: usize) -> usize {
        let ends = octets.join(no_target(octets.low), no_target(octets.high));
        (ends & u64::MAX << from).trailing_zeros() as usize
    }
}

/// An octet in no class: what a copy is filled with.
const NOTHING: u8 = 0x80;

const _: () = assert!(TOKENS < 32 && BADS == !31, "bad is what is at least 32");

// Each of these is called with an `Avx2` in hand, which is only made where AVX2 was detected: that is what makes them sound.

#[inline(always)]
fn load(octets: &[u8; 32]) -> __m256i {
    // SAFETY: 32 octets may be read; the load needs no alignment. AVX2 was detected.
    unsafe { _mm256_loadu_si256(octets.as_ptr().cast()) }
}

/// What both tables say of each octet.
#[inline(always)]
fn classes(octets: __m256i) -> __m256i {
    // SAFETY: AVX2 was detected.
    unsafe {
        let low_half = _mm256_set1_epi8(0x0f);
        let rows = _mm256_broadcastsi128_si256(_mm_loadu_si128(ROWS.as_ptr().cast()));
        let columns = _mm256_broadcastsi128_si256(_mm_loadu_si128(COLUMNS.as_ptr().cast()));
        // A shuffle gives 0 for an index with its high bit on, and that is what octets from 0x80 on are to be.
        let of_columns = _mm256_shuffle_epi8(columns, octets);
        let of_rows = _mm256_shuffle_epi8(rows, _mm256_and_si256(_mm256_srli_epi16(octets, 4), low_half));
        _mm256_and_si256(of_columns, of_rows)
    }
}

#[inline(always)]
fn equal(octets: __m256i, octet: u8) -> u32 {
    // SAFETY: AVX2 was detected.
    unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi8(octets, _mm256_set1_epi8(octet as i8))) as u32 }
}

/// Where one of the three high bits is on, which are never on together: `0x60` more is at least `0x80`, and no more than `0xe0`.
#[inline(always)]
fn at_least_32(octets: __m256i) -> u32 {
    // SAFETY: AVX2 was detected.
    unsafe { _mm256_movemask_epi8(_mm256_add_epi8(octets, _mm256_set1_epi8(0x60))) as u32 }
}

/// Where octets are that no target holds: those that the smaller of them and SP leaves as they are, DEL and `#`.
#[inline(always)]
fn no_target(octets: __m256i) -> u32 {
    // SAFETY: AVX2 was detected.
    let below = unsafe { _mm256_min_epu8(octets, _mm256_set1_epi8(b' ' as i8)) };
    // SAFETY: AVX2 was detected.
    let below = unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi8(octets, below)) as u32 };
    below | equal(octets, 0x7f) | equal(octets, b'#')
}

#[inline(always)]
fn halves(block: &[u8; BLOCK]) -> [&[u8; 32]; 2] {
    let (halves, _) = block.as_chunks::<32>();
    [&halves[0], &halves[1]]
}
