//! Applications, each written once: no socket, no clock, no thread, and no idea which model runs it.

pub mod chat;
mod echo;
pub mod feed;
pub mod jobs;
mod json;
pub mod notifications;
pub mod relay;

pub use chat::{Chat, ChatSettings};
pub use echo::{Echo, HELD_OCTETS, LINE};
pub use jobs::Jobs;
pub use notifications::Notifications;
pub use relay::Relay;
