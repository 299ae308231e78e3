//! The uring model.

mod read;

use std::io;
use std::num::NonZeroUsize;

use crate::{Cost, ReadFile, ReadWorkload};

pub use read::ReadOptions;

pub use crate::sys::ring_features::Feature;

/// The io_uring model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uring {
    /// How it reads files.
    pub reads: ReadOptions,
}

impl Uring {
    /// Reads every range of the workload, at most `in_flight` at once.
    pub fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(&self.reads, file, in_flight, workload)
    }
}

/// Which techniques of io_uring work here, each found by trying it.
///
/// # Errors
/// An [`Unavailable`](crate::Unavailable) if io_uring is not to be had at all.
pub fn features() -> io::Result<Vec<Feature>> {
    crate::sys::ring_features::features()
}
