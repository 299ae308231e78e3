//! Results as data: what `--json` prints and `target/iolab/BENCH.json` holds. `docs/measuring.md` has it in words.
//!
//! One shape for all benchmarks: a report has rows, a row has contestants, and whoever was measured has figures by name, each with
//! all of its rounds. Times are in seconds, memory in octets, shares of 1. All numbers have six digits that count, so that what is
//! written and read again is the same.
//!
//! A change that a reader of version 1 would misunderstand makes version 2. A field that is added makes no new version: readers
//! pass over what they do not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What `schema` says.
pub const SCHEMA: &str = "iolab-report";

/// What `version` says.
pub const VERSION: u32 = 1;

/// One run of one benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub version: u32,
    /// The benchmark's name, as `cargo bench --bench` takes it.
    pub bench: String,
    /// What was typed.
    pub command: String,
    /// The end of the run, UTC, as RFC 3339 has it.
    pub measured: String,
    /// The revision of the source, with `-dirty` where files had been changed; none where git did not tell.
    pub commit: Option<String>,
    /// What the figures depend on beside the source.
    pub machine: Vec<Line>,
    /// None where the benchmark takes no cores of its own.
    pub cores: Option<Cores>,
    pub settings: Settings,
    /// What one should know.
    pub notes: Vec<String>,
    /// Why to doubt figures.
    pub warnings: Vec<String>,
    pub rows: Vec<Row>,
    /// What the benchmark itself says of its figures.
    pub findings: Vec<String>,
}

/// A line of the fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub name: String,
    pub value: String,
}

/// Who ran where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    pub server: usize,
    pub load: usize,
    /// Two threads of one physical core.
    pub siblings: bool,
}

/// How long and how often: a warm-up and a window for each contestant in each round, and passes in which is counted. In seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub rounds: u32,
    pub warm_up: f64,
    pub window: f64,
    pub counting: f64,
}

/// One workload, done by each contestant in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// For the command line.
    pub name: String,
    /// For people.
    pub title: String,
    pub chapter: String,
    /// What one operation is called. CPU and counts are for one of them.
    pub operation: String,
    /// What measures this row again.
    pub command: String,
    pub contestants: Vec<Contestant>,
    /// By figure, where everybody is compared with the best.
    pub verdicts: BTreeMap<String, Verdict>,
}

/// Who may be the best in a figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The best one, only if its interval overlaps no other.
    pub best: Option<String>,
    /// Those between whom nothing can be said.
    pub leaders: Vec<String>,
    /// The same in words.
    pub says: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contestant {
    pub name: String,
    pub outcome: Outcome,
}

#[allow(clippy::large_enum_variant, reason = "nearly all of them are measured")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Measured(Measured),
    /// It holds so many connections at most.
    Limit {
        connections: usize,
    },
    /// It cannot run on this machine: cause and cure.
    Unavailable {
        why: String,
    },
    Failed {
        why: String,
    },
}

/// What one contestant did in one row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// By name: `rate` is operations a second, `cpu` the server's CPU time for one, `p50` and `p99` are latencies; some benchmarks
    /// have others.
    pub figures: BTreeMap<String, Figure>,
    /// Latencies over all rounds, in rows with open arrivals and with events.
    pub latencies: Vec<Latency>,
    pub counts: Counts,
    /// None where nobody asked.
    pub load: Option<Load>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub unit: String,
    pub median: f64,
    /// Each round's.
    pub rounds: Vec<f64>,
    /// How many times worse than the best of the same round, as a median over the rounds with its 95 % interval. 1 is the best.
    pub times_the_best: Option<Interval>,
    /// How many times that of another contestant in the same round.
    pub times: Vec<Times>,
}

/// A median of ratios, and where it lies with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    pub over: String,
    pub interval: Interval,
}

/// How long answers took at one pace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The pace in words.
    pub at: String,
    /// How many were timed.
    pub count: u64,
    pub percentiles: Vec<Percentile>,
}

/// So large a share of the answers came within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    pub share: f64,
    pub seconds: f64,
}

/// What the kernel had to do, counted in passes of their own. What is for one operation is so unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub system_calls: Option<f64>,
    /// The same by name.
    pub calls: BTreeMap<String, f64>,
    pub context_switches: Option<f64>,
    pub interrupts: Option<f64>,
    /// How often a loop that must not wait was held up by a file.
    pub stalls: Option<f64>,
    /// The most threads that were at work at one time.
    pub threads: Option<usize>,
    /// Octets that the process held at the end, with all connections.
    pub memory: Option<f64>,
    /// Octets for each idle connection: of the process, and of the kernel for both ends.
    pub idle_memory: Option<f64>,
    pub idle_memory_kernel: Option<f64>,
}

/// Both sides at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Shares of their cores that they used.
    pub server_share: f64,
    pub load_share: f64,
    pub limit: Limit,
    /// How requests came.
    pub asked: String,
}

/// Whose core was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Server,
    /// The server could have done more.
    Load,
    /// They waited for each other, or for something else.
    Neither,
}

impl Report {
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// A line of the fingerprint.
    pub fn machine(&self, name: &str) -> Option<&str> {
        self.machine.iter().find(|line| line.name == name).map(|line| line.value.as_str())
    }
}

impl Row {
    /// Whoever has figures.
    pub fn measured(&self) -> impl Iterator<Item = (&str, &Measured)> {
        self.contestants.iter().filter_map(|contestant| match &contestant.outcome {
            Outcome::Measured(measured) => Some((contestant.name.as_str(), measured)),
            _ => None,
        })
    }

    pub fn measured_as(&self, name: &str) -> Option<&Measured> {
        self.measured().find(|(other, _)| *other == name).map(|(_, measured)| measured)
    }
}

impl Measured {
    pub fn is_load_bound(&self) -> bool {
        self.load.as_ref().is_some_and(|load| load.limit == Limit::Load)
    }
}
