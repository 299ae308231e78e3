//! How much: more than fits anywhere, and peers that do not read for a while.

use super::answers::{head, lines, noise, ok};
use super::{Script, Step, hear, say, script};

/// More than the buffers of a loopback connection hold.
const MUCH: usize = 8 << 20;

pub fn scripts() -> Vec<Script> {
    let length = MUCH.to_string();
    let announced = head(200, &[("Content-Length", &length)]);
    let get = format!("GET /bytes/{MUCH} HTTP/1.1\r\nHost: a\r\n\r\n");
    vec![
        script("a long answer", [say(&get), hear(ok(lines(MUCH))), Step::Finish, Step::End]),
        script(
            "a long answer whose reader sees to something else first",
            [say(&get), hear(&announced), Step::Meanwhile, hear(lines(MUCH)), Step::Finish, Step::End],
        ),
        script(
            "a long body, and its echo is read while it is sent",
            [
                say(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {MUCH}\r\n\r\n")),
                say(noise(MUCH)),
                hear(ok(noise(MUCH))),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "a long body, and its echo is not read for a while",
            [
                say(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {MUCH}\r\n\r\n")),
                say(noise(MUCH)),
                Step::Finish,
                hear(&announced),
                Step::Meanwhile,
                hear(noise(MUCH)),
                Step::End,
            ],
        ),
        script(
            "a long body in chunks goes back in chunks of its own",
            [
                say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
                say(in_chunks(&noise(1_000_000), 1001)),
                hear(head(200, &[("Transfer-Encoding", "chunked")])),
                hear(in_chunks(&noise(1_000_000), 64 << 10)),
                say("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                hear(ok("")),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "many long answers are asked for and then left lying, with FIN behind the last request",
            [
                say("GET /bytes/100000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100)),
                Step::Finish,
                Step::Meanwhile,
                hear(ok(lines(100_000)).repeat(100)),
                Step::End,
            ],
        ),
        script(
            "the same, and one request more behind it",
            [
                say("GET /bytes/100000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100)),
                Step::Meanwhile,
                hear(ok(lines(100_000)).repeat(50)),
                say("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                hear(ok(lines(100_000)).repeat(50)),
                hear(ok("")),
                Step::Finish,
                Step::End,
            ],
        ),
        script(
            "thousands of small answers left lying",
            [
                say("GET /bytes/300 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5000)),
                Step::Meanwhile,
                hear(ok(lines(300)).repeat(5000)),
                Step::Finish,
                Step::End,
            ],
        ),
    ]
}

fn in_chunks(octets: &[u8], size: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in octets.chunks(size) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    chunks
}
