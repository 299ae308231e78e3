//! The io_uring model: the kernel is asked to do it, and says when it is done.
//!
//! ```text
// ANCHOR: picture
//!   this thread    accept, recv, send, read ──> submission queue ─┐            ┌─> completion queue ──> protocol ──> send ...
//!                                                                 v            │
//!   io_uring_enter(2)                            (one call: hands in, waits, takes out; sleeps only here)
//!                                                                 │            ^
//!   kernel                                                        └─> does it ─┘   octets into a provided buffer
// ANCHOR_END: picture
//! ```
//!
//! 1. **Who waits?** One thread, for whatever is done first, in `io_uring_enter`. The operations themselves wait in the kernel.
//! 2. **Where is the buffer meanwhile?** With the kernel. To receive, it takes one from a ring of provided buffers when octets
//!    have come: a connection that waits has none. What is being sent belongs to the ring until its completion.
//! 3. **Who moves the octets?** The kernel, on this thread, before the completion is seen: no call per operation, one per turn.
//! 4. **How does a message or a deadline get through?** The thread owns all protocols: it takes a message from one to the other
//!    between two waits. For another loop's a poll is in flight, on an `eventfd(2)`, and one for the shutdown. The earliest
//!    deadline is the timeout of `io_uring_enter` (`IORING_ENTER_EXT_ARG`).
//! 5. **What is back-pressure?** A send that is not complete yet. Above a mark the receive is cancelled; what the kernel delivers
//!    until the cancel has been completed is kept.
//! 6. **What happens with a regular file?** A read is in flight like any other operation; where the file system cannot do that, a
//!    kernel thread waits.
//! 7. **How is a wait taken back?** By a cancel, which is an operation too. Both complete, in either order, and until the last
//!    completion the buffers are the kernel's: a socket is closed only then.
//!
//! Needs Linux 6.1 unless told otherwise, because what io_uring has learned over the years is worth having. Each [`Technique`] can
//! be denied ([`Uring::techniques`], `--deny` on the command line), and then the model goes the way that older kernels leave open,
//! to the same octets:
//!
//! | denied | since | the way without it |
//! |---|---|---|
//! | `defer_taskrun` | 6.1 | completions interrupt the thread |
//! | `single_issuer` (and with it `defer_taskrun`) | 6.0 | the kernel takes locks for a thread that is alone |
//! | `multishot_recv` | 6.0 | every receive is asked for |
//! | `multishot_accept` | 5.19 | every accept is asked for: one newcomer a turn |
//! | `provided_buffers` (and with it `multishot_recv`) | 5.19 | a poll, then a receive into one of a few shared blocks |
//! | `submit_all` | 5.18 | what is behind a faulty entry is handed over with the next call |
//! | `multishot_poll` | 5.13 | the poll that wakes this thread for others' messages is asked for each time |
//! | `ext_arg` | 5.11 | the timeout of a wait is an operation in the ring |
//! | `rename_unlink` | 5.11 | this thread makes these calls itself, and everyone waits for the disk |
//! | `registered_buffers` | 5.1 | each direct read pins the pages of its block, and none counts as locked memory in between |
//!
//! With all of them denied, no operation or flag is newer than Linux 5.6. Where io_uring is forbidden, or too old for what was not
//! denied, [`Model::available`] says so, by name, and nothing runs in its place.

mod bell;
mod files;
mod newcomers;
mod peer;
mod read;
mod receive;
mod serve;

use std::io;
use std::num::NonZeroUsize;

use crate::limits::{READ_OCTETS, ServeLimits};
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shard};

pub use read::ReadOptions;

use crate::sys::ring_features::try_technique;

pub use crate::sys::ring_features::Feature;
pub use crate::sys::techniques::{Technique, Techniques, UnknownTechnique};

/// Completions: the kernel is asked to do it, and says when it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uring {
    /// The bounds of a server.
    pub limits: ServeLimits,
    /// How it reads files.
    pub reads: ReadOptions,
    /// How a server receives.
    pub receives: ReceiveOptions,
    /// How long a server's queues are.
    pub queues: QueueOptions,
    /// What it may use of what io_uring has learned over the years.
    pub techniques: Techniques,
}

/// The buffers a server provides for what its peers say. They are shared by all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// How many for short arrivals; a power of two, at most 32,768.
    pub small_buffers: u16,
    /// How large each of them is.
    pub small_octets: u32,
    /// How many for connections whose arrivals are long; a power of two.
    pub large_buffers: u16,
    /// How large each of them is.
    pub large_octets: u32,
}

impl Default for ReceiveOptions {
    /// 256 of 4 KiB, and 4 of 68 KiB: so few that what is in them is still in the processor's cache when it is heard.
    fn default() -> Self {
        ReceiveOptions { small_buffers: 256, small_octets: 4 << 10, large_buffers: 4, large_octets: READ_OCTETS as u32 }
    }
}

/// The two queues between a server and the kernel. If they are short nothing is lost, but there are more calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// Places for operations not handed over yet, rounded up to a power of two; at most 32,768.
    pub submissions: u32,
    /// Places for completions, rounded up to a power of two; at most 65,536.
    pub completions: u32,
}

impl Default for QueueOptions {
    /// 1,024 and 4,096.
    fn default() -> Self {
        QueueOptions { submissions: 1024, completions: 4096 }
    }
}

impl Model for Uring {
    fn name(&self) -> &'static str {
        "uring"
    }

    fn available(&self) -> io::Result<()> {
        drop(serve::ring(self)?);
        // That the kernel does not know these would show only when they are used.
        let late = [Technique::MultishotAccept, Technique::MultishotRecv, Technique::MultishotPoll, Technique::RenameUnlink];
        let mut used = late.into_iter().filter(|&technique| self.techniques.has(technique));
        used.try_for_each(|technique| try_technique(technique, self.techniques))
    }

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(self, file, in_flight, workload)
    }

    fn serve_shard<S: Service>(&self, shard: Shard<'_, S>) -> io::Result<Cost> {
        serve::serve(self, shard)
    }
}

/// Which techniques of io_uring work here, each found by trying it.
///
/// # Errors
/// An [`Unavailable`](crate::Unavailable) if io_uring is not to be had at all.
pub fn features() -> io::Result<Vec<Feature>> {
    crate::sys::ring_features::features()
}
