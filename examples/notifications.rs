//! One feed, and five ways to hear of it, on a model of your choice.
//!
//! ```text
//! cargo run --release --example notifications -- --model epoll --listen 127.0.0.1:8080
//!
//! curl -d 'hello' 'http://127.0.0.1:8080/publish?topic=greetings'
//! curl 'http://127.0.0.1:8080/events?after=0'                                    a short poll
//! curl 'http://127.0.0.1:8080/events?after=784111777-1&wait=30000&min_bytes=1'   a long one
//! curl -N 'http://127.0.0.1:8080/stream?after=0'                                 server-sent events
//! curl -N -H 'Last-Event-ID: 784111777-1' 'http://127.0.0.1:8080/stream'         the same, on coming back
//! curl -N 'http://127.0.0.1:8080/lines?after=0'                                  a line for each event, in chunks
//! curl 'http://127.0.0.1:8080/stats'
//! ```
//!
//! The fifth is a WebSocket at `/ws`. At `/` is a page that opens all five side by side: see [`iolab::patterns::notifications`].

mod http_options;
mod serving;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use iolab::http1::{Http, HttpLimits};
use iolab::patterns::Notifications;
use iolab::patterns::feed::{Policy, Retention, Slow};
use iolab::patterns::notifications::{LEAST_BOUND, Naive, Settings};

/// Serves a feed: POST /publish an event, and hear of it by /events (short and long polls), /stream (server-sent events), /lines
/// (chunks) and /ws (WebSocket); GET / is a page that shows them all.
#[derive(Parser)]
#[command(name = "notifications")]
struct Options {
    #[command(flatten)]
    serving: serving::Options,
    #[command(flatten)]
    http: http_options::HttpOptions,
    /// How many events are kept for those who come late; the newest in any case.
    #[arg(long, default_value_t = Retention::default().events)]
    history: usize,
    /// How many octets of them.
    #[arg(long, default_value_t = Retention::default().octets)]
    history_octets: usize,
    /// After how much silence something is said to those who follow.
    #[arg(long, default_value = "15s", value_parser = serving::duration)]
    heartbeat: Duration,
    /// What to do with a client that follows more slowly than events come: drop-oldest, disconnect, or conflate (keep the newest
    /// of each topic)
    #[arg(long, default_value_t = Policy::DropOldest)]
    slow: Policy,
    /// How many octets may be unsent and waiting for one client.
    #[arg(long, default_value_t = Slow::default().bound, value_parser = bound)]
    bound: usize,
    /// How *not* to wait in a long poll, to see what it costs: recheck (it looks each second by itself) or hold (it waits for octets of
    /// its client: in the pool that is a worker for each); or none
    #[arg(long, default_value_t = Naive::None)]
    naive: Naive,
}

/// A number of octets that is enough for every event.
fn bound(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(octets) if octets >= LEAST_BOUND => Ok(octets),
        Ok(_) => Err(format!("the largest events need a bound of {LEAST_BOUND} octets: give at least that")),
        Err(_) => Err("this is no number of octets".into()),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let limits: HttpLimits = options.http.http_limits();
    let settings = Settings {
        retention: Retention { events: options.history, octets: options.history_octets },
        slow: Slow { bound: options.bound, policy: options.slow },
        heartbeat: options.heartbeat,
        naive: options.naive,
    };
    let service = Notifications::new(Http::new(limits, options.http.time_limits()), settings);
    let code = options.serving.run("notifications", "open http://{}/", &service, "request", || service.requests());
    // Where it could not serve, there is nothing to tell; and a reader that has left wants no figures.
    if service.requests() > 0 {
        let _ = print(&mut io::stdout().lock(), &service);
    }
    code
}

/// What became of the events.
fn print(out: &mut impl io::Write, service: &Notifications) -> io::Result<()> {
    let figures = service.figures();
    let mut line = |name: &str, value: String| writeln!(out, "{name:<22}{value}");
    line("events", format!("{}, {} of them forgotten", figures.events, figures.forgotten))?;
    let each = figures.deliveries as f64 / figures.events.max(1) as f64;
    line("deliveries", format!("{}, {each:.1} per event", figures.deliveries))?;
    line("clients at most", format!("{} followed, {} were parked", figures.most_followers, figures.most_parked))?;
    let (dropped, conflated, disconnected) = (figures.dropped, figures.conflated, figures.disconnected);
    line("slow clients", format!("{dropped} dropped, {conflated} conflated, {disconnected} disconnected"))?;
    line("held for one at most", format!("{} octets", figures.most_held))?;
    line("resyncs", figures.resyncs.to_string())
}
