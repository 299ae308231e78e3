//! An answer taken apart: where it ends, and what is in it (RFC 9112, section 6.3).

use std::io;

/// One whole answer.
pub(super) struct Parsed {
    pub(super) status: u16,
    pub(super) reason: String,
    /// Names in lower case and values, in their order.
    fields: Vec<(String, Vec<u8>)>,
    /// Without the framing of chunks.
    pub(super) body: Vec<u8>,
    /// Octets of all of it.
    pub(super) length: usize,
    /// The connection ends with it.
    pub(super) closes: bool,
}

/// What may differ between two answers that are the same: the time, and what is about the connection.
const VARYING: [&str; 4] = ["date", "connection", "keep-alive", "transfer-encoding"];

impl Parsed {
    /// The answer at the front of `octets`, if it is all there.
    pub(super) fn parse(octets: &[u8], has_no_body: bool) -> io::Result<Option<Parsed>> {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut head = httparse::Response::new(&mut fields);
        let status = head.parse(octets).map_err(|error| wrong(format!("the answer's head is malformed: {error}")))?;
        let httparse::Status::Complete(head_length) = status else { return Ok(None) };
        let (status, reason) = (head.code.unwrap_or(0), head.reason.unwrap_or("").to_owned());
        let version = head.version.unwrap_or(1);
        let fields: Vec<(String, Vec<u8>)> =
            head.headers.iter().map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec())).collect();
        let connection = |option| has_token(&fields, "connection", option);
        let closes = connection("close") || version == 0 && !connection("keep-alive");
        let framing = match (has_no_body || matches!(status, 100..=199 | 204 | 304), chunked(&fields), length(&fields)?) {
            (true, ..) => Framing::Length(0),
            (_, true, None) => Framing::Chunks,
            (_, false, Some(length)) => Framing::Length(length),
            (_, true, Some(_)) => return Err(wrong("the answer has both Transfer-Encoding and Content-Length".into())),
            _ => {
                let why = "the answer has neither Content-Length nor chunks: only the end of the connection would end it";
                return Err(wrong(why.into()));
            }
        };
        let rest = &octets[head_length..];
        let Some((body, body_length)) = (match framing {
            Framing::Length(length) => rest.get(..length).map(|body| (body.to_vec(), length)),
            Framing::Chunks => unchunked(rest)?,
        }) else {
            return Ok(None);
        };
        Ok(Some(Parsed { status, reason, fields, body, length: head_length + body_length, closes }))
    }

    /// What differs in the fields, if anything does that should not.
    pub(super) fn other_fields_than(&self, first: &Parsed, may_vary: &[String]) -> Option<String> {
        let varies = |name: &str| VARYING.contains(&name) || may_vary.iter().any(|varying| varying.eq_ignore_ascii_case(name));
        let steady =
            |of: &Parsed| -> Vec<(String, Vec<u8>)> { of.fields.iter().filter(|(name, _)| !varies(name)).cloned().collect() };
        let (is, due) = (steady(self), steady(first));
        if is == due {
            return None;
        }
        let other = |one: &[(String, Vec<u8>)], than: &[(String, Vec<u8>)]| {
            let (name, value) = one.iter().find(|field| !than.contains(field))?;
            Some(format!("{name}: {}", String::from_utf8_lossy(value)))
        };
        Some(match (other(&is, &due), other(&due, &is)) {
            (Some(is), Some(due)) => format!("the answer has the field \"{is}\", the first one had \"{due}\""),
            (Some(is), None) => format!("the answer has the field \"{is}\", the first one had not"),
            (None, Some(due)) => format!("the answer has no field \"{due}\", the first one had"),
            (None, None) => "the answer has its fields in another order than the first one".into(),
        })
    }
}

enum Framing {
    Length(usize),
    Chunks,
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn has_token(fields: &[(String, Vec<u8>)], name: &str, token: &str) -> bool {
    let values = fields.iter().filter(|field| field.0 == name);
    values
        .flat_map(|(_, value)| value.split(|&octet| octet == b','))
        .any(|is| is.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn chunked(fields: &[(String, Vec<u8>)]) -> bool {
    has_token(fields, "transfer-encoding", "chunked")
}

fn length(fields: &[(String, Vec<u8>)]) -> io::Result<Option<usize>> {
    let mut lengths = fields.iter().filter(|(name, _)| name == "content-length").map(|(_, value)| value);
    let Some(value) = lengths.next() else { return Ok(None) };
    let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
    match (length, lengths.next()) {
        (Some(length), None) => Ok(Some(length)),
        (None, _) => Err(wrong(format!("the answer's Content-Length is {:?}", String::from_utf8_lossy(value)))),
        (_, Some(_)) => Err(wrong("the answer has more than one Content-Length".into())),
    }
}

/// The body within chunks and the octets these take, if all have come (RFC 9112, section 7.1). Trailers are skipped.
fn unchunked(octets: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let size = httparse::parse_chunk_size(&octets[at..]).map_err(|_| wrong("a chunk of the answer is malformed".into()))?;
        let httparse::Status::Complete((line, size)) = size else { return Ok(None) };
        at += line;
        if size == 0 {
            break;
        }
        let Some(chunk) = usize::try_from(size).ok().and_then(|size| octets[at..].get(..size)) else { return Ok(None) };
        body.extend_from_slice(chunk);
        at += chunk.len();
        match octets[at..].get(..2) {
            None => return Ok(None),
            Some(b"\r\n") => at += 2,
            Some(_) => return Err(wrong("a chunk of the answer is longer than it says".into())),
        }
    }
    loop {
        let Some(line) = octets[at..].windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        at += line + 2;
        if line == 0 {
            return Ok(Some((body, at)));
        }
    }
}
