//! Connections of the server's own: made, refused, half-closed, reset.

use super::{Script, Step, answer, asks, cut, end, enters, finish, hear, reset, say, script};

pub fn scripts() -> Vec<Script> {
    let connects = || [enters(0, "alice"), say(0, "connect {address} 60000"), answer(), hear(0, "connected")].concat();
    vec![
        script(
            "it connects, talks and ends",
            [
                connects(),
                say(0, "up how are you"),
                hear(1, "how are you"),
                say(1, "fine"),
                hear(0, "upstream says: fine"),
                say(0, "up-finish"),
                end(1),
                say(1, "and you"),
                hear(0, "upstream says: and you"),
                finish(1),
                hear(0, "upstream finished"),
                hear(0, "upstream closed: Done"),
                asks(0, "up anybody there", "returned line gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "what is said before it is there waits",
            [
                enters(0, "alice"),
                vec![Step::Say(0, b"connect {address} 60000\nup one\nup two\n".to_vec())],
                answer(),
                hear(0, "connected"),
                hear(1, "one"),
                hear(1, "two"),
            ],
        ),
        script(
            "nobody listens there",
            [
                enters(0, "alice"),
                asks(0, "connect {refused} 60000", "cannot connect: ConnectionRefused"),
                asks(0, "up anybody there", "returned line gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "the upstream finishes first",
            [
                connects(),
                say(1, "goodbye"),
                finish(1),
                hear(0, "upstream says: goodbye"),
                hear(0, "upstream finished"),
                say(0, "up goodbye"),
                say(0, "up-finish"),
                hear(1, "goodbye"),
                end(1),
                hear(0, "upstream closed: Done"),
                finish(0),
                end(0),
            ],
        ),
        script("the upstream is reset", [connects(), reset(1), hear(0, "upstream closed: Failed"), finish(0), end(0)]),
        script(
            "the upstream is cut off",
            [connects(), say(0, "up-abort"), cut(1), hear(0, "upstream closed: Aborted"), finish(0), end(0)],
        ),
        script("it ends with who asked for it", [connects(), finish(0), end(0), cut(1)]),
        script("it is reset with who asked for it", [connects(), reset(0), cut(1)]),
        script(
            "two at a time",
            [
                connects(),
                [enters(2, "bob"), say(2, "connect {address} 60000"), answer(), hear(2, "connected")].concat(),
                say(1, "to alice"),
                say(3, "to bob"),
                hear(0, "upstream says: to alice"),
                hear(2, "upstream says: to bob"),
            ],
        ),
    ]
}
