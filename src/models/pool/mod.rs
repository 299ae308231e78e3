//! The pool model.

mod read;

use std::io;
use std::num::NonZeroUsize;

use crate::{Cost, ReadFile, ReadWorkload};

/// The pool model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pool;

impl Pool {
    /// Reads every range of the workload, at most `in_flight` at once.
    pub fn read_ranges(&self, file: &ReadFile, in_flight: NonZeroUsize, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        read::read_ranges(file, in_flight, workload)
    }
}
