//! A small executor: each connection is a future, and a model waits for all of them.
//!
//! ```text
//!   another task ── wake() ──> run queue ── a letter ──┐
//!                                                      v      is it woken?
//!   model ── octets, FIN, a deadline ──> io ──────> [ Task ] ── poll ──> the future, down to the await where it stands
//!     ^                               wakes it         │                               │
//!     └──────────────── Interest <─────────────────────┴── io: who waits for what <── Pending
//! ```
//!
//! An executor is three things: a reactor, which learns what has happened; a run queue of those who can go on; and a loop that
//! polls them. The reactor and the loop are here the model's, which knows nothing of futures: a [`Task`] is a protocol, and
//! [`Poll::Pending`] comes out of it as an [`Interest`]. So it runs on all models, and in the simulator.
//!
//! What is missing: wakes from threads on which no task runs (they are found with the next event of any task: a thread of one's
//! own has no [`Context`], and the models' bells are theirs), `spawn` and joining, writes that wait, and fairness among the futures
//! of one task.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Wake};

use iolab::{ConnectionId, Context, Event, Interest, Now, Protocol, Service, Why};

use super::io::Peer;

/// Meets each connection with the future that `begin` makes for it.
pub struct Executor<B> {
    begin: B,
    queue: Arc<RunQueue>,
}

/// A future, and what it takes to poll it.
pub struct Task<F> {
    /// Boxed, because it must not move between two polls: it may point into itself. `None` once it is over, or dropped.
    future: Option<Pin<Box<F>>>,
    peer: Peer,
    /// As soon as it has a name to be woken by.
    handle: Option<Arc<Handle>>,
    queue: Arc<RunQueue>,
}

/// Those who were woken, and were not told yet.
#[derive(Default)]
struct RunQueue {
    woken: Mutex<Vec<Arc<Handle>>>,
    polls: AtomicU64,
}

// ANCHOR: wake
/// A task, as those see it who wake it. Every `Waker` of it is one of these.
struct Handle {
    id: ConnectionId,
    is_woken: AtomicBool,
    queue: Arc<RunQueue>,
}

impl Wake for Handle {
    /// Any thread may call this, any number of times, for as long as it likes: also when the task is over.
    fn wake(self: Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            let mut woken = self.queue.woken.lock().unwrap_or_else(PoisonError::into_inner);
            woken.push(Arc::clone(&self));
        }
    }
}

/// All that tasks tell each other: you were woken.
pub struct Woken;
// ANCHOR_END: wake

impl<B> Executor<B> {
    pub fn new(begin: B) -> Executor<B> {
        Executor { begin, queue: Arc::default() }
    }

    /// How often a future was polled.
    pub fn polls(&self) -> u64 {
        self.queue.polls.load(Ordering::Relaxed)
    }
}

impl<B, F> Service for Executor<B>
where
    B: Fn(Peer) -> F + Send + Sync,
    F: Future<Output = ()> + Send + 'static,
{
    type Protocol = Task<F>;

    fn accept(&self, now: Now) -> Option<Task<F>> {
        let peer = Peer::new(now.at);
        let future = Some(Box::pin((self.begin)(peer.clone())));
        Some(Task { future, peer, handle: None, queue: Arc::clone(&self.queue) })
    }
}

// ANCHOR: reactor
/// The reactor: what the model tells is put where the future looks for it, and whoever waited for it is woken.
impl<F: Future<Output = ()> + Send + 'static> Protocol for Task<F> {
    type Message = Woken;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Woken>) -> usize {
        self.peer.told_time(cx.now());
        self.peer.told_octets(input);
        self.run(cx);
        input.len()
    }

    fn event(&mut self, event: Event<Woken>, cx: &mut Context<'_, Woken>) {
        self.peer.told_time(cx.now());
        match event {
            Event::Begun(_) => self.begin(cx.me()),
            Event::PeerFinished => self.peer.told_finished(),
            Event::HangUp => self.peer.told_hung_up(),
            Event::Stopping | Event::Closed(_) => self.future = None,
            // There was no place for the letter, and the one it is for sleeps on.
            Event::Returned(sleeper, Woken, Why::Full) => cx.message(sleeper, Woken),
            // Who sent the message has set the flag already, and the time was told.
            Event::Message(..) | Event::Deadline | Event::Returned(..) | Event::Room | Event::File(..) => {}
        }
        self.run(cx);
    }

    fn interest(&self) -> Option<Interest> {
        self.future.is_some().then(|| self.peer.interest())
    }
}
// ANCHOR_END: reactor

impl<F: Future<Output = ()>> Task<F> {
    /// It can be woken from now on, and is: nothing has polled it yet.
    fn begin(&mut self, id: ConnectionId) {
        let handle = Handle { id, is_woken: AtomicBool::new(false), queue: Arc::clone(&self.queue) };
        Arc::clone(self.handle.insert(Arc::new(handle))).wake();
    }

    // ANCHOR: run
    /// Polls the future if it was woken, and then passes on whom it woke.
    fn run(&mut self, cx: &mut Context<'_, Woken>) {
        // Goes out of scope last: if the future panics it is dropped, and those hear of it whom that wakes.
        let post = Post { queue: &self.queue, cx };
        let Some(handle) = &self.handle else { return };
        if !handle.is_woken.swap(false, Ordering::AcqRel) {
            return;
        }
        let Some(mut future) = self.future.take() else { return };
        self.queue.polls.fetch_add(1, Ordering::Relaxed);
        let waker = task::Waker::from(Arc::clone(handle));
        let answer = future.as_mut().poll(&mut task::Context::from_waker(&waker));
        post.cx.append(self.peer.take_output());
        if answer == Poll::Pending {
            self.future = Some(future);
        }
    }
    // ANCHOR_END: run
}

// ANCHOR: post
/// Sends a letter to each of the run queue: who has been polled since then was faster.
struct Post<'p, 'c> {
    queue: &'p RunQueue,
    cx: &'p mut Context<'c, Woken>,
}

impl Drop for Post<'_, '_> {
    fn drop(&mut self) {
        let woken = std::mem::take(&mut *self.queue.woken.lock().unwrap_or_else(PoisonError::into_inner));
        for task in woken.iter().filter(|task| task.is_woken.load(Ordering::Acquire)) {
            self.cx.message(task.id, Woken);
        }
    }
}
// ANCHOR_END: post
