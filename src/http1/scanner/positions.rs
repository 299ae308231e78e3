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
const AT_ONCE: usize = 4;

impl Positions {
    pub(in crate::http1) const fn new() -> Self {
        Positions { slots: Vec::new() }
    }

    /// Writes the positions of the bits in `stream`, of a block at `base`, behind the first `count`. Returns how many positions
    /// there are now.
    #[inline(always)]
    pub(in crate::http1) fn write(&mut self, count: usize, stream: u64, base: usize) -> usize {
        let end = count + stream.count_ones() as usize;
        if end + AT_ONCE > self.slots.len() {
            self.grow(end + AT_ONCE);
        }
        let mut bits = stream;
        let mut at = count;
        while let Some(slots) = self.slots.get_mut(at..at + AT_ONCE) {
            for slot in slots {
                *slot = (base as u32).wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
            at += AT_ONCE;
            if at >= end {
                break;
            }
        }
        end
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, needed: usize) {
        self.slots.resize(needed.next_power_of_two().max(FEWEST), 0);
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
