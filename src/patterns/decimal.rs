//! Whole numbers as clients write them.

/// Digits and nothing else, no sign either; `None` for whatever is no such number of 64 bits.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits() {
        assert_eq!(["0", "007", "18446744073709551615"].map(decimal), [Some(0), Some(7), Some(u64::MAX)]);
        assert_eq!(["", "+1", "-1", " 1", "1x", "18446744073709551616"].map(decimal), [None; 6]);
    }
}
