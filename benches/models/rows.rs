//! The rows of the table: what is measured.

use harness::load::Kind;
use harness::work::{Busy, Reads, Steadily, Work};

use crate::chores::{Chores, DISK_OCTETS};

/// One workload.
#[derive(Clone, Debug)]
pub struct Row {
    /// For the command line.
    pub name: String,
    /// For people.
    pub title: String,
    pub chapter: Chapter,
    pub work: Work,
}

/// Rows under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    Files,
    Echo,
    Parting,
}

/// The rows of every run.
pub fn usual(idle: usize) -> Vec<Row> {
    let echo = |connections, pipelined, body| echo(Steadily { connections, pipelined, body, idle: 0, load: Kind::Bursty });
    vec![
        read(Reads { block: 4 << 10, in_flight: 1, random: true, direct: true }),
        read(Reads { block: 4 << 10, in_flight: 64, random: true, direct: true }),
        read(Reads { block: 4 << 10, in_flight: 1, random: true, direct: false }),
        read(Reads { block: 1 << 20, in_flight: 4, random: false, direct: true }),
        echo(64, 1, None),
        echo(512, 1, None),
        echo(64, 16, None),
        echo(64, 1, Some(1 << 10)),
        echo(64, 1, Some(64 << 10)),
        lightly(Steadily { load: Kind::Light, ..get(64) }),
        open(get(64)),
        beside_disk(),
        idling(idle),
        churn(64),
        beside_burning(8),
    ]
}

/// All rows there are.
pub fn full(idle: usize) -> Vec<Row> {
    let mut rows = usual(idle);
    for (direct, random) in [(true, true), (true, false), (false, true), (false, false)] {
        for block in [4 << 10, 64 << 10, 1 << 20] {
            for in_flight in [1, 4, 16, 64, 256] {
                // A gigabyte in flight measures the memory.
                if block * in_flight <= 64 << 20 {
                    rows.push(read(Reads { block, in_flight, random, direct }));
                }
            }
        }
    }
    for connections in [1, 8, 64, 512] {
        for (pipelined, body) in [(1, None), (16, None), (1, Some(1 << 10)), (1, Some(64 << 10)), (1, Some(1 << 20))] {
            rows.push(echo(Steadily { connections, pipelined, body, idle: 0, load: Kind::Bursty }));
        }
    }
    rows.push(idling(idle / 10));
    rows.extend([1, 8, 512].map(churn));
    rows.extend([1, 64].map(beside_burning));
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| seen.insert(row.name.clone()));
    rows.sort_by_key(|row| row.chapter as u8);
    rows
}

/// Those of this name, or else those whose names contain it.
pub fn select(rows: Vec<Row>, pattern: Option<&str>) -> Vec<Row> {
    let Some(pattern) = pattern else { return rows };
    let exact = rows.iter().any(|row| row.name == pattern);
    rows.into_iter().filter(|row| if exact { row.name == pattern } else { row.name.contains(pattern) }).collect()
}

fn read(reads: Reads) -> Row {
    let Reads { block, in_flight, random, direct } = reads;
    let order = if random { "random" } else { "sequential" };
    let way = if direct { "direct" } else { "cached" };
    let way_in_words = if direct { "O_DIRECT" } else { "from the page cache" };
    Row {
        name: format!("read-{}-{order}-{way}-{in_flight}", short(block)),
        title: format!("{} {order}, {way_in_words}, {in_flight} in flight", size(block)),
        chapter: Chapter::Files,
        work: Work::Read(reads),
    }
}

fn echo(echo: Steadily) -> Row {
    let Steadily { connections, pipelined, body, .. } = echo;
    let (mut name, mut title) = match body {
        None => (format!("get-{connections}"), "GET".to_owned()),
        Some(octets) => (format!("post-{}-{connections}", short(octets)), format!("POST {}", size(octets))),
    };
    title += &if connections == 1 { ", 1 connection".to_owned() } else { format!(", {connections} connections") };
    if pipelined > 1 {
        name += &format!("-pipelined-{pipelined}");
        title += &format!(", {pipelined} requests at a time on each (pipelined)");
    }
    Row { name, title, chapter: Chapter::Echo, work: Work::Steady(echo) }
}

fn get(connections: usize) -> Steadily {
    Steadily { connections, pipelined: 1, body: None, idle: 0, load: Kind::Bursty }
}

/// The same under a load that asks connection by connection.
fn lightly(steadily: Steadily) -> Row {
    let row = echo(steadily);
    Row { name: row.name + "-light", title: row.title + ", asked in light batches (as wrk does)", ..row }
}

fn open(steadily: Steadily) -> Row {
    let row = echo(steadily.clone());
    let title = row.title + ", an open loop at 50, 80 and 95 % of each one's own peak";
    Row { name: row.name + "-open", title, work: Work::Open(steadily), ..row }
}

fn idling(idle: usize) -> Row {
    Row {
        name: format!("idle-{idle}"),
        title: format!("GET, 64 connections beside {idle} that are idle"),
        chapter: Chapter::Parting,
        work: Work::Steady(Steadily { idle, ..get(64) }),
    }
}

fn churn(at_once: usize) -> Row {
    Row {
        name: format!("churn-{at_once}"),
        title: format!("A connection for each GET, {at_once} at a time"),
        chapter: Chapter::Parting,
        work: Work::Churn { at_once },
    }
}

fn beside_disk() -> Row {
    beside(
        "ping-disk".into(),
        "A ping, while another connection waits for 4 cold reads of 1 MiB".into(),
        Busy {
            ping: Chores::ping(),
            other: Chores::disk(),
            connections: 1,
            operation: "disk request",
            evict: Some(DISK_OCTETS),
        },
    )
}

fn beside_burning(connections: usize) -> Row {
    let others = if connections == 1 { "another connection burns".to_owned() } else { format!("{connections} others burn") };
    beside(
        format!("ping-burn-{connections}"),
        format!("A ping, while {others} CPU in their handler (0.1 ms a request)"),
        Busy { ping: Chores::ping(), other: Chores::burn(), connections, operation: "burning request", evict: None },
    )
}

fn beside(name: String, title: String, busy: Busy) -> Row {
    Row { name, title, chapter: Chapter::Parting, work: Work::PingBeside(busy) }
}

fn size(octets: usize) -> String {
    if octets >= 1 << 20 { format!("{} MiB", octets >> 20) } else { format!("{} KiB", octets >> 10) }
}

fn short(octets: usize) -> String {
    if octets >= 1 << 20 { format!("{}m", octets >> 20) } else { format!("{}k", octets >> 10) }
}
