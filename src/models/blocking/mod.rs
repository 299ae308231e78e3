//! The blocking model: every call waits, and every connection has a thread to wait in.
//!
//! ```text
// ANCHOR: picture
//!   acceptor      poll(2) ──> accept4(2) ──> a thread for each connection
//!                   ^ listener, shutdown, mail from other loops
//!
//!   connection    recv(2) ......... octets ──> protocol ──> send(2) ......... taken ──> recv(2) ...
//!                 (sleeps here)                             (and here, if the peer is slow)
//!
//!   a second      told ──> send(2) ......... taken ──> told ──> ...
//!   thread        (started when another connection has told this one something, and its first thread is in a call)
// ANCHOR_END: picture
//! ```
//!
//! 1. **Who waits?** The connection's own thread, inside `recv` or `send`. The kernel's scheduler is the event loop. A job without
//!    a socket has a thread too, and so has each `connect(2)`.
//! 2. **Where is the buffer meanwhile?** With that thread: 68 KiB of addresses, of which the kernel backs the pages that were touched.
//! 3. **Who moves the octets?** The thread, inside the call, once it has been woken: a context switch a request.
//! 4. **How does a message or a deadline get through?** A deadline is the socket's own time limit (`SO_RCVTIMEO`), set when it
//!    must be and left alone as long as it is good enough. A message is delivered by the thread of its sender, which takes the
//!    receiver's lock and tells its protocol. But nothing gets a thread out of `recv` that is to go on reading later: so if there
//!    is something to be said now, to be written to a file, or to be done earlier than the call ends, and all threads of the
//!    connection are in calls, one more is started. It runs the same loop and stays. Who answers requests has one thread; who
//!    is told things while it listens has two.
//! 5. **What is back-pressure?** `send` does not return. While it does not, a connection with one thread is not read either.
//! 6. **What happens with a regular file?** `pread(2)` and its kin, one after the other: this connection waits for the disk, no
//!    other does. Between two of them it says what is to be said, and hears what has come.
//! 7. **How is a wait taken back?** It is not. It runs into its time limit, or the socket is taken apart under it: its reading side
//!    where the connection is over (`shutdown(2)`), or all of it, for a reset (`connect(2)` to no address).
//!
//! A connection costs a thread (about 46 KiB with its kernel stack and page tables, measured on Linux 6.18), and a second one if
//! others talk to it; so there is a limit of connections: [`THREADED_CONNECTIONS`] unless told otherwise, or what the system has
//! threads for. Beyond it newcomers are told so, and seeds go back. A connection that needs a second thread and gets none is reset,
//! and counted among those turned away.

mod crew;
#[cfg(test)]
mod crew_tests;
mod house;
mod peer;
mod read;
mod serve;

use std::io;
use std::num::NonZeroUsize;

use crate::limits::{ServeLimits, THREADED_CONNECTIONS};
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shard};

/// The plain way: each connection has a thread, and each call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Default for Blocking {
    /// [`THREADED_CONNECTIONS`] at one time: threads are what this model spends, and their number is its limit.
    fn default() -> Self {
        Blocking { limits: ServeLimits { connections: THREADED_CONNECTIONS, ..ServeLimits::default() } }
    }
}

impl Model for Blocking {
    fn name(&self) -> &'static str {
        "blocking"
    }

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve_shard<S: Service>(&self, shard: Shard<'_, S>) -> io::Result<Cost> {
        serve::serve(self, shard)
    }
}
