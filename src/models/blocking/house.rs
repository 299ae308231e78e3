//! What all threads of one server loop share: who lives here, what they tell each other, and how one gets a thread.
//!
//! A letter is delivered by the thread of its sender, which never holds two connections' locks at once: it takes the letter out
//! under the one and hands it over under the other.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope};

use super::crew::Hand;
use super::peer::{Deadlines, Link, Peer, lock};
use crate::connection::Connection;
use crate::context::{Birth, Letter, Why};
use crate::cost::Cost;
use crate::driver::mailroom::grow;
use crate::driver::post::Post;
use crate::identity::{Common, ConnectionId};
use crate::limits::ServeLimits;
use crate::protocol::{MessageOf, Service};
use crate::sys::calls::{Call, Meter, enter};
use crate::sys::clock;
use crate::sys::eventfd::EventFd;
use crate::sys::recorder;
use crate::time::Now;

/// What a connection's thread may use of stack: plenty for a protocol. The kernel gives memory only to the pages that are touched.
const STACK_OCTETS: usize = 192 << 10;

/// What outlives the threads.
pub(super) struct Shared<'env, S: Service> {
    pub(super) number: usize,
    pub(super) service: &'env S,
    pub(super) common: Arc<Common>,
    pub(super) limits: ServeLimits,
    pub(super) post: &'env Post<MessageOf<S>>,
    /// Wakes the acceptor: letters have come from another loop, or somebody has gone who is waited for.
    pub(super) bell: Arc<EventFd>,
    household: Mutex<Household<S>>,
    /// Of the threads that have ended.
    cost: Mutex<Cost>,
    threads: AtomicUsize,
    threads_peak: AtomicUsize,
}

struct Household<S: Service> {
    peers: HashMap<ConnectionId, Arc<Peer<S::Protocol>>>,
    /// Of them, and of those about to be.
    born: usize,
    accepted: usize,
    is_stopping: bool,
    /// The drain limit has come: nobody is born any more.
    is_cut: bool,
}

impl<'env, S: Service> Shared<'env, S> {
    pub(super) fn new(
        number: usize,
        service: &'env S,
        common: Arc<Common>,
        limits: ServeLimits,
        post: &'env Post<MessageOf<S>>,
    ) -> io::Result<Self> {
        let bell = Arc::new(EventFd::new()?);
        let household = Household { peers: HashMap::new(), born: 0, accepted: 0, is_stopping: false, is_cut: false };
        Ok(Shared {
            number,
            service,
            common,
            limits,
            post,
            bell,
            household: Mutex::new(household),
            cost: Mutex::default(),
            threads: AtomicUsize::new(1),
            threads_peak: AtomicUsize::new(1),
        })
    }

    /// When all threads but the caller's have ended.
    pub(super) fn cost(&self) -> Cost {
        Cost { threads_peak: self.threads_peak.load(Ordering::Relaxed), ..*lock(&self.cost) }
    }
}

/// The loop, as each of its threads holds it.
pub(super) struct House<'scope, 'env, S: Service> {
    pub(super) scope: &'scope Scope<'scope, 'env>,
    pub(super) shared: &'scope Shared<'env, S>,
}

impl<S: Service> Clone for House<'_, '_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Service> Copy for House<'_, '_, S> {}

/// A thread that waits for its connection. Without one it ends.
pub(super) struct FreshThread<S: Service>(Sender<Arc<Peer<S::Protocol>>>);

impl<'scope, 'env, S: Service> House<'scope, 'env, S> {
    // Threads.

    /// Gets a thread for a connection to be: first the thread, then the protocol, so that who gets none has not begun.
    pub(super) fn fresh_thread(self) -> io::Result<FreshThread<S>> {
        let (sender, peers) = channel();
        self.start(move || {
            let wait = recorder::wait("channel");
            let peer = peers.recv();
            drop(wait);
            if let Ok(peer) = peer {
                Hand::new(self, peer, 0).work();
            }
        })?;
        Ok(FreshThread(sender))
    }

    fn start(self, work: impl FnOnce() + Send + 'scope) -> io::Result<()> {
        let shared = self.shared;
        let threads = shared.threads.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = thread::Builder::new().name("connection".into()).stack_size(STACK_OCTETS);
        let call = enter(Call::Clone3);
        let started = thread.spawn_scoped(self.scope, move || {
            let meter = Meter::start("connection");
            work();
            self.add(Cost { calls: meter.read(), ..Cost::default() });
            shared.threads.fetch_sub(1, Ordering::Relaxed);
        });
        drop(call);
        match started {
            Ok(_) => shared.threads_peak.fetch_max(threads, Ordering::Relaxed),
            Err(_) => shared.threads.fetch_sub(1, Ordering::Relaxed),
        };
        started.map(drop)
    }

    pub(super) fn add(self, cost: Cost) {
        *lock(&self.shared.cost) += cost;
    }

    // Who lives here.

    /// Whether one more may be accepted.
    pub(super) fn has_room(self) -> bool {
        lock(&self.shared.household).accepted < self.shared.limits.connections
    }

    /// A connection moves in, and its thread begins.
    pub(super) fn move_in(self, connection: Connection<S::Protocol>, link: Link, thread: FreshThread<S>) {
        let peer = Arc::new(Peer::new(connection, link));
        let mut household = lock(&self.shared.household);
        household.peers.insert(peer.id, Arc::clone(&peer));
        household.accepted += usize::from(!peer.is_born);
        let is_late = household.is_stopping;
        drop(household);
        if is_late {
            peer.lock().connection.stopping(clock::now());
        }
        // It waits for nothing else.
        let _ = thread.0.send(peer);
    }

    pub(super) fn move_out(self, peer: &Peer<S::Protocol>) {
        let mut household = lock(&self.shared.household);
        let gone = household.peers.remove(&peer.id);
        if peer.is_born {
            household.born -= 1;
        } else {
            household.accepted -= 1;
        }
        let is_stopping = household.is_stopping;
        drop(household);
        drop(gone);
        if is_stopping {
            self.shared.bell.signal();
        }
    }

    /// Everyone; whoever moves in from now on is told that the end has come when it does.
    pub(super) fn begin_stopping(self) -> Vec<Arc<Peer<S::Protocol>>> {
        let mut household = lock(&self.shared.household);
        household.is_stopping = true;
        household.peers.values().cloned().collect()
    }

    /// From now on nobody is born.
    pub(super) fn begin_cut(self) {
        lock(&self.shared.household).is_cut = true;
    }

    pub(super) fn everyone(self) -> Vec<Arc<Peer<S::Protocol>>> {
        lock(&self.shared.household).peers.values().cloned().collect()
    }

    // What they tell each other.

    // ANCHOR: tell
    /// Tells a protocol something from a thread that is not its own, and sees to it that what follows is done.
    pub(super) fn tell<R>(
        self,
        peer: &Arc<Peer<S::Protocol>>,
        deadlines: Deadlines,
        what: impl FnOnce(&mut Connection<S::Protocol>, Now) -> R,
    ) -> R {
        let mut state = peer.lock();
        let now = clock::now();
        let answer = what(&mut state.connection, now);
        if let Some(number) = peer.attend(&mut state, deadlines, now) {
            let its = Arc::clone(peer);
            if self.start(move || Hand::new(self, its, number).work()).is_err() {
                // The machine has no thread left to give, and without one this would wait for a word of the peer.
                state.leave(number);
                state.connection.failed(now);
                if let Some(socket) = &state.socket {
                    socket.reset();
                }
                peer.break_up(&mut state, now);
                drop(state);
                self.add(Cost { refused: 1, ..Cost::default() });
            }
        }
        answer
    }
    // ANCHOR_END: tell

    /// Delivers letters in their order, and those that come back from it.
    pub(super) fn deliver(self, letters: impl IntoIterator<Item = Letter<MessageOf<S>>>) {
        let mut letters = VecDeque::from_iter(letters);
        while let Some(letter) = letters.pop_front() {
            if letter.to.shard() != self.shared.number {
                letters.extend(self.shared.post.send(letter).err().flatten());
                continue;
            }
            let peer = lock(&self.shared.household).peers.get(&letter.to).cloned();
            letters.extend(match peer {
                Some(peer) => self.tell(&peer, Deadlines::Unwatched, |connection, now| connection.deliver(letter, now)),
                None => letter.returned(Why::Gone),
            });
        }
    }

    /// Brings a protocol into the world; where there is no room, no thread or no such protocol, the seed goes back.
    pub(super) fn bear(self, birth: Birth<MessageOf<S>>, now: Now) -> Result<(), Letter<MessageOf<S>>> {
        let (id, address) = (birth.id, birth.address);
        let place = Place::take(self);
        let thread = place.as_ref().and_then(|_| self.fresh_thread().ok());
        let protocol = grow(self.shared.service, birth, thread.is_some(), self.shared.common.told(now))?;
        let (Some(place), Some(thread)) = (place, thread) else { return Ok(()) };
        let connection = Connection::born(protocol, id, address.is_some(), &self.shared.common, now);
        place.keep();
        self.move_in(connection, Link::Born(address), thread);
        Ok(())
    }
}

/// Room for one who is about to be born; given back if nothing comes of it.
struct Place<'scope, 'env, S: Service>(House<'scope, 'env, S>);

impl<'scope, 'env, S: Service> Place<'scope, 'env, S> {
    fn take(house: House<'scope, 'env, S>) -> Option<Self> {
        let mut household = lock(&house.shared.household);
        let has_room = !household.is_cut && household.born < house.shared.limits.connections;
        household.born += usize::from(has_room);
        // Not `then_some`: a place that is made for nothing is given back, and that takes the lock.
        has_room.then(|| Place(house))
    }

    fn keep(self) {
        std::mem::forget(self);
    }
}

impl<S: Service> Drop for Place<'_, '_, S> {
    fn drop(&mut self) {
        lock(&self.0.shared.household).born -= 1;
    }
}
