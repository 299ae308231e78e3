//! Which model to take for which workload: typical workloads, each with the row that speaks for it, and what that row says.
//!
//! ```text
//! all that were measured, if every model was asked and two of them could be
//!   keep those that may be the best in the workload's first figure, then of those in its next
//!   one is left: take it. Several are: no difference was measured, take the simplest
//! ```
//!
//! A model may be the best as long as its interval overlaps that of the best median. Nothing is believed of the models but in which
//! order they are simple.

use harness::statistics::{ROUNDS_FOR_INTERVAL, compare};
use harness::text::grouped;

use crate::schema::{Interval, Outcome, Report, Row};

// ANCHOR: simplest
/// Whoever is level with the others is picked in this order: a thread that calls and waits is the plainest program, a loop on
/// readiness has state machines, one on completions has buffers that are not its own beside them.
pub const SIMPLEST_FIRST: [&str; 4] = ["blocking", "pool", "epoll", "uring"];
// ANCHOR_END: simplest

/// The place of a model in that order; others come behind them.
pub fn simplicity(model: &str) -> usize {
    SIMPLEST_FIRST.iter().position(|name| *name == model).unwrap_or(SIMPLEST_FIRST.len())
}

/// What a reader may have.
pub struct Workload {
    pub title: &'static str,
    /// The benchmark with the row that speaks for it.
    pub bench: &'static str,
    pub row: RowName,
    /// What is compared, what matters most first.
    pub figures: &'static [&'static str],
    /// What one's own workload of this kind is measured with.
    pub own: &'static str,
}

/// Which row.
#[derive(Clone, Copy)]
pub enum RowName {
    Named(&'static str),
    /// The one with this beginning and the largest number behind it: how many connections may be idle depends on the machine.
    Largest(&'static str),
}

use RowName::{Largest, Named};

const CAPACITY: &[&str] = &["rate", "cpu"];
const PATIENCE: &[&str] = &["p99", "p50"];

/// In the order of the page.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        title: "Small requests at saturation",
        bench: "models",
        row: Named("get-64"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 0 --response 100 --connections 64",
    },
    Workload {
        title: "Hundreds of busy connections",
        bench: "models",
        row: Named("get-512"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 0 --response 100 --connections 512",
    },
    Workload {
        title: "Many mostly idle connections",
        bench: "models",
        row: Largest("idle-"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 0 --connections 10000 --rate 5000",
    },
    Workload {
        title: "Light load, the server sleeps in between",
        bench: "models",
        row: Named("get-64-light"),
        figures: &["cpu"],
        own: "--cpu-us 0 --disk-reads 0 --load light",
    },
    Workload {
        title: "Short connections",
        bench: "models",
        row: Named("churn-64"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 0 --no-keep-alive",
    },
    Workload { title: "Pipelined requests", bench: "models", row: Named("get-64-pipelined-16"), figures: CAPACITY, own: "" },
    Workload {
        title: "Small uploads",
        bench: "models",
        row: Named("post-1k-64"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 0 --body 1024",
    },
    Workload {
        title: "Large uploads",
        bench: "models",
        row: Named("post-64k-64"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 0 --body 65536",
    },
    Workload {
        title: "CPU-heavy handlers, and others who want an answer at once",
        bench: "models",
        row: Named("ping-burn-8"),
        figures: PATIENCE,
        own: "--cpu-us 500 --disk-reads 0 --rate 500",
    },
    Workload {
        title: "Answers that need the disk, and others who want one at once",
        bench: "models",
        row: Named("ping-disk"),
        figures: PATIENCE,
        own: "--disk-reads 4 --read-octets 65536 --rate 200",
    },
    Workload {
        title: "Cold random reads, deep queue",
        bench: "models",
        row: Named("read-4k-random-direct-64"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 8 --reads-at-once",
    },
    Workload {
        title: "Cold random reads, one at a time",
        bench: "models",
        row: Named("read-4k-random-direct-1"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 1",
    },
    Workload {
        title: "Reads that the page cache answers",
        bench: "models",
        row: Named("read-4k-random-cached-1"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 1 --cache-hits 100",
    },
    Workload {
        title: "Large files from beginning to end",
        bench: "models",
        row: Named("read-1m-sequential-direct-4"),
        figures: CAPACITY,
        own: "--cpu-us 0 --disk-reads 4 --read-octets 1048576 --reads-at-once",
    },
    Workload {
        title: "One event told to many who listen to a stream",
        bench: "patterns",
        row: Named("sse"),
        figures: &["cpu"],
        own: "",
    },
    Workload {
        title: "One event told to many who poll and wait",
        bench: "patterns",
        row: Named("long-poll"),
        figures: &["cpu"],
        own: "",
    },
];

/// What a report says of a workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Advice {
    /// The row that would speak for it is not there; what measures it.
    NotMeasured {
        row: String,
        command: String,
    },
    /// The row is there, and cannot tell: why.
    CannotTell {
        row: String,
        why: String,
        command: String,
    },
    Take(Take),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// The name of the row that says so.
    pub row: String,
    pub pick: String,
    /// Those from whom it was not told apart. It is the simplest of them.
    pub level_with: Vec<String>,
    /// How these and the pick did in the last figure that was compared, where it is not alone.
    pub level: Vec<Behind>,
    /// The others, each with the figure it fell behind in and how many times worse than the best of the same round it was.
    pub behind: Vec<Behind>,
    /// Those without a figure, and why.
    pub absent: Vec<(String, String)>,
    /// What should be known of how it was found.
    pub remarks: Vec<String>,
    /// What measures the row again.
    pub command: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Behind {
    pub model: String,
    pub figure: String,
    pub times: Interval,
}

impl Workload {
    pub fn advice(&self, reports: &[&Report]) -> Advice {
        let found = reports.iter().find(|report| report.bench == self.bench).and_then(|report| self.row.of(report));
        match found {
            Some(row) => advice(row, self.figures),
            None => {
                let row = self.row.name().to_owned();
                let command = match self.bench {
                    "patterns" => format!("cargo bench --bench patterns -- --way {row}"),
                    bench => format!("cargo bench --bench {bench} -- --row {row}"),
                };
                Advice::NotMeasured { row, command }
            }
        }
    }
}

impl RowName {
    fn name(self) -> &'static str {
        match self {
            Named(name) | Largest(name) => name,
        }
    }

    pub fn of(self, report: &Report) -> Option<&Row> {
        match self {
            Named(name) => report.row(name),
            Largest(beginning) => {
                let number = |row: &&Row| row.name.strip_prefix(beginning)?.parse::<u64>().ok();
                report.rows.iter().filter(|row| number(row).is_some()).max_by_key(number)
            }
        }
    }
}

/// What a row says by these figures.
pub fn advice(row: &Row, figures: &[&str]) -> Advice {
    let mut left: Vec<&str> = row.measured().map(|(name, _)| name).collect();
    let cannot_tell = |why: String| Advice::CannotTell { row: row.name.clone(), why, command: of_all_models(&row.command) };
    let is_asked = |model: &&str| row.contestants.iter().any(|contestant| contestant.name == **model);
    let unasked: Vec<&str> = SIMPLEST_FIRST.into_iter().filter(|model| !is_asked(model)).collect();
    match left[..] {
        _ if !unasked.is_empty() => {
            return cannot_tell(format!("not all models were asked: {} might be better", unasked.join(", ")));
        }
        [] => return cannot_tell(format!("no model could be measured: {}", reasons(row))),
        // Whoever is there alone has beaten nobody.
        [only] => return cannot_tell(format!("only {only} could be measured, so nothing was compared: {}", reasons(row))),
        _ => {}
    }
    let (mut behind, mut level, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_told = false;
    // ANCHOR: race
    for figure in figures {
        if left.len() == 1 {
            break;
        }
        let Some(rounds) = costs(row, figure, &left) else {
            remarks.push(format!("There are rounds in which somebody has no {figure}, so by that they are not compared."));
            continue;
        };
        if rounds.iter().any(|rounds| rounds.len() < ROUNDS_FOR_INTERVAL) {
            return cannot_tell(format!("too few rounds: it takes {ROUNDS_FOR_INTERVAL} at least"));
        }
        let comparison = compare(&rounds.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>());
        let is_bound = |place: &usize| row.measured_as(left[*place]).is_some_and(|measured| measured.is_load_bound());
        if *figure == "rate" && comparison.leaders.iter().any(is_bound) {
            remarks.push("The load was the limit and not the server, so rates say nothing here: CPU is compared.".to_owned());
            continue;
        }
        is_told = true;
        level.clear();
        for (place, model) in left.iter().enumerate() {
            let times = Interval::of(comparison.times_worse[place]);
            let found = Behind { model: (*model).to_owned(), figure: (*figure).to_owned(), times };
            if comparison.leaders.contains(&place) { level.push(found) } else { behind.push(found) }
        }
        left = comparison.leaders.iter().map(|&place| left[place]).collect();
    }
    // ANCHOR_END: race
    if !is_told {
        return cannot_tell("there are rounds in which somebody has no figure".to_owned());
    }
    left.sort_by_key(|name| simplicity(name));
    if left.len() == 1 {
        level.clear();
    }
    Advice::Take(Take {
        row: row.name.clone(),
        pick: left[0].to_owned(),
        level_with: left[1..].iter().map(|name| (*name).to_owned()).collect(),
        level,
        behind,
        absent: absent(row),
        remarks,
        command: row.command.clone(),
    })
}

/// Each one's rounds, less being better; none if somebody has none, or none that can be compared.
fn costs(row: &Row, figure: &str, models: &[&str]) -> Option<Vec<Vec<f64>>> {
    let cost = |round: &f64| if figure == "rate" { 1.0 / round } else { *round };
    let of = |model: &&str| {
        let rounds: Vec<f64> = row.measured_as(model)?.figures.get(figure)?.rounds.iter().map(cost).collect();
        let is_sound = !rounds.is_empty() && rounds.iter().all(|cost| cost.is_finite() && *cost > 0.0);
        is_sound.then_some(rounds)
    };
    let all: Vec<Vec<f64>> = models.iter().map(of).collect::<Option<_>>()?;
    let length = all.first()?.len();
    all.iter().all(|rounds| rounds.len() == length).then_some(all)
}

/// Those without a figure, and why.
pub fn absent(row: &Row) -> Vec<(String, String)> {
    let why = |outcome: &Outcome| match outcome {
        Outcome::Measured(_) => None,
        Outcome::Limit { connections } => Some(format!("holds {} connections at most", grouped(*connections as f64))),
        Outcome::Unavailable { why } => Some(format!("not here: {why}")),
        Outcome::Failed { why } => Some(format!("failed: {why}")),
    };
    row.contestants.iter().filter_map(|contestant| Some((contestant.name.clone(), why(&contestant.outcome)?))).collect()
}

/// The command without what limits it to some models.
fn of_all_models(command: &str) -> String {
    let mut words: Vec<&str> = command.split(' ').collect();
    while let Some(place) = words.iter().position(|word| *word == "--model") {
        words.drain(place..words.len().min(place + 2));
    }
    words.join(" ")
}

fn reasons(row: &Row) -> String {
    absent(row).into_iter().map(|(name, why)| format!("{name} {why}")).collect::<Vec<_>>().join("; ")
}
