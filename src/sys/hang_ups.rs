//! Who has gone, of many: an epoll(7) set that is asked for nothing else. One thread waits while others add to it.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::calls::{Call, count, enter};
use super::eventfd::EventFd;

/// The most that are told of in one turn; the others are in the next.
const EVENTS: usize = 64;

/// No key has the top bit set.
const END: u64 = 1 << 63;

/// Sockets whose peers may go.
pub(crate) struct HangUps {
    set: Epoll,
    end: EventFd,
}

impl HangUps {
    /// Of nobody yet.
    pub(crate) fn new() -> io::Result<HangUps> {
        let call = enter(Call::EpollCreate1);
        let set = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        drop(call);
        let end = EventFd::new()?;
        let call = enter(Call::EpollCtl).on(&end).to("add");
        call.left(set.add(&end, EpollEvent::new(EpollFlags::EPOLLIN, END)))?;
        Ok(HangUps { set, end })
    }

    /// Tells once, under this token, that the peer has finished or gone, be it before or after this call (`EPOLLRDHUP`,
    /// `EPOLLONESHOT`). A socket leaves the set when it is closed.
    pub(crate) fn add(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let call = enter(Call::EpollCtl).on(&socket).to("add");
        Ok(call.left(self.set.add(socket, EpollEvent::new(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLONESHOT, token)))?)
    }

    // ANCHOR: interrupted
    /// Waits until somebody has gone or a signal comes, and says who; `None` after the end. epoll_wait(2)
    pub(crate) fn wait(&self) -> io::Result<Option<Vec<u64>>> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let ready = match enter(Call::EpollWait).left(self.set.wait(&mut events, EpollTimeout::NONE)) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        let tokens = events[..ready].iter().map(EpollEvent::data);
        Ok(tokens.map(|token| (token != END).then_some(token)).collect())
    }
    // ANCHOR_END: interrupted

    /// Nobody is waited for any more. From any thread.
    pub(crate) fn end(&self) {
        self.end.signal();
    }
}

impl Drop for HangUps {
    fn drop(&mut self) {
        count(Call::Close);
    }
}
