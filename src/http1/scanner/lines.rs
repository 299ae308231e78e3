//! Field lines, sixty-four octets of them at once, by arithmetic on words.
//!
//! ```text
//! octets    H o s t : ␠ a ␍ ␊ X : ␍ ␊ ␍ ␊          (the first octet is the lowest bit)
//! token     1 1 1 1 0 0 1 0 0 1 0 0 0 0 0
//! starts    1 0 0 0 0 0 0 0 0 1 0 0 0 1 0          behind each LF, and where the last block said so
//! + names   1 0 0 0 0 0 0 0 0 1 0 0 0 0 0          starts that are tokens
//! = sum     0 0 0 0 1 0 1 0 0 0 1 0 0 0 0          ripples through two runs, leaves the third alone
//! ends      0 0 0 0 1 0 0 0 0 0 1 0 0 0 0          sum without token: here must be colons
//! stream    0 0 0 0 1 0 0 1 0 0 1 1 0 0 0          ends, and CRs that end lines which are not empty
//! ```

use super::Masks;

/// What a block says about the one behind it: each is 0, or 1 for its first octet.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::http1) struct Carry {
    /// A line starts there: there was a LF before it.
    pub(in crate::http1) start: u64,
    /// A LF must be there: there was a CR before it.
    pub(in crate::http1) cr: u64,
    /// That CR was all there was of its line.
    pub(in crate::http1) empty: u64,
    /// A name goes on there, or ends.
    pub(in crate::http1) name: u64,
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

/// Finds the lines in a block. Only what `from` has bits for is of field lines; what is before that is the request line.
#[inline(always)]
pub(in crate::http1) fn lines(masks: &Masks, carry: Carry, from: u64) -> Lines {
    let Masks { token, colon, cr, lf, bad } = *masks;
    let starts = lf << 1 | carry.start;
    let empty = cr & starts;
    let lf_due = cr << 1 | carry.cr;
    let (sum, name_goes_on) = token.overflowing_add(starts & token & from | carry.name);
    let name_ends = sum & !token;

    let line_ends_wrong = lf ^ lf_due;
    let name_ends_wrong = name_ends & !colon;
    let starts_wrong = starts & !(token | cr);
    Lines {
        // The request line holds no empty line, so this need not wait until it is known where the fields start.
        ends: (empty << 1 | carry.empty) & lf,
        wrong: (line_ends_wrong | name_ends_wrong | starts_wrong | bad) & from,
        stream: (name_ends | (cr & !starts)) & from,
        carry: Carry { start: lf >> 63, cr: cr >> 63, empty: empty >> 63, name: u64::from(name_goes_on) },
    }
}
