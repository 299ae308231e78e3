//! How figures look, the same in every table.

use crate::statistics::Estimate;

/// 1234567 as `1,234,567`.
pub fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits or so.
pub fn short(figure: f64) -> String {
    let digits = match figure {
        _ if figure >= 100.0 => 0,
        _ if figure >= 10.0 => 1,
        _ => 2,
    };
    format!("{figure:.digits$}")
}

/// Its two ends.
pub fn interval(estimate: Estimate) -> String {
    let digits = if estimate.high < 10.0 { 2 } else { 0 };
    format!("{:.digits$}-{:.digits$}", estimate.low, estimate.high)
}

/// A time in the unit that fits it.
pub fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.2} ms", 1e3 * seconds),
        _ => format!("{:.0} µs", 1e6 * seconds),
    }
}

/// Lines no longer than the table is wide.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut room = width;
    for word in text.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if length > room && room < width {
            lines.truncate(lines.trim_end().len());
            lines.push_str("\n    ");
            room = width - 4;
        }
        lines.push_str(word);
        room = room.saturating_sub(word.chars().count());
    }
    lines + "\n"
}
