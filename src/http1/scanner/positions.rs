//! The one stream that comes out of a head: where its colons and CRs are.

/// Positions kept for the next message; more than that (8 KiB) is given back.
const KEPT: usize = 2048;

/// The fewest that are made room for: eight lines, in 64 octets.
const FEWEST: usize = 16;

/// Positions in the order of the octets they are about. What is kept between two heads is memory, not positions.
#[derive(Debug, Default)]
pub(in crate::http1) struct Positions {
    /// What is beyond `count` means nothing.
    slots: Vec<u32>,
}

/// So many positions are written at a time, whether there are that many or not: a loop that ends after as many turns as there
/// are positions is guessed wrong by the processor at almost every block.
const EIGHT: usize = 8;

impl Positions {
    pub(in crate::http1) const fn new() -> Self {
        Positions { slots: Vec::new() }
    }

    /// Writes the positions of the bits in `stream`, of a block at `base`, behind the first `count`. Returns how many positions
    /// there are now.
    #[inline(always)]
    pub(in crate::http1) fn write(&mut self, count: usize, stream: u64, base: usize) -> usize {
        let found = stream.count_ones() as usize;
        let Some(slots) = self.slots.get_mut(count..count + EIGHT) else {
            return self.grow(count, stream, base);
        };
        // ANCHOR: write
        let mut bits = stream;
        let (first, second) = slots.split_at_mut(4);
        for slot in first {
            *slot = (base as u32).wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
        if found > 4 {
            for slot in second {
                *slot = (base as u32).wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
            if found > 8 {
                return self.grow(count, stream, base);
            }
        }
        count + found
        // ANCHOR_END: write
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, mut count: usize, stream: u64, base: usize) -> usize {
        let needed = count + EIGHT.max(stream.count_ones() as usize);
        if self.slots.len() < needed {
            self.slots.resize(needed.next_power_of_two().max(FEWEST), 0);
        }
        let mut bits = stream;
        while bits != 0 {
            self.slots[count] = base as u32 + bits.trailing_zeros();
            bits &= bits - 1;
            count += 1;
        }
        count
    }

    /// The first `count`.
    #[inline(always)]
    pub(in crate::http1) fn first(&self, count: usize) -> &[u32] {
        &self.slots[..count]
    }

    /// Gives back what nobody will need.
    #[inline(always)]
    pub(in crate::http1) fn shrink(&mut self) {
        if self.slots.len() > KEPT {
            self.slots.truncate(KEPT);
            self.slots.shrink_to_fit();
        }
    }
}
