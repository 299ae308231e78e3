//! An event, encoded once for all who will hear of it.
//!
//! ```text
// ANCHOR: picture
//! id: 784111777-3\ndata: {"id":"784111777-3","text":"hello"}\n\n  one buffer:
//!                        └───────────── json ──────────────┘      in a poll's answer
//!                        └────────────── line ───────────────┘    a line of NDJSON
//! └────────────────────────── event ───────────────────────────┘  a server-sent event
//!
//! \x81 length {"id":"784111777-3","text":"hello"}                 a frame of a WebSocket
// ANCHOR_END: picture
//! ```
//!
//! Three of its forms are stretches of one another, because JSON as it is written here has no line breaks: they share one buffer.
//! The fourth has something else in front. Whoever is sent a large one (above 2 KiB) shares it too ([`Bytes`]), so it costs the same
//! memory for one receiver and for 5,000; a small one is copied for each, which is cheaper than to share it.
//!
//! Sources: the WHATWG HTML standard, section 9.2.5, for the fields of an event; RFC 8259 for JSON, whose strings escape all
//! control characters (section 7); RFC 6455 section 5.2 for frames.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::patterns::decimal::decimal;
use crate::patterns::json::quoted;
use crate::websocket::text_frame;

/// Names an event, and so a place in the order of all events: `E-N`, where E is the second since 1970 in which the server began,
/// and N counts its events from 1. So names grow from one start of a server to the next, if they are a second apart and the clock
/// is not set back. As a cursor it says: *after* this one. `0` is before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// When the server began, in seconds since 1970-01-01 00:00 UTC.
    pub epoch: u64,
    /// Which of its events, from 1.
    pub number: u64,
}

impl Cursor {
    /// Before all events.
    pub const BEGINNING: Cursor = Cursor { epoch: 0, number: 0 };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Cursor::BEGINNING => f.write_str("0"),
            Cursor { epoch, number } => write!(f, "{epoch}-{number}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Cursor, NoCursor> {
        if text == "0" {
            return Ok(Cursor::BEGINNING);
        }
        let (epoch, number) = text.split_once('-').ok_or(NoCursor)?;
        Ok(Cursor { epoch: decimal(epoch).ok_or(NoCursor)?, number: decimal(number).ok_or(NoCursor)? })
    }
}

/// What was given is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCursor;

impl fmt::Display for NoCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor is the id of an event, like 784111777-3, or 0 for the beginning")
    }
}

impl std::error::Error for NoCursor {}

/// An event in all its forms. It does not change any more.
#[derive(Debug)]
pub struct Entry {
    id: Cursor,
    topic: Option<Box<str>>,
    event: Bytes,
    /// Where the JSON begins in `event`.
    json_at: usize,
    frame: Bytes,
}

/// What closes an event behind its JSON.
const EVENT_END: &str = "\n\n";

impl Entry {
    /// Encodes it.
    pub fn new(id: Cursor, text: &str, topic: Option<String>) -> Entry {
        let about = topic.as_ref().map_or(String::new(), |topic| format!(",\"topic\":{}", quoted(topic)));
        let json = format!("{{\"id\":\"{id}\",\"text\":{}{about}}}", quoted(text));
        let name = format!("id: {id}\ndata: ");
        let event = [name.as_str(), &json, EVENT_END].concat();
        let (frame, topic) = (text_frame(&json), topic.map(String::into_boxed_str));
        Entry { id, topic, event: event.into(), json_at: name.len(), frame }
    }

    /// The most octets that any form of an event can have whose text and topic have so many: JSON has six for a control character
    /// (RFC 8259 section 7), beside the names and the numbers.
    pub const fn most_octets_of(text: usize, topic: usize) -> usize {
        6 * (text + topic) + 128
    }

    /// Its name.
    pub fn id(&self) -> Cursor {
        self.id
    }

    /// What it is about.
    pub fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// One JSON object.
    pub fn json(&self) -> Bytes {
        self.event.slice(self.json_at..self.event.len() - EVENT_END.len())
    }

    /// The same as a line of NDJSON.
    pub fn line(&self) -> Bytes {
        self.event.slice(self.json_at..self.event.len() - EVENT_END.len() + 1)
    }

    /// The same as a server-sent event: its `id`, its `data`, and the empty line that dispatches it.
    pub fn event(&self) -> Bytes {
        self.event.clone()
    }

    /// The same as a text message of a WebSocket, in a frame.
    pub fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    /// Octets of the [JSON](Self::json).
    pub fn octets(&self) -> usize {
        self.event.len() - EVENT_END.len() - self.json_at
    }

    /// Octets of the longest form.
    pub fn most_octets(&self) -> usize {
        self.event.len()
    }

    /// Octets that it takes to keep it.
    pub fn octets_kept(&self) -> usize {
        self.event.len() + self.frame.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_ordered_and_strict() {
        for text in ["0", "784111777-0", "784111777-3", "18446744073709551615-18446744073709551615"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in ["", "-", "1", "1-", "-1", "+1-1", "1-+1", "1-1 ", " 1-1", "1-1-1", "a-1", "00", "1-18446744073709551616"] {
            assert_eq!(text.parse::<Cursor>(), Err(NoCursor), "{text:?}");
        }
        let cursor = |text: &str| text.parse::<Cursor>().unwrap();
        assert!(cursor("0") < cursor("5-9") && cursor("5-9") < cursor("5-10") && cursor("5-10") < cursor("6-0"));
    }

    #[test]
    fn all_forms_are_of_one_buffer() {
        let id = Cursor { epoch: 7, number: 3 };
        let entry = Entry::new(id, "a \"quote\",\r\na line, \u{0} and ä", Some("the\ttopic".into()));
        let json = r#"{"id":"7-3","text":"a \"quote\",\r\na line, \u0000 and ä","topic":"the\ttopic"}"#;
        assert_eq!(entry.json(), json);
        assert_eq!(entry.line(), format!("{json}\n"));
        assert_eq!(entry.event(), format!("id: 7-3\ndata: {json}\n\n"));
        assert_eq!(entry.frame()[2..], *json.as_bytes());
        assert_eq!((entry.octets(), entry.topic(), entry.id()), (json.len(), Some("the\ttopic"), id));
        assert!(entry.event().as_ptr_range().contains(&entry.json().as_ptr()), "the JSON is no copy");
        let last = Cursor { epoch: u64::MAX, number: u64::MAX };
        let (longest, most) = (Entry::new(last, "\u{1}\u{2}", Some("\u{3}".into())), Entry::most_octets_of(2, 1));
        assert!((most - 8..=most).contains(&longest.most_octets()), "{} of {most}", longest.most_octets());
        assert!(longest.frame().len() <= most);
        let plain = Entry::new(id, "", None);
        assert_eq!(plain.json(), r#"{"id":"7-3","text":""}"#);
    }
}
