//! How an input is read: settings, choices, and the octets they are about.
//!
//! ```text
//! octet 0        bit 7      for the target to use
//!                bit 6      tight limits instead of the defaults
//!                bits 4-5   for the target to use
//!                bits 0-3   how many choices follow, N
//! octets 1..=N   choices, used again from the first once they are used up: of where to cut, or of what happens next
//! the rest       what a peer says
//! ```
//!
//! So a seed that begins with the digit `0` is a message in one piece, and one that begins with `2` is cut at places that the two
//! octets after it choose.

use iolab::http1::HttpLimits;

/// One input.
pub struct Input<'a> {
    /// Octet 0.
    pub settings: u8,
    /// At most 15.
    pub choices: &'a [u8],
    /// What a peer says.
    pub octets: &'a [u8],
}

impl<'a> Input<'a> {
    /// `None` if there is no octet 0, or fewer choices than it says.
    pub fn read(input: &'a [u8]) -> Option<Self> {
        let (&settings, rest) = input.split_first()?;
        let (choices, octets) = rest.split_at_checked(usize::from(settings & 15))?;
        Some(Input { settings, choices, octets })
    }

    /// What bits 4 and 5 say.
    pub fn variant(&self) -> u8 {
        self.settings >> 4 & 3
    }

    /// Tight ones are so small that an input of a few hundred octets reaches each of them.
    pub fn limits(&self) -> HttpLimits {
        if self.settings & 0x40 == 0 {
            return HttpLimits::default();
        }
        HttpLimits {
            method: 7,
            target: 24,
            fields_octets: 96,
            fields: 4,
            body: 40,
            chunk_extension_octets: 8,
            trailer_octets: 32,
            trailers: 2,
        }
    }

    /// Where `length` octets are cut: each choice is the length of a piece, which may be none. The last is `length`.
    pub fn ends(&self, length: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut end = 0;
        if self.choices.iter().any(|&choice| choice > 0) {
            for &choice in self.choices.iter().cycle() {
                end += usize::from(choice);
                if end >= length {
                    break;
                }
                ends.push(end);
            }
        }
        ends.push(length);
        ends
    }
}
