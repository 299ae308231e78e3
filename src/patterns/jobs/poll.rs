//! A poll that may wait: until when, and how.

use std::time::Duration;

use super::Naive;
use super::note::{JobId, Reply};
use super::seen::Seen;
use crate::protocol::{Interest, Peer};
use crate::time::Time;

/// How often [`Naive::Recheck`] looks.
pub const RECHECK: Duration = Duration::from_secs(1);

/// How a desk waits for something new of a job.
pub(super) struct Poll {
    pub(super) job: JobId,
    pub(super) seen: Seen,
    /// When it is answered whatever there is. `None` once that was demanded: the reply is on its way.
    pub(super) until: Option<Time>,
    pub(super) way: Way,
}

/// Who finds out that something is new.
pub(super) enum Way {
    /// The board tells. It may be asked for octets of the client all the same.
    Told { holds: bool },
    /// It looks again and again; in between it keeps the last reply until the next look.
    Looking { last: Option<(Reply, Time)>, is_counted: bool },
}

impl Poll {
    pub(super) fn new(job: JobId, seen: Seen, until: Time, naive: Naive) -> Poll {
        let way = match naive {
            Naive::None => Way::Told { holds: false },
            Naive::Hold => Way::Told { holds: true },
            Naive::Recheck => Way::Looking { last: None, is_counted: false },
        };
        Poll { job, seen, until: Some(until), way }
    }

    /// The client's end is news as long as nothing was demanded.
    pub(super) fn interest(&self) -> Interest {
        let peer = match (self.until, &self.way) {
            (None, _) => Peer::Ignore,
            (Some(_), Way::Told { holds: true }) => Peer::Bytes,
            (Some(_), _) => Peer::HangUp,
        };
        let deadline = match &self.way {
            Way::Told { .. } => self.until,
            Way::Looking { last, .. } => last.as_ref().map(|(_, next)| self.until.map_or(*next, |until| until.min(*next))),
        };
        Interest { peer, messages: true, deadline, ..Interest::default() }
    }
}
