//! The bare epoll loop.
//!
//! A connection is put into the set once, when it is accepted, for both directions and edge-triggered, and leaves it by being
//! closed. A short read has drained the socket: no read ever finds nothing. What a send does not take waits for the next edge.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::calls::{Call, Calls};
use crate::script::{Play, Progress};

/// Room for a body of 64 KiB and its head: half the room would double the cost of such bodies.
const BUFFER: usize = (64 + 4) << 10;

const EVENTS: usize = 1024;

/// No connection has this descriptor.
const LISTENER: u64 = u64::MAX;

struct Connection {
    stream: TcpStream,
    progress: Progress,
}

pub fn serve(listener: &TcpListener, play: &Play, calls: &Calls) -> io::Result<Infallible> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, LISTENER))?;
    let mut events = vec![EpollEvent::empty(); EVENTS];
    let mut buffer = vec![0; BUFFER];
    // By descriptor.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    loop {
        calls.count(Call::EpollWait);
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            count => count?,
        };
        for event in &events[..count] {
            if event.data() == LISTENER {
                accept_all(listener, &epoll, &mut connections, calls)?;
                continue;
            }
            let place = &mut connections[event.data() as usize];
            if let Some(connection) = place
                && !connection.step(event.events(), &mut buffer, play, calls)
            {
                calls.count(Call::Close);
                *place = None;
            }
        }
    }
}

fn accept_all(
    listener: &TcpListener,
    epoll: &Epoll,
    connections: &mut Vec<Option<Connection>>,
    calls: &Calls,
) -> io::Result<()> {
    let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
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
        epoll.add(&stream, EpollEvent::new(interest, place as u64))?;
        if connections.len() <= place {
            connections.resize_with(place + 1, || None);
        }
        connections[place] = Some(Connection { stream, progress: Progress::default() });
    }
}

impl Connection {
    /// Hears what is there and answers; whether it is to go on.
    #[inline]
    fn step(&mut self, events: EpollFlags, buffer: &mut [u8], play: &Play, calls: &Calls) -> bool {
        if events.contains(EpollFlags::EPOLLIN) {
            loop {
                calls.count(Call::Recvfrom);
                match self.stream.read(buffer) {
                    Ok(0) => return false,
                    Ok(count) => {
                        self.progress.hear(count, play);
                        if count < buffer.len() {
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
