//! What every serving loop needs and none is about: places for connections, and timers.
//!
//! **Invariant:** no system calls, no models and no protocol by name in here.

pub(crate) mod slots;
pub(crate) mod timers;
