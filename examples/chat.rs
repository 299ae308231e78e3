//! A room to chat in, on a model of your choice: open the page in two windows.
//!
//! ```text
//! cargo run --release --example chat -- --model epoll --listen 127.0.0.1:8080
//! curl http://127.0.0.1:8080/members
//! ```

mod http_options;
mod serving;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use iolab::http1::Http;
use iolab::patterns::{Chat, ChatSettings};

/// Serves a room: GET / is a page to chat with, GET /ws?name=NAME the WebSocket behind it, GET /members who is there.
#[derive(Parser)]
#[command(name = "chat")]
struct Options {
    #[command(flatten)]
    serving: serving::Options,
    #[command(flatten)]
    http: http_options::HttpOptions,
    /// How many octets may wait for a guest that does not take them; one more, and it is shown out.
    #[arg(long, default_value_t = 256 << 10, value_parser = clap::value_parser!(u64).range(1024..))]
    bound: u64,
    /// How often a silent guest is asked for a sign of life.
    #[arg(long, default_value = "15s", value_parser = serving::duration)]
    heartbeat: Duration,
}

fn main() -> ExitCode {
    let Options { serving, http, bound, heartbeat } = Options::parse();
    let settings = ChatSettings { bound: usize::try_from(bound).unwrap_or(usize::MAX), ping_every: heartbeat };
    let chat = Chat::new(Http::new(http.http_limits(), http.time_limits()), settings);
    let code = serving.run("chat", "open http://{}/ in two windows", &chat, "message", || chat.heard());
    // Where nobody came, there is nothing to tell; and a reader that has left wants no figures.
    if chat.joined() > 0 {
        let (joined, said, shown_out) = (chat.joined(), chat.said(), chat.shown_out());
        let line = format!("{joined} guests said {said} things; {shown_out} were too slow and shown out");
        let _ = writeln!(io::stdout(), "{:<22}{line}", "of the chat");
    }
    code
}
