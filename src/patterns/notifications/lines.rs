//! Lines: `GET /lines`.
//!
//! ```text
//!   {"id":"784111777-3","text":"hello"}     an event
//!                                           an empty line: a heartbeat
//!   {"resync":"784111777-9"}                some are gone for ever; this is the oldest there is, or will be
//! ```
//!
//! The plainest stream there is: newline-delimited JSON in chunks, one line for each event. Any client that reads lines can follow
//! it, a shell script or another server; there is no library, and nothing that comes back by itself: the client remembers the id of
//! the last line and asks for what came [after](super::parameters) it.
//!
//! A chunk (RFC 9112 section 7.1) is framing and has no meaning: proxies may join and split them. It is the line that ends an event.

use bytes::Bytes;

use crate::patterns::feed::{Entry, Wording};

pub(super) const MEDIA_TYPE: &str = "application/x-ndjson";

pub(super) static WORDING: Wording = Wording {
    event: Entry::line,
    resync: |oldest| Bytes::from(format!("{{\"resync\":\"{oldest}\"}}\n")),
    heartbeat: Some(b"\n"),
};
