//! What a server sends back, read as strictly as a request is: a server that asks others for grammar must have its own.
//!
//! Every answer is checked for the grammar of its status line and fields (RFC 9112 §4 and §5), for one framing and not two
//! (§6.3), for `Date` (RFC 9110 §6.6.1) and for a body that ends where it says. Errors are sentences for the failure list.

use std::io::{ErrorKind, Read};

/// Longest line accepted in an answer, octets.
const LONGEST_LINE: usize = 64 * 1024;

/// Status and fields of one answer.
pub struct Head {
    pub status: u16,
    /// Names in lower case, values trimmed.
    fields: Vec<(String, String)>,
}

impl Head {
    /// Whether the comma-separated list in the fields of this name has this member, in any letter case.
    pub fn has(&self, name: &str, member: &str) -> bool {
        self.values(name).any(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(member)))
    }

    /// The values of the fields of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1.as_str())
    }
}

/// Reads answers off one connection, in order. A read that waited for too long is to fail with `WouldBlock`.
pub struct Answers<R> {
    pub stream: R,
    buffer: Vec<u8>,
    used: usize,
}

impl<R: Read> Answers<R> {
    pub fn new(stream: R) -> Self {
        Answers { stream, buffer: Vec::new(), used: 0 }
    }

    /// The next status line and fields, or `None` where the connection ended before its first octet.
    pub fn head(&mut self) -> Result<Option<Head>, String> {
        if self.used == self.buffer.len() && !self.more()? {
            return Ok(None);
        }
        let line = self.line()?;
        let status = status_of(&line).ok_or(format!("not a status line: {}", line.escape_ascii()))?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            fields.push(field_of(&line).ok_or(format!("not a field line: {}", line.escape_ascii()))?);
        }
        let head = Head { status, fields };
        check_fields(&head).map_err(|e| format!("{status} {e}"))?;
        Ok(Some(head))
    }

    /// The body that belongs to `head`. For an answer to HEAD do not call this: there is none.
    pub fn body(&mut self, head: &Head) -> Result<Vec<u8>, String> {
        if head.status < 200 || head.status == 204 || head.status == 304 {
            return Ok(Vec::new());
        }
        if head.has("transfer-encoding", "chunked") {
            return self.chunks();
        }
        if let Some(length) = head.values("content-length").next() {
            let length = length.parse().map_err(|e| format!("Content-Length {length}: {e}"))?;
            return self.exactly(length);
        }
        while self.more()? {}
        let rest = self.buffer.split_off(self.used);
        Ok(rest)
    }

    /// Whether the peer has closed in order. Octets nobody asked for, a reset and a connection left open are errors.
    pub fn closed(&mut self) -> Result<(), String> {
        if self.used == self.buffer.len() && !self.more()? {
            return Ok(());
        }
        let rest = self.buffer.split_off(self.used);
        Err(format!("after the last answer came {}", super::play::shortened(&rest)))
    }

    fn chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let text = String::from_utf8_lossy(&line).into_owned();
            if line.is_empty() || !line.iter().all(u8::is_ascii_hexdigit) {
                return Err(format!("not a chunk size: {}", line.escape_ascii()));
            }
            let size = usize::from_str_radix(&text, 16).map_err(|e| format!("chunk size {text}: {e}"))?;
            if size == 0 {
                break;
            }
            body.extend(self.exactly(size)?);
            if self.exactly(2)? != b"\r\n" {
                return Err("no CRLF after the data of a chunk".into());
            }
        }
        match self.line()?.is_empty() {
            true => Ok(body),
            false => Err("a trailer field nobody asked for".into()),
        }
    }

    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut searched = 0; // Octets after `used`, which moves when more come.
        loop {
            let unread = &self.buffer[self.used..];
            if let Some(at) = unread[searched..].iter().position(|&octet| octet == b'\n') {
                let end = self.used + searched + at;
                let line = self.buffer[self.used..end].to_vec();
                self.used = end + 1;
                return match line.split_last() {
                    Some((b'\r', line)) if !line.contains(&b'\r') => Ok(line.to_vec()),
                    _ => Err(format!("a line does not end in one CRLF: {}", line.escape_ascii())),
                };
            }
            searched = unread.len();
            if searched > LONGEST_LINE {
                return Err("a line without end".into());
            }
            if !self.more()? {
                let rest = &self.buffer[self.used..];
                return Err(format!("closed inside an answer, after {}", super::play::shortened(rest)));
            }
        }
    }

    fn exactly(&mut self, count: usize) -> Result<Vec<u8>, String> {
        while self.buffer.len() - self.used < count {
            if !self.more()? {
                return Err(format!("closed after {} of {count} octets of a body", self.buffer.len() - self.used));
            }
        }
        let octets = self.buffer[self.used..self.used + count].to_vec();
        self.used += count;
        Ok(octets)
    }

    /// Waits for more octets: false at the end of the connection.
    fn more(&mut self) -> Result<bool, String> {
        self.buffer.drain(..std::mem::take(&mut self.used));
        let mut chunk = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.buffer.extend(&chunk[..count]);
                    return Ok(true);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    return Err("silence, the connection still open".into());
                }
                Err(e) => return Err(format!("no orderly end: {e}")),
            }
        }
    }
}

fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.1 ")?;
    let (digits, reason) = rest.split_at_checked(3)?;
    let reason = reason.strip_prefix(b" ")?;
    let grammar = digits.iter().all(u8::is_ascii_digit) && reason.iter().all(|&octet| is_value_octet(octet));
    grammar.then(|| digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0')))
}

fn field_of(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|&octet| octet == b':')?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    let grammar = !name.is_empty() && name.iter().all(token) && value.iter().all(|&octet| is_value_octet(octet));
    grammar.then(|| (String::from_utf8_lossy(name).to_lowercase(), String::from_utf8_lossy(value).into_owned()))
}

fn is_value_octet(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

fn check_fields(head: &Head) -> Result<(), String> {
    let lengths: Vec<_> = head.values("content-length").collect();
    let encodings: Vec<_> = head.values("transfer-encoding").collect();
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => {}
        ([length], []) if !length.is_empty() && length.bytes().all(|octet| octet.is_ascii_digit()) => {}
        ([], [encoding]) if encoding.eq_ignore_ascii_case("chunked") => {}
        _ => {
            return Err(format!("framed by Content-Length {lengths:?} and Transfer-Encoding {encodings:?}"));
        }
    }
    if head.status < 200 {
        return match lengths.is_empty() && encodings.is_empty() {
            true => Ok(()),
            false => Err("an interim answer has no body, and no framing".into()),
        };
    }
    if head.status == 405 && head.values("allow").next().is_none() {
        return Err("without Allow, which RFC 9110 §15.5.6 demands".into());
    }
    match head.values("date").collect::<Vec<_>>().as_slice() {
        [date] if is_imf_fixdate(date) => Ok(()),
        dates => Err(format!("has Date {dates:?}, which RFC 9110 §6.6.1 wants once, as in Sun, 06 Nov 1994 08:49:37 GMT")),
    }
}

fn is_imf_fixdate(text: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let words: Vec<_> = text.split([' ', ',']).collect();
    let named = words.len() == 7 && DAYS.contains(&words[0]) && MONTHS.contains(&words[3]);
    named && shape == format!("{}, 99 {} 9999 99:99:99 GMT", words[0], words[3])
}
