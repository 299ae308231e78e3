//! Clients of the feed, each of which hears of events in its own way. They have no socket: octets are given to them, and they say
//! what they have to say; so the same ones listen in the simulator and over TCP.

#![allow(dead_code, reason = "what one test binary has no use for, another has")]

use serde_json::Value;

/// How one hears of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ShortPoll,
    LongPoll,
    Events,
    Lines,
    Socket,
}

pub const ALL_WAYS: [Way; 5] = [Way::ShortPoll, Way::LongPoll, Way::Events, Way::Lines, Way::Socket];

/// Those that follow.
pub const STREAMS: [Way; 3] = [Way::Events, Way::Lines, Way::Socket];

/// One client.
pub struct Listener {
    pub way: Way,
    /// Where it is: what it would begin after if it came back.
    pub after: String,
    /// The JSON of the events it has heard, in order.
    pub events: Vec<Value>,
    /// The oldest there is or will be, as often as it was told that some are gone.
    pub resyncs: Vec<String>,
    pub heartbeats: usize,
    /// Of its answers.
    pub statuses: Vec<u16>,
    /// Its stream has ended in order: with the last chunk, or a close frame.
    pub is_over: bool,
    /// It would rather have an HTTP/1.0 answer.
    pub is_old: bool,
    /// Of long polls: until when, in milliseconds, and for how many octets.
    pub wait: u64,
    pub least: u64,
    unread: Vec<u8>,
    /// Within an answer: its head was read.
    head: Option<Head>,
    /// The body of a stream, behind its framing, that is no whole line yet.
    text: Vec<u8>,
    /// Of the server-sent event that was begun.
    fields: Vec<(String, String)>,
}

#[derive(Clone, Copy)]
enum Head {
    Length(usize),
    Chunked,
    UntilClose,
    Frames,
}

type Heard = Result<(), String>;

impl Listener {
    pub fn new(way: Way, after: &str) -> Listener {
        Listener {
            way,
            after: after.into(),
            events: Vec::new(),
            resyncs: Vec::new(),
            heartbeats: 0,
            statuses: Vec::new(),
            is_over: false,
            is_old: false,
            wait: 20_000,
            least: 1,
            unread: Vec::new(),
            head: None,
            text: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// The same on another connection.
    pub fn comes_back(&mut self) {
        self.unread.clear();
        self.text.clear();
        self.fields.clear();
        (self.head, self.is_over) = (None, false);
    }

    /// What it asks.
    pub fn request(&self) -> String {
        let after = &self.after;
        let version = if self.is_old { "1.0" } else { "1.1" };
        let (target, fields) = match self.way {
            Way::ShortPoll => (format!("/events?after={after}"), String::new()),
            Way::LongPoll => {
                let target = format!("/events?after={after}&wait={}&min_bytes={}", self.wait, self.least);
                // Without a cursor: from now on.
                (target.replace("after=&", ""), String::new())
            }
            // As an EventSource comes back: the parameter is from when it began.
            Way::Events if after.contains('-') => ("/stream?after=0".into(), format!("Last-Event-ID: {after}\r\n")),
            Way::Events => (format!("/stream?after={after}"), String::new()),
            Way::Lines => (format!("/lines?after={after}"), String::new()),
            Way::Socket => (format!("/ws?after={after}"), OPENING.into()),
        };
        format!("GET {target} HTTP/{version}\r\nHost: a\r\n{fields}\r\n")
    }

    /// Octets have come. Says whether an answer is whole and the next question due, which is so of polls only.
    pub fn hear(&mut self, octets: &[u8]) -> Result<bool, String> {
        self.unread.extend_from_slice(octets);
        let mut is_answered = false;
        loop {
            match self.head {
                None => {
                    let Some(end) = find(&self.unread, b"\r\n\r\n") else { break };
                    let head: Vec<u8> = self.unread.drain(..end + 4).collect();
                    self.read_head(&String::from_utf8_lossy(&head))?;
                }
                Some(Head::Length(length)) => {
                    if self.unread.len() < length {
                        break;
                    }
                    let body: Vec<u8> = self.unread.drain(..length).collect();
                    self.head = None;
                    self.read_answer(&body)?;
                    is_answered = true;
                }
                Some(Head::Chunked) => match self.next_chunk()? {
                    Some(chunk) => self.read_text(&chunk)?,
                    None => break,
                },
                Some(Head::UntilClose) => {
                    let text = std::mem::take(&mut self.unread);
                    self.read_text(&text)?;
                    break;
                }
                Some(Head::Frames) => match self.next_frame()? {
                    Some((opcode, payload)) => self.read_frame(opcode, &payload)?,
                    None => break,
                },
            }
        }
        if self.is_over && !self.unread.is_empty() {
            return Err(format!("behind the end came {:?}", String::from_utf8_lossy(&self.unread)));
        }
        Ok(is_answered)
    }

    /// FIN has come: was all of it whole?
    pub fn hear_end(&mut self) -> Heard {
        self.is_over |= matches!(self.head, Some(Head::UntilClose));
        let is_whole =
            self.unread.is_empty() && self.text.is_empty() && self.fields.is_empty() && (self.head.is_none() || self.is_over);
        if is_whole { Ok(()) } else { Err(format!("{:?} was cut short", self.way)) }
    }

    fn read_head(&mut self, head: &str) -> Heard {
        let status =
            head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| format!("this is no head: {head}"))?;
        self.statuses.push(status);
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        self.head = Some(match (value("Content-Length"), value("Transfer-Encoding")) {
            _ if status == 101 => Head::Frames,
            _ if status == 204 => Head::Length(0),
            (Some(length), None) => Head::Length(length.parse().map_err(|_| format!("this is no length: {length}"))?),
            (None, Some("chunked")) => Head::Chunked,
            (None, None) if self.is_old => Head::UntilClose,
            _ => return Err(format!("this says not how long it is: {head}")),
        });
        let media_type = match self.way {
            Way::Events => "text/event-stream",
            Way::Lines => "application/x-ndjson",
            _ => "application/json",
        };
        match status {
            200 if value("Content-Type") != Some(media_type) => Err(format!("this is of another type: {head}")),
            200 | 204 if value("Cache-Control") != Some("no-store") => Err(format!("this is for anybody: {head}")),
            _ => Ok(()),
        }
    }

    fn read_answer(&mut self, body: &[u8]) -> Heard {
        let Some(200) = self.statuses.last() else { return Ok(()) };
        let answer = json(body)?;
        let Some(events) = answer["events"].as_array() else { return Err(format!("this has no events: {answer}")) };
        if answer["resync"] == true {
            let oldest = events.first().map_or(&answer["next"], |event| &event["id"]);
            self.resyncs.push(oldest.as_str().unwrap_or_default().into());
        }
        events.iter().for_each(|event| self.events.push(event.clone()));
        self.after = answer["next"].as_str().ok_or("this has no cursor")?.into();
        match events.last() {
            Some(last) if last["id"] != *self.after => Err(format!("{} is not the last of {answer}", self.after)),
            _ => Ok(()),
        }
    }

    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, String> {
        let Some(line) = find(&self.unread, b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&self.unread[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("this is no chunk size")?;
        if self.unread.len() < line + 2 + size + 2 {
            return Ok(None);
        }
        let chunk: Vec<u8> = self.unread.drain(..line + 2 + size + 2).collect();
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk does not end".into());
        }
        if size == 0 {
            self.is_over = true;
            return Ok(None);
        }
        Ok(Some(chunk[line + 2..line + 2 + size].to_vec()))
    }

    fn read_text(&mut self, text: &[u8]) -> Heard {
        self.text.extend_from_slice(text);
        while let Some(at) = find(&self.text, b"\n") {
            let line: Vec<u8> = self.text.drain(..=at).take(at).collect();
            let line = String::from_utf8(line).map_err(|_| "this is no UTF-8")?;
            if self.way == Way::Lines { self.read_line(&line)? } else { self.read_field(&line)? }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &str) -> Heard {
        match line {
            "" => self.heartbeats += 1,
            line => self.read_object(json(line.as_bytes())?)?,
        }
        Ok(())
    }

    /// As section 9.2.6 of the WHATWG HTML standard has it.
    fn read_field(&mut self, line: &str) -> Heard {
        match line.split_once(':').map(|(name, value)| (name, value.strip_prefix(' ').unwrap_or(value))) {
            None if line.is_empty() => return self.dispatch(),
            Some(("", "")) => self.heartbeats += 1,
            Some(("retry", "2000")) if self.fields.is_empty() => {}
            Some((name @ ("id" | "event" | "data"), value)) => self.fields.push((name.into(), value.into())),
            _ => return Err(format!("this is no field: {line:?}")),
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Heard {
        let fields = std::mem::take(&mut self.fields);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match fields[..] {
            [("id", id), ("data", data)] => {
                let event = json(data.as_bytes())?;
                if event["id"] == id { self.read_object(event) } else { Err(format!("{event} has the id {id}")) }
            }
            [("event", "resync"), ("data", data)] => {
                self.resyncs.push(json(data.as_bytes())?["oldest"].as_str().unwrap_or_default().into());
                Ok(())
            }
            _ => Err(format!("this is no event: {fields:?}")),
        }
    }

    /// A frame of a server (RFC 6455 section 5.2): final and not masked.
    fn next_frame(&mut self) -> Result<Option<(u8, Vec<u8>)>, String> {
        let &[first, second, ..] = &self.unread[..] else { return Ok(None) };
        if first & 0xf0 != 0x80 || second >= 0x80 {
            return Err(format!("{first:#x} {second:#x} begin no frame of a server"));
        }
        let extended = [0, 2, 8][usize::from(second > 125) + usize::from(second > 126)];
        if self.unread.len() < 2 + extended {
            return Ok(None);
        }
        let number = self.unread[2..2 + extended].iter().fold(0, |number, octet| number << 8 | usize::from(*octet));
        let length = if extended == 0 { usize::from(second) } else { number };
        if self.unread.len() < 2 + extended + length {
            return Ok(None);
        }
        let frame: Vec<u8> = self.unread.drain(..2 + extended + length).collect();
        Ok(Some((first & 15, frame[2 + extended..].to_vec())))
    }

    fn read_frame(&mut self, opcode: u8, payload: &[u8]) -> Heard {
        match opcode {
            1 => self.read_object(json(payload)?),
            8 => {
                self.statuses.push(payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]])));
                self.is_over = true;
                Ok(())
            }
            9 => {
                self.heartbeats += 1;
                Ok(())
            }
            _ => Err(format!("a frame of the kind {opcode}")),
        }
    }

    fn read_object(&mut self, object: Value) -> Heard {
        if let Some(oldest) = object["resync"].as_str() {
            self.resyncs.push(oldest.into());
            return Ok(());
        }
        self.after = object["id"].as_str().ok_or_else(|| format!("this is no event: {object}"))?.into();
        self.events.push(object);
        Ok(())
    }

    // What it has heard.

    /// The numbers of the events.
    pub fn numbers(&self) -> Vec<u64> {
        self.events.iter().map(|event| number_of(event["id"].as_str().unwrap_or_default())).collect()
    }

    /// The numbers from `from` to `to`, each once and in order, is what it should have heard.
    pub fn expect(&self, from: u64, to: u64) -> Heard {
        let numbers = self.numbers();
        match numbers.iter().copied().eq(from..=to) {
            true => Ok(()),
            false => Err(format!("{:?} heard {numbers:?} instead of {from} to {to}", self.way)),
        }
    }
}

/// What a WebSocket needs to be opened.
const OPENING: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The N of `E-N`.
pub fn number_of(id: &str) -> u64 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{id:?} is no id"))
}

/// A request to publish.
pub fn publish(text: &str, topic: &str) -> String {
    let query = if topic.is_empty() { String::new() } else { format!("?topic={topic}") };
    format!("POST /publish{query} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

/// A frame of a client (RFC 6455 section 5.2): masked, and short.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mask = [1, 2, 3, 4];
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask);
    [0x80 | opcode, 0x80 | payload.len() as u8].into_iter().chain(mask).chain(masked).collect()
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}

fn json(octets: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(octets).map_err(|error| format!("{error}: {:?}", String::from_utf8_lossy(octets)))
}
