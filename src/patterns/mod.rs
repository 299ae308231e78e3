//! Applications, each written once: no socket, no clock, no thread, and no idea which model runs it.
//!
//! | pattern | who waits for what | where |
//! |---|---|---|
//! | request and response | the client, for the answer | [`echo`](Echo) |
//! | relay | each side, for room on the other | [`relay`] |
//! | asynchronous processing | nobody: the answer is 202, and the work goes on | [`jobs`] |
//! | short polling | the client, between two questions | [`jobs`], [`notifications`] |
//! | long polling | a parked request, for something to tell | [`long_polling`], [`jobs`], [`notifications`] |
//! | server-sent events, a stream of lines | an answer without end, for the next event | [`notifications`] |
//! | push | both sides, for each other | [`notifications`], [`chat`] |
//! | publish and subscribe, within one server | the hub, for what is published | [`feed`] |
//!
//! Those that have to say something later are made of the same two kinds of protocols: one with a peer, which speaks HTTP or
//! WebSocket and waits with an [`Interest`](crate::Interest) in messages; and one without, the service's
//! [founder](crate::Service::founder), which knows who waits for what. They tell each other messages, and share nothing else but
//! counters.

pub mod chat;
mod decimal;
mod echo;
pub mod feed;
pub mod jobs;
mod json;
pub mod long_polling;
pub mod notifications;
mod origin;
pub mod relay;
mod returned;

pub use chat::{Chat, ChatSettings};
pub use echo::{Echo, HELD_OCTETS, LINE};
pub use jobs::Jobs;
pub use notifications::Notifications;
pub use relay::Relay;
