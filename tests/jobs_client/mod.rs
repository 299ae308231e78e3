//! A client of the jobs: what it says, and how it reads what comes back, over whatever it reads from.

#![allow(dead_code, reason = "what one test binary has no use for, another has")]

use std::io::{self, ErrorKind, Read};

use serde_json::Value;

/// A request without a body.
pub fn ask(method: &str, target: &str) -> Vec<u8> {
    ask_with(method, target, &[])
}

/// The same with fields.
pub fn ask_with(method: &str, target: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
}

/// A job of so many steps.
pub fn submit(steps: u32, text: &[u8]) -> Vec<u8> {
    let length = text.len().to_string();
    let mut request = ask_with("POST", &format!("/submit?steps={steps}"), &[("Content-Length", &length)]);
    request.extend_from_slice(text);
    request
}

/// A poll that may wait, by one who has seen this version.
pub fn poll(job: &str, millis: u64, after: u64) -> Vec<u8> {
    ask("GET", &format!("/checkstatus?jobId={job}&wait={millis}&after={after}"))
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// All of it, as it came.
    pub octets: Vec<u8>,
}

impl Answer {
    /// The next answer, and not an octet more: the client has asked for one. At the end of the connection it is `UnexpectedEof`.
    pub fn read(from: &mut impl Read, is_to_head: bool) -> io::Result<Answer> {
        let wrong = |why: String| io::Error::new(ErrorKind::InvalidData, why);
        let mut octets = Vec::new();
        let mut part = [0; 4096];
        let end = loop {
            if let Some(at) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            match read(from, &mut part)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => octets.extend_from_slice(&part[..count]),
            }
        };
        let head = String::from_utf8(octets[..end].to_vec()).map_err(|error| wrong(error.to_string()))?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| wrong(format!("no status: {head}")))?;
        let fields = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut answer = Answer { status, fields: fields.collect(), body: Vec::new(), octets };
        let length = answer.field("Content-Length").map(|length| length.parse::<usize>().unwrap());
        if matches!(status, 204 | 304) && length.is_some() {
            return Err(wrong(format!("{status} with a length: {head}")));
        }
        let length = if is_to_head { 0 } else { length.unwrap_or(0) };
        while answer.octets.len() < end + length {
            match read(from, &mut part)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => answer.octets.extend_from_slice(&part[..count]),
            }
        }
        answer.body = answer.octets[end..].to_vec();
        if answer.body.len() == length { Ok(answer) } else { Err(wrong("more than one answer".into())) }
    }

    /// Whether the connection ends here, in order.
    pub fn is_last(from: &mut impl Read) -> bool {
        read(from, &mut [0]).is_ok_and(|count| count == 0)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The one in the entity tag.
    pub fn version(&self) -> u64 {
        self.field("ETag").and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()).unwrap_or_else(|| {
            panic!("no version in {self:?}");
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn state(&self) -> String {
        self.json()["state"].as_str().unwrap().to_owned()
    }

    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }
}

/// A signal, or work for a ring of another thread, may interrupt a read that has a time limit (signal(7)).
fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// What is counted of a text, by the whole of it.
pub fn counts(text: &[u8]) -> Value {
    let words = text.split(|octet| b" \t\n\x0b\x0c\r".contains(octet)).filter(|word| !word.is_empty()).count();
    let lines = text.split(|octet| *octet == b'\n').count() - 1;
    serde_json::json!({ "octets": text.len(), "words": words, "lines": lines })
}

/// A text of so many octets, with words and lines of all lengths.
pub fn text(octets: usize) -> Vec<u8> {
    let letters = b"aaaaaaaabc  \t\n\r\n\xe4\xff \x0b\x0c";
    (0..octets as u32).map(|number| letters[(number.wrapping_mul(2_654_435_761) >> 16) as usize % letters.len()]).collect()
}
