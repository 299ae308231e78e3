//! Where a ring's connections come from: an accept that is in flight as long as the server takes newcomers.

use std::io;
use std::net::TcpListener;

use crate::models::accepting::{BACK_OFF, Failure, WHOLE_QUEUE, judge};
use crate::sys::ledger::{Operation, Payload};
use crate::sys::ring::{Completion, Ring};
use crate::sys::ring_features::is_unknown;
use crate::sys::ring_setup::missing;
use crate::sys::socket::{Mode, Socket, accept, set_mode};
use crate::sys::techniques::Technique;
use crate::time::Time;

/// A listener, and the accept that is in flight on it.
pub(super) struct Newcomers {
    /// Gone once nobody is taken in any more.
    listener: Option<TcpListener>,
    multishot: bool,
    accepting: Option<Operation>,
    /// There is no accept before this time. At the limit of descriptors a multishot one ends, and so would the next.
    accept_after: Time,
    is_ending: bool,
    token: u64,
}

impl Newcomers {
    /// `token` is what the completions of its accepts carry.
    pub(super) fn new(listener: TcpListener, multishot: bool, token: u64) -> io::Result<Newcomers> {
        // An accept on a listener that does not block would complete at once with EAGAIN.
        set_mode(&listener, Mode::Blocking)?;
        let accept_after = Time::default();
        Ok(Newcomers { listener: Some(listener), multishot, accepting: None, accept_after, is_ending: false, token })
    }

    /// Whether the listener is closed, and nobody can come any more.
    pub(super) fn are_over(&self) -> bool {
        self.listener.is_none()
    }

    /// Sees to it that there is an accept in flight, unless it is too early for one.
    pub(super) fn keep_accepting(&mut self, ring: &mut Ring, now: Time) -> io::Result<()> {
        if let Some(listener) = &self.listener
            && self.accepting.is_none()
            && self.accept_after <= now
        {
            self.accepting = Some(ring.accept(listener, self.multishot, self.token)?);
        }
        Ok(())
    }

    /// When to accept again.
    pub(super) fn next_wake(&self) -> Option<Time> {
        (self.accepting.is_none() && self.listener.is_some()).then_some(self.accept_after)
    }

    /// An accept has something to say: perhaps that someone has come.
    pub(super) fn hear(&mut self, completion: Completion, now: Time) -> io::Result<Option<Socket>> {
        if !completion.more {
            self.accepting = None;
        }
        let result = completion.result();
        match (completion.payload, result) {
            (Payload::Opened(fd), _) => return Ok(Some(fd.into())),
            (_, Err(error)) if self.multishot && is_unknown(&error) => return Err(missing(Technique::MultishotAccept).into()),
            (_, Err(error)) => match judge(&error) {
                Failure::BackOff => self.accept_after = now + BACK_OFF,
                Failure::Broken if error.raw_os_error() != Some(libc::ECANCELED) => return Err(error),
                _ => {}
            },
            _ => {}
        }
        Ok(None)
    }

    /// Takes the accept back; what it has brought by then is still to be heard.
    pub(super) fn begin_end(&mut self, ring: &mut Ring, token: u64) -> io::Result<()> {
        self.is_ending = true;
        match self.accepting {
            Some(operation) => ring.cancel(operation, token).map(drop),
            None => Ok(()),
        }
    }

    // ANCHOR: last-newcomers
    /// Once the accept has been taken back: those who are in the queue. Closing the listener resets whoever it has not accepted.
    pub(super) fn last(&mut self) -> io::Result<Option<Vec<Socket>>> {
        if !self.is_ending || self.accepting.is_some() {
            return Ok(None);
        }
        let Some(listener) = self.listener.take() else { return Ok(None) };
        set_mode(&listener, Mode::Nonblocking)?;
        let mut last = Vec::new();
        for _ in 0..WHOLE_QUEUE {
            match accept(&listener, Mode::Blocking) {
                Ok(socket) => last.push(socket),
                Err(error) if judge(&error) == Failure::TryNext => {}
                Err(_) => break,
            }
        }
        Ok(Some(last))
    }
    // ANCHOR_END: last-newcomers
}
