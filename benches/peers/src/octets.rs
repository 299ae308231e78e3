//! How long an answer is on the wire: servers that say more have more to send.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::child::{Child, Failure, Said};
use harness::work::Steadily;

/// For so long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks once, and counts head and body. None if this one does not serve here, which the measurement will tell the cause of.
pub fn of_answer(mut server: Child, steadily: &Steadily) -> io::Result<Option<usize>> {
    match server.hear() {
        Ok(Said::Listening(address)) => ask(TcpStream::connect(address)?, &steadily.question().request).map(Some),
        Err(Failure::Error(error)) if error.kind() == io::ErrorKind::Interrupted => Err(error),
        _ => Ok(None),
    }
}

fn ask(mut stream: TcpStream, request: &[u8]) -> io::Result<usize> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let (mut octets, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let count = stream.read(&mut piece)?;
        octets.extend_from_slice(&piece[..count]);
        match length(&octets) {
            Some(length) if octets.len() >= length => return Ok(length),
            _ if count == 0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            _ => {}
        }
    }
}

/// Of the answer at the front, once its head is there.
fn length(octets: &[u8]) -> Option<usize> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut fields);
    let Ok(httparse::Status::Complete(head)) = answer.parse(octets) else { return None };
    let length = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case("Content-Length"));
    let body = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok()).unwrap_or(0);
    Some(head + body)
}
