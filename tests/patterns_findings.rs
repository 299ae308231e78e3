//! What the `patterns` benchmark says of made-up figures: what they say, and of what was not measured nothing.

#![allow(dead_code, reason = "nothing is measured here")]

#[path = "../benches/patterns/arguments.rs"]
mod arguments;
#[path = "../benches/patterns/findings.rs"]
mod findings;
#[path = "../benches/patterns/measure.rs"]
mod measure;
#[path = "../benches/patterns/parked.rs"]
mod parked;
#[path = "../benches/patterns/rows.rs"]
mod rows;
#[path = "../benches/patterns/table.rs"]
mod table;

use std::time::Duration;

use arguments::Settings;
use findings::findings;
use harness::listeners::{FanOut, Pace};
use harness::load::latencies;
use measure::{Cell, Measured, Outcome, Round};
use parked::{Costs, Holding, Parked};
use rows::Row;
use table::Report;

const NOISE: [f64; 8] = [0.999, 1.001, 0.998, 1.002, 1.0, 1.0, 1.003, 0.997];

/// Nearly the same in each round.
fn measured(cpu_us: f64, millis: u64, requests: f64) -> Measured {
    let (received, sent, server_share, load_share) = (100.0, 70.0 * requests, 0.2, 0.1);
    let rounds = NOISE.map(|noise| Round { cpu: cpu_us * noise / 1e6, requests, received, sent, server_share, load_share });
    let mut latency = latencies();
    latency.record(1_000_000 * millis).unwrap();
    Measured { rounds: rounds.to_vec(), latency, calls: Some(1.5) }
}

fn row(name: &str) -> Row {
    rows::all(Duration::from_millis(100)).into_iter().find(|row| row.name == name).unwrap()
}

fn cell(name: &str, model: &'static str, measured: Measured) -> Cell {
    Cell { row: row(name), model, outcome: Outcome::Measured(measured) }
}

fn idle(name: &str, model: &'static str, threads: usize) -> Parked {
    let millis = Duration::from_millis;
    let idle = Holding { process: Some(2048.0), kernel: Some(4096.0), threads };
    let then = Holding { threads: threads + 1000, ..idle };
    let costs = Costs { idle, reached: Some((FanOut { first: millis(1), last: millis(20), busy: millis(5) }, then)) };
    Parked { row: row(name), model, clients: 1000, outcome: Outcome::Measured(costs) }
}

fn report(cells: Vec<Cell>, parked: Vec<Parked>) -> Report {
    let pace = Pace { rate: 50.0, burst: 1, text: 64 };
    let window = Duration::from_millis(750);
    let settings = Settings { listeners: 100, pace, rounds: 8, window, parked: 1000, crowd: 5000, test: false };
    Report { settings, cells, parked, crowds: Vec::new(), notes: Vec::new(), machine: Vec::new() }
}

#[track_caller]
fn says(said: &[String], what: &str) {
    assert!(said.iter().any(|sentence| sentence.contains(what)), "{what:?} is not in {said:#?}");
}

#[test]
fn ratios_are_told_and_no_difference_is_told_as_none() {
    let mut level = measured(10.0, 1, 0.0);
    level.rounds.reverse();
    let cells = [
        cell("short-poll", "epoll", measured(25.0, 50, 2.0)),
        cell("long-poll", "epoll", measured(15.0, 1, 1.0)),
        cell("sse", "epoll", measured(10.0, 1, 0.0)),
        cell("lines", "epoll", level),
        cell("websocket", "epoll", measured(8.0, 1, 0.0)),
        cell("recheck", "epoll", measured(3.0, 500, 0.02)),
    ];
    let said = findings(&cells, &[], &[]);
    says(&said, "Who asks every 100 ms hears of half the events within 50.");
    says(&said, "asking takes 2.00 requests and 2.50 times (2.50-2.50) the CPU of a stream (on epoll)");
    says(&said, "it takes 1.50 times (1.50-1.50) the CPU of a stream, and 170 octets both ways instead of 100");
    says(&said, "Chunked lines take no other CPU than server-sent events (");
    says(&said, "WebSockets take 0.80 times (0.80-0.80) the CPU");
    says(&said, "it takes 0.20 times (0.20-0.20) the CPU of one that is told, with 50.0 events in an answer instead of 1.00");
    assert_eq!(said.len(), 4, "and nothing about what was not measured: {said:#?}");
}

#[test]
fn the_models_are_ranked_only_where_rounds_tell_them_apart() {
    let sse = |models: &[(&'static str, f64)]| -> Vec<Cell> {
        models.iter().map(|&(model, cpu)| cell("sse", model, measured(cpu, 1, 0.0))).collect()
    };
    let said = findings(&sse(&[("blocking", 30.0), ("epoll", 10.0), ("uring", 10.0)]), &[], &[]);
    assert_eq!(
        said,
        ["For server-sent events epoll and uring take (not told apart) the least CPU, blocking 3.00-3.00 times as much."]
    );
    let said = findings(&sse(&[("epoll", 10.0), ("uring", 10.0)]), &[], &[]);
    says(&said, "no difference was measured");
    let mut few = sse(&[("epoll", 10.0), ("uring", 20.0)]);
    for cell in &mut few {
        let Outcome::Measured(measured) = &mut cell.outcome else { unreachable!() };
        measured.rounds.truncate(5);
    }
    assert_eq!(findings(&few, &[], &[]), Vec::<String>::new(), "five rounds tell nothing");
}

#[test]
fn idle_listeners_are_told_by_their_threads_and_a_crowd_by_its_last() {
    let parked = [idle("sse", "epoll", 4), idle("long-poll", "pool", 12), idle("hold", "pool", 1014)];
    let said = findings(&[], &parked, &[idle("sse", "uring", 4)]);
    says(
        &said,
        "1,000 parked polls leave the pool with 12 threads and 2.0 KiB each; if a parked poll goes on listening, with 1,014 threads and \
         2.0 KiB each; after an event, which makes all ask at the same time, with 1,012 threads and 2.0 KiB each and 2,014 threads",
    );
    says(&said, "To hold 1,000 idle streams epoll takes 4 threads and 2.0 KiB each.");
    says(&said, "the last of 1,000 streams on uring after 20.00 ms (of which the listeners' own thread was busy for 5.00 ms)");
    assert_eq!(findings(&[], &[], &[]), Vec::<String>::new());
    let told = report(Vec::new(), vec![idle("hold", "pool", 1014)]).table();
    let line = told.lines().find(|line| line.contains("| pool ")).unwrap();
    let figures: Vec<&str> = line.split('|').map(str::trim).skip(3).collect();
    assert_eq!(figures, ["1,000", "2.0 KiB", "4.0 KiB", "1,014", "1.00 ms", "20.00 ms", "2.0 KiB", "2,014", ""], "{told}");
}

#[test]
fn what_failed_or_is_not_here_is_told_once_below_the_table() {
    let absent = |name, outcome| Cell { row: row(name), model: "uring", outcome };
    let why = || "forbidden: allow it".to_owned();
    let cells = vec![
        absent("sse", Outcome::Unavailable(why())),
        absent("lines", Outcome::Unavailable(why())),
        absent("websocket", Outcome::Failed("event 5 came after 3".into())),
    ];
    let told = report(cells, Vec::new()).table();
    assert_eq!(told.matches("not here [1]").count(), 2, "{told}");
    assert_eq!(told.matches("[1] uring: forbidden: allow it").count(), 1, "{told}");
    assert!(told.contains("failed [2]") && told.contains("[2] uring: event 5 came after 3"), "{told}");
}

#[test]
fn the_table_compares_with_the_stream_and_with_epoll_and_says_who_was_the_limit() {
    let mut slow = measured(20.0, 1, 1.0);
    slow.rounds.iter_mut().for_each(|round| round.load_share = 0.95);
    let cells = vec![
        cell("long-poll", "epoll", measured(10.0, 1, 1.0)),
        cell("long-poll", "uring", slow),
        cell("sse", "uring", measured(5.0, 1, 0.0)),
    ];
    let told = report(cells, Vec::new()).table();
    let line = |way: &str, model: &str| -> Vec<String> {
        let mut lines =
            told.lines().filter(|line| line.starts_with(&format!("| {way}")) && line.contains(&format!("| {model}")));
        lines.next().unwrap().split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    assert_eq!(line("long poll", "uring")[6..8], ["4.00 (4.00-4.00)", "2.00 (2.00-2.00)"], "{told}");
    assert_eq!(line("long poll", "epoll")[6..8], ["-", "1"], "{told}");
    assert_eq!(line("server-sent events", "uring")[6..9], ["1", "-", "0"], "{told}");
    assert!(
        told.contains("was the limit, so the times are its own and not the server's: long poll on uring (95 % of its core)"),
        "{told}"
    );
}
