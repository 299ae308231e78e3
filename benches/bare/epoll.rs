//! The bare epoll loop.
//!
//! A connection is put into the set once, when it is accepted, for both directions and edge-triggered, and leaves it by being
//! closed. A short read has drained the socket: no read ever finds nothing. What a send does not take waits for the next edge.
//!
//! That is what is done beside the models. Whether each part of it pays is another benchmark's question, which has other
//! [`Manner`]s: they are known when the loop is compiled, so that nobody asks for them while it runs.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::calls::{Call, Calls};
use crate::script::{Play, Progress};

/// How a loop uses its set and its reads.
pub trait Manner {
    /// News are told once and not again for as long as they last. If not, room to send is only waited for where there was none, at
    /// the price of a change to the set.
    const EDGES: bool;
    /// Reads go on until one finds nothing, though a short one has said as much.
    const DRAINS: bool;
}

/// The best known.
pub struct Best;

impl Manner for Best {
    const EDGES: bool = true;
    const DRAINS: bool = false;
}

/// How much is taken at once.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Octets by a read. Room for a body of 64 KiB and its head: half the room would double the cost of such bodies.
    pub buffer: usize,
    /// Events by a wait.
    pub events: usize,
}

impl Sizes {
    pub const BEST: Sizes = Sizes { buffer: (64 + 4) << 10, events: 1024 };
}

/// No connection has this descriptor.
const LISTENER: u64 = u64::MAX;

/// One connection, whoever says when it is ready.
pub struct Connection<S> {
    pub stream: S,
    progress: Progress,
    /// The set is to tell of room.
    awaits_room: bool,
}

pub fn serve<M: Manner>(listener: &TcpListener, sizes: Sizes, play: &Play, calls: &Calls) -> io::Result<Infallible> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener, EpollEvent::new(interest::<M>(false) - EpollFlags::EPOLLOUT, LISTENER))?;
    let mut events = vec![EpollEvent::empty(); sizes.events];
    let mut buffer = vec![0; sizes.buffer];
    // By descriptor.
    let mut connections: Vec<Option<Connection<TcpStream>>> = Vec::new();
    loop {
        calls.count(Call::EpollWait);
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            count => count?,
        };
        for event in &events[..count] {
            if event.data() == LISTENER {
                accept_all::<M>(listener, &epoll, &mut connections, calls)?;
                continue;
            }
            let place = &mut connections[event.data() as usize];
            let Some(connection) = place else { continue };
            if !connection.step::<M>(event.events(), &mut buffer, play, calls) {
                calls.count(Call::Close);
                *place = None;
            } else if !M::EDGES {
                connection.watch_for_room::<M>(&epoll, event.data(), calls)?;
            }
        }
    }
}

/// What a connection waits for.
fn interest<M: Manner>(room: bool) -> EpollFlags {
    let octets = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP;
    if M::EDGES {
        octets | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET
    } else if room {
        octets | EpollFlags::EPOLLOUT
    } else {
        octets
    }
}

fn accept_all<M: Manner>(
    listener: &TcpListener,
    epoll: &Epoll,
    connections: &mut Vec<Option<Connection<TcpStream>>>,
    calls: &Calls,
) -> io::Result<()> {
    loop {
        calls.count(Call::Accept4);
        let stream = match listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?.0,
        };
        calls.count(Call::Ioctl);
        stream.set_nonblocking(true)?;
        let place = stream.as_raw_fd() as usize;
        calls.count(Call::EpollCtl);
        epoll.add(&stream, EpollEvent::new(interest::<M>(false), place as u64))?;
        if connections.len() <= place {
            connections.resize_with(place + 1, || None);
        }
        connections[place] = Some(Connection::new(stream));
    }
}

impl Connection<TcpStream> {
    /// Changes the set where it tells of room that nobody waits for, or not of that which is waited for.
    fn watch_for_room<M: Manner>(&mut self, epoll: &Epoll, token: u64, calls: &Calls) -> io::Result<()> {
        let awaits_room = self.progress.unsent > 0;
        if awaits_room != self.awaits_room {
            self.awaits_room = awaits_room;
            calls.count(Call::EpollCtl);
            epoll.modify(&self.stream, &mut EpollEvent::new(interest::<M>(awaits_room), token))?;
        }
        Ok(())
    }
}

impl<S: Read + Write> Connection<S> {
    pub fn new(stream: S) -> Connection<S> {
        Connection { stream, progress: Progress::default(), awaits_room: false }
    }

    /// Hears what is there and answers; whether it is to go on.
    #[inline]
    pub fn step<M: Manner>(&mut self, events: EpollFlags, buffer: &mut [u8], play: &Play, calls: &Calls) -> bool {
        if events.contains(EpollFlags::EPOLLIN) {
            loop {
                calls.count(Call::Recvfrom);
                match self.stream.read(buffer) {
                    Ok(0) => return false,
                    Ok(count) => {
                        self.progress.hear(count, play);
                        if count < buffer.len() && !M::DRAINS {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => return false,
                }
            }
        }
        while let Some(octets) = self.progress.to_send(play) {
            calls.count(Call::Sendto);
            match self.stream.write(octets) {
                Ok(count) => self.progress.sent(count, play),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        // The short read has shown all there was; of a FIN behind it no other edge will tell.
        !events.intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR)
    }
}
