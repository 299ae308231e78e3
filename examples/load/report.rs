//! What is said at the end.

use std::fmt::Write;

use harness::load::{Generator, Learned, Sample};
use harness::text::grouped;
use serde_json::{Value, json};

use crate::Run;
use crate::options::Options;

/// The shares of requests, and what they are called.
const QUANTILES: [(f64, &str); 6] =
    [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"), (1.0, "all")];

const LABEL: usize = 28;
const COLUMN: usize = 14;

/// A side that used more of its core than this was at its end.
const FULL: f64 = 0.97;

/// Who answers this much of what was to be asked keeps up; the rest is under way at the end.
const KEPT: f64 = 0.97;

/// For people.
pub fn text(options: &Options, learned: &Learned, runs: &[Run]) -> String {
    let mut text = String::new();
    let Options { connections, pipeline, .. } = options;
    let at_once = if *pipeline == 1 { "one request" } else { &format!("{pipeline} requests (pipelined)") };
    let _ = writeln!(text, "{} {}", options.method(), options.url);
    let _ = writeln!(text, "{connections} connections, {at_once} at a time on each, {}", runs[0].sample.generator);
    let Learned { status, reason, body, octets } = learned;
    let count: u64 = runs.iter().map(|run| run.sample.answers_in_all).sum();
    let _ = writeln!(
        text,
        "first answer: {status} {reason}, {} octets, {} of them body; so were all {}\n",
        grouped(*octets as f64),
        grouped(*body as f64),
        grouped(count as f64)
    );
    let mut line = |label: &str, cell: &dyn Fn(&Run) -> String| {
        let cells: String = runs.iter().map(|run| format!("{:>COLUMN$}", cell(run))).collect();
        let _ = writeln!(text, "{}", format!("{label:<LABEL$}{cells}").trim_end());
    };
    line("", &|run| run.title.clone());
    if runs.iter().any(|run| run.rate.is_some()) {
        line("to be asked per second", &|run| run.rate.map_or(String::new(), grouped));
    }
    line("answered per second", &|run| grouped(run.sample.rate()));
    line("MiB heard per second", &|run| format!("{:.1}", octets_per_second(&run.sample) / f64::from(1 << 20)));
    for (share, name) in QUANTILES {
        let label = if share == 0.5 { format!("answered within       {name:>6}") } else { format!("{name:>28}") };
        line(&label, &|run| time(quantile(&run.sample, share)));
    }
    if runs.iter().any(|run| run.sample.unasked > 0) {
        line("never asked, being late", &|run| grouped(run.sample.unasked as f64));
    }
    if runs.iter().any(|run| run.sample.reopened > 0) {
        line("connections opened anew", &|run| grouped(run.sample.reopened as f64));
    }
    line("this load, of its core", &|run| format!("{:.0} %", 100.0 * run.sample.busy_share()));
    line("the server, cores", &|run| run.server.map_or("unknown".into(), |server| format!("{server:.2}")));
    text.push('\n');
    for run in runs {
        let _ = writeln!(text, "{}: {}", run.title, verdict(run));
    }
    text
}

/// For programs: one object on one line.
pub fn json(options: &Options, learned: &Learned, runs: &[Run]) -> Value {
    let run = |run: &Run| {
        let sample = &run.sample;
        let latency: serde_json::Map<String, Value> = QUANTILES
            .iter()
            .map(|&(share, _)| {
                (if share == 1.0 { "max".into() } else { format!("p{}", 100.0 * share) }, quantile(sample, share).into())
            })
            .collect();
        json!({
            "title": run.title,
            "rate": run.rate,
            "seconds": sample.elapsed.as_secs_f64(),
            "answers": sample.answers,
            "answers_per_second": sample.rate(),
            "octets": sample.octets,
            "latency_seconds": latency,
            "unasked": sample.unasked,
            "reopened": sample.reopened,
            "load_busy": sample.busy_share(),
            "server_cores": run.server,
            "limit": limit(run).name(),
            "generator": match sample.generator {
                Generator::BurstyUring => "bursty io_uring",
                Generator::BurstyEpoll(_) => "bursty epoll",
                Generator::Light => "light epoll",
            },
        })
    };
    json!({
        "method": options.method(),
        "url": options.url.to_string(),
        "connections": options.connections,
        "pipeline": options.pipeline,
        "answer": { "status": learned.status, "octets": learned.octets, "body_octets": learned.body },
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    })
}

/// Who was at the end of what it can do.
enum Limit {
    /// Nobody: all that was to be asked was answered.
    Rate,
    Load,
    Server,
    Both,
    Unknown,
}

impl Limit {
    fn name(&self) -> &'static str {
        match self {
            Limit::Rate => "rate",
            Limit::Load => "load",
            Limit::Server => "server",
            Limit::Both => "both",
            Limit::Unknown => "unknown",
        }
    }
}

fn limit(run: &Run) -> Limit {
    // Of what was to be asked, which at random times is not exactly the rate.
    let kept_up = run.rate.is_some() && run.sample.answers as f64 > KEPT * run.sample.latency.len() as f64;
    match (run.sample.busy_share() > FULL, run.server.is_some_and(|server| server > FULL)) {
        _ if kept_up => Limit::Rate,
        (true, true) => Limit::Both,
        (true, false) => Limit::Load,
        (false, true) => Limit::Server,
        (false, false) => Limit::Unknown,
    }
}

fn verdict(run: &Run) -> &'static str {
    match limit(run) {
        Limit::Rate => "the rate was kept.",
        Limit::Server => "the server was the limit: it used all of a core or more, and this load had time to spare.",
        Limit::Both => {
            "both were at their end, this load of its core, the server of one or more: if it can use more, it can do more."
        }
        Limit::Load if run.rate.is_some() => {
            "this load was the limit and could not keep the rate: the server can do at least what it did."
        }
        Limit::Load => "this load was the limit, at the end of its core: the server can do at least this.",
        Limit::Unknown if run.server.is_some() => {
            "neither side was at the end of a core: both waited, for the network, a disk, a lock or other programs, or \
             there are too few connections."
        }
        Limit::Unknown => "this load was not the limit; the server's CPU cannot be seen from here.",
    }
}

fn octets_per_second(sample: &Sample) -> f64 {
    sample.octets as f64 / sample.elapsed.as_secs_f64()
}

/// In seconds.
fn quantile(sample: &Sample, share: f64) -> f64 {
    sample.latency.value_at_quantile(share) as f64 / 1e9
}

fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.2} ms", 1e3 * seconds),
        _ => format!("{:.0} µs", 1e6 * seconds),
    }
}
