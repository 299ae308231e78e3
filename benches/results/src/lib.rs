//! What the benchmarks have measured, kept: as data, as a page, and beside another run.
//!
//! - [`schema`]: the shape of `target/iolab/BENCH.json` and of what `--json` prints. [`record`] fills it from what
//!   the harness has measured, [`file`](mod@file) writes and reads it.
//! - [`keep`]: what a benchmark does at its end.
//! - [`advice`]: which model to take for which workload, by the rows that speak for it. [`compare`]: one run over another.
//! - [`page`]: `target/iolab/report.html`, made of all that is kept.
//!
//! **Invariant:** advice, comparison and page are functions of reports, and of nothing else: no clock, no machine, no file.

pub mod advice;
pub mod compare;
pub mod file;
pub mod keep;
pub mod page;
pub mod record;
pub mod schema;

pub use keep::Ending;
pub use record::{About, Compared};
pub use schema::Report;
