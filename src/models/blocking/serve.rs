//! Serving by blocking calls: a thread accepts, and each connection has a thread that reads, answers and writes in turn.

use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

use super::Blocking;
use crate::connection::{Connection, End, Needs};
use crate::cost::Cost;
use crate::driver::slots::{Key, Slots};
use crate::file_op::{FileDone, FileOp, FileRequest};
use crate::identity::Common;
use crate::limits::{READ_OCTETS, ServeLimits};
use crate::model::{Shard, Shutdown};
use crate::models::accepting::{BACK_OFF, Failure, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::{Protocol, Service};
use crate::reading::read_whole;
use crate::send_queue::LENT_SEGMENTS;
use crate::sys::calls::{Call, Meter, count};
use crate::sys::clock;
use crate::sys::files::pread;
use crate::sys::socket::{Mode, Socket, accept, poll_readable};
use crate::time::{Now, Time};

/// What a connection's thread may use of stack: plenty for a protocol. The kernel gives memory only to the pages that are touched.
const STACK_OCTETS: usize = 192 << 10;

pub(super) fn serve<S: Service>(options: &Blocking, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start();
    let common = shard.common(options.limits);
    let Shard { listener, service, shutdown, .. } = shard;
    let shared = Shared::default();
    let mut cost = thread::scope(|scope| {
        let acceptor = Acceptor {
            scope,
            service,
            common: &common,
            limits: options.limits,
            shared: &shared,
            turned_away: TurnedAway::default(),
            accept_after: Time::default(),
            cost: Cost { threads_peak: 1, ..Cost::default() },
        };
        acceptor.run(listener, shutdown)
    })?;
    cost += *lock(&shared.cost);
    cost.calls += meter.read();
    Ok(cost)
}

/// What the threads have in common.
struct Shared<P: Protocol> {
    peers: Mutex<Slots<Arc<Peer<P>>>>,
    /// Told when a connection has ended.
    ended: Condvar,
    /// Of the connections that have ended.
    cost: Mutex<Cost>,
}

impl<P: Protocol> Default for Shared<P> {
    fn default() -> Self {
        Shared { peers: Mutex::new(Slots::new()), ended: Condvar::new(), cost: Mutex::default() }
    }
}

/// A connection and its socket. Its thread waits without holding the lock; whoever has something to tell the protocol meanwhile
/// takes the lock and tells it.
struct Peer<P: Protocol> {
    socket: Socket,
    connection: Mutex<Connection<P>>,
    /// Another thread has told the protocol something.
    told: Condvar,
}

// Accepting.

struct Acceptor<'scope, 'env, S: Service> {
    scope: &'scope Scope<'scope, 'env>,
    service: &'scope S,
    common: &'scope Arc<Common>,
    limits: ServeLimits,
    shared: &'scope Shared<S::Protocol>,
    turned_away: TurnedAway,
    accept_after: Time,
    cost: Cost,
}

impl<'scope, S: Service> Acceptor<'scope, '_, S> {
    fn run(mut self, listener: TcpListener, shutdown: &Shutdown) -> io::Result<Cost> {
        let outcome = self.accept_until(&listener, shutdown);
        drop(listener);
        self.drain();
        outcome?;
        self.cost.refused = self.turned_away.refused();
        Ok(self.cost)
    }

    /// Waits for newcomers and for the shutdown; the listener itself does not block.
    fn accept_until(&mut self, listener: &TcpListener, shutdown: &Shutdown) -> io::Result<()> {
        loop {
            let now = clock::now();
            let wakes = [(self.accept_after > now.at).then_some(self.accept_after), self.turned_away.next_sweep()];
            let timeout = wakes.into_iter().flatten().min().map(|wake| wake.after(now.at));
            let stopping = if self.accept_after > now.at {
                let [stopping] = poll_readable([shutdown.as_fd()], timeout)?;
                stopping
            } else {
                let [_, stopping] = poll_readable([listener.as_fd(), shutdown.as_fd()], timeout)?;
                stopping
            };
            self.cost.wakeups += 1;
            self.accept_all(listener, clock::now())?;
            if stopping {
                return Ok(());
            }
        }
    }

    /// Takes in everyone who is in the queue: at the end closing it would reset them.
    fn accept_all(&mut self, listener: &TcpListener, now: Now) -> io::Result<()> {
        self.turned_away.sweep(now.at);
        loop {
            match accept(listener, Mode::Blocking) {
                Ok(socket) => self.welcome(socket, now),
                Err(error) => match judge(&error) {
                    Failure::TryNext => {}
                    Failure::Nobody => return Ok(()),
                    Failure::BackOff => {
                        self.accept_after = now.at + BACK_OFF;
                        return Ok(());
                    }
                    Failure::Broken => return Err(error),
                },
            }
        }
    }

    fn welcome(&mut self, socket: Socket, now: Now) {
        let mut peers = lock(&self.shared.peers);
        let protocol = if peers.len() < self.limits.connections { self.service.accept(now) } else { None };
        let Some(protocol) = protocol else {
            drop(peers);
            return self.turned_away.refuse(socket, &self.service.refusal(now), now.at);
        };
        let peer = Arc::new(Peer {
            socket,
            connection: Mutex::new(Connection::accepted(protocol, self.common, now)),
            told: Condvar::new(),
        });
        let key = peers.insert(Arc::clone(&peer));
        self.cost.threads_peak = self.cost.threads_peak.max(1 + peers.len());
        drop(peers);

        let shared = self.shared;
        count(Call::Clone3);
        let thread = thread::Builder::new().name("connection".into()).stack_size(STACK_OCTETS);
        let mine = Arc::clone(&peer);
        let started = thread.spawn_scoped(self.scope, move || {
            let meter = Meter::start();
            let mut cost = Cost::default();
            {
                let _leaving = Leaving { shared, key };
                drive(&mine, &mut cost);
                drop(mine);
            }
            cost.calls = meter.read();
            *lock(&shared.cost) += cost;
        });
        match started {
            Ok(_) => self.cost.connections += 1,
            // The machine has no thread left to give: that is this model's limit, wherever it was set.
            Err(_) => {
                lock(&self.shared.peers).remove(key);
                if let Some(peer) = Arc::into_inner(peer) {
                    self.turned_away.refuse(peer.socket, &self.service.refusal(now), now.at);
                }
            }
        }
    }

    /// Tells everyone that the end has come and waits for theirs. A thread that sits in a read cannot be told; so this one
    /// tells its protocol, watches its deadline, and ends the read where nothing is to be waited for.
    fn drain(&mut self) {
        let start = clock::now();
        let until = start.at + self.limits.drain;
        for peer in everyone(self.shared) {
            peer.tell(start, |connection| connection.stopping(start));
        }
        loop {
            let now = clock::now();
            let mut next = until;
            for peer in everyone(self.shared) {
                if until <= now.at {
                    peer.tell(now, |connection| connection.drained(now));
                } else {
                    let needs = peer.tell(now, |connection| connection.time(now));
                    next = next.min(needs.deadline.unwrap_or(until));
                }
            }
            let pause = next.after(now.at).max(Duration::from_millis(1));
            let peers = lock(&self.shared.peers);
            if peers.len() == 0 {
                return;
            }
            drop(self.shared.ended.wait_timeout(peers, pause).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn everyone<P: Protocol>(shared: &Shared<P>) -> Vec<Arc<Peer<P>>> {
    let peers = lock(&shared.peers);
    peers.keys().into_iter().filter_map(|key| peers.get(key).cloned()).collect()
}

impl<P: Protocol> Peer<P> {
    /// Tells the protocol something from another thread, and wakes its own where it waits for what will not come any more.
    fn tell(&self, now: Now, tell: impl FnOnce(&mut Connection<P>)) -> Needs {
        let mut connection = lock(&self.connection);
        let had_ended = connection.needs().end.is_some();
        tell(&mut connection);
        self.told.notify_one();
        let mut needs = connection.needs();
        if !had_ended {
            if needs.end == Some(End::Finish) {
                // Its thread goes on reading, and hears the peer out.
                self.socket.finish();
                connection.finished(now);
                needs = connection.needs();
            }
            match needs.end {
                // Its thread sits in a write, which only this ends.
                Some(End::Reset) if connection.queue().is_lent() => self.socket.reset(),
                // Without a FIN, which would make a reset look like an orderly end.
                Some(_) => self.socket.stop_reading(),
                None => {}
            }
        }
        needs
    }
}

/// Signs a connection out however its thread ends.
struct Leaving<'a, P: Protocol> {
    shared: &'a Shared<P>,
    key: Key,
}

impl<P: Protocol> Drop for Leaving<'_, P> {
    fn drop(&mut self) {
        lock(&self.shared.peers).remove(self.key);
        self.shared.ended.notify_all();
    }
}

// One connection.

/// The loop of a connection's thread: does what is needed, one call after the other, and waits in each.
fn drive<P: Protocol>(peer: &Peer<P>, cost: &mut Cost) {
    // Zeroed by the kernel where it is touched, and not before.
    let mut buffer = vec![0; READ_OCTETS];
    let mut read_limit = SocketLimit::default();
    let mut write_limit = SocketLimit::default();
    loop {
        let now = clock::now();
        let mut connection = lock(&peer.connection);
        connection.time(now);
        if connection.has_files() {
            drop(connection);
            read_files(peer, cost);
            continue;
        }
        let needs = connection.needs();
        if let Some(end) = needs.end {
            match end {
                End::Finish => {
                    peer.socket.finish();
                    connection.finished(now);
                    continue;
                }
                End::Reset => peer.socket.reset_on_close(),
                End::Close => {}
            }
            cost.octets_copied += connection.octets_copied();
            return;
        }
        if needs.write {
            write(peer, connection, &mut write_limit, needs, now, cost);
        } else if needs.read {
            drop(connection);
            read(peer, &mut buffer, &mut read_limit, needs, now, cost);
        } else {
            // Nothing to read or write now, only a time to come, or somebody with news.
            let pause = needs.deadline.map_or(Duration::ZERO, |deadline| deadline.after(now.at));
            cost.wakeups += 1;
            drop(peer.told.wait_timeout(connection, pause).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Waits for octets, or for the deadline.
fn read<P: Protocol>(peer: &Peer<P>, buffer: &mut [u8], limit: &mut SocketLimit, needs: Needs, now: Now, cost: &mut Cost) {
    let received =
        limit.apply(needs.deadline, now, |limit| peer.socket.set_read_timeout(limit)).and_then(|()| peer.socket.recv(buffer));
    cost.wakeups += 1;
    let now = clock::now();
    let mut connection = lock(&peer.connection);
    match received {
        Ok(0) => connection.peer_finished(now),
        Ok(count) => {
            cost.octets_in += count as u64;
            connection.received(&buffer[..count], now);
        }
        Err(error) if is_pause(&error) => {}
        Err(_) => connection.failed(clock::now()),
    }
}

/// Sends the first stretches of output, and waits until the kernel has taken it. The lock is not held meanwhile.
fn write<P: Protocol>(
    peer: &Peer<P>,
    mut connection: MutexGuard<'_, Connection<P>>,
    limit: &mut SocketLimit,
    needs: Needs,
    now: Now,
    cost: &mut Cost,
) {
    let Some(lent) = connection.queue().lend() else { return };
    drop(connection);
    let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
    let filled = lent.slices(&mut slices);
    let sent = limit
        .apply(needs.deadline, now, |limit| peer.socket.set_write_timeout(limit))
        .and_then(|()| peer.socket.send(&slices[..filled]));
    let mut connection = lock(&peer.connection);
    let count = *sent.as_ref().unwrap_or(&0);
    connection.queue().give_back(lent, count);
    match sent {
        Ok(count) => {
            cost.octets_out += count as u64;
            connection.sent(clock::now());
        }
        Err(error) if is_pause(&error) => {}
        Err(_) => connection.failed(clock::now()),
    }
}

fn read_files<P: Protocol>(peer: &Peer<P>, cost: &mut Cost) {
    let asked = lock(&peer.connection).take_files();
    for FileRequest { ticket, op } in asked {
        let octets = match op {
            FileOp::ReadShared { file, range } => read_whole(&file, range, |room, offset| pread(&*file, room, offset)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        };
        cost.wakeups += 1;
        lock(&peer.connection).file_done(ticket, octets.map(FileDone::Read), clock::now());
    }
}

/// The time was over, or a signal came: nothing happened.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// The time limit a socket was last given. Setting it is a system call, and a keep-alive connection moves its deadline with
/// every request; so it is set to a little less than what is left and then stays, as long as it is neither too long nor much
/// too short. A read that comes back early finds that its deadline has not come, and waits again.
#[derive(Default)]
struct SocketLimit(Option<Duration>);

impl SocketLimit {
    fn apply(
        &mut self,
        deadline: Option<Time>,
        now: Now,
        set: impl FnOnce(Option<Duration>) -> io::Result<()>,
    ) -> io::Result<()> {
        // Zero would mean no limit.
        let left = deadline.map(|deadline| deadline.after(now.at).max(Duration::from_millis(1)));
        let fits = match (self.0, left) {
            (None, None) => true,
            (Some(limit), Some(left)) => limit <= left && limit >= left / 2,
            _ => false,
        };
        if !fits {
            self.0 = left.map(|left| if left > Duration::from_millis(200) { left - left / 8 } else { left });
            set(self.0)?;
        }
        Ok(())
    }
}

/// A thread that panicked has ended its connection; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
