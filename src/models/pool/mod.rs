//! A thread per blocking call: one thread decides, others wait for it.

mod read;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;

use crate::limits::ServeLimits;
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shutdown};

/// A thread per blocking call: one thread decides, others wait for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pool {
    /// The bounds of a server.
    pub limits: ServeLimits,
}

impl Model for Pool {
    const NAME: &'static str = "pool";

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }

    fn serve<S: Service>(&self, _listener: TcpListener, _service: &S, _shutdown: &Shutdown) -> io::Result<Cost> {
        Err(io::Error::other("not built yet"))
    }
}
