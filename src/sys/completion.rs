//! What the kernel says when an operation is over, or goes on: in its words, and in ours.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use io_uring::cqueue;

use super::buffer_ring::Selected;
use super::ledger::{Kind, Ledger, Operation, Payload};
use super::recorder::{self, What};

/// What the kernel says about an operation.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) operation: Operation,
    /// What the caller gave when it started the operation.
    pub(crate) token: u64,
    /// True for a multishot operation that goes on. If false this is the operation's last completion, and a multishot one must
    /// be armed again.
    pub(crate) more: bool,
    /// What came back: the buffer that was lent, the buffer the kernel chose, the connection it accepted.
    pub(crate) payload: Payload,
    result: i32,
}

impl Completion {
    /// The count or other value the operation yields, or its error.
    pub(crate) fn result(&self) -> io::Result<usize> {
        usize::try_from(self.result).map_err(|_| io::Error::from_raw_os_error(-self.result))
    }
}

/// From the kernel's completion to ours: finds the operation, and takes its payload out if it is over.
#[inline]
pub(super) fn settle(ledger: &mut Ledger, completed: &cqueue::Entry) -> Option<Completion> {
    let (operation, result, flags) = (Operation(completed.user_data()), completed.result(), completed.flags());
    let more = cqueue::more(flags);
    let (token, kind, lent) = if more {
        let entry = ledger.get(operation)?;
        (entry.token, entry.kind, Payload::Nothing)
    } else {
        let entry = ledger.remove(operation)?;
        (entry.token, entry.kind, entry.payload)
    };
    recorder::mark(|| {
        let outcome = u64::try_from(result).map_err(|_| -result);
        match more {
            true => What::WentOn { operation: operation.0, outcome },
            false => What::Ended { operation: operation.0, outcome },
        }
    });
    let payload = match kind {
        Kind::Timer => return None,
        Kind::Opens if result >= 0 => {
            // SAFETY: a successful accept yields a descriptor that nobody else knows of yet.
            Payload::Opened(unsafe { OwnedFd::from_raw_fd(result) })
        }
        Kind::Receive { group } => match cqueue::buffer_select(flags) {
            Some(id) => Payload::Received(Selected { group, id, len: result.max(0) as u32 }),
            None => lent,
        },
        Kind::Plain | Kind::Opens => lent,
    };
    Some(Completion { operation, token, more, payload, result })
}
