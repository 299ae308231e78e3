//! The bare io_uring loop with switches. Set as they are by default, it does what the bare loop beside the models does, which the
//! first row of the benchmark holds it to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

use crate::calls::Calls;
use crate::ring::{Buffers, Completion, GROUP, Ring};
use crate::script::{Play, Progress};
use crate::switches::{Receive, Send, Switches};
use crate::uring::{ENTRIES, buffers_for};
use crate::verbs::{self, Gathers, OwnBuffers, Socket};

/// Answers that are gathered or bundled at most.
const TOGETHER: u16 = 64;

// A token is one of these, and below it a place: a descriptor, or an index into the ring's table.
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
    /// Where answers are bundled.
    outgoing: Option<Outgoing>,
}

/// What is to be sent, as a group of provided buffers.
struct Outgoing {
    group: u16,
    answers: Buffers,
}

struct Server<'p> {
    switches: Switches,
    play: &'p Play,
    ring: Ring,
    provided: Option<Chained>,
    own: OwnBuffers,
    /// Groups of buffers there have been, without the one that is received into.
    groups: u16,
    gathers: Gathers,
    /// By place.
    connections: Vec<Connection>,
    /// Who is to ask for octets at the end of the turn.
    to_receive: VecDeque<RawFd>,
    listener: RawFd,
}

/// Says whether a loop with these switches can run here.
pub fn try_here(switches: &Switches) -> io::Result<()> {
    verbs::ring(switches, 8, Calls::of_a_thread()).map(drop)
}

pub fn serve(switches: Switches, listener: &TcpListener, play: &'static Play, calls: &'static Calls) -> io::Result<Infallible> {
    let ring = verbs::ring(&switches, ENTRIES, calls)?;
    let (count, size) = switches.buffers.unwrap_or_else(|| buffers_for(play));
    let provided = match switches.receive {
        Receive::Own => None,
        _ => Some(Chained::new(Buffers::new(&ring, count, size)?, count, size as usize)),
    };
    let answer = &play.answers[..play.answer];
    if switches.send == Send::ZeroCopyRegistered {
        ring.register(play.answers)?;
    }
    let mut server = Server {
        switches,
        play,
        ring,
        provided,
        own: OwnBuffers::new(size),
        groups: GROUP,
        gathers: Gathers::new(answer, TOGETHER.into()),
        connections: Vec::new(),
        to_receive: VecDeque::new(),
        listener: listener.as_raw_fd(),
    };
    server.accept()?;
    loop {
        server.ring.submit_and_wait()?;
        while let Some(completion) = server.ring.next() {
            server.hear(&completion)?;
        }
        if let Some(provided) = &server.provided {
            provided.buffers.publish();
        }
        while let Some(place) = server.to_receive.pop_front() {
            server.receive(place)?;
        }
    }
}

impl Server<'_> {
    fn accept(&mut self) -> io::Result<()> {
        if self.switches.direct {
            self.ring.accept_direct(self.listener, ACCEPT)
        } else {
            self.ring.accept(self.listener, ACCEPT)
        }
    }

    #[inline]
    fn hear(&mut self, completion: &Completion) -> io::Result<()> {
        let (kind, place) = (completion.token >> 32 << 32, completion.token as u32 as usize);
        match kind {
            RECV => self.received(place, completion),
            SEND if completion.is_notification() => Ok(()),
            SEND => self.sent(place, completion),
            ACCEPT => self.accepted(completion),
            _ => Ok(()),
        }
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        if !completion.more() {
            self.accept()?;
        }
        let Ok(place) = usize::try_from(completion.result) else { return Ok(()) };
        if self.connections.len() <= place {
            self.connections.resize_with(place + 1, Connection::default);
        }
        let outgoing = self.outgoing()?;
        self.connections[place] = Connection { outgoing, ..Connection::default() };
        self.receive(completion.result)
    }

    /// Each connection has a group to itself, for a bundle is all that is in one; and a new one, for who broke off may have left
    /// something in its own.
    fn outgoing(&mut self) -> io::Result<Option<Outgoing>> {
        if self.switches.send != Send::Bundles {
            return Ok(None);
        }
        let next = self.groups.checked_add(1);
        self.groups = next.ok_or_else(|| io::Error::other("there is no group of buffers left for another connection"))?;
        let answer = &self.play.answers[..self.play.answer];
        let answers = verbs::to_send_from(&self.ring, self.groups, TOGETHER, answer)?;
        Ok(Some(Outgoing { group: self.groups, answers }))
    }

    fn socket(&self, place: RawFd) -> Socket {
        Socket { place, direct: self.switches.direct }
    }

    #[inline]
    fn receive(&mut self, place: RawFd) -> io::Result<()> {
        let (socket, token) = (self.socket(place), RECV | place as u64);
        match self.switches.receive {
            Receive::Own => self.ring.recv_into(&mut self.own, socket, token),
            Receive::Single => self.ring.recv_once(socket, false, token),
            Receive::SinglePolledFirst => self.ring.recv_once(socket, true, token),
            Receive::Multishot => self.ring.recv_again_and_again(socket, token),
            Receive::Bundles => self.ring.recv_bundles(socket, token),
        }
    }

    #[inline]
    fn received(&mut self, place: usize, completion: &Completion) -> io::Result<()> {
        if let (Some(first), Some(provided)) = (completion.buffer(), &mut self.provided) {
            provided.give_back(first, completion.result);
        }
        let connection = &mut self.connections[place];
        match completion.result {
            count @ 1.. => {
                connection.progress.hear(count as usize, self.play);
                if !completion.more() {
                    self.to_receive.push_back(place as RawFd);
                }
            }
            error if error == -libc::ENOBUFS => self.to_receive.push_back(place as RawFd),
            _ => connection.is_over = true,
        }
        self.go_on(place)
    }

    #[inline]
    fn sent(&mut self, place: usize, completion: &Completion) -> io::Result<()> {
        let connection = &mut self.connections[place];
        // Of a bundle, and of what is not copied, more will be told.
        let is_bundle = self.switches.send == Send::Bundles;
        connection.is_sending = is_bundle && completion.more();
        match usize::try_from(completion.result) {
            Ok(count) => connection.progress.sent(count, self.play),
            Err(_) => connection.is_over = true,
        }
        connection.is_over |= is_bundle && !connection.is_sending && connection.progress.at > 0;
        self.go_on(place)
    }

    #[inline]
    fn go_on(&mut self, place: usize) -> io::Result<()> {
        let connection = &mut self.connections[place];
        if connection.is_sending {
            return Ok(());
        }
        if connection.is_over {
            return self.close(place as RawFd);
        }
        let Some(octets) = connection.progress.to_send(self.play) else { return Ok(()) };
        connection.is_sending = true;
        let Progress { unsent, at, .. } = connection.progress;
        let (socket, token) = (Socket { place: place as RawFd, direct: self.switches.direct }, SEND | place as u64);
        match self.switches.send {
            Send::Plain => self.ring.send_from(socket, octets, token),
            Send::ZeroCopy => self.ring.send_zero_copy(socket, octets, false, token),
            Send::ZeroCopyRegistered => self.ring.send_zero_copy(socket, octets, true, token),
            // The rest of an answer that went out in part.
            Send::Gathered if at > 0 => {
                let rest = octets.len().min(self.play.answer - at);
                self.ring.send_from(socket, &octets[..rest], token)
            }
            Send::Gathered => self.ring.send_gathered(&self.gathers, socket, unsent / self.play.answer, token),
            Send::Bundles => {
                let answers = (unsent / self.play.answer).min(TOGETHER.into());
                let Some(outgoing) = &mut connection.outgoing else { return Ok(()) };
                (0..answers as u16).for_each(|number| outgoing.answers.give_back(number));
                outgoing.answers.publish();
                self.ring.send_bundle(socket, outgoing.group, token)
            }
        }
    }

    fn close(&mut self, place: RawFd) -> io::Result<()> {
        if self.switches.direct { self.ring.close_direct(place, CLOSE) } else { self.ring.close(place, CLOSE) }
    }
}

/// Provided buffers, and which one the kernel takes after which: a bundle names its first only.
struct Chained {
    buffers: Buffers,
    size: usize,
    /// By number: the one that was given back after it.
    next: Vec<u16>,
    last: u16,
}

impl Chained {
    fn new(buffers: Buffers, count: u16, size: usize) -> Chained {
        Chained { buffers, size, next: (1..=count).collect(), last: count - 1 }
    }

    /// Gives back all those that hold so many octets; at least the first, even if nothing came of it.
    #[inline]
    fn give_back(&mut self, first: u16, octets: i32) {
        let octets = usize::try_from(octets).unwrap_or(0);
        let mut number = first;
        for _ in 0..octets.div_ceil(self.size).max(1) {
            let next = self.next[usize::from(number)];
            self.buffers.give_back(number);
            self.next[usize::from(self.last)] = number;
            self.last = number;
            number = next;
        }
    }
}
