//! What the fuzz targets do with an input, one function each. `cargo fuzz` calls them through `fuzz_targets`, and
//! `tests/fuzz_seeds.rs` includes this file to call them with every committed seed.
//!
//! A target panics where a promise is broken, and returns otherwise.

mod chunked;
mod connection;
mod head;
#[path = "../../tests/http1_support/mod.rs"]
mod http1_support;
mod input;
mod peer;
mod plain;
mod scanner;
mod websocket;
mod websocket_plain;
#[path = "../../tests/websocket_support/mod.rs"]
mod websocket_support;

pub use chunked::chunked;
pub use connection::connection;
pub use head::{fields, head, target};
pub use scanner::scanner;
pub use websocket::websocket;

/// What a fuzzer calls with one input after another.
pub type Target = fn(&[u8]);

/// All of them, with the names they have in `fuzz_targets` and `seeds`.
pub const TARGETS: &[(&str, Target)] = &[
    ("scanner", scanner),
    ("head", head),
    ("target", target),
    ("fields", fields),
    ("chunked", chunked),
    ("connection", connection),
    ("websocket", websocket),
];
