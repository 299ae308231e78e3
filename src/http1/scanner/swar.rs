//! Words without vector instructions, for processors that have none we know: most octets are text, and text is passed over
//! sixteen octets at a time.
//!
//! Where this departs from the [reference](super::byte), each time because it was measured to be quicker:
//!
//! 1. **Sixteen octets are first asked whether there is a control among them.** The question is put without a branch per octet,
//!    and compilers answer it with what vector instructions the processor surely has, though nothing here names any: SSE2 and
//!    NEON are part of every x86-64 and AArch64.
//! 2. **Where one is, the two words of eight octets are asked which**: a handful of additions gives the high bit of each octet
//!    that is a control. Words are read little-endian, so the first octet is the lowest, and trailing zeros count the way to it.
//! 3. **Tokens are looked up only where they matter:** from the start of each line to the first octet that is none. The bits of
//!    `token` and `colon` elsewhere are left 0.

use super::class::{TARGET, TOKEN, VALUE, is, run};
use super::{BLOCK, Classify, Masks};

/// Asks sixteen octets at once, and eight.
#[derive(Clone, Copy)]
pub(in crate::http1) struct Swar;

const DELETE: u8 = 0x7f;

impl Classify for Swar {
    type Octets<'a> = &'a [u8];

    #[inline(always)]
    fn whole(self, block: &[u8; BLOCK]) -> &[u8] {
        block
    }

    #[inline(always)]
    fn tail(self, input: &[u8], base: usize) -> &[u8] {
        &input[base..]
    }

    #[inline(always)]
    fn masks(self, octets: &[u8], runs: u64) -> Masks {
        let mut masks = Masks::default();
        let (sixteens, rest) = octets.as_chunks::<16>();
        for (i, sixteen) in sixteens.iter().enumerate() {
            if sixteen.iter().fold(false, |any, &octet| any | (octet < b' ') | (octet == DELETE)) {
                for (j, word) in sixteen.as_chunks::<8>().0.iter().enumerate() {
                    note_controls(&mut masks, *word, i * 16 + j * 8);
                }
            }
        }
        let at = octets.len() - rest.len();
        for (j, octets) in rest.chunks(8).enumerate() {
            let mut word = [b' '; 8];
            word[..octets.len()].copy_from_slice(octets);
            note_controls(&mut masks, word, at + j * 8);
        }

        let mut starts = masks.lf << 1 | runs;
        while starts != 0 {
            let start = starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let Some(octets) = octets.get(start..) else { break };
            let length = run(octets, TOKEN);
            masks.token |= ones(length) << start;
            if octets.get(length) == Some(&b':') {
                masks.colon |= 1 << (start + length);
            }
        }
        masks
    }

    #[inline(always)]
    fn target_end(self, octets: &[u8], from: usize) -> usize {
        let is_end = |octet: u8| (octet <= b' ') | (octet == DELETE) | (octet == b'#');
        let Some(octets) = octets.get(from..) else { return BLOCK };
        let sixteens = octets.as_chunks::<16>().0.iter();
        let passed = 16 * sixteens.take_while(|sixteen| !sixteen.iter().fold(false, |any, &octet| any | is_end(octet))).count();
        from + passed + run(&octets[passed..], TARGET)
    }
}

/// Notes the controls among eight octets.
#[inline(always)]
fn note_controls(masks: &mut Masks, octets: [u8; 8], at: usize) {
    let word = u64::from_le_bytes(octets);
    let mut controls = below(word, b' ') | below(word ^ all(DELETE), 1);
    while controls != 0 {
        let i = controls.trailing_zeros() as usize / 8;
        controls &= controls - 1;
        let bit = 1 << (at + i);
        match octets[i] {
            b'\r' => masks.cr |= bit,
            b'\n' => masks.lf |= bit,
            octet if !is(octet, VALUE) => masks.bad |= bit,
            _ => {}
        }
    }
}

/// The same octet eight times.
const fn all(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; 8])
}

const HIGH: u64 = all(0x80);

// ANCHOR: below
/// The high bit of each octet that is below `bound` (at most 0x80), and no other bit.
///
/// With its high bit off, no octet plus `0x80 - bound` reaches beyond its eight bits, so none carries into its neighbour; the
/// sum has the high bit on exactly where the octet is not below the bound.
#[inline(always)]
const fn below(word: u64, bound: u8) -> u64 {
    !((word & !HIGH) + all(0x80 - bound)) & !word & HIGH
}
// ANCHOR_END: below

/// So many ones, from the lowest bit.
#[inline(always)]
fn ones(count: usize) -> u64 {
    if count == BLOCK { u64::MAX } else { (1 << count) - 1 }
}
