//! The one table at the end.

use std::fmt::Write;

use harness::measure::{Cell, Measured, Round, Settings};
use harness::statistics::{Estimate, ROUNDS_FOR_INTERVAL, estimate};
use harness::text::{grouped, short};
use harness::work::Work;

use crate::rows::{Over, Row, Target, counterpart};

const NAME: usize = 16;
const FIGURE: usize = 12;
const RATIO: usize = 34;
const WIDTH: usize = NAME + 4 * FIGURE + 2 * RATIO + 28;

/// One line of a row, before it is written.
pub struct Line {
    pub name: &'static str,
    pub cell: Cell,
    /// Octets of one answer.
    pub octets: Option<usize>,
    /// Whether anybody counted its system calls.
    pub counted: bool,
}

/// The table as it grows.
pub struct Table {
    command: String,
    has_intervals: bool,
    text: String,
    footnotes: Vec<String>,
    /// Targets, and those that were missed.
    targets: usize,
    missed: Vec<String>,
}

impl Table {
    /// `command` is what comes before a row's name to measure it again.
    pub fn new(command: String, settings: &Settings) -> Table {
        let has_intervals = settings.rounds as usize >= ROUNDS_FOR_INTERVAL;
        Table { command, has_intervals, text: String::new(), footnotes: Vec::new(), targets: 0, missed: Vec::new() }
    }

    /// Adds a row; `left_out` says who has no part in it, and why.
    pub fn row(&mut self, row: &Row, lines: &[Line], left_out: &[(&str, &str)]) {
        let command = format!("{} {}", self.command, row.name);
        let gap = WIDTH.saturating_sub(row.title.chars().count() + command.len()).max(2);
        let _ = writeln!(self.text, "{}{}{command}\n{}", row.title, " ".repeat(gap), "-".repeat(WIDTH));
        let better = better(lines);
        self.head(row, better.map(|line| line.name));
        for line in lines {
            self.line(row, lines, better, line);
        }
        for (name, why) in left_out {
            let _ = writeln!(self.text, "{name:<NAME$}{:>FIGURE$} [{}]", "-", self.footnotes.len() + 1);
            self.footnotes.push(format!("{name}: {why}"));
        }
        self.text.push('\n');
    }

    fn head(&mut self, row: &Row, better: Option<&str>) {
        let operation = row.work.operation();
        let ratios = match row.work {
            Work::Read(_) => ["our reads/s over its".to_owned(), "its CPU over ours".to_owned()],
            _ => [format!("CPU over our better, {}", better.unwrap_or("-")), "CPU over our uring".to_owned()],
        };
        let octets = if let Work::Read(_) = row.work { "" } else { "octets" };
        let figures = [format!("{operation}s/s"), "CPU µs".into(), "calls".into(), octets.into()];
        self.write_line("", &figures, &ratios, "target");
    }

    fn line(&mut self, row: &Row, lines: &[Line], better: Option<&Line>, line: &Line) {
        let measured = match &line.cell {
            Cell::Measured(measured) => measured,
            Cell::Unavailable(why) => return self.without_figures(line.name, "not here", why),
            Cell::Failed(why) => return self.without_figures(line.name, "failed", why),
            Cell::Limit(connections) => {
                return self.without_figures(line.name, "limit", &format!("holds {connections} connections"));
            }
        };
        let calls = measured.counts.calls.filter(|_| line.counted).map_or("-".into(), short);
        let bound = if measured.is_load_bound() { "≥" } else { "" };
        let figures = [
            format!("{bound}{}", grouped(measured.middle(|round| round.rate))),
            if has_cpu(measured) { short(1e6 * measured.middle(|round| round.cpu)) } else { "-".into() },
            calls,
            line.octets.map_or(String::new(), |octets| octets.to_string()),
        ];
        let overs = match row.work {
            Work::Read(_) => [Over::Rate, Over::ReadCpu],
            _ => [Over::Better, Over::Uring],
        };
        let (mut ratios, mut judged) = ([String::new(), String::new()], Vec::new());
        for (place, over) in overs.into_iter().enumerate() {
            let Some(ratio) = ratio(over, row, lines, better, line) else { continue };
            ratios[place] = self.interval(ratio);
            let aimed_at = row.targets.iter().find(|target| target.peer == line.name && target.over == over);
            judged.extend(aimed_at.map(|target| self.judge(row, target, ratio)));
        }
        self.write_line(line.name, &figures, &ratios, &judged.join("; "));
    }

    fn without_figures(&mut self, name: &str, what: &str, why: &str) {
        self.footnotes.push(format!("{name}: {why}"));
        let _ = writeln!(self.text, "{name:<NAME$}{what:>FIGURE$} [{}]", self.footnotes.len());
    }

    fn write_line(&mut self, name: &str, figures: &[String], ratios: &[String; 2], target: &str) {
        let figures: String = figures.iter().map(|figure| format!("{figure:>FIGURE$}")).collect();
        let [first, second] = ratios;
        let _ =
            writeln!(self.text, "{}", format!("{name:<NAME$}{figures}   {first:<RATIO$}{second:<RATIO$}{target}").trim_end());
    }

    fn interval(&self, ratio: Estimate) -> String {
        let Estimate { low, median, high } = ratio;
        match self.has_intervals {
            false => format!("{median:.2}"),
            true if low <= 1.0 && high >= 1.0 => format!("{median:.2} ({low:.2}-{high:.2}) no difference"),
            true => format!("{median:.2} ({low:.2}-{high:.2})"),
        }
    }

    /// By the median; where the interval spans the target, that is said too.
    fn judge(&mut self, row: &Row, target: &Target, ratio: Estimate) -> String {
        let Target { peer, at_least, .. } = target;
        self.targets += 1;
        let noise = if ratio.low < *at_least && ratio.high >= *at_least { ", within the noise" } else { "" };
        if ratio.median >= *at_least {
            return format!("≥ {at_least:.2} met{noise}");
        }
        let what = match target.over {
            Over::Rate => " reads/s",
            Over::ReadCpu => " CPU",
            Over::Better | Over::Uring => "",
        };
        self.missed.push(format!("{} {peer}{what} {:.2} instead of {at_least:.2}{noise}", row.name, ratio.median));
        format!("≥ {at_least:.2} MISSED{noise}")
    }

    /// All of it.
    pub fn finish(self, settings: &Settings, fingerprint: &[(&str, String)], notes: &[String]) -> String {
        let seconds = settings.plan.window.as_secs_f64();
        let mut text = format!(
            "\nThe same work done by iolab's models and by their peers. Each figure is the median of {} rounds of {seconds} s (file\n\
             reads: twice that), in which all took turns; each ratio is the median of the ratios within the rounds, with the\n\
             interval that holds the truth with 95 % confidence (bootstrap over the rounds). Above 1 is in our favour.\n\n\
             CPU is user and system time of the whole process for each request or read. \"calls\": system calls, counted in a pass\n\
             of their own. \"octets\": one answer on the wire. \"≥\" before a rate: the load generator was at the end of its core\n\
             before the server was. Every answer was checked.\n\n",
            settings.rounds,
        );
        text.push_str(&self.text);
        for (number, footnote) in self.footnotes.iter().enumerate() {
            let _ = writeln!(text, "[{}] {footnote}", number + 1);
        }
        let _ = match &self.missed[..] {
            [] if self.targets == 0 => Ok(()),
            [] => writeln!(text, "\nAll {} targets met.", self.targets),
            missed => writeln!(text, "\n{} of {} targets missed:\n  {}", missed.len(), self.targets, missed.join("\n  ")),
        };
        notes.iter().for_each(|note| text += &format!("{note}\n"));
        text.push('\n');
        fingerprint.iter().for_each(|(name, value)| text += &format!("{name:<14}{value}\n"));
        text
    }
}

/// `epoll` or `uring`, whichever took less CPU.
fn better(lines: &[Line]) -> Option<&Line> {
    let cpu = |line: &&Line| measured(line).map_or(f64::INFINITY, |measured| measured.middle(|round| round.cpu));
    let both = lines.iter().filter(|line| matches!(line.name, "epoll" | "uring") && measured(line).is_some());
    both.min_by(|a, b| cpu(a).total_cmp(&cpu(b)))
}

/// None where one of the two has no figures, or where they are one and the same, or both ours.
fn ratio(over: Over, row: &Row, lines: &[Line], better: Option<&Line>, peer: &Line) -> Option<Estimate> {
    let named = |name: &str| lines.iter().find(|line| line.name == name);
    let ours = match (over, &row.work) {
        (Over::Better, _) => better?,
        (Over::Uring, _) => named("uring")?,
        (Over::Rate | Over::ReadCpu, Work::Read(reads)) => named(counterpart(peer.name, reads))?,
        _ => return None,
    };
    if ours.name == peer.name || matches!(row.work, Work::Read(_)) && !peer.name.starts_with("fio") {
        return None;
    }
    let (ours, peers) = (measured(ours)?, measured(peer)?);
    let of_round = |(ours, peers): (&Round, &Round)| match over {
        Over::Rate => ours.rate / peers.rate,
        Over::Better | Over::Uring | Over::ReadCpu => peers.cpu / ours.cpu,
    };
    let both = ours.rounds.iter().zip(&peers.rounds).map(of_round);
    // Where the machine was taken away for all of a round, nothing was done in it, and nothing can be divided.
    let ratios: Vec<f64> = both.filter(|ratio| ratio.is_finite() && *ratio > 0.0).collect();
    (2 * ratios.len() > ours.rounds.len()).then(|| estimate(&ratios))
}

fn measured(line: &Line) -> Option<&Measured> {
    match &line.cell {
        Cell::Measured(measured) => Some(measured),
        _ => None,
    }
}

/// Whether it is known what CPU it took.
fn has_cpu(measured: &Measured) -> bool {
    measured.middle(|round| round.cpu) > 0.0
}
