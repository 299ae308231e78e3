//! epoll: a set of descriptors, and a wait for any of them.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::epoll::{Epoll as Set, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::calls::{Call, count};

pub(crate) struct Epoll(Set);

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        count(Call::EpollCreate1);
        Ok(Epoll(Set::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Adds a descriptor. A regular file is refused with `EPERM`: it is always ready, so there is nothing to wait for.
    pub(crate) fn add(&self, fd: impl AsFd, events: EpollFlags, token: u64) -> io::Result<()> {
        count(Call::EpollCtl);
        Ok(self.0.add(fd, EpollEvent::new(events, token))?)
    }

    /// Waits for events, until the timeout (rounded up to milliseconds) or for ever; says how many there are.
    pub(crate) fn wait(&self, events: &mut [EpollEvent], timeout: Option<Duration>) -> io::Result<usize> {
        count(Call::EpollWait);
        let timeout = timeout.map_or(EpollTimeout::NONE, |timeout| {
            let milliseconds = timeout.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128);
            EpollTimeout::try_from(milliseconds as i32).unwrap_or(EpollTimeout::MAX)
        });
        Ok(self.0.wait(events, timeout)?)
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        count(Call::Close);
    }
}
