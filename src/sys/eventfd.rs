//! A counter in the kernel that a loop can wait for like for a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::eventfd::{EfdFlags, EventFd as Descriptor};

use super::calls::{Call, count, enter};

/// A non-blocking `eventfd(2)`.
pub(crate) struct EventFd(Descriptor);

impl EventFd {
    pub(crate) fn new() -> io::Result<EventFd> {
        let _call = enter(Call::Eventfd2);
        Ok(EventFd(Descriptor::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?))
    }

    /// Makes it readable, and readable anew for who waits for edges. From any thread.
    pub(crate) fn signal(&self) {
        let _call = enter(Call::Write).on(self);
        // It fails only where the counter would overflow, and then it is readable already.
        let _ = self.0.write(1);
    }

    /// Makes it unreadable until the next signal.
    pub(crate) fn clear(&self) {
        let _call = enter(Call::Read).on(self);
        // It fails only where it is unreadable already.
        let _ = self.0.read();
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        count(Call::Close);
    }
}
