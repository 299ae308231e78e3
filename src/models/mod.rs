//! The four models, side by side.
//!
//! Each is a folder of the same three files: `mod.rs` (the picture, seven answers, the options), `serve.rs` (the loop that serves
//! connections) and `read.rs` (the loop that reads a file), and of what only that model needs. One request on each, where the dots
//! are the wait:
//!
//! ```text
// ANCHOR: four
//!   blocking   a thread for each connection    recv ......... octets ──> protocol ──> send ──> recv .........
//!
//!   epoll      one thread for all              epoll_wait ... ready ──> recv ──> protocol ──> send ──> the next who is ready
//!
//!   io_uring   one thread for all              io_uring_enter ... done ──> protocol ──> a send for the queue ──> the next
//!              the kernel                      recv ......... octets ──┘                └──> send, recv .........
//!
//!   pool       one thread decides for all      channel ...... report ──> protocol ──> a job for a worker ──> the next report
//!              a thread for each call          recv ......... octets ──┘               └──> send ──> a report
// ANCHOR_END: four
//! ```
//!
//! What they share stands beside them and is no loop. So does the fifth row of the tables, [`simulated`], which is no model but
//! plays one to a test.
//!
//! **Invariant:** no model knows another, or a protocol by name.

mod accepting;
mod any;
pub mod blocking;
pub mod epoll;
mod file_work;
pub mod pool;
pub mod simulated;
mod turned_away;
pub mod uring;

pub use any::{AnyModel, UnknownModel};
pub use blocking::Blocking;
pub use epoll::Epoll;
pub use pool::Pool;
pub use uring::Uring;
