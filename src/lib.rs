//! Four ways to wait.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "iolab is about epoll and io_uring, which only Linux has: build it on a Linux machine, in a virtual machine or in WSL 2"
);

pub mod http1;
