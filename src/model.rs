//! The first contract: how one waits.
//!
//! A [`Model`] is a way of waiting, and a trait over *workloads* and not over operations, so that each model can be itself. Its
//! value is a set of options; rings, epoll instances and threads are born inside the call and are gone when it returns.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::context::Birth;
use crate::cost::Cost;
use crate::driver::post::Post;
use crate::identity::{Common, OfLoop};
use crate::limits::ServeLimits;
use crate::protocol::{MessageOf, Service};
use crate::read_file::ReadFile;
use crate::read_workload::ReadWorkload;

// ANCHOR: model
/// A way of waiting.
pub trait Model: Sync {
    /// What it is called, on the command line and in tables.
    fn name(&self) -> &'static str;

    /// Says whether this machine has what the model needs; the error holds an [`Unavailable`](crate::Unavailable) with the
    /// cause and the cure.
    fn available(&self) -> io::Result<()> {
        Ok(())
    }

    /// Reads every range of the workload, at most `in_flight` at once, handing each over as it arrives.
    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost>;

    /// One loop of a server: gives every connection that its listener brings a protocol and drives it, until the shutdown has
    /// begun and the connections have ended.
    fn serve_shard<S: Service>(&self, shard: Shard<'_, S>) -> io::Result<Cost>;
    // ANCHOR_END: model

    /// Serves with one loop, on this thread. The listener is one made by [`listen`](crate::listen).
    fn serve<S: Service>(&self, listener: TcpListener, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
        let post = &Post::new(1);
        self.serve_shard(Shard { number: 0, seed: random_seed(), unix_seconds: None, listener, service, shutdown, post })
    }

    /// The same, where the dice follow from `seed` and the time of day stands still: who says the same to two such servers, in the
    /// same order, gets the same octets.
    fn serve_reproducibly<S: Service>(
        &self,
        listener: TcpListener,
        service: &S,
        shutdown: &Shutdown,
        seed: u64,
        unix_seconds: u64,
    ) -> io::Result<Cost> {
        let post = &Post::new(1);
        self.serve_shard(Shard { number: 0, seed, unix_seconds: Some(unix_seconds), listener, service, shutdown, post })
    }

    /// The same with a thread for each listener, on the connections the kernel gives it.
    fn serve_all<S: Service>(&self, listeners: Vec<TcpListener>, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
        let post = &Post::new(listeners.len());
        let seed = random_seed();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..)
                .zip(listeners)
                .map(|(number, listener)| {
                    let shard = Shard { number, seed, unix_seconds: None, listener, service, shutdown, post };
                    let one_for_all = OneForAll { shutdown, post, number };
                    let serve = move || {
                        let outcome = self.serve_shard(shard);
                        if outcome.is_ok() {
                            one_for_all.dismiss();
                        }
                        outcome
                    };
                    let thread = thread::Builder::new().name(self.name().into()).spawn_scoped(scope, serve);
                    thread.map_err(|error| {
                        let why = format!("a serving thread cannot be started ({error}): raise RLIMIT_NPROC or pids.max");
                        io::Error::new(error.kind(), why)
                    })
                })
                .collect();
            let mut cost = Cost::default();
            let mut failure = None;
            for thread in threads {
                let outcome = thread
                    .and_then(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a serving thread panicked"))));
                match outcome {
                    Ok(its) => cost += its,
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            failure.map_or(Ok(cost), Err)
        })
    }
}

/// Dropped by a loop that fails, panics or never begins: then the others end too, and nobody waits for an answer from it.
struct OneForAll<'a, M> {
    shutdown: &'a Shutdown,
    post: &'a Post<M>,
    number: u16,
}

impl<M> OneForAll<'_, M> {
    /// The loop has ended when all were to end: there is nobody to end.
    fn dismiss(self) {
        std::mem::forget(self);
    }
}

impl<M> Drop for OneForAll<'_, M> {
    fn drop(&mut self) {
        self.shutdown.begin();
        self.post.close(self.number.into());
    }
}

/// What one loop of a server is given.
pub struct Shard<'a, S: Service> {
    pub(crate) number: u16,
    /// Of all dice that its protocols throw.
    pub(crate) seed: u64,
    /// The time of day that they are told, if it is to stand still.
    pub(crate) unix_seconds: Option<u64>,
    pub(crate) listener: TcpListener,
    pub(crate) service: &'a S,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) post: &'a Post<MessageOf<S>>,
}

impl<S: Service> Shard<'_, S> {
    /// What a thread that does this in it is called in a trace.
    pub(crate) fn name(&self, does: &'static str) -> OfLoop<&'static str> {
        OfLoop { shard: self.number.into(), name: does }
    }

    /// What its connections have in common.
    pub(crate) fn common(&self, limits: ServeLimits) -> Arc<Common> {
        Common::dated(self.number, limits, self.seed, self.unix_seconds)
    }

    /// The first loop begins with who was there before anybody came.
    pub(crate) fn founder(&self) -> Option<Birth<MessageOf<S>>> {
        let seed = if self.number == 0 { self.service.founder() } else { None };
        seed.map(Birth::of_founder)
    }
}

/// The standard library draws keys for its hash maps from the system; nothing secret hangs on this one.
fn random_seed() -> u64 {
    RandomState::new().hash_one(0)
}

/// The wish that servers come to an end: idle connections close, busy ones finish what is under way, and what has not ended at
/// the drain limit is cut. It can be shared by any number of servers, and begun from any thread.
#[derive(Debug)]
pub struct Shutdown {
    begun: AtomicBool,
    /// Written once and never read, so that it is readable for every loop from then on (eventfd(2)).
    event: EventFd,
}

impl Shutdown {
    /// A shutdown that has not begun.
    pub fn new() -> io::Result<Shutdown> {
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Shutdown { begun: AtomicBool::new(false), event })
    }

    /// Begins it.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        // It fails only where the counter would overflow, and then it is readable already.
        let _ = self.event.write(1);
    }

    /// Whether it has begun.
    pub fn begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }
}

/// Readable once the shutdown has begun.
impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
