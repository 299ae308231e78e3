//! Work that is asked for, asked about and waited for over HTTP, on a model of your choice.
//!
//! ```text
//! cargo run --release --example jobs -- --model epoll --listen 127.0.0.1:8080
//!
//! curl -i -d 'how many words are these' http://127.0.0.1:8080/submit           # 202 at once, Location: /jobs/ID
//! curl -i -T README.md -X POST 'http://127.0.0.1:8080/submit?steps=50'         # longer work: 50 steps of --step-ms
//! curl -i http://127.0.0.1:8080/jobs/ID                                        # how it stands
//! curl -i -X DELETE http://127.0.0.1:8080/jobs/ID                              # cancel it
//! curl -i -X DELETE -H 'If-Match: "1"' http://127.0.0.1:8080/jobs/ID           # only if it has not begun: else 412
//!
//! # Short polling: 304 while nothing is new, and Retry-After says when to come again.
//! curl -i -H 'If-None-Match: "2"' 'http://127.0.0.1:8080/checkstatus?jobId=ID'
//!
//! # Long polling: the answer comes when there is a version beyond 2, or 204 after 30 seconds.
//! curl -i 'http://127.0.0.1:8080/checkstatus?jobId=ID&wait=30000&after=2'
//! ```
//!
//! See [`iolab::patterns::jobs`] for what each of them costs, and for the two ways in which long polls are often written instead:
//! `--naive recheck` and `--naive hold`.

mod http_options;
mod serving;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use iolab::patterns::Jobs;
use iolab::patterns::jobs::{Figures, Naive, Settings};

/// Takes jobs in, does them step by step, and tells how they stand to whoever asks or waits.
#[derive(Parser)]
#[command(name = "jobs")]
struct Options {
    #[command(flatten)]
    serving: serving::Options,
    #[command(flatten)]
    http: http_options::HttpOptions,
    /// How many milliseconds each step of a job takes.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    step_ms: u64,
    /// How many jobs are at work at one time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// How many more may wait; a further one is answered 503.
    #[arg(long, default_value_t = 64)]
    queue: usize,
    /// How *not* to wait in a long poll, to see what it costs: recheck (it looks each second by itself) or hold (it waits for octets of
    /// its client: in the pool that is a worker for each); or none
    #[arg(long, default_value_t = Naive::None)]
    naive: Naive,
}

fn main() -> ExitCode {
    let Options { serving, http, step_ms, workers, queue, naive } = Options::parse();
    let step = Duration::from_millis(step_ms);
    let settings = Settings { step, workers: workers as usize, queue, naive, ..Settings::default() };
    let service = Jobs::new(http.http_limits(), http.time_limits(), settings);
    let code = serving.run("jobs", "curl -d hello http://{}/submit", &service, "request", || service.requests());
    if code == ExitCode::SUCCESS {
        // A reader that has left wants no figures.
        let _ = print(&mut io::stdout().lock(), service.figures());
    }
    code
}

fn print(out: &mut impl io::Write, figures: &Figures) -> io::Result<()> {
    let (submitted, done, cancelled) = (figures.submitted(), figures.done(), figures.cancelled());
    let (refused, dropped) = (figures.refused(), figures.dropped());
    let jobs = format!("{submitted} submitted, {done} done, {cancelled} cancelled, {dropped} dropped; {refused} refused");
    writeln!(out, "{:<22}{jobs}", "jobs")?;
    let polls = format!("{} parked at most, {} forgotten as the client hung up", figures.most_parked(), figures.forgotten());
    writeln!(out, "{:<22}{polls}", "long polls")
}
