//! Results that nobody has measured.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;

use results::Report;
use results::schema::{
    Contestant, Cores, Counts, Figure, Latency, Limit, Line, Load, Measured, Outcome, Percentile, Row, SCHEMA, Settings,
    VERSION,
};

/// Rounds in which a figure is never quite the same.
pub const NOISE: [f64; 8] = [0.999, 1.001, 0.998, 1.002, 1.0, 1.0, 1.003, 0.997];

/// The same in another order, so that nobody is better in all rounds than who is as good.
const OTHER_NOISE: [f64; 8] = [1.001, 0.998, 1.003, 0.999, 0.997, 1.002, 0.999, 1.001];

pub fn rounds(figure: f64) -> Vec<f64> {
    NOISE.map(|noise| figure * noise).to_vec()
}

/// A server whose core is full, and who takes so many µs of CPU for a request.
pub fn busy(cpu_us: f64) -> Measured {
    measured([("rate", "operations a second", 1e6 / cpu_us), ("cpu", "s", cpu_us / 1e6)])
}

/// Another one who takes as long, but in other rounds.
pub fn as_busy(cpu_us: f64) -> Measured {
    let mut measured = busy(cpu_us);
    let cpu: Vec<f64> = OTHER_NOISE.iter().map(|noise| cpu_us * noise / 1e6).collect();
    measured.figures.insert("rate".into(), Figure::of("operations a second", cpu.iter().map(|cpu| 1.0 / cpu).collect()));
    measured.figures.insert("cpu".into(), Figure::of("s", cpu));
    measured
}

/// A server who could have done more, had anybody asked.
pub fn load_bound(cpu_us: f64, rate: f64) -> Measured {
    let mut measured = measured([("rate", "operations a second", rate), ("cpu", "s", cpu_us / 1e6)]);
    let asked = "in light batches over epoll".to_owned();
    measured.load = Some(Load { server_share: 0.6, load_share: 0.99, limit: Limit::Load, asked });
    measured
}

pub fn measured<const N: usize>(figures: [(&str, &str, f64); N]) -> Measured {
    let figure = |(name, unit, value): (&str, &str, f64)| (name.to_owned(), Figure::of(unit, rounds(value)));
    Measured {
        figures: figures.into_iter().map(figure).collect(),
        counts: Counts {
            system_calls: Some(2.0),
            calls: BTreeMap::from([("recvfrom".to_owned(), 1.0), ("sendto".to_owned(), 1.0)]),
            context_switches: Some(0.25),
            ..Counts::default()
        },
        load: Some(Load {
            server_share: 0.99,
            load_share: 0.5,
            limit: Limit::Server,
            asked: "in bursts over io_uring".to_owned(),
        }),
        ..Measured::default()
    }
}

pub fn latency(at: &str, p50: f64) -> Latency {
    let percentile = |(share, times): (f64, f64)| Percentile { share, seconds: p50 * times };
    Latency {
        at: at.to_owned(),
        count: 100_000,
        percentiles: [(0.5, 1.0), (0.99, 4.0), (0.999, 10.0)].map(percentile).to_vec(),
    }
}

/// A row, compared as the benchmark does it.
pub fn row<const N: usize>(name: &str, contestants: [(&str, Outcome); N]) -> Row {
    let contestant = |(name, outcome): (&str, Outcome)| Contestant { name: name.to_owned(), outcome };
    let mut row = Row {
        name: name.to_owned(),
        title: format!("The row <{name}>"),
        chapter: if name.starts_with("read") { "File reads" } else { "HTTP echo" }.to_owned(),
        operation: if name.starts_with("read") { "read" } else { "request" }.to_owned(),
        command: format!("cargo bench --bench models -- --row {name}"),
        contestants: contestants.into_iter().map(contestant).collect(),
        verdicts: BTreeMap::new(),
    };
    [("rate", true), ("cpu", false), ("p99", false), ("p50", false)]
        .into_iter()
        .for_each(|(figure, more_is_better)| row.compare(figure, more_is_better));
    row
}

pub fn four(name: &str, figures: [Measured; 4]) -> Row {
    let [blocking, epoll, uring, pool] = figures.map(Outcome::Measured);
    row(name, [("blocking", blocking), ("epoll", epoll), ("uring", uring), ("pool", pool)])
}

pub fn report(rows: Vec<Row>) -> Report {
    let line = |(name, value): (&str, &str)| Line { name: name.to_owned(), value: value.to_owned() };
    let machine = [
        ("kernel", "Linux 6.18.5 x86_64"),
        ("CPU", "A CPU & nothing else, 2 cores, governor performance"),
        ("memory", "7.8 GiB"),
        ("mitigations", "none active"),
        ("data file", "256 MiB, written, on ext4, /dev/vda"),
        ("built by", "rustc 1.95.0"),
        ("measured", "2026-11-21"),
        ("iolab", "0.1.0"),
    ];
    Report {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        bench: "models".to_owned(),
        command: "cargo bench --bench models".to_owned(),
        measured: "2026-11-21T20:15:00Z".to_owned(),
        commit: Some("0123456789ab".to_owned()),
        machine: machine.map(line).to_vec(),
        cores: Some(Cores { server: 1, load: 0, siblings: false }),
        settings: Settings { rounds: 8, warm_up: 0.05, window: 0.25, counting: 0.15 },
        notes: vec!["The server ran on core 1, the load on core 0.".to_owned()],
        warnings: Vec::new(),
        rows,
        findings: Vec::new(),
    }
}

/// One of each kind of row and outcome.
pub fn all_kinds() -> Report {
    let absent =
        || Outcome::Unavailable { why: "io_uring is forbidden (kernel.io_uring_disabled is 2): set it to 0".to_owned() };
    let mut open = four("get-64-open", [busy(12.0), busy(7.0), busy(7.5), busy(17.0)]);
    for contestant in &mut open.contestants {
        if let Outcome::Measured(measured) = &mut contestant.outcome {
            measured.latencies = vec![latency("50 % of its peak", 3e-4), latency("95 % of its peak", 2e-3)];
        }
    }
    let ping = |p50: f64| measured([("p50", "s", p50), ("p99", "s", 3.0 * p50), ("rate", "operations a second", 900.0)]);
    report(vec![
        four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)]),
        four("get-512", [busy(12.0), busy(9.0), as_busy(9.0), busy(17.0)]),
        four("get-64-light", [busy(12.0), load_bound(5.5, 1e5), load_bound(5.4, 1.01e5), busy(17.0)]),
        open,
        four("ping-burn-8", [ping(25e-6), ping(1.1e-3), ping(1.0e-3), ping(1.05e-3)]),
        row(
            "idle-10000",
            [
                ("blocking", Outcome::Limit { connections: 1024 }),
                ("epoll", Outcome::Measured(busy(7.0))),
                ("uring", absent()),
                ("pool", Outcome::Failed { why: "an answer was \"wrong\" & <late>".to_owned() }),
            ],
        ),
        four("read-4k-random-direct-64", [busy(34.0), busy(16.0), busy(13.0), busy(14.0)]),
    ])
}
