//! One request and its answer, as an application sees them.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::date::imf_fixdate;
use super::head::{Head, Version};
use super::status::reason;
use crate::context::Context;
use crate::file_op::FileTicket;
use crate::read_file::ReadFile;
use crate::shelf;
use crate::time::Time;

/// An application above HTTP: hears requests and answers them, one after the other on one connection. Like everything above the
/// contract it has no socket, no clock and no thread.
///
/// `request` is called once a head has arrived, then `body` for each stretch of the body, then `complete`. The answer can be
/// given at any of these moments or at a later event, whole or bit by bit; the next request is heard once it has
/// [ended](Exchange::end). A handler that answers before the body has come need not care for the rest: it is read and dropped.
pub trait Handler: Send + Sized + 'static {
    /// A request begins.
    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>);

    /// Some octets of its body, at least one, however the peer cut them.
    fn body(&mut self, octets: &[u8], exchange: &mut Exchange<'_, '_>) {
        let _ = (octets, exchange);
    }

    /// The request is complete. `trailers` are the fields behind a chunked body.
    fn complete(&mut self, trailers: Trailers<'_>, exchange: &mut Exchange<'_, '_>);

    /// The output has drained, as [`Exchange::await_room`] asked.
    fn room(&mut self, exchange: &mut Exchange<'_, '_>) {
        let _ = exchange;
    }

    /// A file read is done.
    fn file(&mut self, ticket: FileTicket, result: io::Result<Bytes>, exchange: &mut Exchange<'_, '_>) {
        let _ = (ticket, result, exchange);
    }
}

/// The fields behind a chunked body, as names and values.
pub type Trailers<'a> = &'a [(&'a [u8], &'a [u8])];

/// The body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// So many octets.
    Known(u64),
    /// As many as will be written until the end: in chunks, or to an HTTP/1.0 client until the connection closes.
    Unknown,
}

/// The state of an exchange, between two calls of the handler.
#[derive(Debug)]
pub(super) struct State {
    pub(super) version: Version,
    /// The request was HEAD: the answer has no body, whatever is written.
    pub(super) is_head: bool,
    /// Both sides have agreed so far to go on after this exchange.
    pub(super) keep_alive: bool,
    /// The client waits for 100 Continue, and was not told yet.
    pub(super) awaits_continue: bool,
    pub(super) answer: Answer,
    pub(super) awaits_room: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing was said yet.
    None,
    /// Its head was, and so many octets of the body are to come.
    Length(u64),
    Chunked,
    UntilClose,
    Ended,
}

/// What a handler can do with a request.
pub struct Exchange<'a, 'cx> {
    pub(super) state: &'a mut State,
    pub(super) cx: &'a mut Context<'cx>,
}

impl Exchange<'_, '_> {
    /// Begins the answer: the status line, `Date`, the framing, and `fields`. `Content-Length`, `Transfer-Encoding`, `Connection`
    /// and `Date` are not to be among them. A second answer to one request is a bug; it is ignored.
    pub fn answer(&mut self, status: u16, fields: &[(&str, &str)], length: BodyLength) {
        if self.state.answer != Answer::None {
            debug_assert!(false, "a second answer to one request");
            return;
        }
        let chunked = length == BodyLength::Unknown && self.state.version == Version::Http11;
        // Without a length or chunks, the end of the answer is that of the connection. And the client may never send the body of
        // a request that was answered while it waited for 100 Continue (RFC 9110 section 10.1.1), nor say that it does not.
        if length == BodyLength::Unknown && !chunked || self.state.awaits_continue {
            self.state.keep_alive = false;
        }
        let framing = match length {
            BodyLength::Known(octets) => Answer::Length(octets),
            BodyLength::Unknown if chunked => Answer::Chunked,
            BodyLength::Unknown => Answer::UntilClose,
        };
        let connection = match (self.state.keep_alive, self.state.version) {
            (true, Version::Http11) => "",
            (true, Version::Http10) => "Connection: keep-alive\r\n",
            (false, _) => "Connection: close\r\n",
        };
        let date = imf_fixdate(self.cx.unix_seconds());
        self.cx.write_with(|out| write_head(out, status, &date, framing, connection, fields));
        self.state.answer = framing;
    }

    /// The next octets of the body.
    pub fn write(&mut self, octets: &[u8]) {
        if self.begin_piece(octets.len()) {
            self.cx.write(octets);
            self.end_piece();
        }
    }

    /// The same without a copy, where they are many.
    pub fn send(&mut self, octets: Bytes) {
        if self.begin_piece(octets.len()) {
            self.cx.send(octets);
            self.end_piece();
        }
    }

    /// The same of a buffer that is not needed any more.
    pub fn append(&mut self, octets: Vec<u8>) {
        if self.begin_piece(octets.len()) {
            self.cx.append(octets);
            self.end_piece();
        }
    }

    /// An empty buffer with room for `octets`, to be filled and [appended](Self::append).
    pub fn buffer(&self, octets: usize) -> Vec<u8> {
        shelf::take(octets)
    }

    /// Ends the answer. If fewer octets were written than were announced, the connection is cut, so that the client can tell.
    pub fn end(&mut self) {
        match self.state.answer {
            Answer::None | Answer::Ended => {
                debug_assert!(false, "the end of what has not begun");
                return;
            }
            Answer::Length(0) | Answer::UntilClose => {}
            Answer::Length(_) if self.state.is_head => {}
            Answer::Length(_) => self.state.keep_alive = false,
            Answer::Chunked if self.state.is_head => {}
            Answer::Chunked => self.cx.write(b"0\r\n\r\n"),
        }
        self.state.answer = Answer::Ended;
    }

    /// A whole answer at once.
    pub fn answer_whole(&mut self, status: u16, fields: &[(&str, &str)], body: &[u8]) {
        self.answer(status, fields, BodyLength::Known(body.len() as u64));
        self.write(body);
        self.end();
    }

    /// The connection is closed after this exchange. To be called before [`answer`](Self::answer), which announces it.
    pub fn close_after(&mut self) {
        self.state.keep_alive = false;
    }

    /// Asks to hear [`Handler::room`] once the output has drained.
    pub fn await_room(&mut self) {
        self.state.awaits_room = true;
    }

    /// Octets written and not yet taken by the kernel, those of earlier answers included.
    pub fn unsent(&self) -> usize {
        self.cx.unsent()
    }

    /// Whether what is written is sent at all: the answer to HEAD has no body.
    pub fn wants_body(&self) -> bool {
        !self.state.is_head
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.cx.now()
    }

    /// Reads `range` of `file`; the octets come with [`Handler::file`].
    pub fn read_file(&mut self, file: Arc<ReadFile>, range: Range<u64>) -> FileTicket {
        self.cx.read_file(file, range)
    }

    /// Accounts for a piece of the body and writes what goes before it; says whether it is to be written.
    fn begin_piece(&mut self, octets: usize) -> bool {
        match &mut self.state.answer {
            Answer::Length(left) => {
                debug_assert!(octets as u64 <= *left, "more octets than were announced");
                if octets as u64 > *left {
                    self.state.keep_alive = false;
                    return false;
                }
                *left -= octets as u64;
            }
            Answer::Chunked if !self.state.is_head && octets > 0 => {
                self.cx.write_with(|out| write_hex_line(out, octets));
            }
            Answer::Chunked | Answer::UntilClose => {}
            Answer::None | Answer::Ended => {
                debug_assert!(false, "a body without an answer");
                return false;
            }
        }
        !self.state.is_head && octets > 0
    }

    fn end_piece(&mut self) {
        if self.state.answer == Answer::Chunked {
            self.cx.write(b"\r\n");
        }
    }
}

pub(super) fn write_head(
    out: &mut Vec<u8>,
    status: u16,
    date: &[u8],
    framing: Answer,
    connection: &str,
    fields: &[(&str, &str)],
) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\nDate: ");
    } else {
        out.extend_from_slice(b"HTTP/1.1 ");
        write_decimal(out, status.into());
        out.push(b' ');
        out.extend_from_slice(reason(status).as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
    }
    out.extend_from_slice(date);
    match framing {
        // RFC 9110 section 8.6: neither of these has a Content-Length.
        Answer::Length(_) if status == 204 || status < 200 => out.extend_from_slice(b"\r\n"),
        Answer::Length(octets) => {
            out.extend_from_slice(b"\r\nContent-Length: ");
            write_decimal(out, octets);
            out.extend_from_slice(b"\r\n");
        }
        Answer::Chunked => out.extend_from_slice(b"\r\nTransfer-Encoding: chunked\r\n"),
        Answer::None | Answer::UntilClose | Answer::Ended => out.extend_from_slice(b"\r\n"),
    }
    out.extend_from_slice(connection.as_bytes());
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn write_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn write_hex_line(out: &mut Vec<u8>, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[number >> (4 * digit) & 15]);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for number in [0, 9, 10, 255, 65_536, u64::MAX] {
            let mut out = Vec::new();
            write_decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
            out.clear();
            write_hex_line(&mut out, number as usize);
            assert_eq!(out, format!("{number:x}\r\n").as_bytes());
        }
    }
}
