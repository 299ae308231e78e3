//! The one table at the end: ratios over the first way of each experiment, in Markdown.

use std::fmt::Write;

use harness::measure::{Cell, Measured, Round, Settings};
use harness::session::Foot;
use harness::statistics::{Estimate, ROUNDS_FOR_INTERVAL, ratio};
use harness::text::{short, wrapped};
use harness::work::Work;

use super::experiments::{Experiment, Variant, name};

const COLUMNS: usize = 8;
const TITLES: [&str; COLUMNS] =
    ["", "CPU µs", "times the CPU", "times the rate", "system calls", "switches", "interrupts", "what the model does"];

/// Text that stands around the table is no wider.
const WIDTH: usize = 130;

/// The table as it grows.
pub struct Table {
    settings: Settings,
    lines: Vec<Line>,
    experiment: &'static str,
}

enum Line {
    Experiment { name: &'static str, title: &'static str },
    Figures([String; COLUMNS]),
}

impl Table {
    pub fn new(settings: Settings) -> Table {
        Table { settings, lines: Vec::new(), experiment: "" }
    }

    /// Adds an experiment on one workload.
    pub fn row<W>(&mut self, experiment: &Experiment<W>, work: &Work, cells: &[Cell]) {
        if self.experiment != experiment.name {
            self.experiment = experiment.name;
            self.lines.push(Line::Experiment { name: experiment.name, title: experiment.title });
        }
        let Some((first, base)) = experiment.ways.iter().zip(cells).next() else { return };
        for (place, (variant, cell)) in experiment.ways.iter().zip(cells).enumerate() {
            let label = format!("{}: {}", name(work), variant.name);
            let figures = match (cell, base) {
                (Cell::Measured(measured), _) if place == 0 => {
                    let does = if variant.is_default { "this" } else { "" };
                    of(label, measured, ["1".into(), "1".into()], does.into())
                }
                (Cell::Measured(measured), Cell::Measured(base)) => {
                    let cpu = self.ratio(measured, base, |round| round.cpu);
                    let times = [self.told(cpu), self.rate(measured, base)];
                    of(label, measured, times, self.verdict(cpu, variant, first))
                }
                (Cell::Measured(measured), _) => {
                    of(label, measured, ["-".into(), "-".into()], "nothing to compare it with".into())
                }
                (Cell::Unavailable(why), _) => without(label, format!("not here: {why}")),
                (Cell::Failed(why), _) => without(label, format!("failed: {why}")),
                (Cell::Limit(most), _) => without(label, format!("holds {most} connections at most")),
            };
            self.lines.push(Line::Figures(figures));
        }
    }

    fn has_intervals(&self) -> bool {
        self.settings.rounds as usize >= ROUNDS_FOR_INTERVAL
    }

    fn ratio(&self, measured: &Measured, base: &Measured, figure: fn(&Round) -> f64) -> Estimate {
        let figures = |measured: &Measured| measured.rounds.iter().map(figure).collect::<Vec<f64>>();
        ratio(&figures(measured), &figures(base))
    }

    fn rate(&self, measured: &Measured, base: &Measured) -> String {
        if measured.is_load_bound() || base.is_load_bound() {
            return "the load's limit".into();
        }
        self.told(self.ratio(measured, base, |round| round.rate))
    }

    fn told(&self, found: Estimate) -> String {
        let Estimate { low, median, high } = found;
        match differs(found) {
            _ if !self.has_intervals() => format!("{median:.2}"),
            None => format!("no difference ({low:.2}-{high:.2})"),
            Some(_) => format!("{median:.2} ({low:.2}-{high:.2})"),
        }
    }

    /// Whether the model is right.
    fn verdict<W>(&self, cpu: Estimate, variant: &Variant<W>, first: &Variant<W>) -> String {
        if !self.has_intervals() {
            return "too few rounds to tell".into();
        }
        let verdict = match (variant.is_default, first.is_default, differs(cpu)) {
            (true, _, Some(Better)) => "this: it pays",
            (true, _, Some(Worse)) => "this, AND IT COSTS",
            (true, _, None) => "this, for no difference",
            (false, true, Some(Better)) => "not this, BUT IT WOULD PAY",
            (false, true, Some(Worse)) => "not this: it costs",
            (false, true, None) => "not this, for no difference",
            (false, false, _) => "",
        };
        verdict.into()
    }

    /// All of it: `command` measures an experiment again if its name follows.
    pub fn finish(self, opening: &str, command: &str, unmeasured: &[(&str, &str)], foot: &Foot) -> String {
        let mut text = format!("\n{opening}\n\n");
        let how = format!(
            "Each figure is the median of {} rounds of {} s, in which the ways of one experiment took turns. \"times the CPU\": how \
             many times the CPU time of the experiment's first way this way takes, as the median of the ratios within a round, and \
             the interval that holds it with 95 % confidence (bootstrap over the rounds); below 1 it pays, and where the interval \
             contains 1 there is no difference. CPU is user and system time of the whole server process, kernel threads that work \
             for it alone included. System calls, context switches and reschedule interrupts of the core are per request or read, and \
             counted in passes of their own. The last column: what the library's model does unless told otherwise, and whether that \
             is right by its CPU time. Every answer and every read was checked.",
            self.settings.rounds,
            self.settings.plan.window.as_secs_f64(),
        );
        text.push_str(&wrapped(&how, WIDTH).replace("\n    ", "\n"));
        let _ = writeln!(text, "\n{}", self.markdown());
        for (what, why) in unmeasured {
            text.push_str(&wrapped(&format!("Not measured: {what}: {why}"), WIDTH));
        }
        for note in foot.remarks() {
            text.push_str(&wrapped(note, WIDTH));
        }
        let _ = writeln!(text, "One experiment alone: {command} NAME, as it stands in the table; --list shows all rows.\n");
        for (name, value) in &foot.fingerprint {
            text.push_str(&wrapped(&format!("{name:<12}{value}"), WIDTH));
        }
        text
    }

    fn markdown(&self) -> String {
        let count = |text: &str| text.chars().count();
        let mut widths = TITLES.map(count);
        for line in &self.lines {
            // The title of an experiment may stand out: all lines wait for the longest otherwise.
            let Line::Figures(cells) = line else { continue };
            for (place, cell) in cells.iter().enumerate() {
                // So may the reason why somebody is not here.
                if place < LAST {
                    widths[place] = widths[place].max(count(cell));
                }
            }
        }
        let line = |cells: &[String; COLUMNS]| {
            let cells = cells.iter().zip(widths).enumerate().map(|(place, (cell, width))| match place {
                0 | LAST => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let ruler = widths.iter().enumerate().map(|(place, &width)| match place {
            0 | LAST => "-".repeat(width),
            _ => format!("{}:", "-".repeat(width - 1)),
        });
        let ruler = format!("| {} |\n", ruler.collect::<Vec<_>>().join(" | "));
        line(&TITLES.map(String::from)) + &ruler + &self.lines.iter().map(|one| line(&one.cells())).collect::<String>()
    }
}

const LAST: usize = COLUMNS - 1;

impl Line {
    fn cells(&self) -> [String; COLUMNS] {
        match self {
            Line::Experiment { name, title } => without(format!("**{title}** `{name}`"), String::new()),
            Line::Figures(figures) => figures.clone(),
        }
    }
}

use Direction::{Better, Worse};

enum Direction {
    Better,
    Worse,
}

/// Less CPU time is better.
fn differs(found: Estimate) -> Option<Direction> {
    match found {
        Estimate { high, .. } if high < 1.0 => Some(Better),
        Estimate { low, .. } if low > 1.0 => Some(Worse),
        _ => None,
    }
}

fn of(label: String, measured: &Measured, [cpu, rate]: [String; 2], verdict: String) -> [String; COLUMNS] {
    let count = |count: Option<f64>| count.map_or("-".into(), short);
    let counts = &measured.counts;
    let own_cpu = short(1e6 * measured.middle(|round| round.cpu));
    [label, own_cpu, cpu, rate, count(counts.calls), count(counts.switches), count(counts.interrupts), verdict]
}

fn without(label: String, why: String) -> [String; COLUMNS] {
    let mut cells = [const { String::new() }; COLUMNS];
    (cells[0], cells[LAST]) = (label, why);
    cells
}
