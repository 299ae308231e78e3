//! One request and its answer, as an application sees them.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::date::imf_fixdate;
use super::head::Version;
use super::status::reason;
use crate::context::Context;
use crate::file_op::FileTicket;
use crate::read_file::ReadFile;
use crate::shelf;
use crate::time::Time;

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
    /// The request was HEAD, or the answer is one that has no body, whatever is written.
    pub(super) has_no_body: bool,
    /// Both sides have agreed so far to go on after this exchange.
    pub(super) keep_alive: bool,
    /// The client waits for 100 Continue, and was not told yet.
    pub(super) awaits_continue: bool,
    pub(super) answer: Answer,
}

impl State {
    /// There is an answer to give, or to go on with.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.answer, Answer::Upgraded | Answer::Ended)
    }

    /// Between two requests.
    pub(super) const NONE: State = State {
        version: Version::Http11,
        has_no_body: false,
        keep_alive: false,
        awaits_continue: false,
        answer: Answer::Ended,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing was said yet.
    None,
    /// Its head was, and so many octets of the body are to come.
    Length(u64),
    Chunked,
    UntilClose,
    /// HTTP has ended.
    Upgraded,
    Ended,
}

/// Go on, and send the body (RFC 9110 section 15.2.1).
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a handler can do with a request.
pub struct Exchange<'a, 'cx, M = Infallible> {
    pub(super) state: &'a mut State,
    pub(super) cx: &'a mut Context<'cx, M>,
}

impl<'cx, M> Exchange<'_, 'cx, M> {
    /// Whether there is a request whose answer has not ended.
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Whether its answer has begun.
    pub fn has_begun(&self) -> bool {
        self.state.answer != Answer::None
    }

    /// Begins the answer: the status line, `Date`, the framing, and `fields`. `Content-Length`, `Transfer-Encoding`, `Date`
    /// and `Connection` are not to be among them (but for `Connection: Upgrade` beside an `Upgrade`). A second answer to one request is a bug; it is ignored.
    pub fn answer(&mut self, status: u16, fields: &[(&str, &str)], length: BodyLength) {
        if self.state.answer != Answer::None {
            debug_assert!(false, "a second answer to one request");
            return;
        }
        self.state.has_no_body |= has_never_a_body(status);
        let chunked = length == BodyLength::Unknown && (self.state.version == Version::Http11 || self.state.has_no_body);
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
            Answer::None | Answer::Upgraded | Answer::Ended => {
                debug_assert!(false, "the end of what has not begun");
                return;
            }
            Answer::Length(0) | Answer::UntilClose => {}
            Answer::Length(_) if self.state.has_no_body => {}
            Answer::Length(_) => self.state.keep_alive = false,
            Answer::Chunked if self.state.has_no_body => {}
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

    /// Answers 101: once the request is complete, the connection speaks [another protocol](super::Handler::upgraded). `fields` are all of
    /// the answer's, `Connection` and `Upgrade` among them (RFC 9110 section 7.8).
    pub fn upgrade(&mut self, fields: &[(&str, &str)]) {
        if self.state.answer != Answer::None {
            debug_assert!(false, "a second answer to one request");
            return;
        }
        // RFC 9110 section 7.8: HTTP/1.0 knows no upgrade, and who expects both is told to continue first.
        if self.state.version == Version::Http10 {
            return self.answer_whole(400, &[("Content-Type", "text/plain")], b"an upgrade takes HTTP/1.1\n");
        }
        if std::mem::take(&mut self.state.awaits_continue) {
            self.cx.write(CONTINUE);
        }
        self.cx.write_with(|out| {
            out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
            write_fields(out, fields);
        });
        self.state.answer = Answer::Upgraded;
    }

    /// Octets written and not yet taken by the kernel, those of earlier answers included.
    pub fn unsent(&self) -> usize {
        self.cx.unsent()
    }

    /// Whether what is written is sent at all: the answer to HEAD has no body.
    pub fn wants_body(&self) -> bool {
        !self.state.has_no_body
    }

    /// Whom to tell something, and all else that a protocol can do but speak.
    pub fn context(&mut self) -> &mut Context<'cx, M> {
        self.cx
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.cx.now()
    }

    /// Reads `range` of `file`; the octets come with [`Event::File`](crate::Event::File).
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
            Answer::Chunked if !self.state.has_no_body && octets > 0 => {
                self.cx.write_with(|out| write_hex_line(out, octets));
            }
            Answer::Chunked | Answer::UntilClose => {}
            Answer::None | Answer::Upgraded | Answer::Ended => {
                debug_assert!(false, "a body without an answer");
                return false;
            }
        }
        !self.state.has_no_body && octets > 0
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
        // RFC 9110 section 8.6: none of these has a Content-Length, or not one that is that of the answer to GET.
        Answer::Length(_) | Answer::Chunked if has_never_a_body(status) => out.extend_from_slice(b"\r\n"),
        Answer::Length(octets) => {
            out.extend_from_slice(b"\r\nContent-Length: ");
            write_decimal(out, octets);
            out.extend_from_slice(b"\r\n");
        }
        Answer::Chunked => out.extend_from_slice(b"\r\nTransfer-Encoding: chunked\r\n"),
        Answer::None | Answer::UntilClose | Answer::Upgraded | Answer::Ended => out.extend_from_slice(b"\r\n"),
    }
    out.extend_from_slice(connection.as_bytes());
    write_fields(out, fields);
}

/// Fields, and the empty line behind them.
fn write_fields(out: &mut Vec<u8>, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 9110 sections 15.3.5 and 15.4.5; a 101 is said otherwise.
fn has_never_a_body(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
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
