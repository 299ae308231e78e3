//! One connection as its threads see it: what each of them is at, and what nobody is at.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;
use std::{array, io, mem};

use crate::connection::{Connection, End, Needs};
use crate::file_op::FileRequest;
use crate::identity::ConnectionId;
use crate::models::file_work::OpenFiles;
use crate::protocol::Protocol;
use crate::sys::calls::{Call, enter};
use crate::sys::recorder;
use crate::sys::socket::Socket;
use crate::time::{Now, Time};

/// The most threads of one connection: one each that a read, the watch for a hang-up, a write and a file may hold, and one more
/// for news.
const CREW: usize = 5;

/// A connection, or a protocol without one. Its threads wait without holding the lock; whoever has something to tell the
/// protocol meanwhile takes the lock and tells it.
pub(super) struct Peer<P: Protocol> {
    pub(super) id: ConnectionId,
    /// It was not accepted.
    pub(super) is_born: bool,
    state: Mutex<State<P>>,
    /// Those of its threads that have nothing to do wait here.
    told: Condvar,
}

/// What is behind the lock.
pub(super) struct State<P: Protocol> {
    pub(super) connection: Connection<P>,
    /// None for a protocol that was spawned, before it is connected, and after that has failed.
    pub(super) socket: Option<Arc<Socket>>,
    /// Where it is yet to be connected to, while nobody is at it.
    pub(super) to_connect: Option<SocketAddr>,
    /// Operations that have been taken from the connection and not been begun.
    pub(super) files: VecDeque<FileRequest>,
    pub(super) open_files: OpenFiles,
    // What is being done by one of the threads, so that no other does it.
    pub(super) is_posting: bool,
    pub(super) is_at_files: bool,
    pub(super) is_reading: bool,
    pub(super) is_watching: bool,
    pub(super) is_writing: bool,
    pub(super) read_limit: SocketLimit,
    pub(super) write_limit: SocketLimit,
    /// Reading has failed while nobody wanted to read.
    pub(super) is_broken: bool,
    crew: [Doing; CREW],
    is_breaking_up: bool,
}

/// What a thread of the connection is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// There is no such thread, or not any more.
    Absent,
    /// It looks again at what is to be done before it waits.
    Busy,
    /// It waits for news, at most until then.
    Idle(Option<Time>),
    /// It is inside a system call, at most until then.
    Held(Option<Time>),
}

/// Holds the lock of a connection.
pub(super) type Guard<'p, P> = MutexGuard<'p, State<P>>;

impl<P: Protocol> Peer<P> {
    /// With a first thread, which has yet to begin.
    pub(super) fn new(connection: Connection<P>, link: Link) -> Self {
        let id = connection.id();
        let (is_born, socket, to_connect) = match link {
            Link::Accepted(socket) => (false, Some(Arc::new(socket)), None),
            Link::Born(address) => (true, None, address),
        };
        let state = State {
            connection,
            socket,
            to_connect,
            files: VecDeque::new(),
            open_files: OpenFiles::default(),
            is_posting: false,
            is_at_files: false,
            is_reading: false,
            is_watching: false,
            is_writing: false,
            read_limit: SocketLimit::default(),
            write_limit: SocketLimit::default(),
            is_broken: false,
            crew: array::from_fn(|number| if number == 0 { Doing::Busy } else { Doing::Absent }),
            is_breaking_up: false,
        };
        Peer { id, is_born, state: Mutex::new(state), told: Condvar::new() }
    }

    pub(super) fn lock(&self) -> Guard<'_, P> {
        lock(&self.state)
    }

    /// Thread `number` has nothing to do. It waits for news, or until its connection's deadline where no other thread is back
    /// by then.
    pub(super) fn wait<'p>(&'p self, mut state: Guard<'p, P>, number: usize, deadline: Option<Time>, now: Now) -> Guard<'p, P> {
        let until = deadline.filter(|&deadline| !state.is_awake_by(deadline));
        state.crew[number] = Doing::Idle(until);
        let call = enter(Call::Futex).to("wait");
        let mut state = match until {
            None => self.told.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let outcome = self.told.wait_timeout(state, until.after(now.at));
                outcome.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        drop(call);
        state.crew[number] = Doing::Busy;
        state
    }

    /// Thread `number` goes into a call that is over by `until`, and leaves what else there is to do to one that is idle.
    pub(super) fn hold(&self, state: &mut State<P>, number: usize, until: Option<Time>) {
        state.crew[number] = Doing::Held(until);
        if state.crew.iter().any(|doing| matches!(doing, Doing::Idle(_))) {
            let needs = state.connection.needs();
            if state.wants_reading(needs) || state.wants_a_thread(needs) || state.may_oversleep(needs) {
                self.wake_one();
            }
        }
    }

    fn wake_one(&self) {
        let _call = enter(Call::Futex).to("wake");
        self.told.notify_one();
    }

    /// After something was told from outside: says FIN where that is next, gets everyone out of their calls where all is over,
    /// and answers the number of a thread that is to be started, if one is missing.
    #[must_use]
    pub(super) fn attend(&self, state: &mut State<P>, deadlines: Deadlines, now: Now) -> Option<usize> {
        state.finish(now);
        let needs = state.connection.needs();
        if needs.end.is_some() {
            self.break_up(state, now);
            return None;
        }
        let wants_a_thread = state.wants_a_thread(needs) || deadlines == Deadlines::Unwatched && state.may_oversleep(needs);
        if state.crew.contains(&Doing::Busy) {
            return None;
        }
        if state.crew.iter().any(|doing| matches!(doing, Doing::Idle(_))) {
            if wants_a_thread || state.wants_reading(needs) {
                self.wake_one();
            }
            return None;
        }
        let free = state.crew.iter().position(|&doing| doing == Doing::Absent);
        free.filter(|_| wants_a_thread).inspect(|&number| state.crew[number] = Doing::Busy)
    }

    // ANCHOR: break-up
    /// It is over: tells the protocol so, and ends every wait of its threads.
    pub(super) fn break_up(&self, state: &mut State<P>, now: Now) {
        state.connection.closed(now);
        if mem::replace(&mut state.is_breaking_up, true) {
            return;
        }
        if let Some(socket) = &state.socket {
            let is_reset = state.connection.needs().end == Some(End::Reset);
            if is_reset {
                socket.reset_on_close();
            }
            if state.crew.iter().any(|doing| matches!(doing, Doing::Held(_))) {
                match is_reset {
                    true => socket.reset(),
                    false if state.is_writing => socket.cut(),
                    false => socket.stop_reading(),
                }
            }
        }
        if state.crew.iter().any(|doing| matches!(doing, Doing::Idle(_))) {
            let _call = enter(Call::Futex).to("wake");
            self.told.notify_all();
        }
    }
    // ANCHOR_END: break-up
}

/// Whether the one who tells a connection something sees to its deadline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadlines {
    Unwatched,
    Watched,
}

/// How a connection comes about.
pub(super) enum Link {
    Accepted(Socket),
    /// It is to be connected, or has nobody to talk to.
    Born(Option<SocketAddr>),
}

impl<P: Protocol> State<P> {
    /// Thread `number` is back.
    pub(super) fn back(&mut self, number: usize) {
        self.crew[number] = Doing::Busy;
    }

    /// Thread `number` leaves for good; answers whether it was the last.
    pub(super) fn leave(&mut self, number: usize) -> bool {
        self.crew[number] = Doing::Absent;
        self.crew.iter().all(|&doing| doing == Doing::Absent)
    }

    pub(super) fn has_mail_to_post(&self) -> bool {
        !self.is_posting && self.connection.has_mail()
    }

    pub(super) fn has_files_to_do(&self) -> bool {
        !self.is_at_files && (!self.files.is_empty() || self.connection.has_files())
    }

    /// Sends FIN where that is the next thing to do. It does not wait, so anybody may.
    pub(super) fn finish(&mut self, now: Now) {
        while self.connection.needs().end == Some(End::Finish) {
            if let Some(socket) = &self.socket {
                socket.finish();
            }
            self.connection.finished(now);
        }
    }

    /// Something is to be done that nobody is at. Reading is not of it: as a rule one thing is done at a time, and whoever
    /// writes reads next. But a watch for a hang-up may last for ever.
    fn wants_a_thread(&self, needs: Needs) -> bool {
        self.has_mail_to_post()
            || self.has_files_to_do()
            || self.wants_writing(needs)
            || needs.read && !self.is_reading && self.is_watching
    }

    pub(super) fn wants_writing(&self, needs: Needs) -> bool {
        needs.write && !self.is_writing
    }

    fn wants_reading(&self, needs: Needs) -> bool {
        !self.is_reading && (needs.read || needs.hang_up && !self.is_watching)
    }

    /// The deadline finds nobody awake.
    fn may_oversleep(&self, needs: Needs) -> bool {
        needs.deadline.is_some_and(|deadline| !self.is_awake_by(deadline))
    }

    /// One of the threads is back from its wait by then.
    fn is_awake_by(&self, time: Time) -> bool {
        self.crew.iter().any(|doing| match *doing {
            Doing::Idle(until) | Doing::Held(until) => until.is_some_and(|until| until <= time),
            Doing::Absent | Doing::Busy => false,
        })
    }
}

// ANCHOR: limit
/// The time limit a socket was last given. Setting it is a system call, and a keep-alive connection moves its deadline with
/// every request; so it is set to a little less than what is left and then stays, as long as it is neither too long nor much
/// too short. A read that comes back early finds that its deadline has not come, and waits again.
#[derive(Default)]
pub(super) struct SocketLimit(Option<Duration>);

impl SocketLimit {
    pub(super) fn apply(
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
// ANCHOR_END: limit

/// A thread that panicked has ended its connection; the others go on.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A trace shows the waits for others, and not each lock that is free.
    let mut wait = None;
    if recorder::is_on() {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => wait = Some(recorder::wait("lock")),
        }
    }
    let _wait = wait;
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
