//! The bare epoll loop behind mio: the same connections and the same reads, but mio registers, waits and says who is ready.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};
use nix::sys::epoll::EpollFlags;

use crate::calls::{Call, Calls};
use crate::epoll::{Connection, Manner, Sizes};
use crate::script::Play;

/// No connection has this descriptor.
const LISTENER: Token = Token(usize::MAX);

pub fn serve<M: Manner>(listener: &TcpListener, play: &Play, calls: &Calls) -> io::Result<Infallible> {
    let mut poll = Poll::new()?;
    let mut listener = mio::net::TcpListener::from_std(listener.try_clone()?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(Sizes::BEST.events);
    let mut buffer = vec![0; Sizes::BEST.buffer];
    // By descriptor.
    let mut connections: Vec<Option<Connection<TcpStream>>> = Vec::new();
    loop {
        calls.count(Call::EpollWait);
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            waited => waited?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept_all(&listener, poll.registry(), &mut connections, calls)?;
                continue;
            }
            let place = &mut connections[event.token().0];
            if let Some(connection) = place
                && !connection.step::<M>(flags(event), &mut buffer, play, calls)
            {
                calls.count(Call::Close);
                *place = None;
            }
        }
    }
}

/// What mio has made of the kernel's flags, as those.
#[inline]
fn flags(event: &Event) -> EpollFlags {
    let flag = |is: bool, flag| if is { flag } else { EpollFlags::empty() };
    flag(event.is_readable(), EpollFlags::EPOLLIN)
        | flag(event.is_read_closed(), EpollFlags::EPOLLRDHUP)
        | flag(event.is_error(), EpollFlags::EPOLLERR)
}

fn accept_all(
    listener: &mio::net::TcpListener,
    registry: &Registry,
    connections: &mut Vec<Option<Connection<TcpStream>>>,
    calls: &Calls,
) -> io::Result<()> {
    loop {
        // Which says at once that the new one is not to wait (accept4(2)).
        calls.count(Call::Accept4);
        let mut stream = match listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?.0,
        };
        let place = stream.as_raw_fd() as usize;
        calls.count(Call::EpollCtl);
        registry.register(&mut stream, Token(place), Interest::READABLE | Interest::WRITABLE)?;
        if connections.len() <= place {
            connections.resize_with(place + 1, || None);
        }
        connections[place] = Some(Connection::new(stream));
    }
}
