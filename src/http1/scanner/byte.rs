//! One octet at a time, with a table: the reference.

use super::class::{TARGET, TOKEN, VALUE, is, run};
use super::{BLOCK, Classify, Masks};

/// Looks each octet up.
#[derive(Clone, Copy)]
pub(in crate::http1) struct Byte;

impl Classify for Byte {
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
    fn masks(self, octets: &[u8], _runs: u64) -> Masks {
        // ANCHOR: masks
        let mut masks = Masks::default();
        for (i, &octet) in octets.iter().enumerate() {
            let bit = 1 << i;
            match octet {
                b'\r' => masks.cr |= bit,
                b'\n' => masks.lf |= bit,
                b':' => masks.colon |= bit,
                _ if is(octet, TOKEN) => masks.token |= bit,
                _ if !is(octet, VALUE) => masks.bad |= bit,
                _ => {}
            }
        }
        masks
        // ANCHOR_END: masks
    }

    #[inline(always)]
    fn target_end(self, octets: &[u8], from: usize) -> usize {
        octets.get(from..).map_or(BLOCK, |octets| from + run(octets, TARGET))
    }
}
