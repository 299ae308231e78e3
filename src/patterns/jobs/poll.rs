//! A poll that may wait: until when, and who finds out that something is new.

use std::sync::Arc;
use std::time::Duration;

use super::Naive;
use super::figures::{Figures, Parked};
use super::note::{Ask, JobId, Reason, Reply, View};
use super::preconditions::Preconditions;
use crate::patterns::long_polling::RECHECK;
use crate::protocol::{Interest, Peer};
use crate::time::Time;

/// How long until it says once more what the board's loop had no room for.
const RETRY: Duration = Duration::from_millis(100);

/// How a desk waits for something new of a job.
pub(super) struct Poll {
    job: JobId,
    /// When it is answered whatever there is. `None` once that was demanded: the reply is on its way.
    until: Option<Time>,
    way: Way,
}

enum Way {
    /// The board tells. In the bad example it waits for octets of its client all the same.
    Told { holds: bool },
    /// It looks again and again.
    Looking(Looking),
}

struct Looking {
    preconditions: Preconditions,
    /// That nothing was new, and when to look again. `None` while it looks.
    last: Option<(Reply, Time)>,
    parked: Option<Parked>,
    figures: Arc<Figures>,
}

/// What the desk is to do.
pub(super) enum Then {
    Wait,
    Answer(Reply),
    /// Ask the board,
    Ask(Ask),
    /// or tell it that it is enough.
    Enough(JobId, Reason),
}

impl Poll {
    /// The poll, and what it asks first.
    pub(super) fn begin(
        job: JobId,
        preconditions: Preconditions,
        until: Time,
        naive: Naive,
        figures: &Arc<Figures>,
    ) -> (Poll, Ask) {
        let ask = Ask::Look { job, preconditions: preconditions.clone(), may_park: naive != Naive::Recheck };
        let way = match naive {
            Naive::None => Way::Told { holds: false },
            Naive::Hold => Way::Told { holds: true },
            Naive::Recheck => Way::Looking(Looking { preconditions, last: None, parked: None, figures: Arc::clone(figures) }),
        };
        (Poll { job, until: Some(until), way }, ask)
    }

    // ANCHOR: interest
    /// The client's end is news as long as nothing was demanded.
    pub(super) fn interest(&self) -> Interest {
        let peer = match (self.until, &self.way) {
            (None, _) => Peer::Ignore,
            (Some(_), Way::Told { holds: true }) => Peer::Bytes,
            (Some(_), _) => Peer::HangUp,
        };
        let deadline = match (&self.way, self.until) {
            (Way::Told { .. }, until) => until,
            (Way::Looking(Looking { last: Some((_, next)), .. }), Some(until)) => Some(until.min(*next)),
            (Way::Looking(_), _) => None,
        };
        Interest { peer, messages: true, deadline, ..Interest::default() }
    }
    // ANCHOR_END: interest

    /// Its deadline has come: the limit, or the time to look again.
    pub(super) fn deadline(&mut self, now: Time) -> Then {
        match &mut self.way {
            Way::Looking(looking) if self.until.is_some_and(|until| now < until) => {
                looking.last = None;
                Then::Ask(Ask::Look { job: self.job, preconditions: looking.preconditions.clone(), may_park: false })
            }
            _ => self.enough(Reason::Limit),
        }
    }

    /// The answer shall come now, whatever it is. The board lets go, and replies; who looks for itself has a reply already, or it
    /// is on its way.
    pub(super) fn enough(&mut self, reason: Reason) -> Then {
        let is_first = self.until.take().is_some();
        match &mut self.way {
            _ if !is_first && reason != Reason::Gone => Then::Wait,
            Way::Told { .. } => Then::Enough(self.job, reason),
            Way::Looking(looking) => {
                if is_first && looking.parked.is_some() && reason != Reason::Limit {
                    looking.figures.forget();
                }
                looking.last.take().map_or(Then::Wait, |(reply, _)| Then::Answer(reply))
            }
        }
    }

    /// The board has replied, which to who looks for itself may be that nothing is new yet.
    pub(super) fn replied(&mut self, reply: Reply, now: Time) -> Then {
        let Some(&View { version, .. }) = reply.can_wait() else { return Then::Answer(reply) };
        match (&mut self.way, self.until) {
            (Way::Looking(looking), Some(until)) if now < until => {
                looking.preconditions.settle(version);
                looking.last = Some((reply, now + RECHECK));
                looking.parked.get_or_insert_with(|| Parked::new(&looking.figures));
                Then::Wait
            }
            _ => Then::Answer(reply),
        }
    }

    /// The board could not be told that it is enough.
    pub(super) fn not_told(&mut self, now: Time) {
        self.until = Some(now + RETRY);
    }
}
