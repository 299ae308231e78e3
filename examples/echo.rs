//! An HTTP echo server on a model of your choice.
//!
//! ```text
//! cargo run --release --example echo -- --model uring --listen 127.0.0.1:8080
//! curl -d hello http://127.0.0.1:8080/
//! curl http://127.0.0.1:8080/bytes/100
//! ```

mod http_options;
mod serving;

use std::process::ExitCode;

use clap::Parser;
use iolab::http1::HttpService;
use iolab::patterns::Echo;

/// Serves HTTP echo: every request is answered with its own body, GET /bytes/N with N octets.
#[derive(Parser)]
#[command(name = "echo")]
struct Options {
    #[command(flatten)]
    serving: serving::Options,
    #[command(flatten)]
    http: http_options::HttpOptions,
}

fn main() -> ExitCode {
    let Options { serving, http } = Options::parse();
    let service = HttpService::new(http.http_limits(), http.time_limits(), Echo::default);
    serving.run("echo", "curl -d hello http://{}/", &service, "request", || service.requests())
}
