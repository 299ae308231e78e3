//! What there is to be seen of a world: ends, figures, and its story.

use std::fmt::Write as _;
use std::time::Duration;

use super::moves::{Move, Who};
use super::{Disk, Ending, START, World};

use crate::identity::ConnectionId;
use crate::protocol::{Close, Service};

impl<S: Service> World<'_, S> {
    /// How `peer` sees its connection end, once it does. What it has not read yet came before.
    pub fn ending(&self, peer: usize) -> Option<Ending> {
        self.peers[peer].ending
    }

    /// Why its connection was closed, once it was. After [its end](Self::ending) it may have been listened to for a while yet.
    pub fn close(&self, peer: usize) -> Option<Close> {
        self.peers[peer].close
    }

    /// All that have ended, in the order of their ends.
    pub fn closes(&self) -> &[(ConnectionId, Close)] {
        &self.closes
    }

    /// How many connections, and protocols without one, are alive.
    pub fn connections(&self) -> usize {
        self.residents.len()
    }

    /// The disk as it is, synced or not.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> Duration {
        self.now.at.after(START.at)
    }

    /// The most output of one connection there was at one time that the kernel had not taken, in octets.
    pub fn most_unsent(&self) -> usize {
        self.most_unsent
    }

    /// The most input there was at one time that one protocol had heard of and not consumed, in octets.
    pub fn most_unconsumed(&self) -> usize {
        self.most_unconsumed
    }

    /// How many moves were made.
    pub fn moves(&self) -> usize {
        self.story.len()
    }

    /// The moves so far, one a line, with the time in seconds.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for (time, who, made) in &self.story {
            let seconds = time.after(START.at).as_secs_f64();
            let _ = writeln!(story, "{seconds:14.9} s  {who}: {made}");
        }
        story
    }

    pub(super) fn note(&mut self, who: Who, made: Move) {
        self.story.push((self.now.at, who, made));
    }
}
