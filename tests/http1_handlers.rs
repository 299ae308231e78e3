//! Handlers that are not the echo, in the simulator: what [`Exchange`] promises to those who answer early, late, bit by bit, from
//! a file, or wrongly.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use iolab::http1::{BodyLength, Exchange, Handler, Head, HttpLimits, HttpService, NoUpgrade, TimeLimits, Trailers};
use iolab::models::simulated::{Conversation, Ending};
use iolab::patterns::Echo;
use iolab::{Close, Event, FileDone, FileTicket, Interest, ReadFile};

const SEEDS: u64 = 300;
const DRAIN: Duration = Duration::from_secs(10);
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

/// Holds a conversation with each seed, and in one piece.
fn with_every_seed<H: Handler, F: Fn() -> H + Send + Sync>(handler: F, hold: impl Fn(&mut Conversation<'_, HttpService<F>>)) {
    let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), handler);
    for seed in [None].into_iter().chain((0..SEEDS).map(Some)) {
        let conversation = match seed {
            Some(seed) => Conversation::seeded(&service, seed),
            None => Conversation::whole(&service),
        };
        let mut conversation = conversation.expect("nobody is turned away");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hold(&mut conversation)));
        if let Err(panic) = outcome {
            eprintln!("seed {seed:?}:\n{}", conversation.story());
            std::panic::resume_unwind(panic);
        }
    }
}

/// All octets until the end, without their heads' dates; an error if it is not an orderly end.
fn hear_all(peer: &mut impl Read) -> io::Result<String> {
    let mut octets = Vec::new();
    peer.read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).replace("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""))
}

/// Answers as soon as it has seen the head.
struct Early;

impl Handler for Early {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        exchange.answer_whole(200, &[], head.target());
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Exchange<'_, '_>) {
        unreachable!("the answer has ended, and the rest of the request is of no interest");
    }
}

#[test]
fn an_early_answer_lets_the_rest_of_the_request_pass() {
    with_every_seed(
        || Early,
        |peer| {
            peer.say(b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
            peer.say(&[b'x'; 100_000]);
            peer.say(NEXT.as_bytes());
            peer.finish();
            let expected =
                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/firstHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/next";
            assert_eq!(hear_all(peer).unwrap(), expected);
        },
    );
}

#[test]
fn an_answer_instead_of_100_continue_is_the_last_and_does_not_wait_for_the_body() {
    with_every_seed(
        || Early,
        |peer| {
            peer.say(b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
            let expected = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n/first";
            assert_eq!(hear_all(peer).unwrap(), expected);
            assert_eq!(peer.ending(), Some(Ending::Finished));
            assert!(peer.elapsed() < Duration::from_secs(1), "it waited for the body until the limit");
        },
    );
}

/// Answers bit by bit, without saying how long it will be.
struct Endless;

impl Handler for Endless {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, _: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        exchange.answer(200, &[], BodyLength::Unknown);
    }

    fn body(&mut self, octets: &[u8], exchange: &mut Exchange<'_, '_>) {
        octets.iter().for_each(|octet| exchange.write(&[*octet]));
    }

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        exchange.end();
    }
}

#[test]
fn an_answer_of_unknown_length_goes_in_chunks_or_until_the_end() {
    with_every_seed(
        || Endless,
        |peer| {
            peer.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
            peer.say(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
            peer.say(b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi");
            let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let until_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi";
            assert_eq!(hear_all(peer).unwrap(), format!("{chunked}1\r\nh\r\n1\r\ni\r\n0\r\n\r\n{chunked}{until_close}"));
        },
    );
}

#[test]
fn an_answer_that_is_cut_short_never_looks_whole() {
    with_every_seed(
        || Endless,
        |peer| {
            peer.say(b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nhi");
            peer.finish();
            assert_eq!(hear_all(peer).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset), "its end is the end");
            assert_eq!(peer.close(), Some(Close::Aborted));
        },
    );
    with_every_seed(
        || Endless,
        |peer| {
            peer.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nhi");
            peer.finish();
            assert!(hear_all(peer).unwrap().ends_with("1\r\nh\r\n1\r\ni\r\n"), "the last chunk is missing");
        },
    );
}

/// Announces more than it says.
struct Short;

impl Handler for Short {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, _: &Head<'_>, _: &mut Exchange<'_, '_>) {}

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        exchange.answer(200, &[], BodyLength::Known(3));
        exchange.write(b"hi");
        exchange.end();
    }
}

#[test]
fn an_answer_that_is_too_short_ends_the_connection() {
    with_every_seed(
        || Short,
        |peer| {
            peer.say(NEXT.repeat(2).as_bytes());
            assert_eq!(hear_all(peer).unwrap(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi");
        },
    );
}

/// Gives answers that have no body one all the same.
struct Bodiless;

impl Handler for Bodiless {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        let status = if head.path() == b"/304" { 304 } else { 204 };
        let length = if head.parameter("known").is_some() { BodyLength::Known(5) } else { BodyLength::Unknown };
        exchange.answer(status, &[], length);
        assert!(!exchange.wants_body());
        exchange.write(b"hello");
        exchange.end();
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Exchange<'_, '_>) {}
}

#[test]
fn an_answer_that_has_no_body_gets_none() {
    with_every_seed(
        || Bodiless,
        |peer| {
            for target in ["/304", "/304?known", "/204", "/204?known"] {
                peer.say(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            }
            peer.say(b"GET /204 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
            peer.finish();
            let (unchanged, nothing) = ("HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
            let old = "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n";
            assert_eq!(hear_all(peer).unwrap(), [unchanged, unchanged, nothing, nothing, old].concat());
        },
    );
}

/// Waits for room before every octet, though there is plenty.
#[derive(Default)]
struct Polite(u8);

impl Handler for Polite {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, _: &Head<'_>, _: &mut Exchange<'_, '_>) {}

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        self.0 = 0;
        exchange.answer(200, &[], BodyLength::Known(9));
    }

    fn event(&mut self, event: Event, exchange: &mut Exchange<'_, '_>) {
        assert!(matches!(event, Event::Room | Event::Closed(_)), "{event:?} is not what it waited for");
        if exchange.is_open() {
            self.0 += 1;
            exchange.write(&[b'0' + self.0]);
            if self.0 == 9 {
                exchange.end();
            }
        }
    }

    fn interest(&self) -> Interest {
        Interest { room: true, ..Interest::default() }
    }
}

#[test]
fn room_is_told_however_little_is_unsent() {
    with_every_seed(Polite::default, |peer| {
        peer.say(NEXT.repeat(3).as_bytes());
        peer.finish();
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789";
        assert_eq!(hear_all(peer).unwrap(), answer.repeat(3));
    });
}

/// Answers with a file, two pieces at a time, in the order of the file and not of their coming.
struct FromFile {
    file: Arc<ReadFile>,
    asked: u64,
    waiting: Vec<(FileTicket, Option<Bytes>)>,
}

const PIECE: u64 = 700;
const LENGTH: u64 = 10 * PIECE + 17;

impl FromFile {
    fn ask(&mut self, exchange: &mut Exchange<'_, '_>) {
        while self.waiting.len() < 2 && self.asked < LENGTH {
            let end = (self.asked + PIECE).min(LENGTH);
            self.waiting.push((exchange.read_file(Arc::clone(&self.file), self.asked..end), None));
            self.asked = end;
        }
    }
}

impl Handler for FromFile {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, _: &Head<'_>, _: &mut Exchange<'_, '_>) {}

    fn complete(&mut self, _: Trailers<'_>, exchange: &mut Exchange<'_, '_>) {
        self.asked = 0;
        exchange.answer(200, &[], BodyLength::Known(LENGTH));
        self.ask(exchange);
    }

    fn event(&mut self, event: Event, exchange: &mut Exchange<'_, '_>) {
        let Event::File(ticket, Ok(FileDone::Read(octets))) = event else { return };
        let place = self.waiting.iter().position(|(asked, _)| *asked == ticket).expect("a ticket of ours");
        self.waiting[place].1 = Some(octets);
        while let Some(octets) = self.waiting.first_mut().and_then(|(_, octets)| octets.take()) {
            self.waiting.remove(0);
            exchange.send(octets);
        }
        self.ask(exchange);
        if self.waiting.is_empty() {
            exchange.end();
        }
    }
}

#[test]
fn files_are_read_in_any_order_and_answered_in_one() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let octets: String = (0..LENGTH).map(|number| char::from(b'a' + (number % 23) as u8)).collect();
    file.write_all(octets.as_bytes()).unwrap();
    let file = Arc::new(ReadFile::open_buffered(file.path()).unwrap());
    with_every_seed(
        || FromFile { file: Arc::clone(&file), asked: 0, waiting: Vec::new() },
        |peer| {
            peer.say(NEXT.repeat(2).as_bytes());
            peer.finish();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{octets}");
            assert_eq!(hear_all(peer).unwrap(), answer.repeat(2));
            assert_eq!(peer.close().unwrap_or(Close::Done), Close::Done);
        },
    );
}

/// Wherever in a conversation the server begins to stop, what it says is whole answers, and an orderly end.
#[test]
fn a_stop_at_any_moment_cuts_no_answer() {
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let (answer, last) = (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    );
    for heard_before in (0..6 * 80).step_by(29) {
        with_every_seed(Echo::default, |peer| {
            peer.say(request.repeat(6).as_bytes());
            let mut octets = vec![0; heard_before];
            peer.read_exact(&mut octets).unwrap();
            peer.stop(DRAIN);
            let before = String::from_utf8(octets).unwrap();
            let mut rest = Vec::new();
            peer.read_to_end(&mut rest).unwrap();
            let all = (before + &String::from_utf8(rest).unwrap()).replace("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "");
            let whole = all.trim_start_matches(answer);
            assert!(whole.is_empty() || whole == last, "after whole answers came {whole:?}");
        });
    }
}

/// What can be refused by its head is, and nobody is told to go on and send the body first.
#[test]
fn the_echo_refuses_by_the_head_alone() {
    let not_for_us = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\
                      Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n\r\n";
    let expecting = "Host: a:1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    with_every_seed(Echo::default, |peer| {
        peer.say(format!("TRACE / HTTP/1.1\r\n{expecting}").as_bytes());
        assert_eq!(hear_all(peer).unwrap(), not_for_us);
    });
    with_every_seed(Echo::default, |peer| {
        peer.say(format!("CONNECT a:1 HTTP/1.1\r\n{expecting}").as_bytes());
        assert_eq!(hear_all(peer).unwrap(), not_for_us);
    });
}

#[test]
fn the_echo_sends_as_many_octets_as_64_bits_can_ask_for() {
    let answers = [
        ("GET", "/bytes/3", "200 OK\r\nContent-Length: 3\r\n\r\n012"),
        ("GET", "/bytes/00", "200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("HEAD", "/bytes/18446744073709551615", "200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"),
        (
            "GET",
            "/bytes/18446744073709551616",
            "400 Bad Request\r\nContent-Length: 54\r\nContent-Type: text/plain\r\n\r\n\
             At most 18446744073709551615 octets can be asked for.\n",
        ),
        ("GET", "/bytes/", "200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("GET", "/bytes/12x", "200 OK\r\nContent-Length: 0\r\n\r\n"),
    ];
    let requests: String = answers.map(|(method, path, _)| format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n")).concat();
    let expected: String = answers.map(|(_, _, answer)| format!("HTTP/1.1 {answer}")).concat();
    with_every_seed(Echo::default, |peer| {
        peer.say(requests.as_bytes());
        peer.finish();
        assert_eq!(hear_all(peer).unwrap(), expected);
    });
}
