//! The epoll model: one thread asks who would not make it wait, and calls only then.
//!
//! ```text
// ANCHOR: picture
//!            ┌────────────────────────────────────────────────────────────────┐
//!            v                                                                │
//!   epoll_wait(2) ──> ready ──> recv(2) ──> protocol ──> send(2) ──> the next ready one
//!   (sleeps only here)          (never waits)            (never waits: what does not fit is kept)
// ANCHOR_END: picture
//! ```
//!
//! 1. **Who waits?** One thread, for all connections at once, in `epoll_wait`.
//! 2. **Where is the buffer meanwhile?** Nowhere: the loop has one, lent to whoever is being read. A connection that
//!    waits owns none, and only the unfinished end of a request is copied to it.
//! 3. **Who moves the octets?** That thread, in `recv` and `send`, which find them already there: two system calls a request,
//!    and a share of an `epoll_wait`.
//! 4. **How does a message or a deadline get through?** The thread owns all protocols: it takes a message from one to the other
//!    between two waits. Another loop's come with a descriptor (`eventfd(2)`) in the same set, and so does the shutdown. The
//!    earliest deadline is the timeout of `epoll_wait`.
//! 5. **What is back-pressure?** `send` takes less than it was offered. The rest stays in the connection's queue until the socket
//!    is writable again; above a mark the connection is not read.
//! 6. **What happens with a regular file?** Readiness has nothing to say about it (`epoll_ctl(2)` answers `EPERM`). A server asks
//!    the page cache without waiting (`preadv2(2)` with `RWF_NOWAIT`); what is not there, what is to be read around the cache,
//!    and every other operation stalls the loop and everyone in it, and the stall is counted. Each connection has what it asked for
//!    done once a turn. For what can be done about it around the page cache see the file-read workload.
//! 7. **How is a wait taken back?** There is nothing to take back: readiness is news, not an operation.
//!
//! Of those who are ready some are heard before the first of them is answered: what a protocol does then is done several times in a
//! row, from a processor's cache that no send has emptied. The price is paid by the first, who waits until the last of them was heard.
//!
//! Registered once, edge-triggered, for both directions and for life: no `epoll_ctl` after the first while all goes well. A read
//! that finds less than it asked for has emptied the socket, so no second one is made to be told `EAGAIN`. Who is told it all the
//! same asks to hear anew of what is there, as does who has accepted until nobody was left: a missed edge does not come again.

mod files;
mod peer;
mod read;
mod serve;

use std::io;
use std::num::NonZeroUsize;

use crate::limits::ServeLimits;
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shard};

/// Readiness: one thread asks epoll(7) who would not make it wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoll {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Model for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve_shard<S: Service>(&self, shard: Shard<'_, S>) -> io::Result<Cost> {
        serve::serve(self, shard)
    }
}
