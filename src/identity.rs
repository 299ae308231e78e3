//! Who is who: the names of connections, and what all connections of one server have in common.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::ServeLimits;
use crate::time::Now;

/// Names one connection, or one protocol without a socket, of a server. A name is never used again, so what comes late for
/// somebody who has gone reaches nobody else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// Of the 64 bits, the upper 16 say which loop of the server.
const SERIAL_BITS: u32 = 48;

impl ConnectionId {
    /// The one whom the service [founded](crate::Service::founder): everybody knows its name, and nobody else can have it.
    pub const FOUNDER: ConnectionId = ConnectionId(0);

    /// Which of the server's loops it lives in.
    pub(crate) fn shard(self) -> usize {
        (self.0 >> SERIAL_BITS) as usize
    }

    /// Its number within the loop.
    pub(crate) fn number(self) -> u64 {
        self.0 & ((1 << SERIAL_BITS) - 1)
    }

    /// All of it in one number, for who carries names without knowing them.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// What [`bits`](Self::bits) were.
    pub(crate) fn from_bits(bits: u64) -> ConnectionId {
        ConnectionId(bits)
    }

    /// What a thread that works for it is called in a trace.
    pub(crate) fn words(self) -> String {
        let (shard, number) = (self.shard(), self.number());
        match self {
            ConnectionId::FOUNDER => "founder".into(),
            _ => OfLoop { shard, name: format_args!("connection {number}") }.to_string(),
        }
    }
}

/// Loop and number.
impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard(), self.number())
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

/// A name in a trace. Of several loops, those after the first are named too.
pub(crate) struct OfLoop<D> {
    pub(crate) shard: usize,
    pub(crate) name: D,
}

impl<D: fmt::Display> fmt::Display for OfLoop<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shard {
            0 => write!(f, "{}", self.name),
            shard => write!(f, "{}, loop {}", self.name, shard + 1),
        }
    }
}

/// What the connections of one loop have in common.
#[derive(Debug)]
pub struct Common {
    pub(crate) limits: ServeLimits,
    shard: u64,
    seed: u64,
    unix_seconds: Option<u64>,
    next: AtomicU64,
}

impl Common {
    /// For loop number `shard` of a server. All dice of its protocols follow from `seed`.
    pub fn new(shard: u16, limits: ServeLimits, seed: u64) -> Arc<Common> {
        Common::dated(shard, limits, seed, None)
    }

    /// The same, where the time of day stands still if it is given.
    pub(crate) fn dated(shard: u16, limits: ServeLimits, seed: u64, unix_seconds: Option<u64>) -> Arc<Common> {
        Arc::new(Common { limits, shard: u64::from(shard) << SERIAL_BITS, seed, unix_seconds, next: AtomicU64::new(1) })
    }

    /// What the protocols and their service are told of the time: the time of day may stand still.
    pub(crate) fn told(&self, now: Now) -> Now {
        Now { unix_seconds: self.unix_seconds.unwrap_or(now.unix_seconds), ..now }
    }

    /// A name that nobody had.
    pub(crate) fn name(&self) -> ConnectionId {
        ConnectionId(self.shard | self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The first state of the dice of `id`.
    pub(crate) fn dice(&self, id: ConnectionId) -> u64 {
        self.seed ^ id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Throws dice (splitmix64, by Steele, Lea and Flood, 2014): not for secrets.
pub(crate) fn throw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dice_are_never_used_again() {
        let common = Common::new(3, ServeLimits::default(), 7);
        let (one, other) = (common.name(), common.name());
        assert_eq!((one.shard(), one.to_string(), other.to_string()), (3, "3.1".into(), "3.2".into()));
        let (mut mine, mut its) = (common.dice(one), common.dice(other));
        assert_ne!(throw(&mut mine), throw(&mut its));
    }
}
