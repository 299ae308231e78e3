//! What every benchmark of iolab stands on: contestants that take turns under the same load, and what their rounds can tell.
//!
//! - [`session`]: a benchmark from its first row to its last.
//! - [`work`]: what is done, [`measure`]: how it is measured, [`statistics`]: what that says. What the kernel counts
//!   ([`kernel_counts`]) is asked in passes of their own ([`counting`]).
//! - [`load`]: who asks; it knows nobody who answers.
//! - [`listeners`]: who hears of events, in one of several ways; [`child`]: who answers, in a process and on a core ([`cores`]) of its own; [`data_file`]: what is read.
//! - [`reader`], [`serving`]: what those processes have in common.
//! - [`quiet`], [`machine`]: what the figures depend on beside the contestants. [`progress`], [`text`]: what is told
//!   meanwhile, and how figures look. [`interrupt`]: the end before the end.
//!
//! **Invariant:** nothing in here knows iolab or any other contestant.

pub mod child;
pub mod cores;
pub mod counting;
pub mod data_file;
pub mod interrupt;
pub mod kernel_counts;
pub mod listeners;
pub mod load;
pub mod machine;
pub mod measure;
pub mod progress;
pub mod quiet;
pub mod reader;
pub mod serving;
pub mod session;
pub mod statistics;
pub mod text;
pub mod work;
