//! The tables of the vector forms: what an octet is, out of its two halves.
//!
//! A shuffle instruction looks up sixteen entries for every octet at once. An octet has 256 values, but two lookups, one for each
//! half, and an AND of what they give can tell any set of octets that is a union of at most eight "these rows by those columns".
//! With the high half as the row, the token octets are
//!
//! | row | columns | made of |
//! |---|---|---|
//! | `2` | `! # $ % & ' * + - .` | [`ROW_2`] |
//! | `3` | `0` to `9` | [`DIGITS`] |
//! | `4` | all but `@` | [`ALL_BUT_0`] |
//! | `5` | `P` to `Z`, `^`, `_` | [`DIGITS`] (columns 0 to 9), [`ROW_5`] |
//! | `6` | all | [`DIGITS`], [`ALL_BUT_0`] |
//! | `7` | `p` to `z`, `\|`, `~` | [`DIGITS`], [`ROW_7`] |
//!
//! so five bits will do, and three are left for the bad octets: DEL, row `0` without HTAB, LF and CR, and row `1`. An octet is a
//! token if one of the low five bits is left, bad if one of the high three is, never both. From `0x80` on it is neither: the
//! rows are empty.

const ROW_2: u8 = 1;
const DIGITS: u8 = 2;
const ALL_BUT_0: u8 = 4;
const ROW_5: u8 = 8;
const ROW_7: u8 = 16;
const BAD_7: u8 = 32;
const BAD_0: u8 = 64;
const BAD_1: u8 = 128;

/// The bits of tokens.
pub(super) const TOKENS: u8 = ROW_2 | DIGITS | ALL_BUT_0 | ROW_5 | ROW_7;
/// The bits of bad octets.
pub(super) const BADS: u8 = BAD_7 | BAD_0 | BAD_1;

/// By the high half.
pub(super) const ROWS: [u8; 16] = [
    BAD_0,
    BAD_1,
    ROW_2,
    DIGITS,
    ALL_BUT_0,
    DIGITS | ROW_5,
    DIGITS | ALL_BUT_0,
    DIGITS | ROW_7 | BAD_7,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
];

/// By the low half.
pub(super) const COLUMNS: [u8; 16] = {
    // ANCHOR: rows
    let of_row = [
        (ROW_2, 0b0110_1100_1111_1010_u16),
        (DIGITS, 0b0000_0011_1111_1111),
        (ALL_BUT_0, 0b1111_1111_1111_1110),
        (ROW_5, 0b1100_0100_0000_0000),
        (ROW_7, 0b0101_0100_0000_0000),
        (BAD_7, 0b1000_0000_0000_0000),
        (BAD_0, 0b1101_1001_1111_1111),
        (BAD_1, 0b1111_1111_1111_1111),
    ];
    // ANCHOR_END: rows
    let mut columns = [0; 16];
    let mut i = 0;
    while i < 16 * of_row.len() {
        let (bit, of_bit) = of_row[i / 16];
        if of_bit >> (i % 16) & 1 != 0 {
            columns[i % 16] |= bit;
        }
        i += 1;
    }
    columns
};

#[cfg(test)]
mod tests {
    use super::super::class::{TOKEN, VALUE, is};
    use super::*;

    #[test]
    fn the_halves_say_what_the_whole_octet_does() {
        for octet in 0..=255_u8 {
            let bits = ROWS[usize::from(octet >> 4)] & COLUMNS[usize::from(octet & 15)];
            assert_eq!(bits & TOKENS != 0, is(octet, TOKEN), "token: {octet:#x}");
            let is_bad = !is(octet, VALUE) && !matches!(octet, b'\r' | b'\n');
            assert_eq!(bits & BADS != 0, is_bad, "bad: {octet:#x}");
        }
    }
}
