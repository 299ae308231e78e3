//! A thread per blocking call: one thread decides, others wait for it.

mod read;
mod serve;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;

use crate::limits::{ServeLimits, THREADED_CONNECTIONS};
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shutdown};

/// A thread per blocking call: one thread decides, others wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Default for Pool {
    /// [`THREADED_CONNECTIONS`] at one time: threads are what this model spends, and their number is its limit.
    fn default() -> Self {
        Pool { limits: ServeLimits { connections: THREADED_CONNECTIONS, ..ServeLimits::default() } }
    }
}

impl Model for Pool {
    const NAME: &'static str = "pool";

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve<S: Service>(&self, listener: TcpListener, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
        serve::serve(self, listener, service, shutdown)
    }
}
