//! An HTTP echo server on a model of your choice.
//!
//! ```text
//! cargo run --release --example echo -- --model uring --listen 127.0.0.1:8080
//! curl -d hello http://127.0.0.1:8080/
//! curl http://127.0.0.1:8080/bytes/100
//! ```

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
}

fn main() -> ExitCode {
    let options = Options::parse();
    let service = HttpService::new(options.serving.http_limits(), options.serving.time_limits(), Echo::default);
    options.serving.run("echo", "curl -d hello http://{}/", &service, || service.requests())
}
