//! What a server on a bare runtime does between a read and a write: the least that can be called HTTP.
//!
//! httparse with uninitialised fields (its fastest use), `Content-Length`, and a date that is written anew when the second has
//! changed. No chunked bodies, no limits, no timers, no `Connection`, no errors but hanging up: a server would have to have
//! those, so this is a bound on what its runtime can do and no server. A body is copied once, from the buffer it was read into
//! to that of the answer.

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::time::SystemTime;

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// Room for one read: a body of 64 KiB comes with its head in one.
pub const READ_OCTETS: usize = 80 << 10;

const FIELDS: usize = 64;

/// One connection's answers.
pub struct Responder {
    second: i64,
    date: String,
}

impl Responder {
    pub fn new() -> Responder {
        Responder { second: 0, date: String::new() }
    }

    /// Answers all whole requests at the front of `input`; says how many octets of it they were.
    pub fn answer(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<usize> {
        let mut answered = 0;
        while let Some((head, body)) = whole_request(&input[answered..])? {
            self.renew_date()?;
            write!(output, "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: {body}\r\n\r\n", self.date)?;
            output.extend_from_slice(&input[answered + head..][..body]);
            answered += head + body;
        }
        Ok(answered)
    }

    fn renew_date(&mut self) -> io::Result<()> {
        let second = clock_gettime(ClockId::CLOCK_REALTIME_COARSE)?.num_seconds();
        if second != self.second {
            self.second = second;
            self.date = httpdate::fmt_http_date(SystemTime::now());
        }
        Ok(())
    }
}

/// The lengths of head and body, once all of both is there.
fn whole_request(octets: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let malformed = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let status = request.parse_with_uninit_headers(octets, &mut fields).map_err(|error| malformed(&error))?;
    let httparse::Status::Complete(head) = status else { return Ok(None) };
    let length = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("Content-Length"));
    let body = match length {
        None => 0,
        Some(field) => std::str::from_utf8(field.value)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| malformed(&"the Content-Length is no number"))?,
    };
    Ok((octets.len() - head >= body).then_some((head, body)))
}
