//! Futures made of futures.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::io::Peer;

/// One of two answers.
pub enum Either<A, B> {
    Left(A),
    Right(B),
}

// ANCHOR: select
/// Waits for both, until one of them is there. The other is dropped where it stands.
pub async fn select<A: Future, B: Future>(one: A, other: B) -> Either<A::Output, B::Output> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Either::Left(answer)),
        Poll::Pending => other.as_mut().poll(cx).map(Either::Right),
    })
    .await
}

/// `None` if it takes longer than `span`.
pub async fn timeout<F: Future>(peer: &Peer, span: Duration, future: F) -> Option<F::Output> {
    match select(future, peer.sleep(span)).await {
        Either::Left(answer) => Some(answer),
        Either::Right(()) => None,
    }
}
// ANCHOR_END: select
