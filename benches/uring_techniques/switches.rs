//! What can be switched in a bare loop.

use serde::{Deserialize, Serialize};

use crate::ring::Registered;

/// How a bare loop uses its ring. The default is what the bare loop of the other benchmark does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Switches {
    pub taskrun: Taskrun,
    /// There is no array of indices between the thread and the submissions (`IORING_SETUP_NO_SQARRAY`).
    pub no_indices: bool,
    pub receive: Receive,
    /// How many buffers are provided, and how large each is; else it depends on how long a request is.
    pub buffers: Option<(u16, u32)>,
    /// Sockets are places in the ring's own table (direct descriptors).
    pub direct: bool,
    pub send: Send,
}

/// When the kernel does the work of a completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Taskrun {
    /// When the thread waits.
    #[default]
    Defer,
    /// When the thread happens to enter the kernel.
    Coop,
    /// At once: it interrupts the thread.
    Interrupt,
    /// A kernel thread, on this thread's core, does that and the submission.
    Poller,
}

/// How octets are received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Receive {
    /// Each arrival is asked for, into a buffer of the connection.
    Own,
    /// Each arrival is asked for, into a provided buffer.
    Single,
    /// The same, and the kernel is told that nothing will have come yet (`IORING_RECVSEND_POLL_FIRST`, Linux 5.19).
    SinglePolledFirst,
    /// One receive brings them all, each in a provided buffer.
    #[default]
    Multishot,
    /// And as many provided buffers at a time as it takes.
    Bundles,
}

/// How answers are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Send {
    /// Those that are due lie side by side.
    #[default]
    Plain,
    /// Each lies for itself, and they are gathered (`sendmsg`).
    Gathered,
    /// Each is a buffer provided to send from.
    Bundles,
    /// The kernel takes no copy.
    ZeroCopy,
    /// And has the octets registered.
    ZeroCopyRegistered,
}

/// How a bare reader uses its ring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub registered: Registered,
    /// Nobody waits for the disk's interrupt: the thread asks the disk (`IORING_SETUP_IOPOLL`).
    pub polled: bool,
}
