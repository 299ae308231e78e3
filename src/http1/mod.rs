//! HTTP/1.1 (RFC 9112), without a socket.

mod body;
mod error;
mod fields;
mod framing;
mod head;
mod limits;
pub mod scanner;
mod target;

pub use body::{Chunk, ChunkedDecoder};
pub use error::{Error, ErrorKind};
pub use fields::Fields;
pub use framing::Framing;
pub use head::{Head, HeadParser, Version};
pub use limits::HttpLimits;
pub use target::TargetForm;
