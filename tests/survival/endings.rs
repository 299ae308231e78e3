//! Every way of leaving at every point: nothing of anybody may stay behind.

use std::net::Shutdown;
use std::thread;

use crate::child::{Server, until};
use crate::client::{Client, GET, bytes, post};
use crate::figure;

const ROOM: usize = 64;

/// How often everything is done.
const ROUNDS: usize = 40;

/// Who comes and goes without a word.
const CHURN: usize = 400;

const LARGE: u64 = 64 << 20;

pub fn at_any_point(model: &str) {
    let Some(server) = Server::start(model, &["--max-connections", &ROOM.to_string()]) else { return };
    // Whatever a server gets once and keeps, it has after the first.
    Client::connect(server.address).ask(GET).unwrap();
    let (descriptors, threads) = at_rest(&server);
    for _ in 0..ROUNDS {
        one_of_each(&server);
    }
    for number in 0..CHURN {
        let mut peer = Client::connect(server.address);
        if number % 2 == 1 {
            let _ = peer.say(GET);
        }
    }
    until("there is room again", || Client::connect(server.address).ask(GET).unwrap().status == 200);
    let took = until("all descriptors are given back", || server.descriptors() <= descriptors);
    if model == "pool" {
        // Its workers stay: two for each that could be here at once, one for newcomers, one for files.
        assert!(server.threads() <= threads.max(3 + 2 * ROOM + 2), "{} threads", server.threads());
    } else {
        until("all threads have ended", || server.threads() <= threads);
    }
    figure(
        model,
        format_args!(
            "left in {} ways {ROUNDS} times, and {CHURN} came and went: {descriptors} descriptors before and after ({:.2} s), {} threads",
            9,
            took.as_secs_f64(),
            server.threads()
        ),
    );
    server.stop();
}

/// Once the connections of before have gone.
fn at_rest(server: &Server) -> (usize, usize) {
    let mut seen = (server.descriptors(), server.threads());
    for _ in 0..20 {
        thread::sleep(std::time::Duration::from_millis(5));
        seen = seen.min((server.descriptors(), server.threads()));
    }
    seen
}

fn one_of_each(server: &Server) {
    let connect = || Client::connect(server.address);
    let having_said = |octets: &[u8]| {
        let mut peer = connect();
        peer.say(octets).unwrap();
        peer
    };
    // Resets: before the request, in its head, in its body, once it is whole.
    connect().reset();
    having_said(b"GET / HT").reset();
    having_said(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello").reset();
    having_said(GET).reset();
    // In the answer.
    let mut peer = having_said(&bytes(LARGE));
    assert_eq!(peer.hear_head().unwrap(), (200, LARGE));
    peer.reset();
    // After the peer's own FIN.
    let peer = having_said(&bytes(1 << 20));
    peer.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    peer.reset();
    // A FIN in the middle of an answer, which is closed with octets unread.
    let mut peer = having_said(&bytes(LARGE));
    assert_eq!(peer.hear_head().unwrap(), (200, LARGE));
    drop(peer);
    // A FIN in the middle of a request: said so, and ended.
    let mut peer = having_said(b"GET / HT");
    peer.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(peer.hear().unwrap().status, 400);
    peer.hear_end().unwrap();
    // ANCHOR: half-closed
    // Half-close: all that was asked before the FIN is answered, whole.
    let mut peer = having_said(&[GET, &post("hello"), &bytes(100_000)].concat());
    peer.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(peer.hear().unwrap().status, 200);
    assert_eq!(peer.hear().unwrap().body, b"hello");
    assert_eq!(peer.hear_head().unwrap(), (200, 100_000));
    peer.hear_lines(100_000).unwrap();
    peer.hear_end().unwrap();
    // ANCHOR_END: half-closed
}
