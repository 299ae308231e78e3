//! The four models, side by side.

mod accepting;
pub mod blocking;
pub mod epoll;
pub mod pool;
mod turned_away;
pub mod uring;
