//! One connection's threads: a loop that each of them runs.
//!
//! As a rule there is one: who answers requests waits for one thing at a time. Where the others are all held in system calls and
//! somebody tells the protocol something that is to be acted upon at once, one more is started, and stays. Each looks for
//! something that nobody is at, does it, and looks again.

use std::io::{self, IoSlice};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::house::House;
use super::peer::{Guard, Peer, State};
use crate::connection::Needs;
use crate::context::Mail;
use crate::cost::Cost;
use crate::file_op::FileRequest;
use crate::limits::READ_OCTETS;
use crate::models::file_work::run;
use crate::protocol::Service;
use crate::send_queue::LENT_SEGMENTS;
use crate::sys::clock;
use crate::sys::recorder;
use crate::sys::socket::{Mode, Socket, poll_hang_up};
use crate::time::Now;

/// How often somebody who waits to be connected looks whether that is still wanted: not every kernel lets another thread end
/// this wait (Linux 6.4 and 6.5 do not), and one that is about to begin cannot be ended yet.
const CONNECT_LOOK: Duration = Duration::from_secs(1);

/// One thread of a connection.
pub(super) struct Hand<'scope, 'env, S: Service> {
    house: House<'scope, 'env, S>,
    peer: Arc<Peer<S::Protocol>>,
    number: usize,
    /// Zeroed by the kernel where it is touched, and not before.
    buffer: Vec<u8>,
    /// When its last wait ended. What is to be over in time looks at the clock again: a protocol may have taken long since.
    now: Now,
    /// It has not read since.
    has_written: bool,
    cost: Cost,
}

impl<'scope, 'env, S: Service> Hand<'scope, 'env, S> {
    pub(super) fn new(house: House<'scope, 'env, S>, peer: Arc<Peer<S::Protocol>>, number: usize) -> Self {
        Hand { house, peer, number, buffer: Vec::new(), now: Now::default(), has_written: false, cost: Cost::default() }
    }

    /// Does what there is to do until the connection is over: one call after the other, waiting in each.
    pub(super) fn work(mut self) {
        let peer = Arc::clone(&self.peer);
        recorder::rename(|| peer.id.words() + if self.number > 0 { ", one more" } else { "" });
        let mut state = peer.lock();
        self.now = clock::now();
        loop {
            let now = self.now;
            let needs = state.connection.needs();
            let is_due = needs.deadline.is_some_and(|deadline| deadline <= now.at);
            if is_due || state.has_files_to_do() || self.has_written && state.wants_writing(needs) {
                self.glance(&mut state, now);
            }
            if is_due {
                state.connection.time(now);
            }
            if state.has_mail_to_post() {
                state = self.post(&peer, state);
                continue;
            }
            if state.has_files_to_do() && !state.wants_writing(state.connection.needs()) {
                state = self.do_file(&peer, state);
                continue;
            }
            state.finish(now);
            if state.is_broken && state.connection.needs().read {
                state.connection.failed(now);
            }
            let needs = state.connection.needs();
            if needs.end.is_some() {
                peer.break_up(&mut state, now);
                // It may have had last words.
                if state.has_mail_to_post() {
                    continue;
                }
                return;
            }
            // ANCHOR: next-call
            let socket = state.socket.clone();
            state = match (socket, state.to_connect.take()) {
                (_, Some(address)) => self.connect(&peer, state, address, needs, now),
                (Some(socket), None) if state.wants_writing(needs) => self.write(&peer, state, &socket, now),
                (Some(socket), None) if needs.read && !state.is_reading => self.read(&peer, state, &socket, needs),
                (Some(socket), None) if needs.hang_up && !state.is_reading && !state.is_watching => {
                    self.watch(&peer, state, &socket, needs)
                }
                _ => {
                    let state = peer.wait(state, self.number, needs.deadline, clock::now());
                    self.cost.wakeups += 1;
                    self.now = clock::now();
                    state
                }
            };
            // ANCHOR_END: next-call
        }
    }

    // ANCHOR: read
    /// Waits for octets, or for the deadline.
    fn read<'p>(
        &mut self,
        peer: &'p Peer<S::Protocol>,
        mut state: Guard<'p, S::Protocol>,
        socket: &Socket,
        needs: Needs,
    ) -> Guard<'p, S::Protocol> {
        // ANCHOR: echo_hear
        let limited = state.read_limit.apply(needs.deadline, clock::now(), |limit| socket.set_read_timeout(limit));
        state.is_reading = true;
        peer.hold(&mut state, self.number, needs.deadline);
        drop(state);
        let received = limited.and_then(|()| socket.recv(self.buffer()));
        self.cost.wakeups += 1;
        let mut state = peer.lock();
        state.back(self.number);
        state.is_reading = false;
        self.has_written = false;
        self.now = clock::now();
        self.heard(&mut state, received, self.now);
        state
        // ANCHOR_END: echo_hear
    }
    // ANCHOR_END: read

    /// Hears what has come, and does not wait for more: octets come before deadlines, and before what may be without end, like files
    /// and output that follows output.
    fn glance(&mut self, state: &mut State<S::Protocol>, now: Now) {
        let needs = state.connection.needs();
        let Some(socket) = state.socket.clone().filter(|_| !state.is_reading && !state.is_broken) else { return };
        if needs.read {
            let received = socket.recv_now(self.buffer());
            self.heard(state, received, now);
        } else if needs.hang_up && !state.is_watching && matches!(poll_hang_up(&socket, Some(Duration::ZERO)), Ok(true)) {
            state.connection.hung_up(now);
        }
    }

    fn buffer(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; READ_OCTETS];
        }
        &mut self.buffer
    }

    /// A read has brought this.
    fn heard(&mut self, state: &mut State<S::Protocol>, received: io::Result<usize>, now: Now) {
        let wants_hang_up = state.connection.needs().hang_up;
        match received {
            // The protocol may have been told something meanwhile, and want something else of its peer. FIN is found again
            // when it wants to hear of it.
            Ok(0) if state.connection.needs().read => state.connection.peer_finished(now),
            Ok(0) if wants_hang_up => state.connection.hung_up(now),
            Ok(0) => {}
            Ok(count) => {
                self.cost.octets_in += count as u64;
                state.connection.received(&self.buffer[..count], now);
            }
            Err(error) if is_pause(&error) => {}
            // The socket tells of it once. Whoever wants to read next is told.
            Err(_) if wants_hang_up => {
                state.is_broken = true;
                state.connection.hung_up(now);
            }
            Err(_) => state.connection.failed(now),
        }
    }

    /// Waits until the peer has gone, or for the deadline.
    fn watch<'p>(
        &mut self,
        peer: &'p Peer<S::Protocol>,
        mut state: Guard<'p, S::Protocol>,
        socket: &Socket,
        needs: Needs,
    ) -> Guard<'p, S::Protocol> {
        state.is_watching = true;
        peer.hold(&mut state, self.number, needs.deadline);
        drop(state);
        let outcome = poll_hang_up(socket, needs.deadline.map(|deadline| deadline.after(clock::now().at)));
        self.cost.wakeups += 1;
        let mut state = peer.lock();
        self.now = clock::now();
        state.back(self.number);
        state.is_watching = false;
        match outcome {
            Ok(true) if state.connection.needs().hang_up => state.connection.hung_up(self.now),
            Ok(_) => {}
            Err(_) => state.connection.failed(self.now),
        }
        state
    }

    /// Sends the first stretches of output, and waits until the kernel has taken it.
    fn write<'p>(
        &mut self,
        peer: &'p Peer<S::Protocol>,
        mut state: Guard<'p, S::Protocol>,
        socket: &Socket,
        now: Now,
    ) -> Guard<'p, S::Protocol> {
        let Some(lent) = state.connection.queue().lend() else { return state };
        // A peer that is too slow is looked after more often while it alone knows how much it takes.
        let needs = state.connection.needs();
        let limited = state.write_limit.apply(needs.deadline, now, |limit| socket.set_write_timeout(limit));
        state.is_writing = true;
        peer.hold(&mut state, self.number, needs.deadline);
        drop(state);
        // ANCHOR: echo_answer
        let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
        let filled = lent.slices(&mut slices);
        let sent = limited.and_then(|()| socket.send(&slices[..filled]));
        let mut state = peer.lock();
        self.now = clock::now();
        state.back(self.number);
        state.is_writing = false;
        self.has_written = true;
        state.connection.queue().give_back(lent, *sent.as_ref().unwrap_or(&0));
        match sent {
            Ok(count) => {
                self.cost.octets_out += count as u64;
                state.connection.sent(self.now);
            }
            Err(error) if is_pause(&error) => {}
            Err(_) => state.connection.failed(self.now),
        }
        state
        // ANCHOR_END: echo_answer
    }

    /// Waits to be connected, or for the deadline; who asks again goes on waiting for the same (connect(2)).
    fn connect<'p>(
        &mut self,
        peer: &'p Peer<S::Protocol>,
        mut state: Guard<'p, S::Protocol>,
        address: SocketAddr,
        needs: Needs,
        now: Now,
    ) -> Guard<'p, S::Protocol> {
        let socket = match state.socket.clone() {
            Some(socket) => socket,
            None => match Socket::unconnected(address, Mode::Blocking) {
                Ok(socket) => Arc::clone(state.socket.insert(Arc::new(socket))),
                Err(error) => {
                    state.connection.connected(Err(error), now);
                    return state;
                }
            },
        };
        let look = now.at + CONNECT_LOOK;
        let until = Some(needs.deadline.map_or(look, |deadline| deadline.min(look)));
        let limited = state.write_limit.apply(until, now, |limit| socket.set_write_timeout(limit));
        peer.hold(&mut state, self.number, until);
        drop(state);
        let outcome = limited.and_then(|()| socket.connect(address));
        self.cost.wakeups += 1;
        let mut state = peer.lock();
        self.now = clock::now();
        state.back(self.number);
        match outcome {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR)) => {
                state.to_connect = Some(address);
            }
            // It was called off, and what came of it is nobody's business any more.
            _ if state.connection.needs().end.is_some() => {}
            outcome => {
                if outcome.is_err() {
                    state.socket = None;
                }
                state.connection.connected(outcome, self.now);
            }
        }
        state
    }

    /// Does one file operation.
    fn do_file<'p>(&mut self, peer: &'p Peer<S::Protocol>, mut state: Guard<'p, S::Protocol>) -> Guard<'p, S::Protocol> {
        if state.files.is_empty() {
            let asked = state.connection.take_files();
            state.files.extend(asked);
        }
        let Some(FileRequest { ticket, op }) = state.files.pop_front() else { return state };
        let work = state.open_files.begin(op, self.house.shared.service.directory());
        state.is_at_files = true;
        peer.hold(&mut state, self.number, None);
        drop(state);
        let result = run(work);
        self.cost.wakeups += 1;
        let mut state = peer.lock();
        self.now = clock::now();
        state.back(self.number);
        state.is_at_files = false;
        let result = state.open_files.end(result);
        state.connection.file_done(ticket, result, self.now);
        state
    }

    /// Delivers what the protocol has for others. Nobody else does meanwhile: letters keep their order.
    fn post<'p>(&mut self, peer: &'p Peer<S::Protocol>, mut state: Guard<'p, S::Protocol>) -> Guard<'p, S::Protocol> {
        state.is_posting = true;
        let Mail { births, letters } = state.connection.take_mail();
        drop(state);
        let now = clock::now();
        let unborn: Vec<_> = births.into_iter().filter_map(|birth| self.house.bear(birth, now).err()).collect();
        self.house.deliver(unborn.into_iter().chain(letters));
        let mut state = peer.lock();
        self.now = clock::now();
        state.is_posting = false;
        state
    }
}

/// Signs the thread out however it ends; the last one closes the connection.
impl<S: Service> Drop for Hand<'_, '_, S> {
    fn drop(&mut self) {
        let mut state = self.peer.lock();
        if thread::panicking() {
            // Not the protocol did, which is caught, but its service.
            let now = clock::now();
            state.connection.failed(now);
            self.peer.break_up(&mut state, now);
        }
        if state.leave(self.number) {
            self.cost.octets_copied += state.connection.octets_copied();
            state.socket = None;
            let files = mem::take(&mut state.open_files);
            drop(state);
            drop(files);
            self.house.move_out(&self.peer);
        }
        self.house.add(self.cost);
    }
}

/// The time was over, or a signal came: nothing happened.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
