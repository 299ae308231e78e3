//! What is said: requests and answers in order, the ends of connections, errors.

use super::answers::{body_refusal, cut_short, error, error_head, head, last_ok, lines, noise, ok, refusal};
use super::{Script, Step, hear, say, script};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HELLO: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

pub fn scripts() -> Vec<Script> {
    [orders(), versions(), bodies(), expectations(), errors(), half_closes(), resets()].concat()
}

fn orders() -> Vec<Script> {
    vec![
        script("one after the other", [say(GET), hear(ok("")), say(HELLO), hear(ok("hello")), Step::Finish, Step::End]),
        script("sixteen at once", [say(HELLO.repeat(16)), hear(ok("hello").repeat(16)), Step::Finish, Step::End]),
        script(
            "all said before anything is heard",
            [say(HELLO.repeat(300)), Step::Finish, hear(ok("hello").repeat(300)), Step::End],
        ),
        script(
            "requests of all kinds, and an empty line between two",
            [
                say(["GET /bytes/10 HTTP/1.1\r\nHost: a\r\n\r\n", HELLO, "\r\n", GET, CHUNKED].concat()),
                say("5\r\nhello\r\n0\r\nX: y\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
                hear([ok(lines(10)), ok("hello"), ok(""), ok("hello"), ok("")].concat()),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "nothing after Connection: close",
            [say("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n"), hear(last_ok("")), Step::End],
        ),
        script(
            "a request behind Connection: close is not answered",
            [
                say("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
                hear(last_ok("hello")),
                Step::End,
            ],
        ),
        script(
            "what follows CONNECT is no request, and does not cost its answer",
            [
                say("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
                say(noise(100_000)),
                hear(head(
                    405,
                    &[
                        ("Content-Length", "0"),
                        ("Connection", "close"),
                        ("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
                    ],
                )),
                Step::End,
            ],
        ),
    ]
}

fn versions() -> Vec<Script> {
    let kept = head(200, &[("Content-Length", "0"), ("Connection", "keep-alive")]);
    vec![
        script("HTTP/1.0 says one thing", [say("GET / HTTP/1.0\r\n\r\n"), hear(last_ok("")), Step::End]),
        script(
            "HTTP/1.0 asks for more",
            [
                say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                hear(kept),
                say("GET /bytes/3 HTTP/1.0\r\n\r\n"),
                hear(last_ok("012")),
                Step::End,
            ],
        ),
        script(
            "HEAD has no body, and the next answer follows at once",
            [
                say(["HEAD /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n", HELLO].concat()),
                hear([head(200, &[("Content-Length", "1000000")]), ok("hello")].concat()),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "the answer to a bad HEAD has no body either",
            [say("HEAD / HTTP/1.1\r\n\r\n"), hear(error_head(400, &refusal(b"HEAD / HTTP/1.1\r\n\r\n"))), Step::End],
        ),
    ]
}

fn bodies() -> Vec<Script> {
    let body = noise(3000);
    let mut many = CHUNKED.as_bytes().to_vec();
    for piece in body.chunks(7) {
        many.extend(format!("{:x};a=\"b\"\r\n", piece.len()).bytes());
        many.extend(piece);
        many.extend(b"\r\n");
    }
    many.extend(b"000\r\n\r\n");
    vec![
        script("a body in many chunks", [say(many), hear(ok(&body)), Step::Finish, Step::End]),
        script(
            "a body as long as is held back, and one octet longer",
            [
                say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n"),
                say(noise(65_536)),
                hear(ok(noise(65_536))),
                say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"),
                say(noise(65_537)),
                hear(ok(noise(65_537))),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "no octets at all, in both ways of saying so",
            [
                say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
                say([CHUNKED, "0\r\n\r\n"].concat()),
                hear(ok("").repeat(2)),
                Step::Finish,
                Step::End,
            ],
        ),
    ]
}

fn expectations() -> Vec<Script> {
    let expecting = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let too_much = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16777217\r\nExpect: 100-continue\r\n\r\n";
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    vec![
        script(
            "waits for 100 Continue, twice",
            [
                say(expecting),
                hear(go_on),
                say("hello"),
                hear(ok("hello")),
                say(expecting),
                hear(go_on),
                say("world"),
                hear(ok("world")),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "asks for 100 Continue and does not wait",
            [
                say([expecting, "hello", GET].concat()),
                hear([go_on.as_bytes(), &ok("hello"), &ok("")].concat()),
                Step::Finish,
                Step::End,
            ],
        ),
        script("is told 100 Continue and leaves", [say(expecting), hear(go_on), Step::Finish, hear(cut_short()), Step::End]),
        script(
            "is not told to go on with what is too long",
            [say(too_much), hear(error(413, &refusal(too_much.as_bytes()))), Step::End],
        ),
    ]
}

fn errors() -> Vec<Script> {
    let bad = "GET / HTTP/1.1\nHost: a\r\n\r\n";
    let crowd = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(256));
    let bad_chunk = "5\r\nhelloX";
    vec![
        script(
            "earlier answers go out whole before an error, and nothing after it",
            [
                say([HELLO, "GET /bytes/200000 HTTP/1.1\r\nHost: a\r\n\r\n", bad, GET].concat()),
                hear([ok("hello"), ok(lines(200_000)), error(400, &refusal(bad.as_bytes()))].concat()),
                Step::End,
            ],
        ),
        script(
            "a peer that talks on is heard out, so that the error reaches it",
            [say(bad), say(noise(200_000)), hear(error(400, &refusal(bad.as_bytes()))), Step::End],
        ),
        script(
            "a bad chunk is a clean error as long as no answer has begun",
            [
                say([HELLO, CHUNKED, bad_chunk].concat()),
                hear([ok("hello"), error(400, &body_refusal(CHUNKED.as_bytes(), bad_chunk.as_bytes()))].concat()),
                Step::End,
            ],
        ),
        script(
            "a bad chunk in a large body cuts the answer short",
            [
                say([CHUNKED.as_bytes(), b"20000\r\n", &noise(0x20000), b"\r\nX"].concat()),
                hear(head(200, &[("Transfer-Encoding", "chunked")])),
                hear([b"10000\r\n", &noise(0x20000)[..0x10000], b"\r\n"].concat()),
                Step::End,
            ],
        ),
        script("more fields than are taken", [say(&crowd), hear(error(431, &refusal(crowd.as_bytes()))), Step::End]),
    ]
}

/// The peer finishes after every octet of three requests.
fn half_closes() -> Vec<Script> {
    let heads = [
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        HELLO,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n",
    ];
    let mut scripts = Vec::new();
    for request in heads {
        for cut in 0..=request.len() {
            let body = if request.starts_with('P') { "hello" } else { "" };
            let mut steps = vec![say(&request[..cut]), Step::Finish];
            match &request[..cut] {
                "" | "\r" | "\r\n" => {}
                whole if whole == request => steps.push(hear(ok(body))),
                _ => steps.push(hear(cut_short())),
            }
            steps.push(Step::End);
            scripts.push(script(&format!("FIN after {:?}", &request[..cut]), steps));
        }
    }
    scripts.push(script(
        "FIN in a body whose answer has begun",
        [
            say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"),
            say(noise(100_000)),
            Step::Finish,
            hear(head(200, &[("Content-Length", "200000")])),
            hear(noise(100_000)),
            Step::End,
        ],
    ));
    scripts
}

/// The peer resets, and whoever comes next is served.
fn resets() -> Vec<Script> {
    vec![
        script("a reset before a word", [Step::Reset, Step::Meanwhile]),
        script("a reset between requests", [say(GET), hear(ok("")), Step::Reset, Step::Meanwhile]),
        script("a reset in a head", [say("GET / HT"), Step::Reset, Step::Meanwhile]),
        script("a reset in a body", [say(&HELLO[..HELLO.len() - 2]), Step::Reset, Step::Meanwhile]),
        script(
            "a reset in an answer",
            [
                say("GET /bytes/90000000 HTTP/1.1\r\nHost: a\r\n\r\n"),
                hear(head(200, &[("Content-Length", "90000000")])),
                hear(lines(100_000)),
                Step::Reset,
                Step::Meanwhile,
            ],
        ),
    ]
}
