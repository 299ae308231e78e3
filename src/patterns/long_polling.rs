//! Long polling: a question whose answer waits until there is something to tell.
//!
//! ```text
// ANCHOR: picture
//!   short   client ── anything new? ──────────> no
//!           client ── anything new? ──────────> no
//!           client ── anything new? ──────────> yes
//!
//!   long    client ── anything new since 7? ──> (parked) ............... ──> 8
//!                                                a deadline, and an entry
//!                                                with whoever knows
// ANCHOR_END: picture
//! ```
//!
//! A short poll is answered at once, and mostly in vain: whoever asks each second hears half a second late on average, and the server
//! answers as many requests as there are clients, though nothing happens. A long poll is *parked*. It is answered when there is news,
//! or at its limit with none, and then the client asks again; news is as fresh as the network, and a request is made for each news
//! and not for each second. Between two polls nobody is connected, so the client says what it has seen (a version, a cursor), and what
//! has come meanwhile is its next answer.
//!
//! [`jobs`](super::jobs) parks polls for a job's next version, [`notifications`](super::notifications) for events.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::protocol::Peer;

/// The longest time for which a poll may be parked: 60 s. Proxies give up on an answer after about as long.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often [`Naive::Recheck`] looks for news.
pub const RECHECK: Duration = Duration::from_secs(1);

// ANCHOR: naive
/// How *not* to wait: bad examples, to be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naive {
    /// As it should be: a parked poll is told, and waits for the news that its
    /// client has hung up.
    #[default]
    None,
    /// A parked poll looks for news each second by itself.
    ///
    /// It is what one writes who has a loop, a `sleep` and a table to look into,
    /// and nobody who could tell. News is half a second late on average, a second
    /// at worst; and each parked client costs a wake-up and two messages a second,
    /// though nothing happens: the cost grows with those who wait and not with what
    /// there is to tell.
    Recheck,
    /// A parked poll waits for octets of its client, [`Peer::Bytes`], instead of
    /// the news that it has gone.
    ///
    /// It is what comes of it by itself where a connection is a thread that reads
    /// requests, one after the other. The client has nothing to say, so whoever
    /// waits for its octets waits for nothing: in the pool that is a worker in
    /// `read(2)` for each parked poll, where a hang-up needs none. The other models
    /// do not mind, which is why it can go unnoticed for long. Requests sent ahead
    /// are read too, into memory instead of being left in the kernel.
    Hold,
}
// ANCHOR_END: naive

impl Naive {
    /// What a parked poll wants of its client.
    pub fn peer(self) -> Peer {
        match self {
            Naive::None | Naive::Recheck => Peer::HangUp,
            Naive::Hold => Peer::Bytes,
        }
    }
}

impl FromStr for Naive {
    type Err = NoNaive;

    fn from_str(name: &str) -> Result<Naive, NoNaive> {
        [Naive::None, Naive::Recheck, Naive::Hold].into_iter().find(|naive| naive.to_string() == name).ok_or(NoNaive)
    }
}

impl fmt::Display for Naive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Naive::None => "none",
            Naive::Recheck => "recheck",
            Naive::Hold => "hold",
        })
    }
}

/// There is no way of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNaive;

impl fmt::Display for NoNaive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("polls wait well (none) or badly (recheck: they look each second; hold: they wait for octets)")
    }
}

impl std::error::Error for NoNaive {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_have_names() {
        for naive in [Naive::None, Naive::Recheck, Naive::Hold] {
            assert_eq!(naive.to_string().parse(), Ok(naive));
        }
        assert_eq!("well".parse::<Naive>(), Err(NoNaive));
    }
}
