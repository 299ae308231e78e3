//! The rows of the table: what is measured, and what is aimed at.

use harness::load::Kind;
use harness::work::{Reads, Steadily, Work};

/// One workload.
pub struct Row {
    /// For the command line; the benchmark of the models calls it the same.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    pub work: Work,
    pub targets: Vec<Target>,
}

/// A ratio that should be no less than this.
pub struct Target {
    pub peer: &'static str,
    pub over: Over,
    pub at_least: f64,
}

/// What is divided by what: less than 1 is in the peer's favour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The peer's CPU time per request over that of `epoll` or `uring`, whichever has the lower median.
    Better,
    /// The same over `uring`.
    Uring,
    /// Our reads per second over the peer's, ours being the model that reads in the same way.
    Rate,
    /// The peer's CPU time per read over that model's.
    ReadCpu,
}

/// Our model that reads in the same way as an engine of fio.
pub fn counterpart(engine: &str, reads: &Reads) -> &'static str {
    match engine {
        "fio-psync" if reads.in_flight == 1 => "blocking",
        "fio-psync" => "pool",
        "fio-libaio" => "epoll",
        _ => "uring",
    }
}

fn target(peer: &'static str, over: Over, at_least: f64) -> Target {
    Target { peer, over, at_least }
}

/// hyper over our better one; those on io_uring over our `uring`.
fn targets(hyper: f64, ring: f64) -> Vec<Target> {
    let on_ring = ["monoio", "tokio-uring", "compio"].map(|peer| target(peer, Over::Uring, ring));
    [target("hyper", Over::Better, hyper)].into_iter().chain(on_ring).collect()
}

/// Where the disk is kept busy. The first is about 64 threads.
fn deep_reads() -> Vec<Target> {
    vec![
        target("fio-psync", Over::Rate, 0.95),
        target("fio-libaio", Over::Rate, 0.97),
        target("fio-io_uring", Over::Rate, 0.97),
        target("fio-io_uring", Over::ReadCpu, 1.0),
        target("fio-registered", Over::Rate, 0.97),
        target("fio-registered", Over::ReadCpu, 1.0),
    ]
}

/// All rows.
pub fn all() -> Vec<Row> {
    let echo =
        |connections, pipelined, body| Work::Steady(Steadily { connections, pipelined, body, idle: 0, load: Kind::Bursty });
    let direct = |in_flight| Work::Read(Reads { block: 4 << 10, in_flight, random: true, direct: true });
    vec![
        Row { name: "get-64", title: "GET, 64 connections", work: echo(64, 1, None), targets: targets(1.15, 0.95) },
        Row { name: "get-512", title: "GET, 512 connections", work: echo(512, 1, None), targets: targets(1.35, 0.95) },
        Row {
            name: "get-64-pipelined-16",
            title: "GET, 64 connections, 16 requests at a time on each (pipelined)",
            work: echo(64, 16, None),
            targets: targets(1.5, 0.85),
        },
        Row {
            name: "post-1k-64",
            title: "POST 1 KiB, 64 connections",
            work: echo(64, 1, Some(1 << 10)),
            targets: targets(1.15, 0.95),
        },
        Row {
            name: "post-64k-64",
            title: "POST 64 KiB, 64 connections",
            work: echo(64, 1, Some(64 << 10)),
            targets: targets(1.15, 1.2),
        },
        Row {
            name: "get-64-light",
            title: "GET, 64 connections, in light batches (as wrk asks)",
            work: Work::Steady(Steadily { connections: 64, pipelined: 1, body: None, idle: 0, load: Kind::Light }),
            targets: targets(1.03, 1.4),
        },
        Row {
            name: "read-4k-random-direct-64",
            title: "4 KiB random, O_DIRECT, 64 in flight",
            work: direct(64),
            targets: deep_reads(),
        },
        Row {
            name: "read-4k-random-direct-128",
            title: "4 KiB random, O_DIRECT, 128 in flight",
            work: direct(128),
            targets: deep_reads().split_off(1),
        },
        Row {
            name: "read-4k-random-cached-1",
            title: "4 KiB random, from the page cache, 1 in flight",
            work: Work::Read(Reads { block: 4 << 10, in_flight: 1, random: true, direct: false }),
            targets: Vec::new(),
        },
        Row {
            name: "read-1m-sequential-direct-4",
            title: "1 MiB sequential, O_DIRECT, 4 in flight",
            work: Work::Read(Reads { block: 1 << 20, in_flight: 4, random: false, direct: true }),
            targets: Vec::new(),
        },
    ]
}
