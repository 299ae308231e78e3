//! The command line, and what it asks for.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use harness::load::{Expected, Kind, LikeTheFirst, Pace, Question, Terms};

/// Asks an HTTP/1.1 server the same again and again, checks that each answer is like the first, and says how fast they came.
#[derive(Parser)]
#[command(name = "load")]
pub struct Options {
    /// What to ask, like http://127.0.0.1:8080/
    pub url: Url,
    /// Connections, kept alive
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub connections: u32,
    /// Requests that a connection says before it waits for answers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub pipeline: u32,
    /// An open loop: so many requests per second, or a share of what the closed loop finds first; several with commas between
    #[arg(long, value_name = "N or N%", value_delimiter = ',')]
    pub rate: Vec<Rate>,
    /// Seconds to measure
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub duration: Duration,
    /// Seconds of load before
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub warm_up: Duration,
    /// How to ask
    #[arg(long, value_enum, default_value_t = KindName::Bursty)]
    pub kind: KindName,
    /// The method [default: GET, POST with a body]
    #[arg(long)]
    pub method: Option<String>,
    /// Send this file as the body
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// Send a body of so many octets
    #[arg(long, value_name = "N", conflicts_with = "body")]
    pub body_octets: Option<usize>,
    /// A header field to add, like "Accept: text/html"
    #[arg(long, value_name = "FIELD")]
    pub header: Vec<String>,
    /// The status that answers must have
    #[arg(long, value_name = "STATUS", default_value_t = 200)]
    pub expect: u16,
    /// A field of the answer that may be another one each time, beside Date
    #[arg(long, value_name = "NAME")]
    pub vary: Vec<String>,
    /// One line of JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindName {
    /// All that are answered ask again at once, over io_uring where that can be had; this keeps a core busy
    Bursty,
    /// Connection by connection, and sleeping between, over epoll, as wrk does
    Light,
}

#[derive(Clone, Copy, Debug)]
pub enum Rate {
    PerSecond(f64),
    OfPeak(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let (number, is_share) = text.strip_suffix('%').map_or((text, false), |number| (number, true));
        match number.trim().parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate > 0.0 && rate < 1e9 => {
                Ok(if is_share { Rate::OfPeak(rate / 100.0) } else { Rate::PerSecond(rate) })
            }
            _ => Err("a rate is a number above 0, like 50000, or a share of the peak, like 80%".into()),
        }
    }
}

/// The parts of `http://host:port/target` (RFC 9110, section 4.2.1).
#[derive(Clone, Debug)]
pub struct Url {
    authority: String,
    target: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        if text.starts_with("https://") {
            return Err("this load speaks no TLS: ask the server behind it, over http://".into());
        }
        let rest = text.strip_prefix("http://").ok_or("begins with http://, like http://127.0.0.1:8080/")?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let slash = if target.starts_with('/') { "" } else { "/" };
        if authority.is_empty() || authority.contains('@') {
            return Err("names a host, and a port if it is not 80".into());
        }
        if target.bytes().any(|octet| octet <= b' ' || octet >= 0x7f) {
            return Err("has a space or another character that must be percent-encoded".into());
        }
        Ok(Url { authority: authority.into(), target: format!("{slash}{target}") })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.target)
    }
}

impl Options {
    /// Where to connect.
    pub fn to(&self) -> io::Result<SocketAddr> {
        let host = &self.url.authority;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let with_port = if has_port { host.clone() } else { format!("{host}:80") };
        let found = with_port.to_socket_addrs()?.next();
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")))
    }

    pub fn method(&self) -> &str {
        let default = if self.body.is_some() || self.body_octets.is_some() { "POST" } else { "GET" };
        self.method.as_deref().unwrap_or(default)
    }

    pub fn terms(&self, pace: Pace) -> Terms {
        let kind = match self.kind {
            KindName::Bursty => Kind::Bursty,
            KindName::Light => Kind::Light,
        };
        Terms { connections: self.connections as usize, pipelined: self.pipeline as usize, kind, pace }
    }

    /// The request; the answers are to be like the first one.
    pub fn question(&self) -> io::Result<Question> {
        let body = match (&self.body, self.body_octets) {
            (Some(file), _) => Some(fs::read(file).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot read the body from {}: {error}", file.display()))
            })?),
            (None, octets) => octets.map(|octets| (0..octets).map(|at| b'a' + (at % 23) as u8).collect()),
        };
        let has = |name: &str| {
            self.header.iter().any(|field| field.split(':').next().is_some_and(|is| is.trim().eq_ignore_ascii_case(name)))
        };
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method(), self.url.target);
        if !has("Host") {
            head += &format!("Host: {}\r\n", self.url.authority);
        }
        for field in &self.header {
            let Some((name, value)) = field.split_once(':').filter(|_| !field.contains(['\r', '\n'])) else {
                let why = format!("--header {field:?} is not of the form \"Name: value\"");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            };
            head += &format!("{}: {}\r\n", name.trim(), value.trim());
        }
        if let Some(body) = &body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let request = [head.as_bytes(), b"\r\n", &body.unwrap_or_default()].concat();
        let has_no_body = self.method() == "HEAD";
        let like = LikeTheFirst { status: self.expect, has_no_body, may_vary: self.vary.clone() };
        Ok(Question { request, answer: Expected::LikeTheFirst(like) })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("seconds, like 10 or 0.5".into()),
    }
}
