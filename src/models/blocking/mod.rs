//! The plain way: each connection has a thread, and each call waits.

mod read;
mod serve;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;

use crate::limits::{ServeLimits, THREADED_CONNECTIONS};
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shutdown};

/// The plain way: each connection has a thread, and each call waits.
#[derive(Clone, Copy, Debug)]
pub struct Blocking {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Default for Blocking {
    /// [`THREADED_CONNECTIONS`] at one time: threads are what this model spends, and their number is its limit.
    fn default() -> Self {
        Blocking { limits: ServeLimits { connections: THREADED_CONNECTIONS, ..ServeLimits::default() } }
    }
}

impl Model for Blocking {
    const NAME: &'static str = "blocking";

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve<S: Service>(&self, listener: TcpListener, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
        serve::serve(self, listener, service, shutdown)
    }
}
