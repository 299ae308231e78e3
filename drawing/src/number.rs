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

/// So many microseconds: `850 ns`, `25.0 µs`, `8.96 ms`, `2.50 s`.
pub fn time(micros: f64) -> String {
    let (value, unit) = match micros.abs() {
        size if size < 0.9995 => return format!("{} ns", with_decimals(micros * 1e3, 0)),
        size if size < 999.5 => (micros, "µs"),
        size if size < 999_500.0 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    format!("{} {unit}", short(value))
}

/// So many octets: `825 B`, `1.07 KiB`, `64.0 MiB`.
pub fn octets(octets: f64) -> String {
    let mut value = octets;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value.abs() < 1023.5 || unit == "GiB" {
            let digits = if unit == "B" { with_decimals(value, 0) } else { short(value) };
            return format!("{digits} {unit}");
        }
        value /= 1024.0;
    }
    unreachable!("the last unit takes everything")
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
    fn units_fit_the_size() {
        let times = [0.85, 25.0, 999.7, 8960.0, 2_500_000.0].map(time);
        assert_eq!(times, ["850 ns", "25.0 µs", "1.00 ms", "8.96 ms", "2.50 s"]);
        assert_eq!([825.0, 1100.0, 1023.8, 56_115.0].map(octets), ["825 B", "1.07 KiB", "1.00 KiB", "54.8 KiB"]);
    }

    #[test]
    fn axes_are_round() {
        assert_eq!(round(0.25), "0.25");
        assert_eq!(round(2000.0), "2,000");
        assert_eq!(round(0.0), "0");
    }
}
