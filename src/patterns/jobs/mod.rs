//! Work that takes longer than a client should wait: it is taken in at once, done step by step, and asked about meanwhile.
//!
//! ```text
// ANCHOR: picture
//!               one loop each                  in the first loop
//! client ──> Http1<Desk> ── ask, ticket ────> Board ── seed ─> Work: a step at
//!        <──             <─ reply, ticket ───       <─ stepped,      each deadline
//!                                                      done
//! client ──> Http1<Desk> ── ask, may park ──> (kept until something changes)
//!     hangs up           ── enough ─────────> (let go)
// ANCHOR_END: picture
//! ```
//!
//! | request | answer |
//! |---|---|
//! | `POST /submit[?steps=N]`, any text | 202 and `Location: /jobs/ID` at once; 503 and `Retry-After` if the queue is full, or too many texts are under way; 413 beyond [`TEXT_OCTETS`] |
//! | `GET /jobs/ID` | 200 and the job; 304 at the version that `If-None-Match` names; 404 |
//! | `DELETE /jobs/ID` | 200 and the job, cancelled; 412 at another version than `If-Match` names; 409 once it is done; 404 |
//! | `GET /checkstatus?jobId=ID[&after=V]` | the same as `GET /jobs/ID`: *short polling*; 204 at version `V` |
//! | `... &wait=MS` | the same, once the job has a version that the client has not seen: *long polling*; 304 or 204 after `wait` |
//!
//! A job is `{"id":"...","state":"queued|running|done|cancelled","step":k,"of":n,"version":v}`, and with a `result` once it is done:
//! the octets, words and lines of the text.
//!
//! **Everything is bounded.** The queue, the jobs at work and those that are remembered, and the memory of texts that are under way:
//! whoever goes beyond is told so, and when to come again.
//!
//! **Nobody waits for work.** A submitted text goes into a bounded queue, and its job is a protocol without a socket that takes one
//! step, a slice of the text, at each deadline. The client may stay, leave or come back: that changes nothing about its job.
//!
//! **Nothing is lost between two polls.** Whatever changes a job makes its *version* larger, and the version is its entity tag. A
//! client names the versions it has seen (`If-None-Match`, or `after`), so a change that comes while nobody asks is told to the next
//! one who does. What a client misses is steps in between, never the last state; and whoever has seen that is not made to wait.
//!
//! **A parked poll costs an entry on the board and a deadline.** It waits for a message, for its time limit and for
//! [`HangUp`](crate::Peer::HangUp), so a client that leaves is noticed, and its entry let go. Whether a poll is answered because of
//! news, of the limit or of the end of the server, it is the board that answers, once: so no reply can cross another. What that
//! costs in other ways, [`Naive`] shows.
//!
//! **Ids** are 64 bits of the board's dice, as 16 hexadecimal digits: no two jobs share one, but they are no secret, and whoever
//! guesses one can cancel the job.
//!
//! **Nothing of it goes stale on the way.** A job may be kept by a cache, but has to be asked about each time
//! (`Cache-Control: no-cache`); every other answer is not kept at all (`no-store`). An answer about a job that is not over says in
//! `Retry-After` how long it still works, without the time in the queue.
//!
//! **Stopping.** What is queued is cancelled, what runs goes on to its end if the drain limit allows, parked polls are answered at
//! once, and further jobs are refused with 503.

mod answers;
mod board;
mod desk;
mod figures;
mod job;
mod note;
mod poll;
mod preconditions;
mod routes;
mod text;
mod work;

use std::sync::Arc;
use std::time::Duration;

pub use board::Board;
pub use desk::Desk;
pub use figures::Figures;
pub use work::Work;

pub use super::long_polling::Naive;

use crate::either::Either;
use crate::http1::{Http, Http1, HttpLimits, TimeLimits};
use crate::protocol::Service;
use crate::time::Now;
use note::Note;

/// The longest text that is taken: 1 MiB.
pub const TEXT_OCTETS: usize = 1 << 20;

/// Into how many steps a job is cut unless it is said.
pub const STEPS: u32 = 10;

/// And the most.
pub const MOST_STEPS: u32 = 10_000;

/// What a server of jobs is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a step takes; at least a nanosecond.
    pub step: Duration,
    /// How many jobs are at work at one time; at least one.
    pub workers: usize,
    /// How many more may wait, each with its text of at most [`TEXT_OCTETS`].
    pub queue: usize,
    /// How many that are done or cancelled are still known. Of those the text is not kept: each takes some 200 octets.
    pub kept: usize,
    /// How many octets of memory texts may take that are under way, of all clients together. At least [`TEXT_OCTETS`], or the longest
    /// are never taken.
    pub coming: usize,
    /// How *not* to wait, to see what it costs.
    pub naive: Naive,
}

impl Default for Settings {
    /// Steps of 200 ms, 4 workers, 64 in the queue, 1,000 kept, 64 MiB of texts under way.
    fn default() -> Self {
        let step = Duration::from_millis(200);
        Settings { step, workers: 4, queue: 64, kept: 1000, coming: 64 << 20, naive: Naive::None }
    }
}

/// A server of jobs.
pub struct Jobs {
    http: Http,
    settings: Settings,
    figures: Arc<Figures>,
}

impl Jobs {
    /// With these bounds of requests, and of work.
    pub fn new(limits: HttpLimits, time_limits: TimeLimits, settings: Settings) -> Jobs {
        Jobs { http: Http::new(limits, time_limits), settings, figures: Arc::default() }
    }

    /// [`Http::requests`].
    pub fn requests(&self) -> u64 {
        self.http.requests()
    }

    /// What has become of jobs and polls so far.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }
}

impl Service for Jobs {
    type Protocol = Either<Http1<Desk>, Either<Board, Work>>;

    fn accept(&self, now: Now) -> Option<Self::Protocol> {
        let desk = Desk::new(self.settings, Arc::clone(&self.figures));
        Some(Either::Left(self.http.connection(desk, now)))
    }

    fn refusal(&self, now: Now) -> Vec<u8> {
        self.http.refusal(now)
    }

    fn founder(&self) -> Option<Note> {
        Some(Note::Found)
    }

    fn grow(&self, seed: Note, now: Now) -> Result<Self::Protocol, Note> {
        match seed {
            Note::Found => Ok(Either::Right(Either::Left(Board::new(self.settings, Arc::clone(&self.figures))))),
            Note::Begin(task) => Ok(Either::Right(Either::Right(Work::new(task, now.at)))),
            _ => Err(seed),
        }
    }
}
