//! HTTP/1.1 (RFC 9112), without a socket.

mod body;
mod connection;
mod date;
mod error;
mod exchange;
mod fields;
mod framing;
mod grammar;
mod handler;
mod head;
mod index;
mod lifecycle;
mod limits;
mod request_line;
mod resource;
pub mod scanner;
mod service;
mod status;
mod target;

pub use body::{Chunk, ChunkedDecoder};
pub use error::{Error, ErrorKind};
pub use fields::{Fields, Spans};
pub use framing::{Facts, Framing, judge};
pub use head::{Head, HeadParser, Version};
pub use index::HeadIndex;
pub use limits::HttpLimits;
pub use target::TargetForm;

pub use connection::Http1;
pub use exchange::{BodyLength, Exchange};
pub use handler::{Handler, NoUpgrade, Trailers};
pub use lifecycle::{FRESH_GRACE, TimeLimits};
pub use service::{Http, HttpService};
