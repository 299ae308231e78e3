//! Words without vector instructions, for processors that have none we know: most octets are text, and text is passed over
//! sixteen octets at a time.
//!
//! Where this departs from the [reference](super::byte), each time because it was measured to be quicker:
//!
//! 1. **Sixteen octets are first asked whether there is a control among them.** The question is put without a branch per octet,
//!    and compilers answer it with what vector instructions the processor surely has, though nothing here names any: SSE2 and
//!    NEON are part of every x86-64 and AArch64. Only where one is are the sixteen looked up.
//! 2. **Tokens are looked up only where they matter:** from the start of each line to the first octet that is none. Everything
//!    else between `token` and `colon` bits is left 0.

use super::class::{TOKEN, VALUE, is, run};
use super::{BLOCK, Classify, Masks};

/// Asks sixteen octets at once.
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
                controls(&mut masks, sixteen, i * 16);
            }
        }
        controls(&mut masks, rest, octets.len() - rest.len());

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
    fn target_ends(self, octets: &[u8]) -> u64 {
        let is_end = |octet: u8| (octet <= b' ') | (octet == DELETE) | (octet == b'#');
        let mut ends = 0;
        for (i, sixteen) in octets.chunks(16).enumerate() {
            if sixteen.iter().fold(false, |any, &octet| any | is_end(octet)) {
                for (j, &octet) in sixteen.iter().enumerate() {
                    ends |= u64::from(is_end(octet)) << (i * 16 + j);
                }
            }
        }
        ends
    }
}

/// Notes the controls among a few octets.
#[inline(always)]
fn controls(masks: &mut Masks, octets: &[u8], at: usize) {
    for (i, &octet) in octets.iter().enumerate() {
        let bit = 1 << (at + i);
        match octet {
            b'\r' => masks.cr |= bit,
            b'\n' => masks.lf |= bit,
            _ if !is(octet, VALUE) => masks.bad |= bit,
            _ => {}
        }
    }
}

/// So many ones, from the lowest bit.
#[inline(always)]
fn ones(count: usize) -> u64 {
    if count == BLOCK { u64::MAX } else { (1 << count) - 1 }
}
