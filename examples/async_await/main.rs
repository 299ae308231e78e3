//! What `async` and `await` write for you: a small executor on a model of your choice, and beside it the same by hand.
//!
//! ```text
//! cargo run --release --example async_await -- --model epoll --listen 127.0.0.1:8080
//! nc 127.0.0.1 8080                                      # in two windows; curl telnet://127.0.0.1:8080 does as well
//! ```
//!
//! Two callers are introduced to each other, and then each hears what the other says ([`conversation`]). With `--by-hand` the
//! state machine answers that is not made by a compiler ([`by_hand`]); nobody can tell.

mod by_hand;
mod channel;
mod combine;
mod conversation;
mod executor;
mod io;
mod manners;
#[path = "../serving/mod.rs"]
mod serving;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use iolab::Time;

use by_hand::{ByHand, Callers};
use executor::Executor;
use manners::Patience;

/// Introduces callers to each other: each says a name, and then hears what the other says.
#[derive(Parser)]
#[command(name = "async_await")]
struct Options {
    #[command(flatten)]
    serving: serving::Options,
    /// With the state machine that is written by hand.
    #[arg(long)]
    by_hand: bool,
    /// How long a caller may take to say a name.
    #[arg(long, default_value = "20s", value_parser = serving::duration)]
    name_within: Duration,
    /// How long a caller waits for another.
    #[arg(long, default_value = "5m", value_parser = serving::duration)]
    wait_for: Duration,
}

fn main() -> ExitCode {
    let Options { serving, by_hand, name_within, wait_for } = Options::parse();
    let patience = Patience { name: name_within, partner: wait_for };
    let hint = "curl telnet://{}, in two windows";
    println!("a conversation is {} octets as a future, {} by hand", size_of_future(patience), size_of::<ByHand>());
    if by_hand {
        let service = Callers::new(patience);
        return serving.run("async_await", hint, &service, "conversation", || service.begun());
    }
    let hall = conversation::Hall::new(patience);
    let service = Executor::new(|peer| conversation::conversation(peer, Arc::clone(&hall)));
    serving.run("async_await", hint, &service, "poll", || service.polls())
}

/// Of what an `async fn` returns, before anybody has polled it.
fn size_of_future(patience: Patience) -> usize {
    size_of_val(&conversation::conversation(io::Peer::new(Time::default()), conversation::Hall::new(patience)))
}
