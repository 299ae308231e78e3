//! Where runs end: the scanner that looks at eight octets at a time against the one that looks at one.

use iolab::http1::scanner::{Byte, Scanner, Swar};

/// So many starts are tried: each alignment to a block of sixteen.
const STARTS: usize = 16;

/// The input is octets. Asserts that both scanners find every run to end at the same place, from every alignment, and the same
/// place if it is the last of the input.
pub fn scanner(input: &[u8]) {
    for start in 0..STARTS.min(input.len()) {
        let octets = &input[start..];
        for (name, of_byte, of_swar) in [
            ("token", Byte::token as fn(&[u8]) -> usize, Swar::token as fn(&[u8]) -> usize),
            ("target", Byte::target, Swar::target),
            ("value", Byte::value, Swar::value),
        ] {
            let run = of_byte(octets);
            assert!(run <= octets.len());
            assert_eq!(of_swar(octets), run, "{name} from {start} of {}", input.escape_ascii());
            assert_eq!(of_swar(&octets[..run]), run, "{name} from {start}, and no further than its end");
        }
    }
}
