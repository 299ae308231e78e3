//! One event, found in what was heard without parsing JSON: the texts are ours, and nothing in them is escaped.

use std::io;

/// An event, as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    /// `E-N`.
    pub(super) id: &'a str,
    /// The moment in its text.
    pub(super) published: u64,
}

const ID: &[u8] = b"\"id\":\"";
const TEXT: &[u8] = b"\"text\":\"t=";

impl<'a> Event<'a> {
    /// The event in this JSON object.
    pub(super) fn parse(object: &'a [u8]) -> io::Result<Event<'a>> {
        let strange = || wrong(format!("this is no event: {}", shown(object)));
        let id = after(object, ID).and_then(|rest| until_quote(rest)).ok_or_else(strange)?;
        let digits = after(object, TEXT).ok_or_else(strange)?;
        let length = digits.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let published =
            std::str::from_utf8(&digits[..length]).ok().and_then(|digits| digits.parse().ok()).ok_or_else(strange)?;
        Ok(Event { id, published })
    }
}

/// The events in a JSON array of them, and what follows its end.
pub(super) fn each_in_array<'a>(mut array: &'a [u8], mut hear: impl FnMut(&'a [u8]) -> io::Result<()>) -> io::Result<&'a [u8]> {
    loop {
        match array.trim_ascii_start() {
            [b']', rest @ ..] => return Ok(rest),
            [b',', rest @ ..] => array = rest,
            rest @ [b'{', ..] => {
                let end = rest.iter().position(|&octet| octet == b'}').ok_or_else(|| wrong("an event has no end".into()))?;
                hear(&rest[..=end])?;
                array = &rest[end + 1..];
            }
            rest => return Err(wrong(format!("where an event should be is {}", shown(rest)))),
        }
    }
}

/// The string that this field of an object has.
pub(super) fn string<'a>(object: &'a [u8], field: &str) -> Option<&'a str> {
    until_quote(after(object, format!("\"{field}\":\"").as_bytes())?)
}

/// The N of an id `E-N`; 0 is before the first event.
pub(super) fn number(id: &str) -> io::Result<u64> {
    let digits = id.rsplit('-').next().unwrap_or(id);
    digits.parse().map_err(|_| wrong(format!("an id does not end in a number: {id:?}")))
}

/// Which events a listener has heard.
pub(super) struct Ledger {
    last: u64,
}

impl Ledger {
    /// It is to hear those after this one.
    pub(super) fn after(number: u64) -> Ledger {
        Ledger { last: number }
    }

    /// The last one that was heard.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Takes down the next one.
    pub(super) fn hear(&mut self, event: &Event<'_>) -> io::Result<()> {
        let (last, number) = (self.last, number(event.id)?);
        if number == last + 1 {
            self.last = number;
            return Ok(());
        }
        Err(wrong(match number {
            _ if number <= last => format!("event {number} came again, or late: {last} was there before it"),
            _ => format!("event {number} came after {last}: what is between them is lost, or late"),
        }))
    }
}

pub(super) fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The beginning of it, for an error.
pub(super) fn shown(octets: &[u8]) -> String {
    const ENOUGH: usize = 120;
    let dots = if octets.len() > ENOUGH { "..." } else { "" };
    format!("{:?}{dots}", String::from_utf8_lossy(&octets[..octets.len().min(ENOUGH)]))
}

/// What follows the first place where it stands.
pub(super) fn after<'a>(octets: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    let at = octets.windows(what.len()).position(|window| window == what)?;
    Some(&octets[at + what.len()..])
}

fn until_quote(octets: &[u8]) -> Option<&str> {
    let end = octets.iter().position(|&octet| octet == b'"')?;
    std::str::from_utf8(&octets[..end]).ok()
}
