//! The rows of the table: what is measured.

use harness::load::Kind;
use harness::work::{Busy, Names, Reads, Steadily, Work};

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

impl Chapter {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Chapter::Files => "File reads",
            Chapter::Echo => "HTTP echo",
            Chapter::Parting => "Where the models part",
        }
    }
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
        lightly(64),
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

fn read(reads: Reads) -> Row {
    let Names { name, title } = reads.names();
    Row { name, title, chapter: Chapter::Files, work: Work::Read(reads) }
}

fn echo(echo: Steadily) -> Row {
    let Names { name, title } = echo.names();
    Row { name, title, chapter: Chapter::Echo, work: Work::Steady(echo) }
}

fn get(connections: usize) -> Steadily {
    Steadily { connections, pipelined: 1, body: None, idle: 0, load: Kind::Bursty }
}

/// Connection by connection, as wrk does.
fn lightly(connections: usize) -> Row {
    echo(Steadily { load: Kind::Light, ..get(connections) })
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
