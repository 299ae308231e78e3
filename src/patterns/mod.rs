//! Applications, each written once: no socket, no clock, no thread, and no idea which model runs it.

mod echo;

pub use echo::{Echo, HELD_OCTETS, LINE};
