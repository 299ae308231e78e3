//! The pool model: a thread per blocking call. io_uring made of threads.
//!
//! ```text
// ANCHOR: picture
//!   decides    reports ──> protocol ──> jobs ─┐            ┌──> reports ...
//!              (sleeps only here)             v            │
//!   workers                                 recv(2), send(2), connect(2), accept4(2) and what a file takes:
//!                                           one job each, waits in it
//!   one worker for all who are parked       epoll_wait(2): whose peer has gone?
// ANCHOR_END: picture
//! ```
//!
//! 1. **Who waits?** A worker, inside the one call it was given. The thread that decides waits for reports. Who is parked (it wants
//!    to know that its peer has gone, and none of its octets) has no worker: one sits in a single wait for all of them.
//! 2. **Where is the buffer meanwhile?** With the worker: it goes along with the job and comes back with the report.
//! 3. **Who moves the octets?** The worker, inside the call; then they change threads: two channel hops and two wake-ups for each
//!    call, which is what this model costs.
//! 4. **How does a message or a deadline get through?** The thread that decides owns all protocols and never waits for a peer: it
//!    takes messages from one to the other itself, another loop's come as a report, and the earliest deadline is the timeout of
//!    its channel.
//! 5. **What is back-pressure?** A worker that sits in `send`. The first is sent to say what the kernel has room for, and only when it
//!    is back another one to read; where that was not all, the next waits, and another may sit in `recv` meanwhile; above a mark
//!    none is sent. Who waits comes back now and then
//!    (`SO_SNDTIMEO`) to say how much is gone, because only that tells a slow peer from one that takes nothing.
//! 6. **What happens with a regular file?** A worker does the whole operation, and sits in `pread`, `pwrite` or `fsync`. This is
//!    what pools are for.
//! 7. **How is a wait taken back?** It is not, while the connection lives: who still sits in `recv` when nobody wants octets any
//!    more stays there, and what it brings is kept; who was parked once is watched for good, and the news comes once, or not at all
//!    to one who has heard it otherwise. At the end `shutdown(2)` makes the call return, and the socket is closed when the last
//!    worker has come back.
//!
// ANCHOR: reserved
//! No job waits for another one to be over that waits for its peer, since that may take long: a worker is reserved for each wait
//! before it begins, and another for what waits for no peer. How many a connection has follows from what it may have to wait for now:
//!
//! | | workers reserved |
//! |---|---|
//! | it listens | one, which it keeps while it has something unsent, and no newcomer is given |
//! | the kernel has no room for its output | one |
//! | both, or a worker still sits in `recv` for it meanwhile | two |
//! | it is parked, or waits for messages or files alone | none |
// ANCHOR_END: reserved
//!
//! So there is a limit: [`THREADED_CONNECTIONS`] unless told otherwise, or what the system has threads for. A newcomer for whom there
//! is no thread is told so. One who is in and would need two makes do with one where that sends, and listens again when it is back.
//! Where nothing helps the connection ends as failed, and counts as refused. Threads stay once they have been started.

mod peer;
mod queue;
mod read;
mod serve;
mod staff;
mod worker;

use std::io;
use std::num::NonZeroUsize;

use crate::limits::{ServeLimits, THREADED_CONNECTIONS};
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shard};

/// A thread per blocking call: one thread decides, others wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Default for Pool {
    /// [`THREADED_CONNECTIONS`] at one time: threads are what this model spends, and their number is its limit.
    fn default() -> Self {
        Pool { limits: ServeLimits { connections: THREADED_CONNECTIONS, ..ServeLimits::default() } }
    }
}

impl Model for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve_shard<S: Service>(&self, shard: Shard<'_, S>) -> io::Result<Cost> {
        serve::serve(self, shard)
    }
}
