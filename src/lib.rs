//! Four ways to wait.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "iolab is about epoll and io_uring, which only Linux has: build it on a Linux machine, in a virtual machine or in WSL 2"
);

mod connection;
mod cost;
mod driver;
pub mod http1;
pub mod limits;
mod listener;
mod model;
pub mod models;
pub mod patterns;
mod protocol;
mod read_file;
mod read_workload;
mod reading;
mod send_queue;
mod sys;
mod time;
mod unavailable;

pub use connection::{Close, Connection, End, Needs};
pub use cost::Cost;
pub use listener::listen;
pub use model::{Model, Shutdown};
pub use protocol::{Context, Event, FileRead, FileTicket, Interest, Peer, Protocol, Service};
pub use read_file::{Alignment, ReadFile};
pub use read_workload::{MAX_BLOCK, ReadList, ReadWorkload};
pub use send_queue::{Lent, Segment, SendQueue};
pub use sys::calls::{Call, Calls};
pub use time::{Now, Time};
pub use unavailable::Unavailable;
