//! Numbers as people read them.

/// Three digits that count, and commas between thousands: `1,344,514`, `109`, `61.3`, `4.02`, `0.01`. What is measured has no
/// more; what is counted in thousands is written out.
pub fn short(value: f64) -> String {
    let decimals = match value.abs() {
        // At the edge it is the rounded value that counts: 9.996 is 10.0.
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    with_decimals(value, decimals)
}

/// With so many digits after the point, and commas between thousands.
pub fn with_decimals(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let is_nought = digits.bytes().all(|octet| matches!(octet, b'0' | b'.'));
    let mut grouped = String::from(if value < 0.0 && !is_nought { "-" } else { "" });
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// A round number, on an axis: no noughts at its end behind the point.
pub fn round(value: f64) -> String {
    let digits = with_decimals(value, if value.abs() < 0.001 { 12 } else { 6 });
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        let cases = [
            (1_344_514.0, "1,344,514"),
            (926_895.4, "926,895"),
            (1000.0, "1,000"),
            (109.4, "109"),
            (99.96, "100"),
            (61.34, "61.3"),
            (9.996, "10.0"),
            (4.02, "4.02"),
            (0.0, "0.00"),
            (-0.001, "0.00"),
            (-1234.0, "-1,234"),
        ];
        for (value, written) in cases {
            assert_eq!(short(value), written);
        }
    }

    #[test]
    fn axes_are_round() {
        assert_eq!(round(0.25), "0.25");
        assert_eq!(round(2000.0), "2,000");
        assert_eq!(round(0.0), "0");
    }
}
