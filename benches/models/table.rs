//! The one table at the end.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::rows::{Chapter, Row};
use harness::counting::IdleMemory;
use harness::load::Generator;
use harness::measure::{Cell, Measured, Round, Settings};
use harness::session::Foot;
use harness::statistics::{Comparison, compare};
use harness::text::{grouped, interval, short, time, wrapped};
use harness::work::{SHARES, Work};
use iolab::Model;
use iolab::models::AnyModel;
use results::schema::Verdict;

const LABEL: usize = 30;
const COLUMN: usize = 18;
const VERDICT: usize = 32;
const WIDTH: usize = LABEL + 4 * COLUMN + VERDICT;

/// The table as it grows.
pub struct Table {
    models: Vec<AnyModel>,
    /// What comes before a row's name to measure it again.
    command: String,
    rounds: usize,
    text: String,
    chapter: Option<Chapter>,
    footnotes: Vec<String>,
    load_bound: Vec<String>,
    /// Loads that were not what they should be.
    generators: BTreeSet<String>,
}

impl Table {
    pub fn new(models: &[AnyModel], command: String, settings: &Settings) -> Table {
        Table {
            models: models.to_vec(),
            command,
            rounds: settings.rounds as usize,
            text: String::new(),
            chapter: None,
            footnotes: Vec::new(),
            load_bound: Vec::new(),
            generators: BTreeSet::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, row: &Row, cells: &[Cell]) {
        if self.chapter != Some(row.chapter) {
            self.chapter = Some(row.chapter);
            self.head(row.chapter);
        }
        let command = format!("{} {}", self.command, row.name);
        let width = WIDTH.max(LABEL + COLUMN * self.models.len() + VERDICT);
        let gap = width.saturating_sub(row.title.chars().count() + command.len()).max(2);
        let _ = writeln!(self.text, "{}{}{command}", row.title, " ".repeat(gap));
        match row.work {
            Work::PingBeside(_) => self.latency(row, cells),
            Work::Open(_) => self.open(cells),
            _ => self.rate(row, cells),
        }
        for generator in cells.iter().filter_map(|cell| measured(cell)?.generator.clone()) {
            if matches!(generator, Generator::BurstyEpoll(_)) {
                self.generators.insert(format!("Where requests should come in bursts over io_uring, they came {generator}."));
            }
        }
        self.text.push('\n');
    }

    fn head(&mut self, chapter: Chapter) {
        let title = chapter.title().to_uppercase();
        let names: String = self.models.iter().map(|model| format!("{:>COLUMN$}", model.name())).collect();
        let _ = writeln!(self.text, "{title:<LABEL$}{names}\n{}", "-".repeat(WIDTH));
    }

    fn rate(&mut self, row: &Row, cells: &[Cell]) {
        let operation = row.work.operation();
        let bound: Vec<bool> = cells.iter().map(|cell| measured(cell).is_some_and(Measured::is_load_bound)).collect();
        for (index, cell) in cells.iter().enumerate() {
            if let (true, Some(measured)) = (bound[index], measured(cell)) {
                self.load_bound.push(format!("{} {} ({})", row.name, self.models[index].name(), measured.shares()));
            }
        }
        let (comparison, places) = self.compared(cells, |round| 1.0 / round.rate);
        let verdict = if comparison.leaders.iter().any(|&leader| bound[places[leader]]) {
            "the load was the limit".to_owned()
        } else {
            self.verdict(&comparison, &places)
        };
        let best = (!verdict.starts_with("the load")).then(|| self.best(&comparison, &places)).flatten();
        let figures = self.cells(cells, |index, measured| {
            let mark = if best == Some(index) {
                "*"
            } else if bound[index] {
                "≥"
            } else {
                ""
            };
            format!("{mark}{}", grouped(measured.middle(|round| round.rate)))
        });
        self.line(&format!("{operation}s per second"), &figures, &verdict);
        self.times_worse("  times slower than the best", cells, &comparison, &places);

        let (comparison, places) = self.compared(cells, |round| round.cpu);
        let best = self.best(&comparison, &places);
        let figures = self.figures(cells, |index, measured| {
            let mark = if best == Some(index) { "*" } else { "" };
            format!("{mark}{}", short(1e6 * measured.middle(|round| round.cpu)))
        });
        let verdict = self.verdict(&comparison, &places);
        self.line(&format!("CPU µs per {operation}"), &figures, &verdict);
        self.times_worse("  times the least", cells, &comparison, &places);
        let calls = self.figures(cells, |_, measured| measured.counts.calls.map_or("-".into(), short));
        self.line(&format!("system calls per {operation}"), &calls, "");
        let count = |count: Option<f64>| count.map_or("-".into(), short);
        let disturbances = self.figures(cells, |_, measured| {
            format!("{} / {}", count(measured.counts.switches), count(measured.counts.interrupts))
        });
        self.line("switches / interrupts for it", &disturbances, "");
        if cells.iter().any(|cell| measured(cell).is_some_and(|measured| measured.idle.is_some())) {
            let idle = |of: fn(&IdleMemory) -> f64| {
                self.figures(cells, |_, measured| measured.idle.as_ref().map_or("-".into(), |idle| octets(of(idle))))
            };
            let (process, kernel) = (idle(|idle| idle.process), idle(|idle| idle.kernel));
            self.line("memory per idle connection", &process, "");
            self.line("  of the kernel, for both ends", &kernel, "");
        }
    }

    /// Each model at its own rates, so nobody is the best.
    fn open(&mut self, cells: &[Cell]) {
        let peaks = self.cells(cells, |_, measured| grouped(measured.middle(|round| round.rate)));
        self.line("peak, requests per second", &peaks, "");
        for (place, share) in SHARES.into_iter().enumerate() {
            let figures = self.figures(cells, |_, measured| {
                let Some(latency) = measured.open.get(place) else { return "-".into() };
                let within = |share: f64| latency.value_at_quantile(share) as f64 / 1e9;
                times(&[within(0.5), within(0.99), within(0.9999)])
            });
            let verdict = if place == 0 { "50 / 99 / 99.99 % within" } else { "" };
            self.line(&format!("at {:.0} % of it", 100.0 * share), &figures, verdict);
        }
    }

    fn latency(&mut self, row: &Row, cells: &[Cell]) {
        let (comparison, places) = self.compared(cells, |round| round.p99);
        let p99 = self.times(cells, &comparison, &places, |round| round.p99);
        let p99 = self.cells(cells, |index, _| p99[index].clone());
        self.line("99 % of pings within", &p99, &self.verdict(&comparison, &places));
        self.times_worse("  times slower than the best", cells, &comparison, &places);

        let (comparison, places) = self.compared(cells, |round| round.p50);
        let p50 = self.times(cells, &comparison, &places, |round| round.p50);
        self.line("half of the pings within", &p50, &self.verdict(&comparison, &places));
        self.times_worse("  times slower than the best", cells, &comparison, &places);
        let rates = self.figures(cells, |_, measured| grouped(measured.middle(|round| round.rate)));
        self.line(&format!("{}s per second", row.work.operation()), &rates, "");
    }

    fn times(&self, cells: &[Cell], comparison: &Comparison, places: &[usize], of: fn(&Round) -> f64) -> Vec<String> {
        let best = self.best(comparison, places);
        self.figures(cells, |index, measured| {
            let mark = if best == Some(index) { "*" } else { "" };
            format!("{mark}{}", time(measured.middle(of)))
        })
    }

    /// The first line of a row, which says in the cell what has no figure and why.
    fn cells(&mut self, cells: &[Cell], figure: impl Fn(usize, &Measured) -> String) -> Vec<String> {
        let mut texts = Vec::with_capacity(cells.len());
        for (index, cell) in cells.iter().enumerate() {
            let name = self.models[index].name();
            texts.push(match cell {
                Cell::Measured(measured) => figure(index, measured),
                Cell::Limit(connections) => {
                    let why =
                        "\"at most\": this model spends a thread on each connection, holds so many and turns the others away";
                    format!("{} at most [{}]", grouped(*connections as f64), self.footnote(why.into()))
                }
                Cell::Unavailable(why) => format!("not here [{}]", self.footnote(format!("{name}: {why}"))),
                Cell::Failed(why) => format!("failed [{}]", self.footnote(format!("{name}: {why}"))),
            });
        }
        texts
    }

    /// The other lines, which leave empty what has no figure.
    fn figures(&self, cells: &[Cell], figure: impl Fn(usize, &Measured) -> String) -> Vec<String> {
        let text = |(index, cell)| measured(cell).map_or(String::new(), |measured| figure(index, measured));
        cells.iter().enumerate().map(text).collect()
    }

    fn times_worse(&mut self, label: &str, cells: &[Cell], comparison: &Comparison, places: &[usize]) {
        if places.len() < 2 {
            return;
        }
        let figures = self.figures(cells, |index, _| {
            let place = places.iter().position(|&place| place == index);
            place.map_or(String::new(), |place| interval(comparison.times_worse[place]))
        });
        self.line(label, &figures, "");
    }

    fn line(&mut self, label: &str, figures: &[String], verdict: &str) {
        let figures: String = figures.iter().map(|figure| format!("{figure:>COLUMN$}")).collect();
        let _ = writeln!(self.text, "{}", format!("  {label:<width$}{figures}   {verdict}", width = LABEL - 2).trim_end());
    }

    /// Compares the models that were measured; `places[i]` is the column of the i-th of them.
    fn compared(&self, cells: &[Cell], figure: fn(&Round) -> f64) -> (Comparison, Vec<usize>) {
        let (mut places, mut rounds) = (Vec::new(), Vec::new());
        for (index, cell) in cells.iter().enumerate() {
            if let Some(measured) = measured(cell) {
                places.push(index);
                rounds.push(measured.rounds.iter().map(figure).collect::<Vec<f64>>());
            }
        }
        let rounds: Vec<&[f64]> = rounds.iter().map(Vec::as_slice).collect();
        (compare(&rounds), places)
    }

    fn best(&self, comparison: &Comparison, places: &[usize]) -> Option<usize> {
        let best = self.judged(comparison, places).best?;
        self.models.iter().position(|model| model.name() == best)
    }

    fn verdict(&self, comparison: &Comparison, places: &[usize]) -> String {
        self.judged(comparison, places).says
    }

    fn judged(&self, comparison: &Comparison, places: &[usize]) -> Verdict {
        let names: Vec<&str> = places.iter().map(|&place| self.models[place].name()).collect();
        Verdict::of(comparison, &names, self.models.len(), self.rounds)
    }

    fn footnote(&mut self, text: String) -> usize {
        let known = self.footnotes.iter().position(|footnote| *footnote == text);
        known.unwrap_or_else(|| {
            self.footnotes.push(text);
            self.footnotes.len() - 1
        }) + 1
    }

    /// All of it.
    pub fn finish(self, settings: &Settings, rows: &[Row], foot: &Foot) -> String {
        let mut text = String::new();
        let seconds = settings.plan.window.as_secs_f64();
        let _ = writeln!(
            text,
            "\nThe same work done in four ways of waiting for the kernel: blocking calls (a thread for each connection), epoll,\n\
             io_uring, and a pool of threads. Each figure is the median of {} rounds of {seconds} s, in which the models took turns.\n\n\
             How to read it. The lines below a figure say how many times worse than the best of the same round each model was,\n\
             as an interval that holds the truth with 95 % confidence (bootstrap over the rounds). \"*\" marks the best, and only\n\
             where its interval overlaps no other. \"≥\": the load generator was at the end of its core before the server was, so\n\
             the server can do at least this; compare CPU instead. CPU is user and system time of the whole server process.\n\
             System calls, context switches of its threads and reschedule interrupts of its core (others may have caused some)\n\
             are counted in passes of their own. Requests come in bursts from a load that spins on io_uring, unless the row says\n\
             otherwise. Every answer and every read was checked.\n",
            settings.rounds,
        );
        text.push_str(&self.text);
        for (number, footnote) in self.footnotes.iter().enumerate() {
            text.push_str(&wrapped(&format!("[{}] {footnote}", number + 1), WIDTH));
        }
        if !self.load_bound.is_empty() {
            let cells = self.load_bound.join("; ");
            text.push_str(&wrapped(
                &format!("≥ The load generator was the limit (shares of their cores used): {cells}"),
                WIDTH,
            ));
        }
        for generator in &self.generators {
            text.push_str(&wrapped(generator, WIDTH));
        }
        for note in foot.remarks() {
            text.push_str(&wrapped(note, WIDTH));
        }
        let asks_for_many = |row: &Row| matches!(row.work, Work::Read(reads) if reads.in_flight > 1);
        if self.models.iter().any(|model| matches!(model, AnyModel::Blocking(_))) && rows.iter().any(asks_for_many) {
            let _ = writeln!(text, "Blocking has one file read in flight, whatever is asked for.");
        }
        let _ = writeln!(text, "One cell alone: add --model NAME to the command beside its row.\n");
        for (name, value) in &foot.fingerprint {
            text.push_str(&wrapped(&format!("{name:<12}{value}"), WIDTH));
        }
        text
    }
}

fn measured(cell: &Cell) -> Option<&Measured> {
    match cell {
        Cell::Measured(measured) => Some(measured),
        _ => None,
    }
}

/// Several of them in one cell, in the unit of the largest.
fn times(seconds: &[f64]) -> String {
    let largest = seconds.iter().copied().fold(0.0, f64::max);
    let (factor, unit) = if largest >= 1e-2 { (1e3, "ms") } else { (1e6, "µs") };
    let figure = |&seconds: &f64| match factor * seconds {
        figure if figure < 10.0 && unit == "ms" => format!("{figure:.1}"),
        figure => format!("{figure:.0}"),
    };
    format!("{} {unit}", seconds.iter().map(figure).collect::<Vec<_>>().join("/"))
}

fn octets(figure: f64) -> String {
    if figure.abs() >= 10_240.0 { format!("{:.1} KiB", figure / 1024.0) } else { format!("{figure:.0} B") }
}
