//! What both forms of the conversation keep to: how long one waits, and what a line is.

use std::time::Duration;

/// How long callers are waited for.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Until they have said their name.
    pub name: Duration,
    /// Until somebody else comes.
    pub partner: Duration,
}

/// The longest line that is heard out: 1 KiB.
pub const LINE_OCTETS: usize = 1024;

/// It has no end that would still be heard.
pub struct TooLong;

/// The line at the beginning of `input`, without its end (`\n` or `\r\n`), and where the next one begins; `None` if more is needed to tell.
pub fn first_line(input: &[u8]) -> Result<Option<(String, usize)>, TooLong> {
    match input.iter().take(LINE_OCTETS + 1).position(|octet| *octet == b'\n') {
        Some(end) => {
            let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
            Ok(Some((String::from_utf8_lossy(line).into_owned(), end + 1)))
        }
        None if input.len() > LINE_OCTETS => Err(TooLong),
        None => Ok(None),
    }
}
