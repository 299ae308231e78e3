//! Completions: the kernel is asked to do it, and says when it is done.

mod read;
mod serve;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;

use crate::limits::ServeLimits;
use crate::{Cost, Model, ReadFile, ReadWorkload, Service, Shutdown};

pub use read::ReadOptions;

pub use crate::sys::ring_features::Feature;

/// Completions: the kernel is asked to do it, and says when it is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uring {
    /// The bounds of a server.
    pub limits: ServeLimits,
    /// How it reads files.
    pub reads: ReadOptions,
    /// How a server receives.
    pub receives: ReceiveOptions,
}

/// The buffers a server provides for what its peers say. They are shared by all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// How many; a power of two, at most 32,768.
    pub buffers: u16,
    /// How large each is.
    pub buffer_octets: u32,
}

impl Default for ReceiveOptions {
    /// 256 of 16 KiB. The kernel gives memory only to the pages that are touched.
    fn default() -> Self {
        ReceiveOptions { buffers: 256, buffer_octets: 16 << 10 }
    }
}

impl Model for Uring {
    const NAME: &'static str = "uring";

    fn available(&self) -> io::Result<()> {
        serve::ring(&self.receives).map(drop)
    }

    fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(&self.reads, file, in_flight, workload)
    }

    fn serve<S: Service>(&self, listener: TcpListener, service: &S, shutdown: &Shutdown) -> io::Result<Cost> {
        serve::serve(self, listener, service, shutdown)
    }
}

/// Which techniques of io_uring work here, each found by trying it.
///
/// # Errors
/// An [`Unavailable`](crate::Unavailable) if io_uring is not to be had at all.
pub fn features() -> io::Result<Vec<Feature>> {
    crate::sys::ring_features::features()
}
