//! The bare io_uring loop.
//!
//! One accept and one receive for each connection are asked for once and bring all there is (multishot); the kernel takes a buffer
//! when octets have come. An answer is a plain send of octets that lie ready. All that a turn asks for is handed over with the one
//! call that waits for the next.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

use crate::calls::Calls;
use crate::ring::{Buffers, Completion, Ring};
use crate::script::{Play, Progress};

pub const ENTRIES: u32 = 1024;

/// Buffers, how many and how large, for requests that fit into one of these, and for others: with room for a body of 64 KiB and its
/// head.
const SMALL: (u16, u32) = (256, 2 << 10);
const LARGE: (u16, u32) = (8, (64 + 4) << 10);

pub fn buffers_for(play: &Play) -> (u16, u32) {
    if play.request <= SMALL.1 as usize { SMALL } else { LARGE }
}

// A token is one of these, and below it a descriptor.
const ACCEPT: u64 = 0 << 32;
const RECV: u64 = 1 << 32;
const SEND: u64 = 2 << 32;
const CLOSE: u64 = 3 << 32;

#[derive(Default)]
struct Connection {
    progress: Progress,
    is_sending: bool,
    /// Its receive is over: the peer has finished or gone.
    is_over: bool,
}

struct Server<'p> {
    play: &'p Play,
    ring: Ring,
    buffers: Buffers,
    /// By descriptor.
    connections: Vec<Connection>,
    /// Their receives have found no buffer.
    starved: VecDeque<RawFd>,
    listener: RawFd,
}

pub fn serve(listener: &TcpListener, play: &Play, calls: &'static Calls) -> io::Result<Infallible> {
    let ring = Ring::new(ENTRIES, calls)?;
    let (count, size) = buffers_for(play);
    let buffers = Buffers::new(&ring, count, size)?;
    let listener = listener.as_raw_fd();
    let mut server = Server { play, ring, buffers, connections: Vec::new(), starved: VecDeque::new(), listener };
    server.ring.accept(listener, ACCEPT)?;
    loop {
        server.ring.submit_and_wait()?;
        while let Some(completion) = server.ring.next() {
            server.hear(&completion)?;
        }
        server.buffers.publish();
        while let Some(socket) = server.starved.pop_front() {
            server.ring.recv(socket, RECV | socket as u64)?;
        }
    }
}

impl Server<'_> {
    #[inline]
    fn hear(&mut self, completion: &Completion) -> io::Result<()> {
        let (kind, place) = (completion.token >> 32 << 32, completion.token as u32 as usize);
        match kind {
            RECV => self.received(place, completion),
            SEND => self.sent(place, completion),
            ACCEPT => self.accepted(completion),
            _ => Ok(()),
        }
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        if !completion.more() {
            self.ring.accept(self.listener, ACCEPT)?;
        }
        let Ok(place) = usize::try_from(completion.result) else { return Ok(()) };
        if self.connections.len() <= place {
            self.connections.resize_with(place + 1, Connection::default);
        }
        self.connections[place] = Connection::default();
        self.ring.recv(completion.result, RECV | place as u64)
    }

    #[inline]
    fn received(&mut self, place: usize, completion: &Completion) -> io::Result<()> {
        let connection = &mut self.connections[place];
        if let Some(buffer) = completion.buffer() {
            self.buffers.give_back(buffer);
        }
        match completion.result {
            count @ 1.. => {
                connection.progress.hear(count as usize, self.play);
                if !completion.more() {
                    self.starved.push_back(place as RawFd);
                }
            }
            error if error == -libc::ENOBUFS => self.starved.push_back(place as RawFd),
            _ => connection.is_over = true,
        }
        self.go_on(place)
    }

    #[inline]
    fn sent(&mut self, place: usize, completion: &Completion) -> io::Result<()> {
        let connection = &mut self.connections[place];
        connection.is_sending = false;
        match usize::try_from(completion.result) {
            Ok(count) => connection.progress.sent(count, self.play),
            Err(_) => connection.is_over = true,
        }
        self.go_on(place)
    }

    #[inline]
    fn go_on(&mut self, place: usize) -> io::Result<()> {
        let connection = &mut self.connections[place];
        if connection.is_sending {
            return Ok(());
        }
        if connection.is_over {
            return self.ring.close(place as RawFd, CLOSE);
        }
        let Some(octets) = connection.progress.to_send(self.play) else { return Ok(()) };
        connection.is_sending = true;
        self.ring.send(place as RawFd, octets, SEND | place as u64)
    }
}
