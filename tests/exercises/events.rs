//! Streams, in the simulator.

#[path = "../listeners/mod.rs"]
pub mod listeners;
