//! Readiness: one thread asks epoll(7) who would not make it wait.

mod read;
mod serve;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;

use crate::limits::ServeLimits;
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shutdown};

/// Readiness: one thread asks epoll(7) who would not make it wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epoll {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Model for Epoll {
    const NAME: &'static str = "epoll";

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve<S: Service>(&self, listener: TcpListener, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
        serve::serve(self, listener, service, shutdown)
    }
}
