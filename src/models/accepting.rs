//! What a failed accept(2) means: the same on every model, only the waiting differs.

use std::io;
use std::time::Duration;

use crate::limits::LISTEN_BACKLOG;

/// How long a server that has run out of descriptors or memory leaves newcomers in the queue: closing connections must have a
/// chance to free some, and asking again at once would burn a core.
pub(super) const BACK_OFF: Duration = Duration::from_millis(100);

/// As many as a listener's queue can hold, which is one more than it was asked for (listen(2)). A server that stops takes in so many
/// and no more: newcomers who come faster than it accepts would otherwise keep it from stopping.
pub(super) const WHOLE_QUEUE: usize = LISTEN_BACKLOG as usize + 1;

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody is waiting.
    Nobody,
    /// This newcomer has gone, or a signal came; try the next at once.
    TryNext,
    /// This process or the machine has run out of something: try again after [`BACK_OFF`].
    BackOff,
    /// The listener itself is broken.
    Broken,
}

// ANCHOR: judge
/// Judges an error of accept(2) by its manual page, which asks servers to treat pending network errors like "nobody".
pub(super) fn judge(error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Failure::Nobody,
        Some(
            libc::EINTR
            | libc::ECONNABORTED
            | libc::EPROTO
            | libc::ENETDOWN
            | libc::ENOPROTOOPT
            | libc::EHOSTDOWN
            | libc::ENONET
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EPERM,
        ) => Failure::TryNext,
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => Failure::BackOff,
        _ => Failure::Broken,
    }
}
// ANCHOR_END: judge

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_run_out_is_waited_for() {
        let judged = |number| judge(&io::Error::from_raw_os_error(number));
        for exhausted in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert_eq!(judged(exhausted), Failure::BackOff, "{exhausted}");
        }
        for at_once in [libc::ECONNABORTED, libc::EINTR, libc::EPROTO, libc::ENETDOWN, libc::EHOSTUNREACH, libc::EPERM] {
            assert_eq!(judged(at_once), Failure::TryNext, "{at_once}");
        }
        assert_eq!(judged(libc::EAGAIN), Failure::Nobody);
        for broken in [libc::EBADF, libc::EINVAL, libc::ENOTSOCK, libc::EOPNOTSUPP] {
            assert_eq!(judged(broken), Failure::Broken, "{broken}");
        }
    }
}
