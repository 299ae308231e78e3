//! Field lines, sixty-four octets of them at once, by arithmetic on words.
//!
//! ```text
//! octets    H o s t : ␠ a ␍ ␊ X : ␍ ␊ ␍ ␊          (the first octet is the lowest bit)
//! token     1 1 1 1 0 0 1 0 0 1 0 0 0 0 0
//! starts    1 0 0 0 0 0 0 0 0 1 0 0 0 1 0          behind each LF
//! + names   1 0 0 0 0 0 0 0 0 1 0 0 0 0 0          starts that are tokens
//! = sum     0 0 0 0 1 0 1 0 0 0 1 0 0 0 0          ripples through two runs, leaves the third alone
//! ends      0 0 0 0 1 0 0 0 0 0 1 0 0 0 0          sum without token: here must be colons
//! stream    0 0 0 0 1 0 0 1 0 0 1 1 0 0 0          ends, and CRs that end lines which are not empty
//! ```

use super::Masks;

/// What a block says about the one behind it.
#[derive(Clone, Copy, Debug)]
pub(in crate::http1) struct Carry {
    // Of these words of the block, the next one needs the highest bit. Shifting it in from the word costs one instruction, where
    // keeping the bit costs one more.
    lf: u64,
    cr: u64,
    empty: u64,
    /// 1 if a name goes on, or ends, with the first octet.
    name: u64,
}

impl Carry {
    /// Before the first line.
    pub(in crate::http1) const LINE_START: Carry = Carry { lf: 1 << 63, cr: 0, empty: 0, name: 0 };

    /// Before the request line.
    pub(in crate::http1) const NONE: Carry = Carry { lf: 0, cr: 0, empty: 0, name: 0 };

    /// Where a name may start or go on, beside those behind each LF in the block.
    #[inline(always)]
    pub(in crate::http1) fn runs(self) -> u64 {
        self.lf >> 63 | self.name
    }
}

/// What a block holds.
pub(in crate::http1) struct Lines {
    /// The LFs of empty lines: the lowest ends the head.
    pub(in crate::http1) ends: u64,
    /// What is wrong. Behind the end of the head, and where no octets are, it means nothing.
    pub(in crate::http1) wrong: u64,
    /// Colons behind names, and the CRs of their lines, by turns.
    pub(in crate::http1) stream: u64,
    /// For the next block.
    pub(in crate::http1) carry: Carry,
}

/// Each bit moved to the next octet, the last one of the block before into the first.
#[inline(always)]
fn behind(word: u64, before: u64) -> u64 {
    word << 1 | before >> 63
}

/// Finds the lines in a block. Only what `from` has bits for is of field lines; before that is the request line, whose octets were
/// found to be right.
#[inline(always)]
pub(in crate::http1) fn lines(masks: Masks, carry: Carry, from: u64) -> Lines {
    // ANCHOR: lines
    let Masks { token, colon, cr, lf, bad } = masks;
    let starts = behind(lf, carry.lf);
    let (empty, names) = (starts & cr, starts & token);
    let (sum, name_goes_on) = token.overflowing_add(names & from | carry.name);
    let name_ends = sum & !token;

    let line_ends_wrong = lf ^ behind(cr, carry.cr);
    let name_ends_wrong = name_ends & !colon;
    // No octet is both. (Said with a NOT, compilers would do it before the masks are made, with five instructions more.)
    let starts_wrong = starts ^ names ^ empty;
    Lines {
        // No line of a request line is empty, so this need not wait until it is known where that ends.
        ends: behind(empty, carry.empty) & lf,
        wrong: (line_ends_wrong | name_ends_wrong | starts_wrong | bad) & from,
        stream: (name_ends | cr & !starts) & from,
        carry: Carry { lf, cr, empty, name: u64::from(name_goes_on) },
    }
    // ANCHOR_END: lines
}
