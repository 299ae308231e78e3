//! Four ways to wait.
//!
//! A program asks the kernel for something and has to wait. It can wait in the call ([`blocking`](models::blocking)), be told
//! when the call would no longer wait ([`epoll`](models::epoll), readiness), be told when the thing is done
//! ([`uring`](models::uring), completion), or have another thread wait for it ([`pool`](models::pool)). Libraries unify these so
//! that nobody sees the difference; a laboratory does the reverse. What is to be done is written once, without a socket, a clock
//! or a thread. The *waiting* is four loops, written by hand, that stand side by side and answer the same questions.
//!
//! # Two contracts
//!
//! - [`Model`]: how one waits. It reads ranges of a file, and it serves connections.
//! - [`Protocol`]: what is said on one connection. After each event it says what it waits for ([`Interest`]); the models differ in
//!   nothing but how they wait for it.
//!
//! Between the two is [`Connection`], which holds every rule that must be the same on all models.
//!
//! # Reading order
//!
//! 1. [`protocol.rs`](Protocol): the interest, and the table of who waits for it how.
//! 2. [`connection/`](Connection): one connection, whoever waits for it.
//! 3. [`models/blocking`](models::blocking), [`models/epoll`](models::epoll), [`models/uring`](models::uring),
//!    [`models/pool`](models::pool): each `mod.rs` is a picture and seven answers, each `serve.rs` the loop, each `read.rs` the same
//!    for files. Lay them side by side.
//! 4. [`http1`]: a strict request parser (start with its scanner), and HTTP as a protocol.
//! 5. [`websocket`]: the same of WebSocket (start with the table of its life).
//! 6. [`patterns`]: applications, written once.
//!
//! # Rooms
//!
//! | room | never touches |
//! |---|---|
//! | the contract: `protocol`, `context`, `either`, `file_op`, `connection`, `send_queue`, `time`, `limits` and their kin | sockets, threads, clocks, `sys`, `models` |
//! | [`http1`] | the same, and `patterns` |
//! | [`websocket`] | the same; of HTTP it knows the head of a request |
//! | [`patterns`] | `models`, `sys`, clocks, threads |
//! | `driver`: what all loops need and none is about | `sys`, `models`, protocols by name |
//! | `sys`: thin wrappers over kernel calls, every call counted; the only `unsafe` beside two vector scanners | protocols, connections, policy |
//! | [`models`] | protocols by name, `patterns`, and each other |
//! | [`trace`] | protocols by name, `models` |
//!
//! Only examples, benches and tests join a [`Service`] to a [`Model`].

#[cfg(not(target_os = "linux"))]
compile_error!(
    "iolab is about epoll and io_uring, which only Linux has: build it on a Linux machine, in a virtual machine or in WSL 2"
);

mod connection;
mod context;
mod cost;
mod directory;
mod driver;
mod either;
mod file_op;
pub mod http1;
mod identity;
mod lifecycle;
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
mod send_watch;
mod shelf;
mod sys;
mod time;
pub mod trace;
mod unavailable;
pub mod websocket;

pub use connection::{Connection, End, Needs};
pub use context::{Birth, Context, Letter, Mail, Why};
pub use cost::Cost;
pub use directory::Directory;
pub use either::Either;
pub use file_op::{FileDone, FileId, FileOp, FileRequest, FileTicket, OpenMode};
pub use identity::{Common, ConnectionId};
pub use listener::listen;
pub use model::{Model, Shard, Shutdown};
pub use protocol::{Close, Event, Interest, MessageOf, Peer, Protocol, Service};
pub use read_file::{Alignment, ReadFile};
pub use read_workload::{MAX_BLOCK, ReadList, ReadWorkload};
pub use send_queue::{Lent, Segment, SendQueue};
pub use sys::calls::{Call, Calls};
pub use time::{Now, Time};
pub use unavailable::Unavailable;
