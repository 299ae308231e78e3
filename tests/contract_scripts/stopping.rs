//! The server stops: who is idle ends, who says it stays stays, and who stays too long is cut off.

use std::time::Duration;

use iolab::limits::ServeLimits;

use super::{Script, answer, asks, cut, end, enters, finish, hear, hear_lines, say, script, stop, stopped};

pub fn scripts() -> Vec<Script> {
    let soon = ServeLimits { drain: Duration::from_millis(150), ..ServeLimits::default() };
    vec![
        script("the idle end", [enters(0, "alice"), enters(1, "bob"), stop(), end(0), end(1), stopped()]),
        script(
            "who stays finishes what is under way",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "stay loudly"),
                asks(0, "ping bob", "bob is there"),
                stop(),
                hear(0, "stopping"),
                end(1),
                asks(0, "ping bob", "returned ping bob gone"),
                asks(0, "quit", "bye"),
                end(0),
                stopped(),
            ],
        ),
        script(
            "jobs are told, and tell their parents",
            [
                enters(0, "alice"),
                say(0, "stay"),
                say(0, "spawn one 60000 x"),
                say(0, "spawn two 60000 x"),
                asks(0, "ping one", "one is there"),
                asks(0, "ping two", "two is there"),
                stop(),
                hear_lines(0, ["one stopped", "two stopped"]),
                asks(0, "quit", "bye"),
                end(0),
                stopped(),
            ],
        ),
        script(
            "who stays may still give birth and connect, and who is born is told",
            [
                enters(0, "alice"),
                say(0, "stay loudly"),
                asks(0, "ping alice", "alice is there"),
                stop(),
                hear(0, "stopping"),
                asks(0, "spawn job 20 laundry", "job stopped"),
                say(0, "connect {address} 60000"),
                answer(),
                hear(0, "connected"),
                say(0, "up hello"),
                hear(1, "hello"),
                finish(1),
                hear(0, "upstream finished"),
                asks(0, "quit", "bye"),
                end(0),
                cut(1),
                stopped(),
            ],
        ),
        Script {
            limits: soon,
            ..script(
                "who stays too long is cut off, and so is what it has connected to",
                [
                    enters(0, "alice"),
                    say(0, "connect {address} 60000"),
                    answer(),
                    hear(0, "connected"),
                    say(0, "stay loudly"),
                    asks(0, "ping alice", "alice is there"),
                    stop(),
                    hear(0, "stopping"),
                    cut(0),
                    cut(1),
                    stopped(),
                ],
            )
        },
    ]
}
