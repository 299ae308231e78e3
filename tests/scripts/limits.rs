//! How long: total deadlines, which no drip of octets moves.

use std::time::Duration;

use iolab::http1::TimeLimits;

use super::answers::{head, noise, ok, too_slow};
use super::{Script, Step, hear, say, script};

/// Where a script must do something in time, it has this long: a busy machine may keep it waiting.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);
const BIT: Duration = Duration::from_millis(10);

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

pub fn scripts() -> Vec<Script> {
    let idle = TimeLimits { idle: SHORT, header: LONG, body: LONG };
    let header = TimeLimits { idle: LONG, header: SHORT, body: LONG };
    let body = TimeLimits { idle: LONG, header: LONG, body: SHORT };
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let with = |time, script| Script { time, ..script };
    vec![
        with(idle, script("who never asks is hung up on", [Step::End])),
        with(idle, script("who asks no more is hung up on", [say(GET), hear(ok("")), Step::End])),
        with(idle, script("an empty line is no request", [say("\r\n"), Step::End])),
        with(
            idle,
            script(
                "the idle limit does not run in a request",
                [say("GET / HT"), Step::Pass(SHORT * 2), say(&GET[8..]), hear(ok("")), Step::End],
            ),
        ),
        with(header, script("half a head", [say("GET / HTTP/1.1\r\nHo"), hear(too_slow()), Step::End])),
        with(
            header,
            script(
                "a head that drips",
                [
                    Step::Drip(b"GET / HTTP/1.1\r\nHost: a\r\nX: ".iter().copied().chain([b'y'; 1000]).collect(), BIT),
                    hear(too_slow()),
                    Step::End,
                ],
            ),
        ),
        with(
            header,
            script(
                "answers and then half a head",
                [say([GET, GET, "G"].concat()), hear(ok("").repeat(2)), hear(too_slow()), Step::End],
            ),
        ),
        with(
            TimeLimits { header: SHORT * 3, ..header },
            script(
                "the header limit starts anew with each request",
                [
                    say("G"),
                    Step::Pass(SHORT * 2),
                    say(&GET[1..]),
                    hear(ok("")),
                    say("G"),
                    Step::Pass(SHORT * 2),
                    say(&GET[1..]),
                    hear(ok("")),
                    Step::Finish,
                    Step::End,
                ],
            ),
        ),
        with(body, script("half a body", [say(post), say(noise(100)), hear(too_slow()), Step::End])),
        with(body, script("a body that drips", [say(post), Step::Drip(noise(1000), BIT), hear(too_slow()), Step::End])),
        with(
            body,
            script(
                "a chunk size that drips",
                [
                    say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
                    Step::Drip(vec![b'0'; 1000], BIT),
                    hear(too_slow()),
                    Step::End,
                ],
            ),
        ),
        with(
            body,
            script(
                "a body that stops when its answer has begun",
                [
                    say(post),
                    say(&noise(100_000)[..80_000]),
                    hear(head(200, &[("Content-Length", "100000")])),
                    hear(&noise(100_000)[..80_000]),
                    Step::End,
                ],
            ),
        ),
        with(
            body,
            script(
                "what was promised and never came",
                [
                    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
                    hear("HTTP/1.1 100 Continue\r\n\r\n"),
                    hear(too_slow()),
                    Step::End,
                ],
            ),
        ),
    ]
}
