//! A load generator for HTTP/1.1 that checks every answer and leaves no latency out.
//!
//! ```text
//! cargo run --release --example load -- http://127.0.0.1:8080/
//! cargo run --release --example load -- http://127.0.0.1:8080/ --connections 64 --pipeline 1 --rate 50000
//! cargo run --release --example load -- http://127.0.0.1:8080/ --rate 50%,80%,95%
//! cargo run --release --example load -- http://127.0.0.1:8080/ --method POST --body-octets 1024 --json
//! ```
//!
//! Without `--rate` the loop is closed: who is answered asks again, and the figure is what the server can do. With it the loop
//! is open: requests have a time at which they are to be asked, and a latency counts from that.

mod options;
mod report;
mod server;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use harness::load::{Edge, INTERRUPTED, Learned, Pace, Plan, Sample, Steady};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use options::{Options, Rate};
use server::Server;

fn main() -> ExitCode {
    let options = Options::parse();
    match load(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            eprintln!("load: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("load: {}", explained(&error, &options));
            ExitCode::FAILURE
        }
    }
}

/// One run, and what it was to be.
struct Run {
    title: String,
    /// Requests to be asked per second; none in a closed loop.
    rate: Option<f64>,
    sample: Sample,
    /// Cores that the server used, if it is on this machine and can be found.
    server: Option<f64>,
}

fn load(options: &Options) -> io::Result<()> {
    raise_descriptor_limit()?;
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&INTERRUPTED))?;
        flag::register(signal, Arc::clone(&INTERRUPTED))?;
    }
    let server = Server::find(options.to()?);
    let mut learned = None;
    let mut runs: Vec<Run> = Vec::new();
    if options.rate.is_empty() || options.rate.iter().any(|rate| matches!(rate, Rate::OfPeak(_))) {
        runs.push(run(options, "closed loop".into(), None, &server, &mut learned)?);
    }
    for rate in &options.rate {
        let (title, rate) = match *rate {
            Rate::PerSecond(rate) => ("open loop".into(), rate),
            Rate::OfPeak(share) => (format!("{} % of it", 100.0 * share), share * runs[0].sample.rate()),
        };
        if rate < 1e-3 {
            return Err(io::Error::other("the server answered nothing within the closed loop: of that there is no share"));
        }
        runs.push(run(options, title, Some(rate), &server, &mut learned)?);
    }
    let learned = learned.ok_or_else(|| io::Error::other("no answer came"))?;
    if options.json {
        println!("{}", report::json(options, &learned, &runs));
    } else {
        print!("{}", report::text(options, &learned, &runs));
    }
    Ok(())
}

fn run(
    options: &Options,
    title: String,
    rate: Option<f64>,
    server: &Option<Server>,
    learned: &mut Option<Learned>,
) -> io::Result<Run> {
    let pace = rate.map_or(Pace::Closed, |rate| Pace::Open { rate });
    let plan = Plan { warm_up: options.warm_up, window: options.duration };
    let mut steady = Steady::connect(options.to()?, &options.terms(pace), &options.question()?)?;
    let mut cpu = Vec::new();
    let sample = steady.run(plan, &mut |_: Edge| cpu.push(server.as_ref().and_then(Server::cpu)))?;
    *learned = learned.take().or(steady.learned());
    let server = match cpu[..] {
        [Some(start), Some(end)] => Some((end.saturating_sub(start)).as_secs_f64() / sample.elapsed.as_secs_f64()),
        _ => None,
    };
    Ok(Run { title, rate, sample, server })
}

/// What may be the cause, for what one often meets.
fn explained(error: &io::Error, options: &Options) -> String {
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused => ": nobody listens there; start the server, or look at the port",
        io::ErrorKind::InvalidData if error.to_string().contains("head is malformed") => ": is this HTTP?",
        io::ErrorKind::InvalidData if error.to_string().contains("has the field") => "; if it may, add --vary with its name",
        io::ErrorKind::InvalidData if error.to_string().starts_with("answered") => {
            "; if that is right, add --expect with the status"
        }
        io::ErrorKind::ConnectionReset => ": the server cut a connection",
        _ => "",
    };
    format!("{}: {error}{hint}", options.url)
}

/// Raises the soft limit to the hard one, which needs no privilege.
fn raise_descriptor_limit() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}
