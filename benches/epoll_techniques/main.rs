//! Whether each technique of epoll pays.
//!
//! The bare epoll loop that stands beside the models in the other benchmark, with its parts exchanged one by one ([`ways`]): it is
//! the same code, compiled for each of them. [`mio_loop`] does the same behind the `mio` crate. [`experiments`] says what is
//! compared with what.

#[allow(dead_code, reason = "a list of what all bare loops call")]
#[path = "../bare/calls.rs"]
mod calls;
#[path = "../bare/epoll.rs"]
mod epoll;
mod experiments;
mod mio_loop;
#[allow(dead_code, reason = "nobody reads files here")]
#[path = "../ours/mod.rs"]
mod ours;
#[path = "../bare/role.rs"]
mod role;
#[path = "../bare/script.rs"]
mod script;
#[path = "../techniques/mod.rs"]
mod techniques;
mod ways;

use std::process::ExitCode;

use techniques::Bench;

fn main() -> ExitCode {
    let bench = Bench {
        name: "epoll_techniques",
        about: "Whether each technique of epoll pays: the bare epoll loop, with its parts exchanged one by one",
        opening: "Whether each technique of epoll pays: the bare loop, which parses nothing, with its parts exchanged one by one.",
        experiments: experiments::all(),
        unmeasured: UNMEASURED,
        available: || Ok(()),
    };
    bench.run()
}

const UNMEASURED: &[(&str, &str)] = &[
    (
        "EPOLLEXCLUSIVE",
        "it is for loops that wait for one listener; the library's have a listener each, among which the kernel spreads newcomers \
         (SO_REUSEPORT)",
    ),
    (
        "EPOLLONESHOT",
        "it is for threads that share a set, and takes an epoll_ctl for each event; the library's loops have one each",
    ),
    ("busy polling (EPIOCSPARAMS, Linux 6.9)", "it asks the network card, and loopback has none"),
];
