//! How other threads wake a loop that sits in its ring: an eventfd, and a poll that is in flight on it.

use std::io;
use std::sync::Arc;

use crate::sys::eventfd::EventFd;
use crate::sys::ring::{Completion, Ring};
use crate::sys::ring_features::is_unknown;
use crate::sys::ring_setup::missing;
use crate::sys::techniques::Technique;

/// Rings whenever something was left for the loop.
pub(super) struct Bell {
    event: Arc<EventFd>,
    multishot: bool,
    token: u64,
}

impl Bell {
    /// `token` is what the completions of its polls carry.
    pub(super) fn new(ring: &mut Ring, multishot: bool, token: u64) -> io::Result<Bell> {
        let bell = Bell { event: Arc::new(EventFd::new()?), multishot, token };
        bell.listen(ring)?;
        Ok(bell)
    }

    /// What rings it, from any thread.
    pub(super) fn rope(&self) -> Box<dyn Fn() + Send + Sync> {
        let event = Arc::clone(&self.event);
        Box::new(move || event.signal())
    }

    /// It has rung. What was left before is there to be collected.
    pub(super) fn hear(&self, ring: &mut Ring, completion: &Completion) -> io::Result<()> {
        match completion.result() {
            Err(error) if self.multishot && is_unknown(&error) => Err(missing(Technique::MultishotPoll).into()),
            _ if completion.more => Ok(()),
            // A poll that begins asks whether it is readable, and not whether it is so anew.
            _ => {
                self.event.clear();
                self.listen(ring)
            }
        }
    }

    fn listen(&self, ring: &mut Ring) -> io::Result<()> {
        ring.poll(&*self.event, libc::POLLIN as u32, self.multishot, self.token).map(drop)
    }
}
