//! What the benchmarks have measured, kept: as data, as a page, and beside another run.
//!
//! - [`schema`]: the shape of `target/iolab/BENCH.json` and of what `--json` prints. [`record`] fills it from what
//!   the harness has measured, [`file`](mod@file) writes and reads it.
//! - [`keep`]: what a benchmark does at its end. [`join`]: rows that were measured again, in the report that was kept.
//! - [`advice`]: which model to take for which workload, by the rows that speak for it. [`compare`]: one run over another;
//!   [`CompareOption`] asks for it on a command line.
//! - [`page`]: `target/iolab/report.html`, made of all that is kept.
//!
//! **Invariant:** advice, comparison and page are functions of reports, and of nothing else: no clock, no machine, no file.

pub mod advice;
pub mod compare;
mod compare_option;
pub mod file;
pub mod join;
pub mod keep;
pub mod page;
pub mod record;
pub mod schema;

pub use compare_option::CompareOption;
pub use keep::{Ending, again};
pub use record::{About, Compared};
pub use schema::Report;
