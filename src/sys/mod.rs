//! Thin wrappers over kernel calls, each counted under its name; with the parser's vector scanner the only room for `unsafe`.
//!
//! A wrapper makes one system call, counts it and hands back what the kernel said. It retries nothing and decides nothing:
//! `EINTR`, `EAGAIN` and short counts are the caller's business, because what to do about them is where the models differ.
//!
//! **Invariant:** nothing here knows a protocol, a connection or a policy.
//! **Invariant:** every system call of a running model goes through this room, so that [`crate::Cost`] is complete.

pub(crate) mod aio;
pub(crate) mod beneath;
pub(crate) mod block;
pub(crate) mod buffer_ring;
pub(crate) mod calls;
pub(crate) mod clock;
mod completion;
pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod files;
pub(crate) mod gate;
pub(crate) mod hang_ups;
pub(crate) mod ledger;
mod mapping;
mod opcodes;
pub(crate) mod recorder;
pub(crate) mod ring;
#[cfg(test)]
mod ring_faults_tests;
pub(crate) mod ring_features;
pub(crate) mod ring_setup;
#[cfg(test)]
mod ring_tests;
pub(crate) mod socket;
pub(crate) mod techniques;
