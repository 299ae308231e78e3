//! What every serving loop needs and none is about: places for connections, timers, mail, and those who live in a loop.
//!
//! **Invariant:** no system calls, no models and no protocol by name in here.

pub(crate) mod mailroom;
pub(crate) mod post;
pub(crate) mod residents;
pub(crate) mod slots;
pub(crate) mod timers;
