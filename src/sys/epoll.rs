//! epoll(7).

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::epoll::{Epoll as Instance, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::calls::{Call, count, enter};

/// An epoll instance and room for what it reports.
pub(crate) struct Epoll {
    instance: Instance,
    events: Vec<EpollEvent>,
}

/// What a descriptor has become ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    /// A read finds octets, the peer's FIN or an error.
    pub(crate) read: bool,
    /// A write finds room or an error.
    pub(crate) write: bool,
    /// FIN, a reset or an urgent octet has come: a read that finds few octets has not found everything.
    pub(crate) more_behind: bool,
    /// FIN or a reset has come.
    pub(crate) hung_up: bool,
}

impl Epoll {
    /// At most `events` are reported in one turn; the others are in the next.
    pub(crate) fn new(events: usize) -> io::Result<Epoll> {
        let _call = enter(Call::EpollCreate1);
        let instance = Instance::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Epoll { instance, events: vec![EpollEvent::empty(); events] })
    }

    // ANCHOR: edges
    /// Reports once whenever `fd` *becomes* ready to be read or written, or the peer finishes: edge-triggered, so that one call
    /// serves a connection's whole life.
    pub(crate) fn add_edges(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        let call = enter(Call::EpollCtl).on(&fd).to("add");
        Ok(call.left(self.instance.add(fd, edges(token)))?)
    }
    // ANCHOR_END: edges

    // ANCHOR: again
    /// Reports anew whatever `fd` is ready for now, as if it had just become so.
    pub(crate) fn repeat_edges(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        let call = enter(Call::EpollCtl).on(&fd).to("modify");
        Ok(call.left(self.instance.modify(fd, &mut edges(token)))?)
    }
    // ANCHOR_END: again

    /// Waits until something is ready, the time is over (rounded up to milliseconds) or a signal comes, and returns what is
    /// ready. epoll_wait(2)
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<impl Iterator<Item = Ready> + '_> {
        let timeout = timeout.map_or(EpollTimeout::NONE, |limit| {
            let millis = limit.as_nanos().div_ceil(1_000_000);
            EpollTimeout::try_from(i32::try_from(millis).unwrap_or(i32::MAX)).unwrap_or(EpollTimeout::NONE)
        });
        let ready = match enter(Call::EpollWait).left(self.instance.wait(&mut self.events, timeout)) {
            Err(nix::errno::Errno::EINTR) => 0,
            other => other?,
        };
        Ok(self.events[..ready].iter().map(|event| {
            let flags = event.events();
            let broken = flags.intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP);
            let finished = flags.contains(EpollFlags::EPOLLRDHUP);
            Ready {
                token: event.data(),
                read: flags.contains(EpollFlags::EPOLLIN) || finished || broken,
                write: flags.contains(EpollFlags::EPOLLOUT) || broken,
                more_behind: finished || broken || flags.contains(EpollFlags::EPOLLPRI),
                hung_up: finished || broken,
            }
        }))
    }
}

fn edges(token: u64) -> EpollEvent {
    let news = EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLPRI;
    EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | news | EpollFlags::EPOLLET, token)
}

impl Drop for Epoll {
    fn drop(&mut self) {
        count(Call::Close);
    }
}
