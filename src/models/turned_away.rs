//! Connections beyond the limit: told so, heard out for a moment, closed.
//!
//! Closing at once would reset the connection when the request arrives after the refusal was sent, and the client would see
//! "connection reset" instead of the reason. So the last few refused sockets are kept for a moment without a place, a protocol
//! or a thread of their own. All models turn away in this one way, because none should spend on it what it has run out of.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Duration;

use crate::limits::LINGER;
use crate::sys::socket::Socket;
use crate::time::Time;

/// The most sockets kept; the oldest makes room for a new one.
const KEPT: usize = 64;

/// How often they are looked at. They are not waited for like the others: nothing depends on them.
const PAUSE: Duration = Duration::from_millis(50);

/// What one of them may say between two looks without being closed for it: nobody floods a server that has refused it.
const SCRAP_OCTETS: usize = 64 << 10;

/// Those that were refused lately.
#[derive(Default)]
pub(super) struct TurnedAway {
    waiting: VecDeque<(Socket, Time)>,
    next_sweep: Time,
    refused: u64,
}

impl TurnedAway {
    // ANCHOR: refuse
    /// Says `refusal` and keeps the socket for a while.
    pub(super) fn refuse(&mut self, socket: Socket, refusal: &[u8], now: Time) {
        self.refused += 1;
        // A fresh socket has room for what is short. For what is not nobody waits, and half of it must not look like all.
        if socket.send_now(&[IoSlice::new(refusal)]).is_ok_and(|count| count < refusal.len()) {
            return socket.reset_on_close();
        }
        socket.finish();
        if self.waiting.len() == KEPT {
            self.waiting.pop_front();
        }
        if self.waiting.is_empty() {
            self.next_sweep = now + PAUSE;
        }
        self.waiting.push_back((socket, now + LINGER));
    }
    // ANCHOR_END: refuse

    /// Closes those whose time is over or whose peer has closed.
    pub(super) fn sweep(&mut self, now: Time) {
        if self.next_sweep <= now && !self.waiting.is_empty() {
            let mut scrap = vec![0; SCRAP_OCTETS];
            self.waiting.retain(|(socket, until)| *until > now && is_worth_keeping(socket, &mut scrap));
            self.next_sweep = now + PAUSE;
        }
    }

    /// When to sweep next, if there is anything to sweep.
    pub(super) fn next_sweep(&self) -> Option<Time> {
        (!self.waiting.is_empty()).then_some(self.next_sweep)
    }

    /// How many were refused altogether.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

/// Reads what has come, once: a socket that is closed with unread octets is reset.
fn is_worth_keeping(socket: &Socket, scrap: &mut [u8]) -> bool {
    match socket.recv_now(scrap) {
        Ok(count) => count > 0 && count < scrap.len(),
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}
