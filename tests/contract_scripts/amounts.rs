//! How much: output by and by, more than may be unsent, and a line that never ends.

use iolab::limits::TAIL_OCTETS;

use super::{Script, Step, asks, cut, end, enters, finish, hear, say, script};
use crate::verbs::big;

pub fn scripts() -> Vec<Script> {
    let bigs = |count: usize| [say(0, &format!("big {count}")), vec![Step::Hear(0, big(count))]].concat();
    vec![
        script(
            "output by and by, as there is room",
            [enters(0, "alice"), bigs(1), bigs(70_000), bigs(2_000_000), asks(0, "listen", "listening"), finish(0), end(0)],
        ),
        script(
            "whoever waits for room hears messages meanwhile",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "big 20000000"),
                asks(1, "ping alice", "alice is there"),
                vec![Step::Hear(0, big(20_000_000))],
                finish(0),
                end(0),
            ],
        ),
        script(
            "FIN waits for the last octet",
            [
                enters(0, "alice"),
                vec![Step::Say(0, b"big 3000000\nquit\n".to_vec())],
                vec![Step::Hear(0, big(3_000_000))],
                hear(0, "bye"),
                end(0),
            ],
        ),
        Script {
            breaks_rules: true,
            ..script(
                "who says too much at once is cut off",
                [
                    enters(0, "alice"),
                    enters(1, "bob"),
                    say(1, "will alice"),
                    say(1, "much"),
                    hear(0, "bob closed: SendLimit"),
                    cut(1),
                ],
            )
        },
        script(
            "a line that never ends is cut off",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(1, "will alice"),
                vec![Step::Say(1, vec![b'x'; TAIL_OCTETS + 1])],
                hear(0, "bob closed: TailLimit"),
                cut(1),
            ],
        ),
    ]
}
