//! What is where in a head? Sixty-four octets at a time.
//!
//! Octet by octet, a head is read like this (`grammar.rs` is this in Rust, and the judge of what is wrong):
//!
//! ```text
//! method:   token octets, at least one, then SP
//! target:   target octets, at least one, then SP
//! version:  HTTP/1.1 CR LF
//! lines:    until a line starts with CR LF:
//!               token octets, at least one, then ":"          remember where the ":" is
//!               value octets, then CR                         remember where the CR is
//!               LF
//! ```
//!
//! | octets | which | RFC |
//! |---|---|---|
//! | token | letters, digits, ``!#$%&'*+-.^_`\|~`` | 9110 section 5.6.2, `tchar` |
//! | target | `0x21..=0xff` but `#` and DEL: raw, handed over as they came | 9112 section 3.2 |
//! | value | `0x20..=0xff` but DEL, and HTAB: text, white space and obs-text | 9110 section 5.5 |
//!
//! That is a branch for each octet, and a guess for the processor at the end of each run. The index departs from it:
//!
//! 1. **Sixty-four octets become five words.** `Classify` says of a block which octets are of a token, which are `:`, CR, LF, and
//!    which belong in no value (*bad*). One bit an octet, the first octet the lowest bit: `Masks`.
//! 2. **Whole lines are judged by arithmetic on the words** (`lines`). An octet's neighbour is one shift away, and what reaches
//!    into the next block is a carry (`Carry`). A line starts behind each LF. Each CR must have its LF behind it, and each LF
//!    its CR before it: one XOR. *One addition finds the end of every name in the block*: a one added to the lowest bit of a run
//!    of ones ripples to the first zero above it, and the runs that nothing is added to stay as they were (the scan of the
//!    Parabix project, Cameron, 2008). At those ends must be colons. A line that starts with neither a token nor CR is a fold or
//!    a line without a name. Strictness costs nothing: no check has a branch, all are one OR, and one branch is never taken.
//! 3. **One stream of positions comes out** (`positions.rs`): colon, CR, colon, CR. Two positions are a line; name, value and
//!    trimming are computed when someone looks.
//! 4. **Errors are not told by the index.** It only sees that something in the block is wrong. Then the grammar reads the head
//!    once more from its start, octet by octet, and says what and where. So errors are the same whoever saw them.
//! 5. **A parse goes on at a block boundary** (`index.rs`). Whole blocks are settled: position, carries and count are kept, and
//!    their octets are not looked at again. The unfinished block at the end is looked at in each call anew, at most 63 octets.
//!    So the work is linear however the octets drip in.
//! 6. **The request line is no field line.** Its parts are runs, found one after the other. Where it ends is waited for by all that
//!    follows, so usual ones are found in the block that the first fields are found in, with no load in between.
//!
//! | form | how it classifies | it needs |
//! |---|---|---|
//! | [`byte`](Form::Byte) | looks each octet up: the reference | nothing |
//! | [`swar`](Form::Swar) | asks sixteen octets for controls at once, looks up the few that matter | nothing |
//! | [`avx2`](Form::Avx2) | two nibble tables by shuffle, sign bits | AVX2, BMI1, BMI2, POPCNT |
//! | [`avx512`](Form::Avx512) | the same tables, mask registers, loads that stop at the end | AVX-512 F and BW beside it |
//!
//! **Invariant:** all forms give the same outcome on every input, and none reads beyond the slice it is given.
//! **Invariant:** `unsafe` is in the two vector forms and nowhere else in `http1`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod byte;
mod choice;
mod class;
mod lines;
#[cfg(target_arch = "x86_64")]
mod nibbles;
mod positions;
mod swar;
#[cfg(test)]
mod tests;

pub use choice::{Form, Scanner};
pub(crate) use class::{CLASS, NAME, TARGET, TOKEN, VALUE, is_token, run};
pub(super) use lines::{Carry, Lines, lines};
pub(super) use positions::Positions;

/// The octets of one block.
pub(super) const BLOCK: usize = 64;

/// Where the octets of a block are that a head is made of. Bit `i` is octet `i`; the bits of octets that are not there are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// Octets of methods and names, at least in the runs that start where [`Classify::masks`] was told. A form may count bad
    /// octets among them: a head that has one is refused either way.
    pub(super) token: u64,
    /// `:`, at least at the ends of those runs.
    pub(super) colon: u64,
    pub(super) cr: u64,
    pub(super) lf: u64,
    /// Controls other than HTAB, CR and LF; DEL.
    pub(super) bad: u64,
}

/// A way of classifying blocks.
pub(super) trait Classify: Copy {
    /// A block, loaded.
    type Octets<'a>: Copy;

    /// A whole block.
    fn whole(self, block: &[u8; BLOCK]) -> Self::Octets<'_>;

    /// The block at `base`, of which fewer octets than [`BLOCK`] and at least one are there.
    fn tail(self, input: &[u8], base: usize) -> Self::Octets<'_>;

    /// What is where. `runs` are places where a name or method may start or go on, beside those behind each LF.
    fn masks(self, octets: Self::Octets<'_>, runs: u64) -> Masks;

    /// The first octet that is in no target (SP, control, DEL, `#`), of those from `from` on, which is below [`BLOCK`]. If there is
    /// none: some number that no octet of the block has.
    fn target_end(self, octets: Self::Octets<'_>, from: usize) -> usize;
}

/// The bits of the octets that are there, if `left` are (fewer than a block).
#[inline(always)]
pub(super) const fn valid(left: usize) -> u64 {
    (1 << left) - 1
}
