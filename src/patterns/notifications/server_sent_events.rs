//! Server-sent events: `GET /stream`.
//!
//! ```text
//!   retry: 2000                                 how long to wait before coming back, in milliseconds
//!   id: 784111777-3
//!   data: {"id":"784111777-3","text":"hello"}
//!                                               an empty line dispatches what stands above it
//!   :                                           a comment: nobody hears it, but the connection is not silent
//!   event: resync
//!   data: {"oldest":"784111777-9"}
//! ```
//!
//! The format is that of the WHATWG HTML standard, section 9.2: lines of UTF-8, fields with a name and a value, an event at each
//! empty line. A browser's `EventSource` does the rest: it comes back by itself when the connection ends, and says the id of the
//! last event it has heard in `Last-Event-ID` (section 9.2.4). The answer then begins behind that one, out of the history.
//!
//! An empty line that has no data above it dispatches nothing (section 9.2.6), but not every client knows that: httpx-sse hears an
//! event without data. So there is none here behind `retry` and behind comments, which need none.
//!
//! A `resync` event has no id, so whoever loses the connection before the next event is told again.
//!
//! What it costs: one answer for as many events as there are, some 40 octets of fields for each, and a connection that is never
//! given back. A browser opens at most six of those to one host over HTTP/1.1, in all of its tabs together.

use std::str;

use bytes::Bytes;

use super::front::Refusal;
use crate::http1::Head;
use crate::patterns::feed::{Cursor, Entry, Wording};

// ANCHOR: wording
pub(super) const MEDIA_TYPE: &str = "text/event-stream";

/// Said first: come back after two seconds.
pub(super) const PROLOGUE: &str = "retry: 2000\n";

pub(super) static WORDING: Wording = Wording {
    event: Entry::event,
    resync: |oldest| Bytes::from(format!("event: resync\ndata: {{\"oldest\":\"{oldest}\"}}\n\n")),
    heartbeat: Some(b":\n"),
};
// ANCHOR_END: wording

const NO_CURSOR: Refusal = Refusal(400, "Last-Event-ID is the id of an event of this feed, like 784111777-3, or 0");

/// The cursor of a client that comes back. It wins over the parameter, which says where it has begun.
pub(super) fn last_event_id(head: &Head<'_>) -> Result<Option<Cursor>, Refusal> {
    match head.field(b"last-event-id").find(|value| !value.is_empty()) {
        Some(value) => match str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(NO_CURSOR),
        },
        None => Ok(None),
    }
}
