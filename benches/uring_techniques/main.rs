//! Whether each technique of io_uring pays.

#[allow(dead_code, reason = "a list of what all bare loops call")]
#[path = "../bare/calls.rs"]
mod calls;
mod experiments;
#[path = "../ours/mod.rs"]
mod ours;
#[path = "../bare/ring.rs"]
mod ring;
#[path = "../bare/ring_reads.rs"]
mod ring_reads;
#[path = "../bare/role.rs"]
mod role;
#[path = "../bare/script.rs"]
mod script;
mod server;
mod switches;
#[path = "../techniques/mod.rs"]
mod techniques;
#[path = "../bare/uring.rs"]
mod uring;
mod verbs;
mod ways;

use std::io;
use std::process::ExitCode;

use iolab::Model;
use iolab::models::Uring;
use iolab::models::uring::Techniques;

use techniques::Bench;

fn main() -> ExitCode {
    let bench = Bench {
        name: "uring_techniques",
        about: "Whether each technique of io_uring pays: bare loops with switches, and the library's model with and without",
        opening: "Whether each technique of io_uring pays.",
        experiments: experiments::all(),
        unmeasured: &[],
        available,
    };
    bench.run()
}

/// Of io_uring as a whole: each technique is tried by whoever uses it.
fn available() -> io::Result<()> {
    Uring { techniques: Techniques::NONE, ..Uring::default() }.available()
}
