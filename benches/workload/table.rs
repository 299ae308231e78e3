//! What is said at the end: one table, and the verdict in words.

use std::fmt::Write;

use harness::statistics::{ROUNDS_FOR_INTERVAL, compare, median};
use harness::text::{grouped, interval, short, wrapped};

use crate::REQUESTS_FOR_P999;
use crate::verdict::{BEHIND, Case, Contender, Figures, Outcome, Paced, Verdict, mebibytes};

const LABEL: usize = 44;
const COLUMN: usize = 20;
const WIDTH: usize = LABEL + 4 * COLUMN;

/// All there is to tell.
pub struct Report {
    pub workload: String,
    pub calibration: String,
    pub case: Case,
    pub rounds: u32,
    pub contenders: Vec<Contender>,
    pub verdict: Verdict,
    pub notes: Vec<String>,
    pub machine: Vec<(&'static str, String)>,
}

impl Report {
    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "\nYOUR WORKLOAD");
        text.push_str(&wrapped(&self.workload, WIDTH));
        text.push_str(&wrapped(&self.calibration, WIDTH));
        text.push('\n');
        let names: String = self.contenders.iter().map(|contender| format!("{:>COLUMN$}", contender.model)).collect();
        let _ = writeln!(text, "{:LABEL$}{names}\n{}", "", "-".repeat(WIDTH));
        self.at_the_peak(&mut text);
        self.at_rates(&mut text);
        self.footnotes(&mut text);
        self.verdict(&mut text);
        text.push('\n');
        for note in &self.notes {
            text.push_str(&wrapped(note, WIDTH));
        }
        for (name, value) in &self.machine {
            text.push_str(&wrapped(&format!("{name:<12}{value}"), WIDTH));
        }
        text
    }

    fn at_the_peak(&self, text: &mut String) {
        let _ = writeln!(text, "as fast as it can");
        let mut absent = 0;
        let peaks = self.contenders.iter().map(|contender| match &contender.outcome {
            Outcome::Measured(figures) => grouped(median(&mut figures.peak.clone())),
            Outcome::Absent(_) => {
                absent += 1;
                format!("no figure [{absent}]")
            }
        });
        self.line(text, "  requests per second", peaks.collect());
        self.times(text, "    times slower than the best", |figures| figures.peak.iter().map(|rate| 1.0 / rate).collect());
        self.figures(text, "  CPU µs per request", |figures| short(median(&mut figures.cpu_us.clone())));
        self.times(text, "    times the least", |figures| figures.cpu_us.clone());
        let cores = if self.case.cores == 1 { "core" } else { "cores" };
        self.figures(text, &format!("  of the server's {cores}, and of the load's"), |figures| {
            format!("{:.0} %, {:.0} %", 100.0 * figures.server_share, 100.0 * figures.load_share)
        });
        let count = |count: Option<f64>| count.map_or("-".to_owned(), short);
        self.figures(text, "  system calls per request", |figures| count(figures.calls));
        self.figures(text, "  context switches per request", |figures| count(figures.switches));
        self.figures(text, "  held up by a file, times per request", |figures| short(figures.stalls));
        self.figures(text, "  threads at most", |figures| figures.threads.to_string());
        self.figures(text, "  memory of the process", |figures| {
            figures.memory.map_or("-".to_owned(), |octets| mebibytes(octets as f64))
        });
    }

    fn at_rates(&self, text: &mut String) {
        let Some(first) = self.measured().next() else { return };
        for (place, paced) in first.paced.iter().enumerate() {
            let of_what = match (self.case.rate, place) {
                (Some(_), _) => String::new(),
                (None, 0) => " (50 % of the best peak)".to_owned(),
                (None, _) => " (80 %)".to_owned(),
            };
            let _ = writeln!(text, "at {} requests a second{of_what}, whatever comes of them", grouped(paced.rate));
            let at = move |figures: &Figures, of: fn(&Paced) -> String| figures.paced.get(place).map_or("-".to_owned(), of);
            self.figures(text, "  50 / 99 / 99.9 % of answers within", |figures| at(figures, latencies));
            self.times(text, "    the second, times the best", |figures| {
                figures.paced.get(place).map_or(Vec::new(), |paced| paced.p99_by_round.clone())
            });
            if self.measured().any(|figures| figures.paced.get(place).is_some_and(|paced| paced.unasked > BEHIND)) {
                self.figures(text, "    could not be asked in time", |figures| {
                    at(figures, |paced| format!("{:.0} %", 100.0 * paced.unasked))
                });
            }
        }
    }

    fn footnotes(&self, text: &mut String) {
        let absent = self.contenders.iter().filter_map(|contender| match &contender.outcome {
            Outcome::Absent(why) => Some((&contender.model, why)),
            Outcome::Measured(_) => None,
        });
        for (number, (model, why)) in absent.enumerate() {
            text.push_str(&wrapped(&format!("[{}] {model}: {why}", number + 1), WIDTH));
        }
        let how = format!(
            "Medians of {} rounds, in which the models took turns; below some, the interval that holds the ratio to the best of the same \
             round with 95 % confidence (bootstrap). A latency counts from when the request was to be asked, not from when a \
             connection was free. Every answer, every read and every computation was checked.",
            self.rounds
        );
        text.push_str(&wrapped(&how, WIDTH));
        if self.measured().flat_map(|figures| &figures.paced).any(|paced| paced.p999.is_none()) {
            let _ = writeln!(
                text,
                "\"-\": fewer than {REQUESTS_FOR_P999} requests are too few to tell within which time 99.9 % are answered."
            );
        }
    }

    fn verdict(&self, text: &mut String) {
        let Verdict { headline, doubt, because, unclear, price, bound, would_change, .. } = &self.verdict;
        let _ = writeln!(text, "\nVERDICT\n{headline}");
        if let Some(doubt) = doubt {
            text.push_str(&wrapped(doubt, WIDTH));
        }
        let parts = [
            ("Why", because),
            ("Not told apart (--rounds 30 may)", unclear),
            ("What it costs", price),
            ("What is the limit", bound),
            ("What would change it", would_change),
        ];
        for (title, sentences) in parts {
            if !sentences.is_empty() {
                let _ = writeln!(text, "{title}:");
            }
            for sentence in sentences {
                text.push_str(&wrapped(&format!("  - {sentence}"), WIDTH));
            }
        }
    }

    fn measured(&self) -> impl Iterator<Item = &Figures> {
        self.contenders.iter().filter_map(|contender| figures_of(contender))
    }

    fn figures(&self, text: &mut String, label: &str, figure: impl Fn(&Figures) -> String) {
        let figures = self.contenders.iter().map(|contender| figures_of(contender).map_or(String::new(), &figure));
        self.line(text, label, figures.collect());
    }

    /// How many times worse than the best of the same round each was.
    fn times(&self, text: &mut String, label: &str, cost: impl Fn(&Figures) -> Vec<f64>) {
        let costs: Vec<Vec<f64>> = self.measured().map(cost).collect();
        if costs.len() < 2 || costs.iter().any(|rounds| rounds.len() < ROUNDS_FOR_INTERVAL) {
            return;
        }
        let comparison = compare(&costs.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>());
        let mut intervals = comparison.times_worse.into_iter().map(interval);
        let figures = self.contenders.iter().map(|contender| figures_of(contender).and_then(|_| intervals.next()));
        self.line(text, label, figures.map(Option::unwrap_or_default).collect());
    }

    fn line(&self, text: &mut String, label: &str, figures: Vec<String>) {
        let figures: String = figures.iter().map(|figure| format!("{figure:>COLUMN$}")).collect();
        let _ = writeln!(text, "{}", format!("{label:<LABEL$}{figures}").trim_end());
    }
}

fn figures_of(contender: &Contender) -> Option<&Figures> {
    match &contender.outcome {
        Outcome::Measured(figures) => Some(figures),
        Outcome::Absent(_) => None,
    }
}

/// All in the unit of the largest.
fn latencies(paced: &Paced) -> String {
    let seconds = [Some(paced.p50), Some(paced.p99), paced.p999];
    let largest = seconds.iter().flatten().copied().fold(0.0, f64::max);
    let (factor, unit) = if largest >= 1e-3 { (1e3, "ms") } else { (1e6, "µs") };
    let figure = |seconds: &Option<f64>| match seconds.map(|seconds| factor * seconds) {
        None => "-".to_owned(),
        Some(figure) if figure < 10.0 => format!("{figure:.1}"),
        Some(figure) => format!("{figure:.0}"),
    };
    format!("{} {unit}", seconds.iter().map(figure).collect::<Vec<_>>().join("/"))
}
