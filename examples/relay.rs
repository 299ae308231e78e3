//! A TCP relay on a model of your choice: whoever connects to it is connected to somewhere else.
//!
//! ```text
//! cargo run --release --example echo -- --model epoll --listen 127.0.0.1:8080 &
//! cargo run --release --example relay -- --model epoll --listen 127.0.0.1:9090 --to 127.0.0.1:8080
//! curl -d hello http://127.0.0.1:9090/
//! ```
//!
//! It is the first user of `connect`: see [`iolab::patterns::relay`] for how two protocols pass on what two peers say, at the
//! speed of the slower one, with half-closes and resets. What it prints in the end counts each octet twice, once in and once
//! out; and connections are those it has accepted, each with one of its own behind it.

mod serving;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use iolab::patterns::Relay;

/// Relays TCP connections: both directions, each at the speed of its reader, and each with its own end.
#[derive(Parser)]
#[command(name = "relay")]
struct Options {
    #[command(flatten)]
    serving: serving::Options,
    /// Where the connections go. If nobody is there, the client is reset.
    #[arg(long)]
    to: SocketAddr,
    /// How long it may take to get there.
    #[arg(long, default_value = "10s", value_parser = serving::duration)]
    connect_timeout: Duration,
}

fn main() -> ExitCode {
    let Options { serving, to, connect_timeout } = Options::parse();
    let service = Relay::new(to, connect_timeout);
    let code = serving.run("relay", "curl -d hello http://{}/", &service, "relay", || service.accepted());
    // Where it could not serve, there is nothing to tell; and a reader that has left wants no figures.
    if service.accepted() > 0 {
        let (unreachable, broken, held) = (service.unreachable(), service.broken(), service.most_held());
        let line = format!("{unreachable} could not reach {to}; {broken} sides ended early; at most {held} octets held");
        let _ = writeln!(io::stdout(), "{:<22}{line}", "of the relays");
    }
    code
}
