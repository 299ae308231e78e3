//! Whether each technique of io_uring pays: with it and without, beside each other, in one table.
//!
//! ```text
//! cargo bench --bench uring_techniques                          about five minutes
//! cargo bench --bench uring_techniques -- --quick               about a minute
//! cargo bench --bench uring_techniques -- --row zero-copy       one experiment
//! cargo bench --bench uring_techniques -- --list                all of their rows
//! ```
//!
//! io_uring is one idea, two queues between a thread and the kernel, and years of techniques around it. Each promises to save
//! something. Whether it does depends on what else is saved already, on how large requests are and on how busy the server is; and
//! some that save one thing cost another. So nobody is to believe it: here each is switched on and off, and its CPU time for a request
//! is compared with that of the same server without it, round by round.
//!
// ANCHOR: techniques
//! | technique | Linux | what it is | what it should save |
//! |---|---|---|---|
//! | multishot receive | 6.0 | one receive brings every arrival (io_uring_prep_recv_multishot(3)) | an entry and its work for each arrival |
//! | `IORING_RECVSEND_POLL_FIRST` | 5.19 | a receive does not look before it is told that octets have come (`linux/io_uring.h`) | a look in vain for each arrival |
//! | provided buffers | 5.19 | the kernel takes a buffer when octets have come (io_uring_register_buf_ring(3)) | a buffer for each connection that waits |
//! | their sizes and number | | few and large ones, or many and small ones | completions; and pages that are in the cache |
//! | `IORING_SETUP_COOP_TASKRUN` | 5.19 | completions wait until the thread enters the kernel (io_uring_setup(2)) | an interrupt for each |
//! | `IORING_SETUP_DEFER_TASKRUN` | 6.1 | completions wait until the thread waits for them (io_uring_setup(2)) | the same, and work at the wrong time |
//! | `IORING_SETUP_SINGLE_ISSUER` | 6.0 | the kernel is told that one thread submits (io_uring_setup(2)) | locks |
//! | `IORING_SETUP_NO_SQARRAY` | 6.6 | no array of indices beside the submissions (io_uring_setup(2)) | a store and a load for each entry |
//! | direct descriptors | 5.19 | sockets are places in the ring's table (io_uring_prep_multishot_accept_direct(3)) | a descriptor, and its lookup for each operation |
//! | bundles | 6.10 | one operation fills, or sends, several provided buffers (io_uring_prep_send_bundle(3)) | a completion for each buffer |
//! | zero-copy send | 6.0 | the card takes the octets from where they are (io_uring_prep_send_zc(3)) | a copy, for a second completion |
//! | `IORING_SETUP_SQPOLL` | 5.1 | a kernel thread looks for submissions (io_uring_setup(2)) | system calls, for a thread that spins |
//! | registered file and buffers | 5.1 | looked up and pinned once (io_uring_register(2)) | a lookup, and for direct reads the pinning of each page |
//! | `IORING_SETUP_IOPOLL` | 5.1 | the disk is asked, and does not interrupt (io_uring_setup(2)) | interrupts, for a thread that spins |
// ANCHOR_END: techniques
//!
//! **Who takes part.** The bare loop ([`server`]) is the one of the price of the contract, with switches ([`switches`]); it parses
//! nothing, so the kernel's share, and with it any difference, is as large as it can be. The first row holds it to the loop without
//! switches: where there is a difference, the switches cost something. The rows that begin with `model` are of the library's own
//! model as it is, without and with what it uses and can be denied; there, what others see of a difference is what counts.
//!
//! **How to read it.** A ratio is over the first way of its experiment, and below 1 the technique pays. The last column says what the
//! model does unless it is told otherwise. What is on and does not pay is to be off; what is off and would pay is to be on. Two rows
//! that differ in sign mean that it depends. A difference on loopback, where the sender does the receiver's work and copies what was
//! sent without a copy, need not be one before a network card.
//!
//! **Where a kernel lacks a technique**, or a disk cannot be polled, its line says `not here` and why. `--test` runs each row once, with
//! every answer checked, and fails if any of them does.

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
mod told;
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
        opening: "Whether each technique of io_uring pays: on and off, in bare loops that parse nothing, and in the library's model.",
        experiments: experiments::all(),
        unmeasured: UNMEASURED,
        available,
    };
    bench.run()
}

/// What has no row: each of these is off in the bare loops, and the first two are on in the model.
const UNMEASURED: &[(&str, &str)] = &[
    (
        "multishot_poll",
        "the model has it in flight once for each loop, to hear of other loops' mail; here is one loop, and no mail",
    ),
    ("rename_unlink", "no row renames or unlinks files; without it everybody waits for the disk, which is not about CPU time"),
    (
        "a registered ring descriptor (IORING_REGISTER_RING_FDS, Linux 5.18)",
        "it saves a lookup for each system call, and under load one call is for dozens of requests",
    ),
    ("IOSQE_CQE_SKIP_SUCCESS (Linux 5.17)", "who answers the next request must know when the last answer has gone"),
    ("busy polling of a card (IORING_REGISTER_NAPI, Linux 6.9)", "loopback has no card"),
];

/// Of io_uring as a whole: each technique is tried by whoever uses it.
fn available() -> io::Result<()> {
    Uring { techniques: Techniques::NONE, ..Uring::default() }.available()
}
