//! One register of 64 octets.
//!
//! Where this departs from the [reference](super::byte):
//!
//! 1. **A shuffle for each half of the octets, and an AND**, tell tokens and bad octets ([`nibbles`](super::nibbles)). That is what
//!    AVX-512 BW has; the one lookup in 128 entries of VBMI would save four instructions a block.
//! 2. **Comparisons answer with a mask**, which is the word that is wanted: there is no movemask, and nothing to join.
//! 3. **No octet behind the end is read.** The load of the tail has a mask too, and the processor does not touch what it leaves out.
#![allow(unsafe_code)]

use super::super::index::{Found, HeadIndex};
use super::super::limits::HttpLimits;
use super::nibbles::{BADS, COLUMNS, ROWS, TOKENS};
use super::{BLOCK, Classify, Masks, valid};
use std::arch::x86_64::*;

/// Looks at 64 octets with one instruction. There is one only where the processor has what it takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::http1) struct Avx512(());

impl Avx512 {
    /// `None` where the processor lacks it.
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        has_all.then_some(Avx512(()))
    }

    /// [`HeadIndex::run`], compiled for such a processor.
    #[inline(always)]
    pub(super) fn run(self, index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
        // SAFETY: an `Avx512` is only made where all these features were detected.
        unsafe { run(self, index, input, limits) }
    }
}

/// Functions that are inlined into this one are compiled with its features; closures would not be.
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,popcnt")]
fn run(by: Avx512, index: &mut HeadIndex, input: &[u8], limits: &HttpLimits) -> Found {
    index.run(by, input, limits)
}

/// An octet in no class: what is loaded where nothing is.
const NOTHING: u8 = 0x80;

impl Classify for Avx512 {
    type Octets<'a> = __m512i;

    #[inline(always)]
    fn whole(self, block: &[u8; BLOCK]) -> __m512i {
        // SAFETY: 64 octets may be read; the load needs no alignment. AVX-512 F was detected.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    }

    #[inline(always)]
    fn tail(self, input: &[u8], base: usize) -> __m512i {
        let left = &input[base..];
        let there = valid(left.len());
        // SAFETY: the mask leaves out all but the octets of `left`, and what it leaves out is not touched. AVX-512 BW was detected.
        unsafe { _mm512_mask_loadu_epi8(_mm512_set1_epi8(NOTHING as i8), there, left.as_ptr().cast()) }
    }

    #[inline(always)]
    fn masks(self, octets: __m512i, _runs: u64) -> Masks {
        let classes = classes(octets);
        Masks {
            token: any(classes, TOKENS),
            colon: equal(octets, b':'),
            cr: equal(octets, b'\r'),
            lf: equal(octets, b'\n'),
            bad: any(classes, BADS),
        }
    }

    #[inline(always)]
    fn target_end(self, octets: __m512i, from: usize) -> usize {
        // SAFETY: AVX-512 BW was detected.
        let below = unsafe { _mm512_cmple_epu8_mask(octets, _mm512_set1_epi8(b' ' as i8)) };
        let ends = below | equal(octets, 0x7f) | equal(octets, b'#');
        (ends & u64::MAX << from).trailing_zeros() as usize
    }
}

// Each of these is called with an `Avx512` in hand, which is only made where AVX-512 F and BW were detected: that is what makes
// them sound.

/// What both tables say of each octet.
#[inline(always)]
fn classes(octets: __m512i) -> __m512i {
    // SAFETY: 16 octets may be read from each table. AVX-512 F and BW were detected.
    unsafe {
        let low_half = _mm512_set1_epi8(0x0f);
        let rows = _mm512_broadcast_i32x4(_mm_loadu_si128(ROWS.as_ptr().cast()));
        let columns = _mm512_broadcast_i32x4(_mm_loadu_si128(COLUMNS.as_ptr().cast()));
        // A shuffle gives 0 for an index with its high bit on, and that is what octets from 0x80 on are to be.
        let of_columns = _mm512_shuffle_epi8(columns, octets);
        let of_rows = _mm512_shuffle_epi8(rows, _mm512_and_si512(_mm512_srli_epi16(octets, 4), low_half));
        _mm512_and_si512(of_columns, of_rows)
    }
}

/// Where one of the bits is on.
#[inline(always)]
fn any(octets: __m512i, bits: u8) -> u64 {
    // SAFETY: AVX-512 BW was detected.
    unsafe { _mm512_test_epi8_mask(octets, _mm512_set1_epi8(bits as i8)) }
}

#[inline(always)]
fn equal(octets: __m512i, octet: u8) -> u64 {
    // SAFETY: AVX-512 BW was detected.
    unsafe { _mm512_cmpeq_epi8_mask(octets, _mm512_set1_epi8(octet as i8)) }
}
