//! The steady loads, each kind of them, before servers that do what servers should not: what is wrong is refused by all, and what
//! is slow is seen.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use harness::load::{Edge, Expected, Generator, Kind, LikeTheFirst, Pace, Plan, Question, Sample, Steady, Terms};

const KINDS: [Kind; 2] = [Kind::Bursty, Kind::Light];

const SHORT: Plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(20) };

/// Answers each request with what `answer` says to the number of it, all connections counted together. An empty answer is a
/// hang-up.
fn serve(answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (answer, number) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (answer, number) = (Arc::clone(&answer), Arc::clone(&number));
            thread::spawn(move || serve_one(&stream?, &*answer, &number));
        }
        Ok::<_, io::Error>(())
    });
    address
}

fn serve_one(mut stream: &TcpStream, answer: &dyn Fn(usize) -> Vec<u8>, number: &AtomicUsize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut heard, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        while let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            heard.drain(..end + 4);
            let answer = answer(number.fetch_add(1, Ordering::SeqCst));
            if answer.is_empty() {
                return stream.shutdown(Shutdown::Both);
            }
            stream.write_all(&answer)?;
            if answer.windows(5).any(|five| five == b"close") {
                // What is still to come is let in, or the kernel would cut the connection and with it the answer.
                stream.shutdown(Shutdown::Write)?;
                return io::copy(&mut stream, &mut io::sink()).map(drop);
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => heard.extend_from_slice(&buffer[..count]),
        }
    }
}

fn answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn load(to: SocketAddr, terms: Terms, plan: Plan, question: &Question) -> io::Result<Sample> {
    Steady::connect(to, &terms, question)?.run(plan, &mut |_: Edge| {})
}

fn closed(kind: Kind, connections: usize, pipelined: usize) -> Terms {
    Terms { connections, pipelined, kind, pace: Pace::Closed }
}

fn hello() -> Question {
    Question::get("/", b"hello".to_vec())
}

/// `GET /`, to which any answer is right that is like the first.
fn like_the_first() -> Question {
    let like = LikeTheFirst { status: 200, has_no_body: false, may_vary: vec!["X-Number".into()] };
    Question { answer: Expected::LikeTheFirst(like), ..hello() }
}

#[test]
fn answers_are_counted_pipelined_and_on_many_connections() {
    let to = serve(|_| answer("hello"));
    for kind in KINDS {
        let sample = load(to, closed(kind, 3, 16), SHORT, &hello()).unwrap();
        assert!(sample.answers_in_all >= 48 && sample.answers_in_all.is_multiple_of(16), "{}", sample.answers_in_all);
        assert!(sample.answers <= sample.answers_in_all && sample.latency.len() <= sample.answers_in_all);
        match (kind, &sample.generator) {
            (Kind::Light, Generator::Light) | (Kind::Bursty, Generator::BurstyUring) => {}
            (Kind::Bursty, Generator::BurstyEpoll(why)) => eprintln!("over epoll instead of io_uring: {why}"),
            (_, other) => panic!("{kind:?} was {other}"),
        }
    }
}

#[test]
fn bodies_larger_than_any_buffer_arrive_both_ways() {
    let body: Vec<u8> = (0..1 << 20).map(|at| (at % 251) as u8).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let question = Question::post(body.clone());
    let length = question.request.len();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = body.clone();
            // Reads all before it answers, so the request has to wait for room.
            thread::spawn(move || -> io::Result<()> {
                let mut request = vec![0; length];
                loop {
                    thread::yield_now();
                    (&stream).read_exact(&mut request)?;
                    (&stream).write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes())?;
                    (&stream).write_all(&request[length - body.len()..])?;
                }
            });
        }
    });
    for kind in KINDS {
        let sample = load(to, closed(kind, 4, 1), SHORT, &question).unwrap();
        assert!(sample.answers_in_all >= 4);
    }
}

#[test]
fn one_wrong_octet_among_many_answers_is_refused() {
    for kind in KINDS {
        let to = serve(|number| answer(if number == 100 { "hallo" } else { "hello" }));
        let forever = Plan { window: Duration::from_secs(60), ..SHORT };
        let wrong = load(to, closed(kind, 2, 4), forever, &hello()).unwrap_err();
        assert_eq!(wrong.to_string(), "octet 1 of the answer's body is 0x61, not 0x65", "{kind:?}");
    }
}

#[test]
fn an_answer_must_be_like_the_first_but_for_its_date_and_what_may_vary() {
    let fields = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: 2\r\n\r\nhi").into_bytes();
    for kind in KINDS {
        let to = serve(move |number| fields(&format!("Date: {number}\r\nX-Number: {number}\r\nServer: one")));
        load(to, closed(kind, 2, 2), SHORT, &like_the_first()).unwrap();
        let to = serve(move |number| fields(if number < 50 { "Server: one" } else { "Server: two" }));
        let forever = Plan { window: Duration::from_secs(60), ..SHORT };
        let other = load(to, closed(kind, 2, 2), forever, &like_the_first()).unwrap_err();
        assert_eq!(other.to_string(), "the answer has the field \"server: two\", the first one had \"server: one\"");
    }
}

#[test]
fn chunks_are_answers_too_however_they_are_cut() {
    let cuts = ["5\r\nhello\r\n0\r\n\r\n", "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n"];
    for kind in KINDS {
        let to = serve(move |number| {
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", cuts[number % 2]).into_bytes()
        });
        let sample = load(to, closed(kind, 1, 4), SHORT, &like_the_first()).unwrap();
        assert!(sample.answers_in_all >= 4);
    }
}

#[test]
fn a_hang_up_with_answers_due_is_told() {
    for kind in KINDS {
        let to = serve(|number| if number == 10 { Vec::new() } else { answer("hello") });
        let forever = Plan { window: Duration::from_secs(60), ..SHORT };
        let error = load(to, closed(kind, 1, 4), forever, &hello()).unwrap_err();
        assert_eq!(error.to_string(), "the server hung up with 2 answers due", "{kind:?}");
    }
}

#[test]
fn a_server_that_closes_in_good_order_is_asked_again_on_another_connection() {
    const CLOSING: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    for (kind, pace) in KINDS.into_iter().flat_map(|kind| [(kind, Pace::Closed), (kind, Pace::Open { rate: 5_000.0 })]) {
        let to = serve(|number| if number % 7 == 3 { CLOSING.to_vec() } else { answer("hello") });
        let terms = Terms { pace, ..closed(kind, 2, 4) };
        let plan = Plan { window: Duration::from_millis(100), ..SHORT };
        let sample = load(to, terms, plan, &hello()).unwrap();
        assert!(sample.reopened > 0 && sample.answers_in_all > 14, "{sample:?}");
    }
}

/// A server that says nothing for a while now and then: whoever asks only when answered asks once meanwhile, and tells of one
/// slow answer. All who would have asked had to wait.
#[test]
fn a_stall_is_seen_in_an_open_loop_by_all_who_would_have_asked() {
    let (stall, window) = (Duration::from_millis(300), Duration::from_millis(900));
    let plan = Plan { warm_up: Duration::ZERO, window };
    for kind in KINDS {
        let stalling = || {
            serve(move |number| {
                if number == 100 {
                    thread::sleep(stall);
                }
                answer("hello")
            })
        };
        let slow = |sample: &Sample| {
            let half = (stall / 2).as_nanos() as u64;
            sample.latency.len() - sample.latency.count_between(0, half)
        };
        // ANCHOR: stall
        let closed = load(stalling(), closed(kind, 1, 1), plan, &hello()).unwrap();
        assert_eq!(slow(&closed), 1, "{kind:?}: a closed loop leaves the others out");
        let pace = Pace::Open { rate: 1_000.0 };
        let open = load(stalling(), Terms { connections: 1, pipelined: 1, kind, pace }, plan, &hello()).unwrap();
        // Those who came within the first half of the stall: about 150 of 900.
        assert!(slow(&open) > 75, "{kind:?}: {} of {} were slow", slow(&open), open.latency.len());
        assert!(open.latency.value_at_quantile(0.95) > (stall / 2).as_nanos() as u64);
        // ANCHOR_END: stall
    }
}

#[test]
fn who_is_never_asked_is_told_and_not_left_out() {
    for kind in KINDS {
        let to = serve(|_| {
            thread::sleep(Duration::from_millis(5));
            answer("hello")
        });
        let pace = Pace::Open { rate: 10_000.0 };
        let plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(200) };
        let sample = load(to, Terms { connections: 2, pipelined: 1, kind, pace }, plan, &hello()).unwrap();
        // Two connections can be answered 80 times; about 2000 were to be asked.
        assert!(sample.unasked > 1_000 && sample.answers < 100, "{sample:?}");
        assert!(sample.latency.len() >= sample.unasked);
        assert!(sample.latency.value_at_quantile(0.5) > 20_000_000, "the waiting of those who were not asked counts");
    }
}

#[test]
fn a_rate_that_can_be_kept_is_kept() {
    let to = serve(|_| answer("hello"));
    for kind in KINDS {
        let pace = Pace::Open { rate: 2_000.0 };
        let plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(500) };
        let sample = load(to, Terms { connections: 8, pipelined: 2, kind, pace }, plan, &hello()).unwrap();
        // About 1000 arrivals at random, of which a thousandth of the thousands of such counts is outside of 900 to 1100; those of
        // the seed are not.
        let asked = sample.latency.len();
        assert!((900..=1100).contains(&asked), "{kind:?}: {asked}");
    }
}
