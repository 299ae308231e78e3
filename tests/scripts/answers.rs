//! What the echo server answers, spelled out.

use iolab::http1::{ChunkedDecoder, HeadParser, HttpLimits};
use iolab::patterns::LINE;

use super::DATE;

/// 200 with this body.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    [head(200, &[("Content-Length", &body.as_ref().len().to_string())]), body.as_ref().to_vec()].concat()
}

/// The same, and it says that it was the last.
pub fn last_ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len().to_string();
    [head(200, &[("Content-Length", &length), ("Connection", "close")]), body.as_ref().to_vec()].concat()
}

/// A status line and fields. `Date` comes first, as the server has it.
pub fn head(status: u16, fields: &[(&str, &str)]) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => panic!("a status that no script expects: {status}"),
    };
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} {reason}\r\nDate: {}\r\n{fields}\r\n", String::from_utf8_lossy(DATE)).into_bytes()
}

/// An error, which is the last answer.
pub fn error(status: u16, says: &str) -> Vec<u8> {
    let length = (says.len() + 1).to_string();
    let fields = [("Content-Length", length.as_str()), ("Connection", "close"), ("Content-Type", "text/plain")];
    [head(status, &fields), says.as_bytes().to_vec(), b"\n".to_vec()].concat()
}

/// The same without a body, as HEAD wants it.
pub fn error_head(status: u16, says: &str) -> Vec<u8> {
    let mut whole = error(status, says);
    whole.truncate(whole.len() - says.len() - 1);
    whole
}

/// The answer to a request that ended too early.
pub fn cut_short() -> Vec<u8> {
    error(400, "the request ended before it was complete")
}

/// The answer to a request that took too long.
pub fn too_slow() -> Vec<u8> {
    error(408, "the request took too long")
}

/// What the parser has to say about this head.
pub fn refusal(request: &[u8]) -> String {
    match HeadParser::new().parse(request, &HttpLimits::default()) {
        Err(error) => error.to_string(),
        other => panic!("the parser refuses {}? No: {other:?}", request.escape_ascii()),
    }
}

/// What the decoder has to say about this chunked body of a request with this head.
pub fn body_refusal(head: &[u8], mut body: &[u8]) -> String {
    let mut decoder = ChunkedDecoder::new(head.len());
    loop {
        match decoder.decode(body, &HttpLimits::default()) {
            Err(error) => return error.to_string(),
            Ok((0, other)) => panic!("the decoder refuses {}? No: {other:?}", body.escape_ascii()),
            Ok((consumed, _)) => body = &body[consumed..],
        }
    }
}

/// What `GET /bytes/N` is answered with.
pub fn lines(count: usize) -> Vec<u8> {
    let mut lines = LINE.repeat(count.div_ceil(LINE.len()));
    lines.truncate(count);
    lines
}

/// Octets in which no part looks like another.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = Vec::with_capacity(count + 8);
    while noise.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend(state.to_ne_bytes());
    }
    noise.truncate(count);
    noise
}
