//! Four ways to wait.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "iolab is about epoll and io_uring, which only Linux has: build it on a Linux machine, in a virtual machine or in WSL 2"
);

mod cost;
pub mod http1;
pub mod models;
mod read_file;
mod read_workload;
mod reading;
mod sys;
mod unavailable;

pub use cost::Cost;
pub use read_file::{Alignment, ReadFile};
pub use read_workload::{MAX_BLOCK, ReadList, ReadWorkload};
pub use sys::calls::{Call, Calls};
pub use unavailable::Unavailable;
