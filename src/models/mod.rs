//! The four models, side by side.

pub mod blocking;
pub mod epoll;
pub mod pool;
pub mod uring;
