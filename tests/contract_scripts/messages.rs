//! Telling others something, wherever they live, and what becomes of what they do not hear.

use iolab::limits::MAILBOX_MESSAGES;

use super::{Script, Step, asks, cut, end, enters, finish, hear, reset, say, script, silence};

pub fn scripts() -> Vec<Script> {
    let full = MAILBOX_MESSAGES;
    let numbers = |name: &str, range: std::ops::Range<usize>| {
        range.map(|number| format!("{name} says: {number}\n")).collect::<String>().into_bytes()
    };
    let returned = |range: std::ops::Range<usize>, why: &str| {
        range.map(|number| format!("returned bob {number} {why}\n")).collect::<String>().into_bytes()
    };
    vec![
        script(
            "one tells the other, and is told",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "tell bob hello"),
                hear(1, "alice says: hello"),
                say(1, "tell alice hello yourself"),
                hear(0, "bob says: hello yourself"),
                say(0, "quit"),
                hear(0, "bye"),
                end(0),
                finish(1),
                end(1),
            ],
        ),
        script(
            "one tells itself",
            [enters(0, "alice"), say(0, "tell alice hello"), hear(0, "alice says: hello"), finish(0), end(0)],
        ),
        script("nobody is called that", [enters(0, "alice"), asks(0, "tell bob hello", "nobody is bob"), finish(0), end(0)]),
        script(
            "messages come in their order",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "flood bob 300"),
                vec![Step::Hear(1, numbers("alice", 0..300))],
                asks(0, "ping bob", "bob is there"),
                finish(0),
                end(0),
                finish(1),
                end(1),
            ],
        ),
        script(
            "both flood each other",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "flood bob 500"),
                say(1, "flood alice 500"),
                vec![Step::Hear(1, numbers("alice", 0..500))],
                vec![Step::Hear(0, numbers("bob", 0..500))],
                finish(0),
                end(0),
                finish(1),
                end(1),
            ],
        ),
        script(
            "many tell one",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                enters(2, "carol"),
                enters(3, "dave"),
                say(1, "tell alice 1"),
                hear(0, "bob says: 1"),
                say(2, "tell alice 2"),
                hear(0, "carol says: 2"),
                say(3, "tell alice 3"),
                hear(0, "dave says: 3"),
                asks(3, "ping bob", "bob is there"),
                asks(2, "ping dave", "dave is there"),
            ],
        ),
        script(
            "who is deaf is told later",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                asks(1, "deaf", "deaf"),
                say(0, "flood bob 3"),
                silence(1),
                say(1, "listen"),
                hear(1, "listening"),
                vec![Step::Hear(1, numbers("alice", 0..3))],
                finish(1),
                end(1),
            ],
        ),
        script(
            "a full mailbox returns what comes and keeps what came",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                asks(1, "deaf", "deaf"),
                say(0, &format!("flood bob {}", full + 3)),
                vec![Step::Hear(0, returned(full..full + 3, "full"))],
                say(1, "listen"),
                hear(1, "listening"),
                vec![Step::Hear(1, numbers("alice", 0..full))],
                say(0, "tell bob again"),
                hear(1, "alice says: again"),
            ],
        ),
        script(
            "what has waited for one that ends goes back",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                asks(1, "deaf", "deaf"),
                say(0, &format!("flood bob {}", full + 1)),
                vec![Step::Hear(0, returned(full..full + 1, "full"))],
                say(1, "quit"),
                hear(1, "bye"),
                end(1),
                vec![Step::Hear(0, returned(0..full, "gone"))],
                asks(0, "tell bob hello", "returned bob hello gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "who has ended is gone",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                finish(1),
                end(1),
                hear(0, "bob closed: Done"),
                asks(0, "tell bob hello", "returned bob hello gone"),
                asks(0, "ping bob", "returned ping bob gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "who is reset is gone",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                asks(1, "ping alice", "alice is there"),
                reset(1),
                hear(0, "bob closed: Failed"),
                asks(0, "tell bob hello", "returned bob hello gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "a name is given to another",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                enters(2, "bob"),
                say(0, "tell bob hello"),
                hear(2, "alice says: hello"),
                silence(1),
                say(1, "abort"),
                cut(1),
                asks(0, "ping bob", "bob is there"),
            ],
        ),
    ]
}
