//! The server stops: who is idle is hung up on, what is under way is finished, and what takes too long is cut.

use std::time::Duration;

use iolab::limits::ServeLimits;

use super::answers::{head, last_ok, lines, ok};
use super::{Script, Step, hear, say, script};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const MUCH: usize = 8 << 20;

pub fn scripts() -> Vec<Script> {
    let length = MUCH.to_string();
    let announced = head(200, &[("Content-Length", &length)]);
    let get = format!("GET /bytes/{MUCH} HTTP/1.1\r\nHost: a\r\n\r\n");
    let expecting = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let soon = ServeLimits { drain: Duration::from_millis(150), ..ServeLimits::default() };
    // A thread that serves several connections may hear of the stop a moment after the listener was closed.
    let last = |body: &str| Step::HearOneOf(vec![last_ok(body), ok(body)]);
    vec![
        script("stops when idle", [say(GET), hear(ok("")), Step::Stop, Step::End, Step::Stopped]),
        script("stops before the first request, which is answered", [Step::Stop, say(GET), last(""), Step::End, Step::Stopped]),
        script("stops before the first request, which never comes", [Step::Stop, Step::End, Step::Stopped]),
        script(
            "stops in a head",
            [
                say([GET, "GET / HTTP/1.1\r\nHo"].concat()),
                hear(ok("")),
                Step::Stop,
                say("st: a\r\n\r\n"),
                last(""),
                Step::End,
                Step::Stopped,
            ],
        ),
        script(
            "stops in a body",
            [
                say(expecting),
                hear("HTTP/1.1 100 Continue\r\n\r\n"),
                Step::Stop,
                say("hello"),
                last("hello"),
                Step::End,
                Step::Stopped,
            ],
        ),
        script("stops in an answer", [say(&get), hear(&announced), Step::Stop, hear(lines(MUCH)), Step::End, Step::Stopped]),
        script(
            "stops in an answer, and the request behind it does not cost its end",
            [say(&get), hear(&announced), say(GET), Step::Stop, hear(lines(MUCH)), Step::End, Step::Stopped],
        ),
        Script {
            serve: soon,
            ..script(
                "stops, and cuts an answer that nobody reads",
                [say(&get), hear(&announced), Step::Stop, Step::Stopped, Step::Cut],
            )
        },
        Script {
            serve: soon,
            ..script(
                "stops, and cuts a request that does not end",
                [say([GET, "GET"].concat()), hear(ok("")), Step::Stop, Step::Cut, Step::Stopped],
            )
        },
    ]
}
