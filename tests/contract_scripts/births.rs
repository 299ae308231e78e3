//! Protocols without a peer, which wait in the same loop.

use iolab::limits::ServeLimits;

use super::{Script, asks, end, enters, finish, hear, reset, say, script, silence};

pub fn scripts() -> Vec<Script> {
    vec![
        script(
            "a job is done in time",
            [enters(0, "alice"), say(0, "spawn job 20 laundry"), hear(0, "job done: laundry"), finish(0), end(0)],
        ),
        script(
            "jobs are done in the order of their deadlines",
            [
                enters(0, "alice"),
                say(0, "spawn slow 300 last"),
                say(0, "spawn quick 0 first"),
                hear(0, "quick done: first"),
                hear(0, "slow done: last"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "a job is cancelled",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "spawn job 60000 laundry"),
                asks(0, "ping job", "job is there"),
                asks(1, "cancel job", "job cancelled"),
                asks(1, "cancel job", "returned cancel gone"),
                asks(0, "ping job", "returned ping job gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "a job outlives its parent, and says so to the heir",
            [
                enters(0, "heir"),
                enters(1, "bob"),
                say(1, "will heir"),
                say(1, "spawn job 150 laundry"),
                asks(1, "ping job", "job is there"),
                finish(1),
                end(1),
                hear(0, "bob closed: Done"),
                hear(0, "job: its parent is Gone"),
                asks(0, "ping job", "returned ping job gone"),
                finish(0),
                end(0),
            ],
        ),
        script(
            "a job outlives a parent that was reset",
            [
                enters(0, "heir"),
                enters(1, "bob"),
                say(1, "spawn job 150 laundry"),
                asks(1, "ping job", "job is there"),
                reset(1),
                hear(0, "job: its parent is Gone"),
            ],
        ),
        script(
            "nothing grows from some seeds",
            [enters(0, "alice"), asks(0, "spawn-nothing", "returned seed gone"), finish(0), end(0)],
        ),
        Script {
            limits: ServeLimits { connections: 2, ..ServeLimits::default() },
            needs_one_loop: true,
            ..script(
                "as many are born as may be, and no more",
                [
                    enters(0, "alice"),
                    say(0, "spawn one 60000 x"),
                    asks(0, "ping one", "one is there"),
                    say(0, "spawn two 60000 x"),
                    asks(0, "ping two", "two is there"),
                    asks(0, "spawn three 60000 x", "returned job three full"),
                    finish(0),
                    end(0),
                ],
            )
        },
        script(
            "one who waits for nothing but octets is told to wait until a time",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "tell bob !nap"),
                hear(1, "awake"),
                say(1, "tell alice good morning"),
                hear(0, "bob says: good morning"),
            ],
        ),
        script(
            "one sleeps, and hears what was said meanwhile",
            [
                enters(0, "alice"),
                enters(1, "bob"),
                say(0, "sleep 120"),
                say(0, "tell bob good morning"),
                say(1, "tell alice psst"),
                hear(0, "bob says: psst"),
                hear(0, "awake"),
                hear(1, "alice says: good morning"),
                silence(0),
                finish(0),
                end(0),
            ],
        ),
    ]
}
