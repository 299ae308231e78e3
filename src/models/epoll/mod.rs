//! The epoll model.

mod file;
mod serve;

use crate::limits::ServeLimits;

/// Readiness: one thread asks epoll(7) who would not make it wait.
#[derive(Clone, Debug, Default)]
pub struct Epoll {
    /// The bounds of a server.
    pub limits: ServeLimits,
}
