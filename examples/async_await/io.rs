//! Where a future and the world meet: what has come, what is to go, and who waits for what. The futures that wait for it are
//! the leaves: everything else that is awaited is made of them.
//!
//! A leaf keeps the rule of all futures: who answers `Pending` has left its waker where it will be found. And it cleans up: what is
//! dropped while it waits takes its waker back, or the task would be woken for nobody.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use iolab::{Interest, Time};

use super::manners::first_line;

/// One connection, as its future sees it.
#[derive(Clone)]
pub struct Peer(Arc<Mutex<Io>>);

#[derive(Default)]
struct Io {
    now: Time,
    input: Vec<u8>,
    is_finished: bool,
    has_hung_up: bool,
    output: Vec<u8>,
    /// Who waits for octets, who for the peer to leave, and who for a time.
    reader: Option<Waker>,
    watcher: Option<Waker>,
    sleepers: BTreeMap<(Time, u64), Waker>,
    /// How many have slept.
    slept: u64,
}

// ANCHOR: line
/// The next line, without its end; `None` if none will come. Only one may wait at a time.
pub struct Line<'p>(&'p Peer);

impl Future for Line<'_> {
    type Output = Option<String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        let mut io = self.0.io();
        match first_line(&io.input) {
            Ok(Some((line, end))) => {
                io.input.drain(..end);
                Poll::Ready(Some(line))
            }
            Ok(None) if !io.is_finished => {
                io.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(None),
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.io().reader = None;
    }
}
// ANCHOR_END: line

/// That the peer has left, or will say no more; what it said before may be unread.
pub struct HungUp<'p>(&'p Peer);

impl Future for HungUp<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut io = self.0.io();
        if io.has_hung_up || io.is_finished {
            return Poll::Ready(());
        }
        io.watcher = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for HungUp<'_> {
    fn drop(&mut self) {
        self.0.io().watcher = None;
    }
}

/// That it is time.
pub struct Sleep<'p> {
    peer: &'p Peer,
    until: (Time, u64),
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut io = self.peer.io();
        if self.until.0 <= io.now {
            return Poll::Ready(());
        }
        io.sleepers.insert(self.until, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.peer.io().sleepers.remove(&self.until);
    }
}

/// What a future can do with its connection.
impl Peer {
    pub fn line(&self) -> Line<'_> {
        Line(self)
    }

    pub fn hung_up(&self) -> HungUp<'_> {
        HungUp(self)
    }

    pub fn sleep(&self, span: Duration) -> Sleep<'_> {
        let mut io = self.io();
        io.slept += 1;
        Sleep { peer: self, until: (io.now + span, io.slept) }
    }

    /// Says something, once the future waits again.
    pub fn say(&self, text: &str) {
        self.io().output.extend_from_slice(text.as_bytes());
    }
}

/// What its task does with it.
impl Peer {
    pub(crate) fn new(now: Time) -> Peer {
        Peer(Arc::new(Mutex::new(Io { now, ..Io::default() })))
    }

    pub(crate) fn told_octets(&self, octets: &[u8]) {
        let mut io = self.io();
        io.input.extend_from_slice(octets);
        io.reader.take().into_iter().for_each(Waker::wake);
    }

    pub(crate) fn told_time(&self, now: Time) {
        let mut io = self.io();
        io.now = now;
        while let Some(first) = io.sleepers.first_entry().filter(|first| first.key().0 <= now) {
            first.remove().wake();
        }
    }

    pub(crate) fn told_finished(&self) {
        let mut io = self.io();
        io.is_finished = true;
        let waiting = [io.reader.take(), io.watcher.take()];
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    pub(crate) fn told_hung_up(&self) {
        let mut io = self.io();
        io.has_hung_up = true;
        io.watcher.take().into_iter().for_each(Waker::wake);
    }

    pub(crate) fn take_output(&self) -> Vec<u8> {
        std::mem::take(&mut self.io().output)
    }

    // ANCHOR: interest
    /// What the future waits for, found in what its leaves have left here.
    pub(crate) fn interest(&self) -> Interest {
        let io = self.io();
        let peer = match (&io.reader, &io.watcher) {
            (Some(_), _) => iolab::Peer::Bytes,
            (None, Some(_)) => iolab::Peer::HangUp,
            (None, None) => iolab::Peer::Ignore,
        };
        let deadline = io.sleepers.first_key_value().map(|((until, _), _)| *until);
        // Nobody can know who else holds a waker of this task.
        Interest { peer, messages: true, room: false, deadline }
    }
    // ANCHOR_END: interest

    /// Locked for moments only, and by one thread at a time, but for what a compiler can know.
    fn io(&self) -> MutexGuard<'_, Io> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
