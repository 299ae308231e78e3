//! A world with one peer.

use std::io::{self, Read};
use std::time::Duration;

use super::{Ending, World};

use crate::protocol::{Close, Service};

/// A connection to a service, seen from its peer: a [`World`] with nobody else in it but whom the service brings in.
pub struct Conversation<'s, S: Service> {
    world: World<'s, S>,
}

/// The only peer.
const PEER: usize = 0;

impl<'s, S: Service> Conversation<'s, S> {
    /// A new connection to `service`, with the moves of this seed; `None` if it was turned away.
    pub fn seeded(service: &'s S, seed: u64) -> Option<Self> {
        Self::begin(World::in_private(service, Some(seed)))
    }

    /// The same in the fewest moves: every one is as large as it can be, and the first that can be made.
    pub fn whole(service: &'s S) -> Option<Self> {
        Self::begin(World::in_private(service, None))
    }

    fn begin(mut world: World<'s, S>) -> Option<Self> {
        world.connect();
        world.accept_all();
        (world.connections() > 0).then_some(Conversation { world })
    }

    /// The world around it.
    pub fn world(&mut self) -> &mut World<'s, S> {
        &mut self.world
    }

    /// Sends octets on their way.
    pub fn say(&mut self, octets: &[u8]) {
        self.world.say(PEER, octets);
    }

    /// Sends FIN after them.
    pub fn finish(&mut self) {
        self.world.finish(PEER);
    }

    /// Resets the connection: of what is on the way nothing is sure to be heard.
    pub fn reset(&mut self) {
        self.world.reset(PEER);
    }

    /// [Lets time pass](World::pass).
    pub fn pass(&mut self, span: Duration) {
        self.world.pass(span);
    }

    /// [Waits until there is something to read](World::wait), and no longer than this.
    pub fn wait(&mut self, span: Duration) -> bool {
        self.world.wait(PEER, span)
    }

    /// [Stops the server](World::stop).
    pub fn stop(&mut self, drain: Duration) {
        self.world.stop(drain);
    }

    /// How the peer sees the connection end, once it does. What it has not read yet came before.
    pub fn ending(&self) -> Option<Ending> {
        self.world.ending(PEER)
    }

    /// Why the connection was closed, once it was. After [its end](Self::ending) it may have listened for a while yet.
    pub fn close(&self) -> Option<Close> {
        self.world.close(PEER)
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> Duration {
        self.world.elapsed()
    }

    /// The most output there was at one time that the kernel had not taken, in octets.
    pub fn most_unsent(&self) -> usize {
        self.world.most_unsent()
    }

    /// The most input there was at one time that the protocol had heard of and not consumed, in octets.
    pub fn most_unconsumed(&self) -> usize {
        self.world.most_unconsumed()
    }

    /// The moves so far, one a line, with the time in seconds.
    pub fn story(&self) -> String {
        self.world.story()
    }

    /// [Holds what has happened against the rules](World::check).
    pub fn check(&mut self) -> Result<(), String> {
        self.world.check()
    }
}

/// [`World::read`].
impl<S: Service> Read for Conversation<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.world.read(PEER, buffer)
    }
}
