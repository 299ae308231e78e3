//! One run over another: what changed between two reports of the same benchmark, and what may have changed it.

use std::collections::BTreeSet;
use std::fmt::Write;

use harness::statistics::{ROUNDS_FOR_INTERVAL, ratio_of_runs};
use harness::text::{grouped, short, time, wrapped};

use crate::schema::{Figure, Interval, Measured, Report, Row};

/// Two runs beside each other.
#[derive(Debug)]
pub struct Comparison<'a> {
    pub before: &'a Report,
    pub after: &'a Report,
    /// Lines of the fingerprint that differ: the name, then, and now.
    pub machine: Vec<(String, String, String)>,
    /// What else is not alike, in sentences.
    pub unlike: Vec<String>,
    pub rows: Vec<Changed<'a>>,
    /// Rows and contestants that only one of them has.
    pub unpaired: Vec<String>,
}

/// A row that both have.
#[derive(Debug)]
pub struct Changed<'a> {
    pub row: &'a Row,
    pub figures: Vec<Change<'a>>,
}

#[derive(Debug)]
pub struct Change<'a> {
    pub contestant: &'a str,
    pub figure: &'static str,
    pub before: f64,
    pub after: f64,
    /// The later over the earlier.
    pub times: Interval,
    pub says: Says,
}

/// What can be said of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    More,
    Less,
    NoDifference,
    TooFewRounds,
    /// The load was the limit of one of them: a rate that is not the server's.
    LoadBound,
}

/// What is compared where both have it.
const FIGURES: [&str; 5] = ["cpu", "rate", "p50", "p99", "time"];

/// When something was measured is no property of a machine, and the library's version is what one may want to compare.
const NO_MACHINE: [&str; 2] = ["measured", "iolab"];

const LABEL: usize = 44;
const COLUMN: usize = 14;
const TIMES: usize = 24;
const WIDTH: usize = LABEL + 2 * COLUMN + TIMES + 24;

/// Compares the rows that `is_wanted`, and in them the contestants among `models` if there are any.
pub fn compare<'a>(
    before: &'a Report,
    after: &'a Report,
    is_wanted: impl Fn(&str) -> bool,
    models: &[&str],
) -> Result<Comparison<'a>, String> {
    if before.bench != after.bench {
        return Err(format!(
            "one is a report of the benchmark {}, the other of {}: only two of the same can be compared",
            before.bench, after.bench
        ));
    }
    let is_asked_for = |name: &str| models.is_empty() || models.contains(&name);
    let (mut rows, mut unpaired) = (Vec::new(), Vec::new());
    for row in after.rows.iter().filter(|row| is_wanted(&row.name)) {
        let Some(earlier) = before.row(&row.name) else {
            unpaired.push(format!("{} (only in the later)", row.name));
            continue;
        };
        let mut figures = Vec::new();
        for (name, measured) in row.measured().filter(|(name, _)| is_asked_for(name)) {
            match earlier.measured_as(name) {
                Some(earlier) => figures.extend(changes(name, earlier, measured)),
                None => unpaired.push(format!("{name} in {} (no figure in the earlier)", row.name)),
            }
        }
        let gone = earlier.measured().filter(|(name, _)| is_asked_for(name) && row.measured_as(name).is_none());
        unpaired.extend(gone.map(|(name, _)| format!("{name} in {} (no figure in the later)", row.name)));
        rows.push(Changed { row, figures });
    }
    let gone = before.rows.iter().filter(|row| is_wanted(&row.name) && after.row(&row.name).is_none());
    unpaired.extend(gone.map(|row| format!("{} (only in the earlier)", row.name)));
    if rows.iter().all(|row| row.figures.is_empty()) {
        return Err("they have no row and contestant in common that were measured in both and are asked for".to_owned());
    }
    Ok(Comparison { before, after, machine: differences(before, after), unlike: unlike(before, after), rows, unpaired })
}

/// Where two machines differ: the line's name, and its two values.
pub fn differences(one: &Report, other: &Report) -> Vec<(String, String, String)> {
    let names: BTreeSet<&str> = one.machine.iter().chain(&other.machine).map(|line| line.name.as_str()).collect();
    let value = |report: &Report, name: &str| report.machine(name).unwrap_or("not told").to_owned();
    names
        .into_iter()
        .filter(|name| !NO_MACHINE.contains(name))
        .map(|name| (name.to_owned(), value(one, name), value(other, name)))
        .filter(|(_, one, other)| one != other)
        .collect()
}

fn unlike(before: &Report, after: &Report) -> Vec<String> {
    let mut told = Vec::new();
    let [then, now] = [before.settings, after.settings];
    if then != now {
        let settings = |of: crate::schema::Settings| format!("{} rounds of {} s", of.rounds, of.window);
        told.push(format!("They were measured differently: {}, and then {}.", settings(then), settings(now)));
    }
    if before.cores != after.cores {
        told.push("Server and load were on other cores.".to_owned());
    }
    for (which, report) in [("earlier", before), ("later", after)] {
        told.extend(report.warnings.iter().map(|warning| format!("Of the {which} run: {warning}")));
    }
    if before == after {
        told.push("These are one and the same report.".to_owned());
    }
    told
}

fn changes<'a>(contestant: &'a str, before: &Measured, after: &Measured) -> Vec<Change<'a>> {
    let is_bound = before.is_load_bound() || after.is_load_bound();
    let change = |figure: &'static str| {
        let [then, now] = [before, after].map(|measured| measured.figures.get(figure));
        let (then, now) = (then?, now?);
        let is_sound = |of: &Figure| !of.rounds.is_empty() && of.rounds.iter().all(|round| *round > 0.0);
        if !is_sound(then) || !is_sound(now) {
            return None;
        }
        let times = Interval::of(ratio_of_runs(&now.rounds, &then.rounds));
        let says = match () {
            () if then.rounds.len().min(now.rounds.len()) < ROUNDS_FOR_INTERVAL => Says::TooFewRounds,
            () if figure == "rate" && is_bound => Says::LoadBound,
            () if times.low > 1.0 => Says::More,
            () if times.high < 1.0 => Says::Less,
            () => Says::NoDifference,
        };
        Some(Change { contestant, figure, before: then.median, after: now.median, times, says })
    };
    FIGURES.into_iter().filter_map(change).collect()
}

impl Comparison<'_> {
    pub fn table(&self) -> String {
        let mut text = String::new();
        let when = |report: &Report| {
            let commit = report.commit.as_deref().map_or(String::new(), |commit| format!(", commit {commit}"));
            format!("{}{commit}: {}", report.measured, report.command)
        };
        let _ = writeln!(text, "\nTWO RUNS OF {}\n", self.after.bench.to_uppercase());
        let _ = writeln!(text, "earlier  {}\nlater    {}\n", when(self.before), when(self.after));
        self.warn(&mut text);
        let how = "How to read it. \"times\" is the later median over the earlier, with an interval (95 %, bootstrap over the rounds of \
                   each run). The two runs did not take turns, so whatever was different all through one of them (a neighbour, \
                   another clock rate, a fuller disk) is in every ratio and in no interval: an interval without 1 says that the runs \
                   differ, and not why. Before you believe it, measure the earlier state once more and compare it with itself.";
        text.push_str(&wrapped(how, WIDTH).replace("\n    ", "\n"));
        let _ = writeln!(
            text,
            "\n{:LABEL$}{:>COLUMN$}{:>COLUMN$}{:>TIMES$}\n{}",
            "",
            "earlier",
            "later",
            "times",
            "-".repeat(WIDTH)
        );
        for changed in &self.rows {
            let gap = WIDTH.saturating_sub(changed.row.title.chars().count() + changed.row.name.len()).max(2);
            let _ = writeln!(text, "{}{}{}", changed.row.title, " ".repeat(gap), changed.row.name);
            for change in &changed.figures {
                let _ = writeln!(text, "{}", change.line(&changed.row.operation));
            }
            text.push('\n');
        }
        if !self.unpaired.is_empty() {
            text.push_str(&wrapped(&format!("Not compared: {}.", self.unpaired.join("; ")), WIDTH));
        }
        text
    }

    fn warn(&self, text: &mut String) {
        if !self.machine.is_empty() {
            let _ = writeln!(
                text,
                "{}\nWARNING: THE MACHINES DIFFER. What follows compares them too, and not only what was built.\n",
                "!".repeat(WIDTH)
            );
            for (name, then, now) in &self.machine {
                let _ = writeln!(text, "  {name}");
                text.push_str(&wrapped(&format!("    earlier  {then}"), WIDTH));
                text.push_str(&wrapped(&format!("    later    {now}"), WIDTH));
            }
            let _ = writeln!(text, "{}\n", "!".repeat(WIDTH));
        }
        for sentence in &self.unlike {
            text.push_str(&wrapped(sentence, WIDTH));
        }
        if !self.unlike.is_empty() {
            text.push('\n');
        }
    }
}

impl Change<'_> {
    fn line(&self, operation: &str) -> String {
        let figure = |value: f64| match self.figure {
            "cpu" => short(1e6 * value),
            "rate" => grouped(value),
            "time" => format!("{} ns", short(1e9 * value)),
            _ => time(value),
        };
        let what = match self.figure {
            "cpu" => format!("CPU µs per {operation}"),
            "rate" => format!("{operation}s per second"),
            "p50" => "half within".to_owned(),
            "p99" => "99 % within".to_owned(),
            _ => format!("for a {operation}"),
        };
        let Interval { low, median, high } = self.times;
        let (times, says) = match self.says {
            Says::TooFewRounds => (format!("{median:.2}"), "too few rounds to tell"),
            Says::LoadBound => (format!("{median:.2} ({low:.2}-{high:.2})"), "the load was the limit"),
            Says::More => (format!("{median:.2} ({low:.2}-{high:.2})"), "more"),
            Says::Less => (format!("{median:.2} ({low:.2}-{high:.2})"), "less"),
            Says::NoDifference => (format!("{median:.2} ({low:.2}-{high:.2})"), "no difference"),
        };
        let label = format!("  {:<10} {what}", self.contestant);
        let line =
            format!("{label:<LABEL$}{:>COLUMN$}{:>COLUMN$}{times:>TIMES$}   {says}", figure(self.before), figure(self.after));
        line.trim_end().to_owned()
    }
}
