//! One connection of a pool: which workers are out for it, and on what.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::staff::Staff;
use super::worker::{Done, Job, Manner, Task};
use crate::connection::{Connection, End};
use crate::cost::Cost;
use crate::directory::Directory;
use crate::driver::slots::Key;
use crate::driver::timers::Armed;
use crate::file_op::FileRequest;
use crate::limits::READ_OCTETS;
use crate::models::file_work::OpenFiles;
use crate::protocol::Protocol;
use crate::sys::socket::{Mode, Socket};
use crate::time::Now;

/// A connection, its socket, its files, and its workers.
pub(super) struct Peer<P: Protocol> {
    /// None for a protocol that was spawned, and where there was none to be had.
    pub(super) socket: Option<Arc<Socket>>,
    pub(super) connection: Connection<P>,
    files: OpenFiles,
    is_connecting: bool,
    reading: Option<Manner>,
    /// Its hang-up is reported, once.
    is_watched: bool,
    /// That has been reported: there is no read from now on that would have to wait.
    has_hung_up: bool,
    sending: Option<Manner>,
    /// The kernel has had no room for all of the output since there last was none.
    is_full: bool,
    /// A read has been put off until a send is over. It is put off once: one send may follow the other without end.
    is_put_off: bool,
    files_under_way: usize,
    /// Workers that are reserved for it: at least as many as [wait](Self::waiting).
    pub(super) reserved: usize,
    /// Reading has failed while nobody wanted to read; who wants to will be told.
    is_broken: bool,
    /// It ends with something unsent, though its peer is there: it must not look as if all had been said.
    is_cut_short: bool,
    /// It has ended; only its workers are not back yet.
    pub(super) is_leaving: bool,
    /// It was not accepted.
    pub(super) is_born: bool,
    pub(super) armed: Armed,
}

impl<P: Protocol> Peer<P> {
    /// One that was accepted, with a worker reserved for it: to read what it has to say, as nearly all want to.
    pub(super) fn accepted(socket: Socket, connection: Connection<P>) -> Self {
        Peer::new(Some(Arc::new(socket)), connection, 1)
    }

    /// One that was not.
    pub(super) fn born(connection: Connection<P>) -> Self {
        Peer::new(None, connection, 0)
    }

    fn new(socket: Option<Arc<Socket>>, connection: Connection<P>, reserved: usize) -> Self {
        Peer {
            is_born: socket.is_none(),
            socket,
            connection,
            files: OpenFiles::default(),
            is_connecting: false,
            reading: None,
            is_watched: false,
            has_hung_up: false,
            sending: None,
            is_full: false,
            is_put_off: false,
            files_under_way: 0,
            reserved,
            is_broken: false,
            is_cut_short: false,
            is_leaving: false,
            armed: Armed::default(),
        }
    }

    // Workers.

    /// Those out for it that may have to wait for the peer, each in a call of its own.
    fn waiting(&self) -> usize {
        let waits = |call| usize::from(call == Some(Manner::Waiting));
        usize::from(self.is_connecting) + waits(self.reading) + waits(self.sending)
    }

    /// Sees to it that one more can.
    fn reserve_one_more(&mut self, staff: &mut Staff<'_, '_>) -> io::Result<()> {
        if self.waiting() == self.reserved {
            staff.reserve(1)?;
            self.reserved += 1;
        }
        Ok(())
    }

    /// Gives back what it does not need any more. Who listens or has something to say keeps one, so that no newcomer takes it between
    /// two calls; who is parked, and has said all, has none.
    fn release(&mut self, staff: &mut Staff<'_, '_>) {
        let is_active = self.connection.unsent() > 0 || self.connection.needs().read;
        let kept = self.waiting().max(self.reserved.min(usize::from(is_active)));
        staff.release(self.reserved - kept);
        self.reserved = kept;
    }

    /// The kernel has no thread for it, or no place to watch it.
    fn give_up(&mut self, cost: &mut Cost, now: Now) {
        cost.refused += 1;
        self.is_cut_short = self.connection.unsent() > 0;
        self.connection.failed(now);
    }

    // Jobs.

    /// Sends a worker to connect. An error is told the protocol.
    pub(super) fn connect(&mut self, address: SocketAddr, key: Key, staff: &mut Staff<'_, '_>, now: Now) {
        let begun = self.reserve_one_more(staff).and_then(|()| {
            let socket = Socket::unconnected(address, Mode::Blocking)?;
            socket.set_write_timeout(Some(staff.worker.send_limit))?;
            Ok(Arc::new(socket))
        });
        match begun {
            Ok(socket) => {
                self.socket = Some(Arc::clone(&socket));
                self.is_connecting = true;
                staff.give(Job::For(key, Task::Connect { socket, address }));
            }
            Err(error) => self.connection.connected(Err(error), now),
        }
    }

    /// Sends workers to do what the connection needs.
    pub(super) fn occupy(
        &mut self,
        key: Key,
        staff: &mut Staff<'_, '_>,
        buffers: &mut Vec<Vec<u8>>,
        directory: Option<&Directory>,
        cost: &mut Cost,
        now: Now,
    ) {
        // ANCHOR: occupy
        let needs = self.connection.needs();
        let mut begun = Ok(());
        if needs.write && self.sending.is_none() {
            begun = self.send(key, staff);
        }
        // One who still sits in a read will bring the news too, unless it brings octets first.
        if needs.hang_up && !self.is_watched && self.reading.is_none() {
            begun = begun.and_then(|()| self.watch(key, staff));
        }
        if needs.read && self.reading.is_none() {
            // Who sends without waiting is back at once, and the peer's next word comes after that: one who went to read now would
            // only have to wait longer.
            if self.sending == Some(Manner::AtOnce) && !self.is_put_off {
                self.is_put_off = true;
            } else if self.is_broken {
                return self.connection.failed(now);
            } else {
                begun = begun.and_then(|()| self.read(key, staff, buffers));
            }
        }
        // ANCHOR_END: occupy
        if begun.is_err() {
            return self.give_up(cost, now);
        }
        for FileRequest { ticket, op } in self.connection.take_files() {
            let work = self.files.begin(op, directory);
            self.files_under_way += 1;
            staff.give(Job::For(key, Task::File { ticket, work }));
        }
        self.release(staff);
    }

    /// What the kernel has room for goes at once. Only for the rest a worker has to wait.
    fn send(&mut self, key: Key, staff: &mut Staff<'_, '_>) -> io::Result<()> {
        let Some(socket) = self.socket.clone() else { return Ok(()) };
        if self.is_full {
            self.reserve_one_more(staff)?;
        }
        let Some(lent) = self.connection.queue().lend() else { return Ok(()) };
        let manner = if self.is_full { Manner::Waiting } else { Manner::AtOnce };
        self.sending = Some(manner);
        staff.give(Job::For(key, Task::Send { socket, lent, manner }));
        Ok(())
    }

    /// Once: who has been parked before is watched still.
    fn watch(&mut self, key: Key, staff: &mut Staff<'_, '_>) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        staff.watch(socket, key)?;
        self.is_watched = true;
        Ok(())
    }

    fn read(&mut self, key: Key, staff: &mut Staff<'_, '_>, buffers: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let Some(socket) = self.socket.clone() else { return Ok(()) };
        let manner = if self.has_hung_up { Manner::AtOnce } else { Manner::Waiting };
        if manner == Manner::Waiting
            && let Err(error) = self.reserve_one_more(staff)
        {
            // Whoever sends will be back, and makes room: the peer is not heard until then.
            return if self.sending.is_some() { Ok(()) } else { Err(error) };
        }
        (self.reading, self.is_put_off) = (Some(manner), false);
        let buffer = buffers.pop().unwrap_or_else(|| vec![0; READ_OCTETS]);
        staff.give(Job::For(key, Task::Recv { socket, buffer, manner }));
        Ok(())
    }

    // Reports.

    /// A worker is back.
    pub(super) fn hear(
        &mut self,
        done: Done,
        key: Key,
        staff: &mut Staff<'_, '_>,
        buffers: &mut Vec<Vec<u8>>,
        cost: &mut Cost,
        now: Now,
    ) {
        match done {
            Done::Connected { address, result } => match (result, &self.socket) {
                // The limit of one wait is over, and not that of connecting.
                (Err(error), Some(socket)) if is_unfinished(&error) && !self.is_leaving => {
                    staff.give(Job::For(key, Task::Connect { socket: Arc::clone(socket), address }));
                }
                (result, _) => {
                    self.is_connecting = false;
                    if result.is_err() {
                        self.socket = None;
                    }
                    self.connection.connected(result, now);
                }
            },
            Done::Received { buffer, result } => {
                self.reading = None;
                self.received(&buffer, result, cost, now);
                buffers.push(buffer);
            }
            Done::Sent { lent, result } => {
                self.sending = None;
                let sent = *result.as_ref().unwrap_or(&0);
                self.is_full |= sent < lent.octets();
                self.connection.queue().give_back(lent, sent);
                self.is_full &= self.connection.unsent() > 0;
                match result {
                    Ok(count) => {
                        cost.octets_out += count as u64;
                        self.connection.sent(now);
                    }
                    Err(error) if is_pause(&error) => {}
                    Err(_) => self.connection.failed(now),
                }
            }
            Done::File { ticket, result } => {
                self.files_under_way -= 1;
                let result = self.files.end(result);
                self.connection.file_done(ticket, result, now);
            }
        }
    }

    /// Who watches has reported it. Who listens now, and has been parked before, will hear it from a read.
    pub(super) fn hung_up(&mut self, now: Now) {
        self.has_hung_up = true;
        self.connection.hung_up(now);
    }

    fn received(&mut self, buffer: &[u8], result: io::Result<usize>, cost: &mut Cost, now: Now) {
        let needs = self.connection.needs();
        match result {
            Ok(0) => self.connection.peer_finished(now),
            Ok(count) => {
                cost.octets_in += count as u64;
                return self.connection.received(&buffer[..count], now);
            }
            Err(error) if is_pause(&error) => return,
            Err(_) if needs.hang_up => self.is_broken = true,
            Err(_) => self.connection.failed(now),
        }
        if needs.hang_up {
            self.connection.hung_up(now);
        }
    }

    // The end.

    /// Says FIN where that is the next thing to do.
    pub(super) fn finish(&mut self, now: Now) {
        if self.connection.needs().end == Some(End::Finish) {
            if let Some(socket) = &self.socket {
                socket.finish();
            }
            self.connection.finished(now);
        }
    }

    // ANCHOR: call-back
    /// Calls the workers back that wait for the peer.
    pub(super) fn call_back(&mut self, end: End) {
        let Some(socket) = &self.socket else { return };
        let end = if self.is_cut_short { End::Reset } else { end };
        if end == End::Reset {
            socket.reset_on_close();
        }
        if self.sending.is_some() && end == End::Reset {
            // Its worker may have sent all, or sit in the middle of it.
            socket.reset();
        } else if self.sending.is_some() || self.is_connecting {
            socket.cut();
        } else if self.reading.is_some() {
            // Without a FIN, which would make a reset look like an orderly end.
            socket.stop_reading();
        }
    }
    // ANCHOR_END: call-back

    /// Whether no worker is out for it.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.is_called_for() && self.files_under_way == 0
    }

    /// Whether a worker is in a call on the socket.
    fn is_called_for(&self) -> bool {
        self.is_connecting || self.reading.is_some() || self.sending.is_some()
    }
}

/// However a connection goes, its workers do not stay: a server that fails or panics would wait for them for ever.
impl<P: Protocol> Drop for Peer<P> {
    fn drop(&mut self) {
        if self.is_called_for()
            && let Some(socket) = &self.socket
        {
            socket.cut();
        }
    }
}

/// A signal came, or the kernel was in no mood to wait any longer: nothing happened, and the call is made again.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// Connecting goes on, but the call has come back.
fn is_unfinished(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EINPROGRESS | libc::EALREADY))
}
