//! The four models, side by side.

mod accepting;
pub mod blocking;
pub mod epoll;
pub mod pool;
mod turned_away;
pub mod uring;

pub use blocking::Blocking;
pub use epoll::Epoll;
pub use pool::Pool;
pub use uring::Uring;
