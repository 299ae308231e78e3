//! Messages that came back because as much mail waited as may ([`Why::Full`](crate::context::Why)), kept to be told again.
//!
//! A full inbox is a moment and no end: the one for whom the message was lives, and its loop is behind. So it is told again a little
//! later, and for as long as it takes. Two things are left to whoever keeps them: **a bound**, for one who is told things faster
//! than it hears them is told them for ever; and **the order**, for what was told meanwhile may be heard before what is told again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::identity::ConnectionId;
use crate::limits::INBOX_MESSAGES;
use crate::time::Time;

/// How soon they are told again.
const AGAIN: Duration = Duration::from_millis(10);

/// How many at most are told again at once: some of them fit where all would come back.
const AT_ONCE: usize = INBOX_MESSAGES / 4;

/// Messages that came back, in the order in which they did.
pub(super) struct Returned<M> {
    letters: VecDeque<(ConnectionId, M)>,
    again: Option<Time>,
}

impl<M> Returned<M> {
    pub(super) fn new() -> Returned<M> {
        Returned { letters: VecDeque::new(), again: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// When some are due, for the interest of whoever keeps them.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.again
    }

    pub(super) fn keep(&mut self, to: ConnectionId, message: M, now: Time) {
        self.letters.push_back((to, message));
        self.again.get_or_insert(now + AGAIN);
    }

    /// Those that are due, and no longer kept; those that come back are to be kept anew.
    pub(super) fn due(&mut self, now: Time) -> Vec<(ConnectionId, M)> {
        if self.again.is_none_or(|again| again > now) {
            return Vec::new();
        }
        let due = self.letters.drain(..self.letters.len().min(AT_ONCE)).collect();
        self.again = (!self.letters.is_empty()).then_some(now + AGAIN);
        due
    }

    /// Gives up those of which this is not so.
    pub(super) fn retain(&mut self, mut is_of_use: impl FnMut(&M) -> bool) {
        self.letters.retain(|(_, message)| is_of_use(message));
        self.again = self.again.filter(|_| !self.letters.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: ConnectionId = ConnectionId::FOUNDER;

    #[test]
    fn they_are_due_a_little_later_and_not_all_at_once() {
        let mut returned = Returned::new();
        let begin = Time::default();
        assert_eq!((returned.deadline(), returned.due(begin)), (None, vec![]));
        (0..AT_ONCE + 2).for_each(|number| returned.keep(TO, number, begin));
        let due = returned.deadline().unwrap();
        assert!(due > begin && returned.due(begin).is_empty());
        let first = returned.due(due);
        assert_eq!((first.len(), first[1]), (AT_ONCE, (TO, 1)));
        let later = returned.deadline().unwrap();
        assert!(later > due, "a deadline that has come is not named again");
        assert_eq!(returned.due(later), [(TO, AT_ONCE), (TO, AT_ONCE + 1)]);
        assert!(returned.is_empty() && returned.deadline().is_none());
    }

    #[test]
    fn nothing_is_due_once_all_is_given_up() {
        let mut returned = Returned::new();
        (0..4).for_each(|number| returned.keep(TO, number, Time::default()));
        returned.retain(|number| *number == 2);
        let due = returned.deadline().unwrap();
        returned.retain(|_| false);
        assert_eq!((returned.deadline(), returned.due(due)), (None, vec![]));
    }
}
