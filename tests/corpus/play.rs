//! One conversation with a server: say what the case says, hear what comes, compare.

use super::answer::{Answers, Head};
use super::format::{Body, Case, Ending, Expected, Step};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Octets of one step that are sent one by one before the rest goes in larger pieces: a write each is slow.
pub const DRIPPED: usize = 12 * 1024;

/// A request no case sends, whose answer shows that the connection is open and that nothing is left over in it.
const PROBE: &[u8] = b"POST /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\nContent-Length: 5\r\n\r\nprobe";

/// How the octets are cut into writes. The outcome must not depend on it.
#[derive(Clone, Copy, Debug)]
pub enum Split {
    /// One write.
    Whole,
    /// A write per octet.
    Drip,
    /// Cut at places drawn from this seed.
    Random(u64),
}

/// Plays `case` against the server at `address`; the error says what was heard. No wait is longer than `patience`.
pub fn play(case: &Case, address: SocketAddr, split: Split, patience: Duration) -> Result<(), String> {
    let stream = connect(address, patience).map_err(|e| format!("cannot connect to {address}: {e}"))?;
    let mut answers = Answers::new(&stream);
    let mut heard = Heard { answers: vec![], over: false, last: None };
    let outcome = converse(case, &stream, &mut answers, split, &mut heard);
    let _ = stream.shutdown(Shutdown::Both); // The server may have closed first; either way it is over.
    outcome.map_err(|e| heard.answers.into_iter().chain([e]).collect::<Vec<_>>().join(", "))
}

/// What has been heard so far.
struct Heard {
    answers: Vec<String>,
    /// An error excused the rest of the case.
    over: bool,
    last: Option<Head>,
}

fn connect(address: SocketAddr, patience: Duration) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

fn converse(
    case: &Case,
    stream: &TcpStream,
    answers: &mut Answers<&TcpStream>,
    split: Split,
    heard: &mut Heard,
) -> Result<(), String> {
    for (index, step) in case.steps.iter().enumerate() {
        let last = index + 1 == case.steps.len();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Apart, because a large echo comes back while the request is still being sent.
            let talker = scope.spawn(|| talk(stream, &step.send, split, last && case.fin, &stop));
            let mut result = hear(step, answers, heard);
            if last && result.is_ok() && expects_close(case, heard) {
                result = closed(case, answers, heard);
            }
            if result.is_err() || heard.over {
                stop.store(true, Relaxed);
                let _ = stream.shutdown(Shutdown::Both);
            }
            let _ = talker.join();
            result
        })?;
        if heard.over {
            return Ok(());
        }
    }
    if expects_open(case, heard) {
        announced_open(heard)?;
        { stream }.write_all(PROBE).map_err(|e| format!("another request got {e}"))?;
        probe_answered(answers)?;
    }
    Ok(())
}

/// Someone in this process to talk to.
pub trait Partner: Read {
    fn say(&mut self, octets: &[u8]);
    fn finish(&mut self);
}

/// Plays `case` with `partner`; the error says what was heard.
pub fn play_with(case: &Case, partner: impl Partner) -> Result<(), String> {
    let mut answers = Answers::new(partner);
    let mut heard = Heard { answers: vec![], over: false, last: None };
    converse_with(case, &mut answers, &mut heard)
        .map_err(|e| heard.answers.into_iter().chain([e]).collect::<Vec<_>>().join(", "))
}

fn converse_with(case: &Case, answers: &mut Answers<impl Partner>, heard: &mut Heard) -> Result<(), String> {
    for (index, step) in case.steps.iter().enumerate() {
        answers.stream.say(&step.send);
        if case.fin && index + 1 == case.steps.len() {
            answers.stream.finish();
        }
        hear(step, answers, heard)?;
        if heard.over {
            return Ok(());
        }
    }
    if expects_close(case, heard) {
        closed(case, answers, heard)?;
    }
    if expects_open(case, heard) {
        announced_open(heard)?;
        answers.stream.say(PROBE);
        probe_answered(answers)?;
    }
    Ok(())
}

/// Sends a step's octets. A failing write is not judged here: the answers are.
fn talk(mut stream: &TcpStream, octets: &[u8], split: Split, fin: bool, stop: &AtomicBool) {
    let mut random = Xorshift::new(split);
    let mut rest = octets;
    while !rest.is_empty() && !stop.load(Relaxed) {
        let count = match split {
            Split::Whole => rest.len(),
            Split::Drip if octets.len() - rest.len() < DRIPPED => 1,
            Split::Drip => rest.len().min(1021),
            Split::Random(_) => rest.len().min(1 + random.below(1 + octets.len() / 4)),
        };
        let (piece, after) = rest.split_at(count);
        if stream.write_all(piece).is_err() {
            return;
        }
        rest = after;
    }
    if fin {
        let _ = stream.shutdown(Shutdown::Write);
    }
}

/// Reads the answers of one step.
fn hear(step: &Step, answers: &mut Answers<impl Read>, heard: &mut Heard) -> Result<(), String> {
    let mut expected = step.expect.iter();
    loop {
        let required = expected.clone().find(|expected| !expected.optional);
        if expected.len() == 0 {
            return Ok(());
        }
        let Some(head) = answers.head()? else {
            return match required {
                None => Ok(()),
                Some(required) => Err(format!("closed before {required}")),
            };
        };
        let found = expected.by_ref().find(|expected| !expected.optional || expected.statuses.contains(&head.status));
        match found {
            Some(found) => compare(found, head, answers, heard)?,
            None => return Err(format!("{} that nobody asked for", head.status)),
        }
        if heard.over {
            return answers.closed();
        }
    }
}

fn compare(expected: &Expected, head: Head, answers: &mut Answers<impl Read>, heard: &mut Heard) -> Result<(), String> {
    let status = head.status;
    let body = match expected.body {
        Body::Head => Vec::new(),
        _ => answers.body(&head).map_err(|e| format!("{status} whose body fails: {e}"))?,
    };
    heard.answers.push(format!("{status} {}", shortened(&body)).trim_end().into());
    if !expected.statuses.contains(&status) {
        return Err(format!("instead of {expected}"));
    }
    let same = match &expected.body {
        Body::Octets(octets) => status >= 400 || *octets == body,
        Body::Length(count) => status >= 400 || *count == body.len(),
        Body::Head => true,
    };
    if !same {
        return Err(format!("another body than {expected} ({} octets)", body.len()));
    }
    for (name, member) in &expected.fields {
        let there: Vec<_> = head.values(name).collect();
        if !member.as_ref().map_or(there.is_empty(), |member| head.has(name, member)) {
            return Err(format!("{expected}: there it has {there:?}"));
        }
    }
    heard.over = status >= 400 && expected.statuses.iter().any(|&status| status < 400);
    heard.last = Some(head);
    Ok(())
}

fn expects_close(case: &Case, heard: &Heard) -> bool {
    let error = heard.last.as_ref().is_some_and(|head| head.status >= 400);
    case.ending == Ending::Close || (case.ending == Ending::ByStatus && error)
}

fn closed(case: &Case, answers: &mut Answers<impl Read>, heard: &Heard) -> Result<(), String> {
    answers.closed()?;
    match &heard.last {
        // RFC 9112 §9.6: a server that intends to close says so. After our FIN it may not have intended anything.
        Some(head) if head.status >= 400 && !case.fin && !head.has("connection", "close") => {
            Err("closed, without having said Connection: close".into())
        }
        _ => Ok(()),
    }
}

fn expects_open(case: &Case, heard: &Heard) -> bool {
    !expects_close(case, heard) && case.ending != Ending::Either
}

fn announced_open(heard: &Heard) -> Result<(), String> {
    match heard.last.as_ref().is_some_and(|head| head.has("connection", "close")) {
        true => Err("with Connection: close, where it should stay open".into()),
        false => Ok(()),
    }
}

fn probe_answered(answers: &mut Answers<impl Read>) -> Result<(), String> {
    let head = answers.head().map_err(|e| format!("another request got {e}"))?;
    let head = head.ok_or("another request got no answer: closed, where it should stay open")?;
    let body = answers.body(&head).map_err(|e| format!("another request got {e}"))?;
    match head.status == 200 && body == b"probe" {
        true => answers.closed().map_err(|e| format!("another request, the last, got {e}")),
        false => Err(format!("another request got {} {}", head.status, shortened(&body))),
    }
}

/// Octets for people: escaped, in quotes, and not more than a line of them.
pub fn shortened(octets: &[u8]) -> String {
    match octets.len() {
        0 => String::new(),
        1..=60 => format!("\"{}\"", octets.escape_ascii()),
        length => format!("\"{}...\" ({length} octets)", octets[..40].escape_ascii()),
    }
}

/// Marsaglia's xorshift: enough to choose where to cut.
struct Xorshift(u64);

impl Xorshift {
    fn new(split: Split) -> Self {
        match split {
            Split::Random(seed) => Xorshift(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            _ => Xorshift(1),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Servers that say a fixed thing, so that the runner itself is known to fail where it must.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::format::read_text;
    use std::io::Read;
    use std::net::TcpListener;

    const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    /// Plays a GET whose answers are described by `expected` against a server that says `answer` and closes.
    fn verdict(expected: &str, answer: &str) -> Result<(), String> {
        let text = format!("# RFC 9112 §3: an example\n> GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\n{expected}\n");
        let case = read_text("example", &text).expect("a readable case").remove(0);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let answer = answer.replace("DATE", DATE);
        let server = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut octet = [0];
                peer.read_exact(&mut octet).expect("a request");
                request.extend(octet);
            }
            peer.write_all(answer.as_bytes()).expect("room for an answer");
        });
        let verdict = play(&case, address, Split::Drip, Duration::from_secs(5));
        server.join().expect("a server that ends");
        verdict
    }

    #[test]
    fn right_answers_pass() {
        let answers = [
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n"),
            ("< 200 = hi\nclose", "HTTP/1.1 200 \r\nDATEcontent-length:2\r\n\r\nhi"),
            ("< 200 = hi\nclose", "HTTP/1.1 200 OK\r\nDATETransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"),
            ("< 200 = hi\nclose", "HTTP/1.1 200 OK\r\nDATE\r\nhi"),
            ("< 200 bytes 2\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\n\r\n??"),
            ("< 200 HEAD\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\n\r\n"),
            ("< 400|501", "HTTP/1.1 501 No\r\nDATEContent-Length: 2\r\nConnection: close\r\n\r\nno"),
            ("< 200|400\n< 200", "HTTP/1.1 400 No\r\nDATEContent-Length: 0\r\nConnection: close\r\n\r\n"),
            ("< 100?\n< 200\nclose", "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n"),
            ("< 100?\n< 200\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n"),
            ("< 400?\nclose", ""),
        ];
        for (expected, answer) in answers {
            assert_eq!(verdict(expected, answer), Ok(()), "{expected}: {answer:?}");
        }
    }

    #[test]
    fn wrong_answers_fail() {
        let answers = [
            ("< 200\nclose", "", "closed before 200"),
            ("< 200\nclose", "HTTP/1.1 400 No\r\nDATEContent-Length: 0\r\n\r\n", "instead of 200"),
            ("< 200 = hi\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\n\r\nho", "another body"),
            ("< 200 = hi\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 3\r\n\r\nhi", "after 2 of 3"),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n!", "after the last answer"),
            (
                "< 200\nclose",
                "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\nHTTP/1.1 400 No\r\n\r\n",
                "after the last answer",
            ),
            ("< 200 HEAD\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\n\r\nhi", "after the last answer"),
            ("< 200", "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n", "another request"),
            ("< 200", "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\nConnection: close\r\n\r\n", "should stay open"),
            ("< 400", "HTTP/1.1 400 No\r\nDATEContent-Length: 0\r\n\r\n", "without having said"),
            ("< 200\nclose", "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n", "100, instead of"),
            ("< 200\n+ Connection: close\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\n\r\n", "with Connection: close"),
            ("< 200\n- Server\nclose", "HTTP/1.1 200 OK\r\nDATEServer: x\r\nContent-Length: 0\r\n\r\n", "without Server"),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "Date"),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDATEDATEContent-Length: 0\r\n\r\n", "Date"),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDate: 1994-11-06\r\nContent-Length: 0\r\n\r\n", "Date"),
            (
                "< 200\nclose",
                "HTTP/1.1 200 OK\r\nDATEContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "framed by",
            ),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDATEContent-Length: +0\r\n\r\n", "framed by"),
            ("< 200\nclose", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "one CRLF"),
            ("< 200\nclose", "HTTP/1.0 200 OK\r\nDATEContent-Length: 0\r\n\r\n", "status line"),
            ("< 200\nclose", "HTTP/1.1 200\r\nDATEContent-Length: 0\r\n\r\n", "status line"),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDATEX : y\r\nContent-Length: 0\r\n\r\n", "field line"),
            ("< 405\nclose", "HTTP/1.1 405 No\r\nDATEContent-Length: 0\r\nConnection: close\r\n\r\n", "Allow"),
            ("< 200\nclose", "HTTP/1.1 200 OK\r\nDATETransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", "chunk size"),
        ];
        for (expected, answer, complaint) in answers {
            let got = verdict(expected, answer).expect_err(answer);
            assert!(got.contains(complaint), "{expected}: {answer:?} got {got}, which lacks {complaint}");
        }
    }
}
