//! Answers of HTTP as they come (RFC 9112): heads, bodies of a length, and chunks of a body that does not end.

use std::io;

use super::event::{shown, wrong};

/// What a listener wants to know of a head.
pub(super) struct Head {
    pub(super) status: u16,
    length: Option<usize>,
    chunked: bool,
    /// `Sec-WebSocket-Accept`.
    pub(super) accept: Option<String>,
    pub(super) content_type: String,
}

/// Takes the head off the front, if it is all there.
pub(super) fn take_head(heard: &mut Vec<u8>) -> io::Result<Option<Head>> {
    let Some((head, length)) = head(heard)? else { return Ok(None) };
    heard.drain(..length);
    Ok(Some(head))
}

fn head(octets: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut fields);
    let malformed = |error| wrong(format!("the answer's head is malformed: {error}"));
    let httparse::Status::Complete(length) = parsed.parse(octets).map_err(malformed)? else { return Ok(None) };
    let field = |name: &str| {
        let field = parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(field.value).trim().to_owned())
    };
    let body_length = field("content-length").map(|value| value.parse());
    let body_length = body_length.transpose().map_err(|_| wrong("the answer's Content-Length is no number".into()))?;
    let chunked = field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    if chunked && body_length.is_some() {
        return Err(wrong("the answer has both Transfer-Encoding and Content-Length".into()));
    }
    let content_type = field("content-type").unwrap_or_default();
    let (status, accept) = (parsed.code.unwrap_or(0), field("sec-websocket-accept"));
    Ok(Some((Head { status, length: body_length, chunked, accept, content_type }, length)))
}

impl Head {
    /// Whether chunks follow.
    pub(super) fn is_chunked(&self) -> bool {
        self.chunked
    }

    fn has_no_body(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }
}

/// An answer that ends.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Takes an answer off the front, if it is all there.
pub(super) fn take(heard: &mut Vec<u8>) -> io::Result<Option<Answer>> {
    let Some((head, head_length)) = head(heard)? else { return Ok(None) };
    let status = head.status;
    if head.chunked && !head.has_no_body() {
        let (mut rest, mut body) = (heard[head_length..].to_vec(), Vec::new());
        if !take_chunks(&mut rest, &mut body)? {
            return Ok(None);
        }
        *heard = rest;
        return Ok(Some(Answer { status, body }));
    }
    let length = match head.length {
        _ if head.has_no_body() => 0,
        Some(length) => length,
        None => return Err(wrong("the answer has neither Content-Length nor chunks".into())),
    };
    let Some(body) = heard.get(head_length..head_length + length) else { return Ok(None) };
    let body = body.to_vec();
    heard.drain(..head_length + length);
    Ok(Some(Answer { status, body }))
}

/// Moves what is in whole chunks to `body` (RFC 9112, section 7.1); says whether the last one was among them. Trailers there must
/// not be.
pub(super) fn take_chunks(heard: &mut Vec<u8>, body: &mut Vec<u8>) -> io::Result<bool> {
    let mut at = 0;
    let ended = loop {
        let rest = &heard[at..];
        let size = httparse::parse_chunk_size(rest).map_err(|_| wrong(format!("a chunk is malformed: {}", shown(rest))))?;
        let httparse::Status::Complete((line, size)) = size else { break false };
        let size = usize::try_from(size).map_err(|_| wrong("a chunk is larger than memory".into()))?;
        let Some(chunk) = rest.get(line..line + size + 2) else { break false };
        let (data, end) = chunk.split_at(size);
        if end != b"\r\n" {
            return Err(wrong("a chunk is longer than it says, or a trailer follows the last".into()));
        }
        body.extend_from_slice(data);
        at += line + size + 2;
        if size == 0 {
            break true;
        }
    };
    heard.drain(..at);
    Ok(ended)
}

/// For a status that was not to come.
pub(super) fn unexpected(what: &str, status: u16, body: &[u8]) -> io::Error {
    wrong(format!("{what} was answered by {status}: {}", shown(body.trim_ascii())))
}
