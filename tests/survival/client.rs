//! Peers of a server: those who behave, and what the others are made of.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use iolab::patterns::LINE;
use socket2::{Domain, SockRef, Socket, Type};

use crate::PATIENCE;

pub const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A connection that is read answer by answer.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).expect("a server that listens")
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    pub fn say(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)
    }

    /// One answer, whole.
    pub fn hear(&mut self) -> io::Result<Answer> {
        let length = self.hear_head()?;
        let mut body = vec![0; length.1 as usize];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status: length.0, body })
    }

    /// The head of an answer: its status and the length of its body.
    pub fn hear_head(&mut self) -> io::Result<(u16, u64)> {
        let broken = |head: &str| io::Error::new(io::ErrorKind::InvalidData, format!("this is no head: {head:?}"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the end came after {head:?}")));
            }
        }
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
        Ok((status.ok_or_else(|| broken(&head))?, length.ok_or_else(|| broken(&head))?))
    }

    /// `length` octets of `GET /bytes/N`, each of which is looked at.
    pub fn hear_lines(&mut self, length: u64) -> io::Result<()> {
        let expected = LINE.repeat(1025);
        let mut at = 0;
        while at < length {
            let heard = self.fill()?;
            if heard.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the end came after {at} octets of {length}"),
                ));
            }
            let count = heard.len().min(LINE.len() << 10).min((length - at) as usize);
            let offset = (at % LINE.len() as u64) as usize;
            if heard[..count] != expected[offset..offset + count] {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("wrong octets behind the {at}th")));
            }
            self.stream.consume(count);
            at += count as u64;
        }
        Ok(())
    }

    pub fn ask(&mut self, octets: &[u8]) -> io::Result<Answer> {
        self.say(octets)?;
        self.hear()
    }

    /// What has come, once something has. The kernel interrupts a thread on which a ring was dropped shortly before.
    pub fn fill(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.stream.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(self.stream.buffer()),
            }
        }
    }

    /// The orderly end, and nothing before it.
    pub fn hear_end(&mut self) -> io::Result<()> {
        match self.fill()? {
            [] => Ok(()),
            more => Err(io::Error::new(io::ErrorKind::InvalidData, format!("more came: \"{}\"", more.escape_ascii()))),
        }
    }

    /// Closes it with a reset.
    pub fn reset(self) {
        SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A request that wants `body` back.
pub fn post(body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request for so many octets.
pub fn bytes(count: u64) -> Vec<u8> {
    format!("GET /bytes/{count} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// A connection whose kernel takes next to nothing before it is read.
pub fn connect_narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).expect("a server that listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// How long answers took.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub fn p99(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) * 99 / 100).copied().expect("at least one answer")
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p99 {:.1} ms of {}", self.p99().as_secs_f64() * 1e3, self.count())
    }
}

/// Says that it is over when it goes, however it goes: others wait for that.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

// ANCHOR: others
/// Those who behave, while somebody else does not: one who has been here for long, and one newcomer after the other. They ask
/// until `enough`; an error is theirs.
pub fn others(address: SocketAddr, enough: &AtomicBool) -> io::Result<Latencies> {
    let mut latencies = Latencies::default();
    let mut regular = Client::connect(address);
    let mut number = 0;
    while !enough.load(Ordering::Relaxed) {
        let start = Instant::now();
        let word = format!("number {number}");
        let answer =
            if number % 4 == 3 { Client::try_connect(address)?.ask(&post(&word))? } else { regular.ask(&post(&word))? };
        latencies.push(start.elapsed());
        if answer.status != 200 || answer.body != word.as_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("instead of {word:?} came {answer:?}")));
        }
        number += 1;
        thread::sleep(Duration::from_millis(4));
    }
    Ok(latencies)
}
// ANCHOR_END: others
