//! Mail between the loops of one server: an inbox for each, and one wake-up for all letters that find it empty.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::context::{Letter, Why};
use crate::limits::INBOX_MESSAGES;

/// The inboxes of a server's loops, by number.
pub(crate) struct Post<M> {
    inboxes: Vec<Mutex<Inbox<M>>>,
}

struct Inbox<M> {
    letters: VecDeque<Letter<M>>,
    /// Wakes the loop; before it has begun nobody is there to be woken, and what comes then waits.
    wake: Option<Wake>,
    is_closed: bool,
}

/// Makes a loop look into its inbox; called from any thread.
pub(crate) type Wake = Box<dyn Fn() + Send>;

impl<M> Post<M> {
    pub(crate) fn new(loops: usize) -> Post<M> {
        let inbox = || Mutex::new(Inbox { letters: VecDeque::new(), wake: None, is_closed: false });
        Post { inboxes: (0..loops).map(|_| inbox()).collect() }
    }

    /// From now on loop `shard` is woken when there is something for it.
    pub(crate) fn open(&self, shard: usize, wake: Wake) {
        let mut inbox = self.inbox(shard);
        if !inbox.letters.is_empty() {
            wake();
        }
        inbox.wake = Some(wake);
    }

    /// Hands a letter to the loop of its addressee, or back: it is full, or has ended. A letter that is itself on its way back
    /// is dropped then.
    pub(crate) fn send(&self, letter: Letter<M>) -> Result<(), Option<Letter<M>>> {
        if letter.to.shard() >= self.inboxes.len() {
            return Err(letter.returned(Why::Gone));
        }
        let mut inbox = self.inbox(letter.to.shard());
        if inbox.is_closed {
            return Err(letter.returned(Why::Gone));
        }
        // What comes back was sent from there, and found its place then: it is never too much.
        if letter.returned.is_none() && inbox.letters.len() >= INBOX_MESSAGES {
            return Err(letter.returned(Why::Full));
        }
        inbox.letters.push_back(letter);
        if inbox.letters.len() == 1
            && let Some(wake) = &inbox.wake
        {
            wake();
        }
        Ok(())
    }

    /// All that has come for loop `shard`.
    pub(crate) fn take(&self, shard: usize) -> VecDeque<Letter<M>> {
        std::mem::take(&mut self.inbox(shard).letters)
    }

    /// Loop `shard` has ended: what has come and what comes goes back.
    pub(crate) fn close(&self, shard: usize) {
        let mut inbox = self.inbox(shard);
        (inbox.is_closed, inbox.wake) = (true, None);
        let unread = std::mem::take(&mut inbox.letters);
        drop(inbox);
        for letter in unread {
            if let Some(returned) = letter.returned(Why::Gone) {
                let _ = self.send(returned);
            }
        }
    }

    /// A thread that panicked while it held an inbox has left it whole: every change is one step.
    fn inbox(&self, shard: usize) -> MutexGuard<'_, Inbox<M>> {
        self.inboxes[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::identity::Common;
    use crate::limits::ServeLimits;

    #[test]
    fn many_letters_are_one_wake_up_and_come_in_order() {
        let (here, there) = (Common::new(0, ServeLimits::default(), 0), Common::new(1, ServeLimits::default(), 0));
        let (from, to) = (here.name(), there.name());
        let post = Post::new(2);
        let letter = |message| Letter { from, to, message, returned: None };
        post.send(letter(0)).unwrap();
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        post.open(1, Box::new(move || _ = counter.fetch_add(1, Ordering::Relaxed)));
        (1..10).for_each(|number| post.send(letter(number)).unwrap());
        assert_eq!(wakes.load(Ordering::Relaxed), 1, "what came before it opened");
        assert_eq!(post.take(1).into_iter().map(|letter| letter.message).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        post.send(letter(10)).unwrap();
        assert_eq!(wakes.load(Ordering::Relaxed), 2);

        (1..INBOX_MESSAGES as i32).for_each(|number| post.send(letter(number)).unwrap());
        let full = post.send(letter(0)).unwrap_err().unwrap();
        assert_eq!((full.to, full.from, full.returned), (from, to, Some(Why::Full)));
        let back = Letter { from, to, message: 0, returned: Some(Why::Gone) };
        post.send(back).expect("what comes back has a place");
        post.close(1);
        assert_eq!(post.take(0).len(), INBOX_MESSAGES, "what was unread has gone back");
        let gone = post.send(letter(0)).unwrap_err().unwrap();
        assert_eq!(gone.returned, Some(Why::Gone));
        assert!(post.send(Letter { to, ..gone }).unwrap_err().is_none(), "what cannot go back is dropped");
    }
}
