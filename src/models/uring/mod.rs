//! Completions: the kernel is asked to do it, and says when it is done.

mod read;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;

use crate::limits::ServeLimits;
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shutdown};

pub use read::ReadOptions;

/// Completions: the kernel is asked to do it, and says when it is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uring {
    /// The bounds of a server.
    pub limits: ServeLimits,
    /// How it reads files.
    pub reads: ReadOptions,
}

impl Model for Uring {
    const NAME: &'static str = "uring";

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(&self.reads, file, in_flight, workload)
    }

    fn serve<S: Service>(&self, _listener: TcpListener, _service: &S, _shutdown: &Shutdown) -> io::Result<Cost> {
        Err(io::Error::other("not built yet"))
    }
}
