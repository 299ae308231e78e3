//! UTF-8 in pieces.
//!
//! A character may be cut by the end of a frame or of a read. What is cut off is carried over, three octets at most, and judged
//! together with what follows.

use std::fmt;

/// Whether the octets so far are the beginning of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utf8 {
    carry: [u8; 3],
    /// Octets in `carry`: the beginning of a character that can still be completed.
    carried: usize,
}

/// No continuation makes a text of these octets (RFC 3629 section 4 has the grammar).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

impl Utf8 {
    /// Judges the next octets.
    ///
    /// # Errors
    ///
    /// As soon as no continuation could make a text of them: at the first octet
    /// that does not fit, not at the end of its character. After an error, begin
    /// anew.
    pub fn push(&mut self, mut octets: &[u8]) -> Result<(), NotUtf8> {
        while self.carried > 0 {
            let Some((&next, rest)) = octets.split_first() else { return Ok(()) };
            octets = rest;
            let mut character = [0; 4];
            character[..self.carried].copy_from_slice(&self.carry[..self.carried]);
            character[self.carried] = next;
            let length = self.carried + 1;
            self.carried = 0;
            self.judge(&character[..length])?;
        }
        self.judge(octets)
    }

    /// Whether the text may end here: not within a character.
    pub fn is_complete(&self) -> bool {
        self.carried == 0
    }

    fn judge(&mut self, octets: &[u8]) -> Result<(), NotUtf8> {
        let Err(error) = std::str::from_utf8(octets) else { return Ok(()) };
        // A length is that of what can never be a character. Without one it is a beginning, which has less than four octets.
        let rest = &octets[error.valid_up_to()..];
        if error.error_len().is_some() || rest.len() > self.carry.len() {
            return Err(NotUtf8);
        }
        self.carry[..rest.len()].copy_from_slice(rest);
        self.carried = rest.len();
        Ok(())
    }
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not UTF-8")
    }
}

impl std::error::Error for NotUtf8 {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many octets are taken before the error, if there is one, and whether the text may end after the last.
    fn octet_by_octet(octets: &[u8]) -> Result<bool, usize> {
        let mut utf8 = Utf8::default();
        for (at, octet) in octets.iter().enumerate() {
            utf8.push(&[*octet]).map_err(|NotUtf8| at)?;
        }
        Ok(utf8.is_complete())
    }

    #[test]
    fn it_fails_at_the_first_octet_that_cannot_be() {
        let cases: [(&[u8], Result<bool, usize>); 14] = [
            (b"", Ok(true)),
            ("κόσμε".as_bytes(), Ok(true)),
            ("\u{10ffff}".as_bytes(), Ok(true)),
            (b"\xf4\x8f\xbf", Ok(false)),
            (b"\xf4\x90", Err(1)),
            (b"\xf5", Err(0)),
            (b"\xc0", Err(0)),
            (b"\xe0\x9f", Err(1)),
            (b"\xed\xa0", Err(1)),
            (b"\xf0\x8f", Err(1)),
            (b"a\x80", Err(1)),
            (b"\xe2\x82a", Err(2)),
            (b"\xc3\xc3", Err(1)),
            ("\u{feff}\u{fffe}\u{d7ff}\u{e000}".as_bytes(), Ok(true)),
        ];
        for (octets, expected) in cases {
            assert_eq!(octet_by_octet(octets), expected, "{}", octets.escape_ascii());
        }
    }

    #[test]
    fn every_beginning_of_three_octets_goes_as_the_standard_library_has_it() {
        for beginning in 0..=0xff_ffff_u32 {
            let octets = &beginning.to_be_bytes()[1..];
            // ASCII in front tells nothing new.
            if octets[0] < 0x80 {
                continue;
            }
            let mut utf8 = Utf8::default();
            let cut = utf8.push(&octets[..1]).and_then(|()| utf8.push(&octets[1..])).map(|()| utf8.is_complete());
            let whole = match std::str::from_utf8(octets) {
                Ok(_) => Ok(true),
                Err(error) if error.error_len().is_none() => Ok(false),
                Err(_) => Err(NotUtf8),
            };
            assert_eq!(cut, whole, "{octets:x?}");
        }
    }

    /// Octets as they are near characters.
    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
            1 => any::<char>().prop_map(|character| character.to_string().as_bytes()[..1].to_vec()),
            1 => any::<u8>().prop_map(|octet| vec![octet]),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_is_the_same(octets in octets(), cuts in prop::collection::vec(0_usize..40, 0..6)) {
            let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(octets.len())).chain([octets.len()]).collect();
            ends.sort_unstable();
            let (mut utf8, mut start, mut outcome) = (Utf8::default(), 0, Ok(()));
            for end in ends {
                outcome = outcome.and_then(|()| utf8.push(&octets[start..end]));
                start = end;
            }
            let is_text = outcome.is_ok() && utf8.is_complete();
            prop_assert_eq!(is_text, std::str::from_utf8(&octets).is_ok());
            prop_assert_eq!(outcome.map(|()| utf8.is_complete()).ok(), octet_by_octet(&octets).ok());
        }
    }
}
