//! WebSocket (RFC 6455), without a socket.
//!
//! A browser asks for it in HTTP, and from the answer 101 on both sides send frames over the same connection whenever they like.
//!
//! ```text
//! Head ── accept() ─> Accepted: the fields of the 101                                handshake.rs
//!
//! octets ─> FrameHeader::parse ─> unmask ─> the message so far ─> Utf8 ─> Conversation::text, binary
//!            frame.rs             mask.rs   message.rs            utf8.rs   conversation.rs
//! octets <─ text_frame, binary_frame, Socket::text, binary, ping, close
//! ```
//!
//! [`WebSocket`] is the [`Protocol`](crate::Protocol) that does this, for a [`Conversation`], which is the application. What is
//! done when is the table in [`lifecycle`]. Pings are answered, fragments put together, closes closed; what RFC 6455 forbids ends
//! the connection with the code it asks for and a reason that a person can read ([`ErrorKind`]).
//!
//! No extension and no subprotocol is negotiated, so the reserved bits of a frame are always zero, and no message is compressed.

mod close;
mod connection;
mod conversation;
mod error;
mod frame;
mod handshake;
mod keepalive;
pub mod lifecycle;
mod limits;
mod mask;
mod message;
mod utf8;

pub use close::{close_code, may_be_sent};
pub use connection::WebSocket;
pub use conversation::{Conversation, Socket};
pub use error::ErrorKind;
pub use frame::{CONTROL_OCTETS, FrameHeader, Opcode, binary_frame, text_frame};
pub use handshake::{Accepted, Refusal, accept};
pub use limits::{SILENT_SPANS, WebSocketLimits};
pub use mask::unmask;
pub use utf8::{NotUtf8, Utf8};
