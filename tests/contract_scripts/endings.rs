//! Half-closes, resets, hang-ups, and protocols that break: how it ends, and who hears of it.

use super::{Script, Step, asks, cut, end, enters, finish, hear, reset, say, script, silence};

pub fn scripts() -> Vec<Script> {
    let broken = |name, line: &'static str, close: &'static str| Script {
        breaks_rules: true,
        ..script(
            name,
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                asks(1, "ping alice", "alice is there"),
                say(1, line),
                cut(1),
                if close.is_empty() { vec![] } else { hear(0, close) },
                asks(0, "ping bob", "returned ping bob gone"),
                finish(0),
                end(0),
            ],
        )
    };
    vec![
        script(
            "it finishes, and goes on listening",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                say(1, "finish"),
                end(1),
                say(1, "tell alice I am still here"),
                hear(0, "bob says: I am still here"),
                asks(0, "ping bob", "bob is there"),
                finish(1),
                hear(0, "bob closed: Done"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "what is said before FIN goes out, and what is said after it does not",
            [
                enters(0, "alice"),
                vec![Step::Say(0, b"listen\nbig 300000\nfinish\nlisten\nquit\n".to_vec())],
                hear(0, "listening"),
                vec![Step::Hear(0, crate::verbs::big(300_000))],
                end(0),
            ],
        ),
        script(
            "the peer finishes, and is answered as long as it listens",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "outlive"),
                asks(1, "ping alice", "alice is there"),
                finish(1),
                say(0, "tell bob one"),
                hear(1, "alice says: one"),
                say(0, "tell bob two"),
                hear(1, "alice says: two"),
                say(0, "tell bob !quit"),
                hear(1, "bye"),
                end(1),
            ],
        ),
        script(
            "it aborts",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                say(1, "abort"),
                cut(1),
                hear(0, "bob closed: Aborted"),
            ],
        ),
        script(
            "who does not read is not heard until it is woken",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                vec![Step::Say(1, b"ignore\ntell alice at last\n".to_vec())],
                hear(1, "ignoring"),
                silence(0),
                say(0, "tell bob !wake"),
                hear(0, "bob says: at last"),
                finish(1),
                end(1),
            ],
        ),
        script(
            "who does not read does not hear of FIN",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                asks(1, "ignore", "ignoring"),
                finish(1),
                silence(0),
                asks(0, "ping bob", "bob is there"),
                say(0, "tell bob !wake"),
                hear(0, "bob closed: Done"),
                end(1),
            ],
        ),
        script(
            "it hears of the hang-up, and then reads the rest",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                vec![Step::Say(1, b"will alice\nhang-up\ntell alice what I said before\n".to_vec())],
                hear(1, "watching"),
                silence(0),
                finish(1),
                hear(0, "bob was hung up on"),
                hear(0, "bob says: what I said before"),
                hear(0, "bob closed: Done"),
                end(1),
            ],
        ),
        script(
            "it hears of the hang-up while it answers others",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                asks(1, "hang-up", "watching"),
                say(0, "tell bob hello"),
                hear(1, "alice says: hello"),
                finish(1),
                hear(0, "bob was hung up on"),
                hear(0, "bob closed: Done"),
                end(1),
            ],
        ),
        script(
            "it hears of a reset without reading",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                asks(1, "hang-up", "watching"),
                reset(1),
                hear(0, "bob was hung up on"),
                hear(0, "bob closed: Failed"),
                asks(0, "ping bob", "returned ping bob gone"),
            ],
        ),
        broken("who waits for nothing is cut off", "stuck", "bob closed: Stuck"),
        broken("a panic costs its connection only", "panic", ""),
        broken("so does one when it is asked what it wants", "panic-asked", ""),
    ]
}
