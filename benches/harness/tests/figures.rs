//! The parts of the benchmark on which its figures stand: what is right is counted, what is wrong is refused, and nothing is
//! called best that might not be.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use harness::data_file::{is_right, word};
use harness::load::{Churn, Edge, Kind, Pace, Plan, Question, Steady, Terms};
use harness::statistics::{compare, estimate};

const PLAN: Plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(5) };

/// What a server of one connection says to `pipelined` requests, piece by piece, and what loads of both kinds say of it.
fn ask(pipelined: usize, pieces: &'static [&'static str]) -> io::Result<u64> {
    let light = ask_so(Kind::Light, pipelined, pieces);
    let bursty = ask_so(Kind::Bursty, pipelined, pieces);
    match (&light, &bursty) {
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => assert_eq!(one.is_ok(), other.is_ok()),
    }
    light
}

fn ask_so(kind: Kind, pipelined: usize, pieces: &'static [&'static str]) -> io::Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let question = Question::get("/", b"hello".to_vec());
    let whole = question.request.len() * pipelined;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut requests = vec![0; whole];
        while stream.read_exact(&mut requests).is_ok() {
            for piece in pieces {
                stream.write_all(piece.as_bytes())?;
                // So that pieces arrive as such, most of the time; nothing here depends on it.
                thread::yield_now();
            }
        }
        Ok(())
    });
    let sample = Steady::connect(address, &Terms { connections: 1, pipelined, kind, pace: Pace::Closed }, &question)?
        .run(PLAN, &mut |_: Edge| {})?;
    Ok(sample.answers_in_all)
}

const RIGHT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn right_answers_are_counted_however_they_are_cut_and_dated() {
    assert!(ask(1, &[RIGHT]).unwrap() >= 1);
    assert!(ask(1, &["HTTP/1.1 2", "00 OK\r\nContent-Length: 5\r\n", "\r\nhe", "llo"]).unwrap() >= 1);
    let dated = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: 2\r\n\r\nhello";
    let otherwise = ["HTTP/1.1 200 OK\r\nDate: 3\r\nContent-", "Length: 5\r\n\r\nhel", "lo"];
    let pieces = [RIGHT, dated, otherwise[0], otherwise[1], otherwise[2]];
    let answers = ask(3, Box::leak(Box::new(pieces))).unwrap();
    assert!(answers >= 3 && answers.is_multiple_of(3), "{answers}");
}

#[test]
fn wrong_answers_are_refused() {
    let refused = |pipelined, pieces| ask(pipelined, pieces).unwrap_err().to_string();
    let not_found = refused(1, &["HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello"]);
    assert_eq!(not_found, "answered 404 Not Found, not 200");
    let short = refused(1, &["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell"]);
    assert_eq!(short, "the answer's body has 4 octets, not 5");
    // The second is compared with the first, which is right.
    let other = refused(2, &[RIGHT, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelio"]);
    assert_eq!(other, "octet 3 of the answer's body is 0x69, not 0x6c");
    let more = refused(1, &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!"]);
    assert_eq!(more, "an answer came that nobody had asked for");
    let malformed = refused(2, &[RIGHT, "HTP/1.1 200 OK\r\n\r\n"]);
    assert!(malformed.starts_with("the answer's head is malformed"), "{malformed}");
}

#[test]
fn a_hang_up_before_the_answer_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel").unwrap();
        asked
    });
    let question = Question::get_and_close("/", b"hello".to_vec());
    let error = Churn::new(address, 1, &question).run(PLAN, &mut |_: Edge| {}).map(drop).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
    assert!(server.join().unwrap() > 0);
}

#[test]
fn only_a_clear_lead_is_called_one() {
    let (fast, slow) = ([1.0, 1.1, 1.05, 1.0, 1.02, 1.03], [2.0, 2.2, 2.1, 2.0, 2.04, 2.06]);
    let clear = compare(&[&slow, &fast]);
    assert_eq!(clear.leaders, [1]);
    assert_eq!((clear.times_worse[1].low, clear.times_worse[1].high), (1.0, 1.0));
    assert!((clear.times_worse[0].median - 2.0).abs() < 1e-9, "the machine's own ups and downs cancel out");

    let as_fast = [1.01, 1.09, 1.06, 0.99, 1.04, 1.01];
    assert_eq!(compare(&[&slow, &fast, &as_fast]).leaders, [1, 2]);
}

#[test]
fn an_interval_holds_its_median_and_is_the_same_every_time() {
    let rounds = [3.0, 1.0, 2.0, 5.0, 4.0, 9.0, 7.0];
    let interval = estimate(&rounds);
    assert_eq!(interval.median, 4.0);
    assert!(interval.low < 4.0 && 4.0 < interval.high && interval.low >= 1.0 && interval.high <= 9.0);
    assert_eq!(interval, estimate(&rounds));
}

#[test]
fn octets_of_the_wrong_place_are_noticed() {
    let block =
        |sector: u64| -> Vec<u8> { (sector * 64..(sector + 8) * 64).flat_map(|index| word(index).to_le_bytes()).collect() };
    for every_octet in [false, true] {
        assert!(is_right(&block(3), 3 * 512, every_octet));
        assert!(!is_right(&block(4), 3 * 512, every_octet), "another block");
        let mut torn = block(3);
        torn[512..1024].fill(0);
        assert!(!is_right(&torn, 3 * 512, every_octet), "a sector that was not read");
    }
    let mut flipped = block(3);
    flipped[1001] ^= 1;
    assert!(!is_right(&flipped, 3 * 512, true));
}
