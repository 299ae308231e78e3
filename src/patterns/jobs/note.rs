//! What desks, the board and jobs at work tell each other.

use std::fmt;
use std::time::Duration;

use super::preconditions::Preconditions;
use super::text::Text;
use super::work::{Counts, Task};

/// A message, or a seed.
#[derive(Debug)]
pub enum Note {
    /// The board grows out of it.
    Found,
    /// A job at work does.
    Begin(Task),

    /// A desk asks the board something. Each is answered once, and `ticket` is the desk's number for it.
    Asked { ticket: u64, ask: Ask },
    /// A desk does not want to wait any longer for that which it has asked about this job: the reply shall come now.
    Enough { ticket: u64, job: JobId, reason: Reason },
    /// The board answers.
    Replied { ticket: u64, reply: Reply },

    /// A job tells the board that it has taken a step,
    Stepped,
    /// or its last.
    Done(Counts),
    /// The board tells a job to leave it.
    Cancel,
}

impl Note {
    /// A desk has said it about that which has this number.
    pub(super) fn is_of(&self, its: u64) -> bool {
        matches!(self, Note::Asked { ticket, .. } | Note::Enough { ticket, .. } if *ticket == its)
    }
}

/// What a desk can ask.
#[derive(Debug)]
pub enum Ask {
    Submit {
        text: Text,
        of: u32,
    },
    /// How it stands with a job.
    Look {
        job: JobId,
        preconditions: Preconditions,
        /// If it has been seen as it is: wait until that changes.
        may_park: bool,
    },
    Cancel {
        job: JobId,
        preconditions: Preconditions,
    },
}

/// Why a desk does not want to wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its time limit has come.
    Limit,
    /// The client has hung up.
    HungUp,
    /// The whole connection has ended: nobody is there to hear a reply.
    Gone,
}

/// What the board replies.
#[derive(Debug)]
pub enum Reply {
    Submitted(View),
    Is(View),
    /// It is as an entity tag says that it was seen,
    NotModified(View),
    /// or as `after` says it.
    NoNews(View),
    /// It is not as it was to be, and nothing was done.
    PreconditionFailed(View),
    Cancelled(View),
    /// It cannot be cancelled any more.
    IsDone(JobId),
    Unknown,
    /// How long it may take until there is room.
    QueueFull(Duration),
    /// It takes in no more jobs; or it has ended, and replies no more.
    Stopping,
    /// Not from the board, but instead of it: its loop had no room for the question.
    Busy,
}

impl Reply {
    /// The job, if nothing is new of it but may yet be: whoever would rather wait can.
    pub(super) fn can_wait(&self) -> Option<&View> {
        match self {
            Reply::NotModified(view) | Reply::NoNews(view) if !view.state.is_final() => Some(view),
            _ => None,
        }
    }
}

/// A job as a client sees it.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub(super) id: JobId,
    pub(super) state: State,
    pub(super) step: u32,
    pub(super) of: u32,
    pub(super) version: u64,
    /// How long it still works, without the time in the queue.
    pub(super) left: Duration,
}

#[derive(Clone, Copy, Debug)]
pub enum State {
    Queued,
    Running,
    Done(Counts),
    Cancelled,
}

impl State {
    /// It changes no more.
    pub(super) fn is_final(self) -> bool {
        matches!(self, State::Done(_) | State::Cancelled)
    }
}

/// The name of a job: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub(super) u64);

impl JobId {
    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    pub(super) fn read(digits: &[u8]) -> Option<JobId> {
        let is_one = digits.len() == 16 && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let digits = str::from_utf8(digits).ok().filter(|_| is_one)?;
        u64::from_str_radix(digits, 16).ok().map(JobId)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_in_one_way_only() {
        for id in [JobId(0), JobId(0xabc), JobId(u64::MAX)] {
            assert_eq!(JobId::read(id.to_string().as_bytes()), Some(id));
        }
        for other in ["", "0", "00000000000000000", "+000000000000001", "000000000000000A", "000000000000000g"] {
            assert_eq!(JobId::read(other.as_bytes()), None, "{other}");
        }
    }
}
