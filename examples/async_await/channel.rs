//! From one task to another.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

struct Channel<T> {
    waiting: VecDeque<T>,
    receiver: Option<Waker>,
    is_closed: bool,
}

/// One end. Dropping it closes the channel.
struct End<T>(Arc<Mutex<Channel<T>>>);

pub struct Sender<T>(End<T>);

pub struct Receiver<T>(End<T>);

/// A way for words, in order. There is no bound to how many wait.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Channel { waiting: VecDeque::new(), receiver: None, is_closed: false };
    let channel = Arc::new(Mutex::new(channel));
    (Sender(End(Arc::clone(&channel))), Receiver(End(channel)))
}

// ANCHOR: channel
impl<T> Sender<T> {
    /// Gives it back if nobody will receive it.
    pub fn send(&self, word: T) -> Result<(), T> {
        let mut channel = self.0.lock();
        if channel.is_closed {
            return Err(word);
        }
        channel.waiting.push_back(word);
        channel.receiver.take().into_iter().for_each(Waker::wake);
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// The next word; `None` if there will be none.
    pub async fn receive(&mut self) -> Option<T> {
        poll_fn(|cx| {
            let mut channel = self.0.lock();
            match channel.waiting.pop_front() {
                None if !channel.is_closed => {
                    channel.receiver = Some(cx.waker().clone());
                    Poll::Pending
                }
                word => Poll::Ready(word),
            }
        })
        .await
    }
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        let mut channel = self.lock();
        channel.is_closed = true;
        channel.receiver.take().into_iter().for_each(Waker::wake);
    }
}
// ANCHOR_END: channel

impl<T> End<T> {
    fn lock(&self) -> MutexGuard<'_, Channel<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
