//! The one table at the end.

use std::fmt::Write;

use harness::measure::{Cell, Measured, Settings};
use harness::session::Foot;
use harness::statistics::{Estimate, ROUNDS_FOR_INTERVAL, ratio};
use harness::text::{short, wrapped};
use harness::work::Work;
use iolab::Model;

use crate::contestants::Contestant;
use crate::rows::{Pair, Row};

const LABEL: usize = 34;
const COLUMN: usize = 14;
const RATIO: usize = 20;
const VERDICT: usize = 36;
const WIDTH: usize = LABEL + 2 * COLUMN + RATIO + 2 * COLUMN + COLUMN + VERDICT;

/// The table as it grows.
pub struct Table {
    /// What comes before a row's name to measure it again.
    command: String,
    settings: Settings,
    has_split: bool,
    text: String,
    chapter: &'static str,
    footnotes: Vec<String>,
    load_bound: Vec<String>,
}

impl Table {
    pub fn new(command: String, settings: Settings, has_split: bool) -> Table {
        let (footnotes, load_bound) = (Vec::new(), Vec::new());
        Table { command, settings, has_split, text: String::new(), chapter: "", footnotes, load_bound }
    }

    /// Adds a row.
    pub fn row(&mut self, row: &Row, contestants: &[Contestant], cells: &[Cell]) {
        let (chapter, operation) = match row.work {
            Work::Read(_) => ("FILE READS", "read"),
            _ => ("HTTP ECHO", "request"),
        };
        if self.chapter != chapter {
            self.chapter = chapter;
            self.head(operation);
        }
        let command = format!("{} {}", self.command, row.name);
        let gap = WIDTH.saturating_sub(row.title.chars().count() + command.len()).max(2);
        let _ = writeln!(self.text, "{}{}{command}", row.title, " ".repeat(gap));
        for pair in &row.pairs {
            let cell = |who: Contestant| contestants.iter().position(|&one| one == who).map(|place| &cells[place]);
            let (Some(model), Some(bare)) = (cell(Contestant::Model(pair.model)), cell(pair.bare)) else { continue };
            self.pair(pair, model, bare);
        }
        for (contestant, cell) in contestants.iter().zip(cells) {
            if let Cell::Measured(measured) = cell
                && measured.is_load_bound()
            {
                self.load_bound.push(format!("{} {} ({})", row.name, contestant.name(), measured.shares()));
            }
        }
        self.text.push('\n');
    }

    fn head(&mut self, operation: &str) {
        let (cpu, calls) = (format!("CPU µs per {operation}"), format!("system calls per {operation}"));
        let pair = 2 * COLUMN;
        let _ = writeln!(self.text, "{:<LABEL$}{cpu:>pair$}{:RATIO$}{calls:>pair$}", self.chapter, "");
        let titles = format!("{:>COLUMN$}{:>COLUMN$}", "model", "bare");
        let _ = writeln!(self.text, "{:<LABEL$}{titles}{:>RATIO$}{titles}{:>COLUMN$}", "", "times the bare's", "target");
        let _ = writeln!(self.text, "{}", "-".repeat(WIDTH));
    }

    fn pair(&mut self, pair: &Pair, model: &Cell, bare: &Cell) {
        let label = format!("  {} over {}", pair.model.name(), pair.bare.name());
        let names = [pair.model.name().to_owned(), pair.bare.name()];
        let [its, bares] = [(model, &names[0]), (bare, &names[1])].map(|(cell, name)| self.figures(cell, name));
        let [(cpu, calls), (bare_cpu, bare_calls)] = [its, bares];
        let (mut times, mut verdict) = (String::new(), String::new());
        if let (Cell::Measured(model), Cell::Measured(bare)) = (model, bare) {
            let cpu = |measured: &Measured| measured.rounds.iter().map(|round| round.cpu).collect::<Vec<f64>>();
            let found = ratio(&cpu(model), &cpu(bare));
            let has_interval = self.settings.rounds as usize >= ROUNDS_FOR_INTERVAL;
            times = if has_interval {
                format!("{:.2}  ({:.2}-{:.2})", found.median, found.low, found.high)
            } else {
                format!("{:.2}", found.median)
            };
            verdict = if has_interval { judge(found, pair.target) } else { "too few rounds to tell".to_owned() };
        }
        let target = pair.target.map_or(String::new(), |target| format!("{target:.2}"));
        let line = format!(
            "{label:<LABEL$}{cpu:>COLUMN$}{bare_cpu:>COLUMN$}{times:>RATIO$}{calls:>COLUMN$}{bare_calls:>COLUMN$}{target:>COLUMN$}   {verdict}"
        );
        let _ = writeln!(self.text, "{}", line.trim_end());
        if self.has_split {
            let [its, bares] = [model, bare].map(|cell| self.split(cell));
            let _ = writeln!(self.text, "{:<LABEL$}{its:>COLUMN$}{bares:>COLUMN$}", "    of that in user space");
        }
    }

    /// CPU time and system calls of an operation; what has no figure says so, and why.
    fn figures(&mut self, cell: &Cell, name: &str) -> (String, String) {
        let (what, why) = match cell {
            Cell::Measured(measured) => {
                let calls = measured.counts.calls.map_or("-".into(), short);
                return (short(1e6 * measured.middle(|round| round.cpu)), calls);
            }
            Cell::Unavailable(why) => ("not here", why.clone()),
            Cell::Failed(why) => ("failed", why.clone()),
            Cell::Limit(connections) => ("at most", format!("it holds {connections} connections")),
        };
        let footnote = format!("{name}: {why}");
        let known = self.footnotes.iter().position(|one| *one == footnote);
        let number = known.unwrap_or_else(|| {
            self.footnotes.push(footnote);
            self.footnotes.len() - 1
        });
        (format!("{what} [{}]", number + 1), String::new())
    }

    /// User time of an operation, and how sure that is: each tick of the clock finds the process in user space or in the kernel, so
    /// of `n` ticks the share is known to about `2 sqrt(p (1 - p) / n)`. There are at least 100 ticks a second (proc_pid_stat(5)).
    fn split(&self, cell: &Cell) -> String {
        let Cell::Measured(measured @ Measured { user_share: Some(share), .. }) = cell else { return String::new() };
        let busy = self.settings.plan.window.as_secs_f64() * measured.middle(|round| round.server_share);
        let ticks = 100.0 * busy * f64::from(self.settings.rounds);
        let sureness = 2.0 * (share * (1.0 - share) / ticks).sqrt();
        let cpu = 1e6 * measured.middle(|round| round.cpu);
        format!("{:.2}±{:.2}", share * cpu, sureness * cpu)
    }

    /// All of it.
    pub fn finish(self, foot: &Foot) -> String {
        let mut text = String::new();
        let seconds = self.settings.plan.window.as_secs_f64();
        let _ = writeln!(
            text,
            "\nThe price of the contract: each model beside a bare loop that waits in the same way, parses nothing, and answers the\n\
             same octets as soon as a request's length has come. Each figure is the median of {} rounds of {seconds} s, in which all\n\
             took turns.\n\n\
             How to read it. \"times the bare's\" is how many times the bare loop's CPU time the model takes, as the median of the\n\
             ratios within a round, and the interval that holds it with 95 % confidence (bootstrap over the rounds); where that\n\
             contains 1 there is no difference. The target is the most the ratio may be: it is met or missed for sure where the\n\
             interval lies on one side of it. CPU is user and system time of the whole process; system calls are counted in a pass of\n\
             their own, by the process itself. Every answer and every read was checked.\n",
            self.settings.rounds,
        );
        text.push_str(&self.text);
        for (number, footnote) in self.footnotes.iter().enumerate() {
            text.push_str(&wrapped(&format!("[{}] {footnote}", number + 1), WIDTH));
        }
        if self.has_split {
            let why = "User time is what the ticks of the clock have found: a sample, and so a run must be long. The figure behind ± \
                       is twice its standard deviation, if no process keeps step with the clock.";
            text.push_str(&wrapped(why, WIDTH));
        }
        if !self.load_bound.is_empty() {
            let cells = self.load_bound.join("; ");
            let why = format!(
                "The load was at the end of its core before these were, and who waits now and then does less at a time, at more CPU \
                 for each (shares of their cores used): {cells}"
            );
            text.push_str(&wrapped(&why, WIDTH));
        }
        for note in foot.remarks() {
            text.push_str(&wrapped(note, WIDTH));
        }
        let _ = writeln!(text, "One pair alone: add --model NAME to the command beside its row.\n");
        for (name, value) in &foot.fingerprint {
            text.push_str(&wrapped(&format!("{name:<12}{value}"), WIDTH));
        }
        text
    }
}

fn judge(found: Estimate, target: Option<f64>) -> String {
    let differs = found.low > 1.0 || found.high < 1.0;
    let by = |target: f64| format!("{} %", short(100.0 * (found.median / target - 1.0)));
    let of_target = match target {
        None => "",
        Some(target) if found.high <= target => "met",
        Some(target) if found.low > target => return format!("missed by {}", by(target)),
        Some(target) if found.median <= target => "met, but not for sure",
        Some(target) => return format!("missed by {}, but not for sure", by(target)),
    };
    match (of_target, differs) {
        ("", true) => String::new(),
        ("", false) => "no difference".to_owned(),
        (verdict, true) => verdict.to_owned(),
        (verdict, false) => format!("{verdict}: no difference"),
    }
}
