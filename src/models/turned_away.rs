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

/// Those that were refused lately.
#[derive(Default)]
pub(super) struct TurnedAway {
    waiting: VecDeque<(Socket, Time)>,
    refused: u64,
}

impl TurnedAway {
    /// Says `refusal` and keeps the socket for a while.
    pub(super) fn refuse(&mut self, socket: Socket, refusal: &[u8], now: Time) {
        self.refused += 1;
        // The socket is fresh: its buffer has room, unless the peer has gone already.
        let _ = socket.send(&[IoSlice::new(refusal)]);
        socket.finish();
        if self.waiting.len() == KEPT {
            self.waiting.pop_front();
        }
        self.waiting.push_back((socket, now + LINGER));
    }

    /// Closes those whose time is over or whose peer has closed.
    pub(super) fn sweep(&mut self, now: Time) {
        if !self.waiting.is_empty() {
            self.waiting.retain(|(socket, until)| *until > now && is_open(socket));
        }
    }

    /// When to sweep next, if there is anything to sweep.
    pub(super) fn next_sweep(&self, now: Time) -> Option<Time> {
        (!self.waiting.is_empty()).then(|| now + Duration::from_millis(50))
    }

    /// How many were refused altogether.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

fn is_open(socket: &Socket) -> bool {
    let mut scrap = [0; 4096];
    loop {
        match socket.recv_now(&mut scrap) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}
