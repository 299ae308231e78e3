//! What is said at the end: two tables in Markdown, and what they say.

use std::fmt::Write;

use harness::listeners::FanOut;
use harness::statistics::{Estimate, ROUNDS_FOR_INTERVAL, ratio};
use harness::text::{grouped, short, time, wrapped};

use crate::arguments::Settings;
use crate::findings::findings;
use crate::measure::{Cell, Measured, Outcome};
use crate::parked::{Costs, Holding, Parked};

/// Text that stands around the tables is no wider.
const WIDTH: usize = 130;

/// Whose loop the other models are compared with.
pub const BASE_MODEL: &str = "epoll";

/// A client whose core is used more than this is waited for.
const BUSY: f64 = 0.8;

/// All there is to tell.
pub struct Report {
    pub settings: Settings,
    pub cells: Vec<Cell>,
    /// Idle listeners, as many on each model.
    pub parked: Vec<Parked>,
    /// More of them, where that takes no threads.
    pub crowds: Vec<Parked>,
    pub notes: Vec<String>,
    pub machine: Vec<(&'static str, String)>,
}

impl Report {
    pub fn table(&self) -> String {
        let mut footnotes = Footnotes::default();
        let mut text = String::from("\nONE EVENT, FIVE WAYS TO HEAR OF IT\n\n");
        text.push_str(&paragraph(&self.opening()));
        text.push_str(&self.in_short());
        text.push_str(&paragraph(HOW_TO_READ));
        text.push_str(&self.deliveries(&mut footnotes));
        text.push_str(&paragraph(RATIOS));
        text.push_str(&self.idle(&mut footnotes));
        text.push_str(&paragraph(IDLE));
        text.push_str("WHAT IT SAYS\n\n");
        for finding in findings(&self.cells, &self.parked, &self.crowds) {
            text.push_str(&wrapped(&format!("- {finding}"), WIDTH));
        }
        text.push('\n');
        for (number, footnote) in footnotes.texts.iter().enumerate() {
            text.push_str(&wrapped(&format!("[{}] {footnote}", number + 1), WIDTH));
        }
        for note in self.client().iter().chain(&self.notes) {
            text.push_str(&wrapped(note, WIDTH));
        }
        let _ = writeln!(text, "One way alone: cargo bench --bench patterns -- --way NAME; one model: --model NAME.\n");
        for (name, value) in &self.machine {
            text.push_str(&wrapped(&format!("{name:<12}{value}"), WIDTH));
        }
        text
    }

    fn opening(&self) -> String {
        let Settings { listeners, pace, rounds, window, .. } = self.settings;
        let bursts = if pace.burst > 1 { format!(", {} at one time", pace.burst) } else { String::new() };
        let of = if rounds == 1 { "round" } else { "rounds" };
        format!(
            "{} listeners, {} events a second{bursts}, texts of {} octets, {rounds} {of} of {} s in which all ways on all models took \
             turns. Server and listeners are on this machine, and every listener heard every event once and in order.",
            grouped(listeners as f64),
            short(pace.rate),
            pace.text,
            window.as_secs_f64()
        )
    }

    /// A line for each way: what a listener sees of it, which is nearly the same on all models, and what it costs each of them.
    fn in_short(&self) -> String {
        let mut models: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if !models.contains(&cell.model) {
                models.push(cell.model);
            }
        }
        let base = models.iter().copied().find(|model| *model == BASE_MODEL).or(models.first().copied()).unwrap_or(BASE_MODEL);
        let mut titles = vec!["way".to_owned(), "half within".into(), "99 % within".into(), "requests".into(), "octets".into()];
        titles.extend(models.iter().map(|model| format!("CPU µs, {model}")));
        let mut lines = Vec::new();
        for row in self.cells.iter().filter(|cell| models.first() == Some(&cell.model)).map(|cell| cell.row) {
            let on = |model: &str| {
                let cell = self.cells.iter().find(|cell| cell.row.name == row.name && cell.model == model)?;
                cell.outcome.measured()
            };
            let figure = |of: &dyn Fn(&Measured) -> String| on(base).map_or("-".to_owned(), of);
            let mut line = vec![
                row.title.to_owned(),
                figure(&|measured| time(measured.within(0.5))),
                figure(&|measured| time(measured.within(0.99))),
                figure(&|measured| few(measured.middle(|round| round.requests))),
                figure(&|measured| few(measured.middle(|round| round.received + round.sent))),
            ];
            line.extend(models.iter().map(|model| on(model).map_or("-".into(), cpu_us)));
            lines.push(line);
        }
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        markdown(&titles, 1, lines) + &format!("Times, requests and octets are those on {base}.\n\n")
    }

    fn deliveries(&self, footnotes: &mut Footnotes) -> String {
        let titles = [
            "way",
            "model",
            "half within",
            "99 % within",
            "CPU µs",
            "times SSE",
            "times epoll",
            "requests",
            "octets in",
            "octets out",
            "system calls",
        ];
        let mut lines = Vec::new();
        for cell in &self.cells {
            let mut line = vec![cell.row.title.to_owned(), cell.model.to_owned()];
            match &cell.outcome {
                Outcome::Measured(measured) => line.extend(self.figures(cell, measured)),
                other => line.push(footnotes.absent(cell.model, other)),
            }
            lines.push(line);
        }
        markdown(&titles, 2, lines)
    }

    fn figures(&self, cell: &Cell, measured: &Measured) -> [String; 9] {
        let base_way = self.cells.iter().find(|other| other.row.is_base() && other.model == cell.model);
        let base_model = self.cells.iter().find(|other| other.row.name == cell.row.name && other.model == BASE_MODEL);
        let times = |base: Option<&Cell>| match base.and_then(|base| base.outcome.measured().map(|measured| (base, measured))) {
            Some((base, _)) if std::ptr::eq(base, cell) => "1".to_owned(),
            Some((_, base)) => told(cpu_ratio(measured, base), measured.rounds.len()),
            None => "-".to_owned(),
        };
        [
            time(measured.within(0.5)),
            time(measured.within(0.99)),
            cpu_us(measured),
            times(base_way),
            times(base_model),
            few(measured.middle(|round| round.requests)),
            few(measured.middle(|round| round.received)),
            few(measured.middle(|round| round.sent)),
            measured.calls.map_or("-".into(), few),
        ]
    }

    fn idle(&self, footnotes: &mut Footnotes) -> String {
        let titles = [
            "way",
            "model",
            "listeners",
            "memory each",
            "the kernel's",
            "threads",
            "first hears within",
            "last within",
            "memory then",
            "threads then",
        ];
        let mut lines = Vec::new();
        for parked in self.parked.iter().chain(&self.crowds) {
            let mut line = vec![parked.row.title.to_owned(), parked.model.to_owned(), grouped(parked.clients as f64)];
            match &parked.outcome {
                Outcome::Measured(costs) => line.extend(idle_figures(costs)),
                other => line.push(footnotes.absent(parked.model, other)),
            }
            lines.push(line);
        }
        markdown(&titles, 2, lines)
    }

    /// Where the listeners were what took the time.
    fn client(&self) -> Option<String> {
        let mut busy = Vec::new();
        for cell in &self.cells {
            let Some(measured) = cell.outcome.measured() else { continue };
            let share = measured.middle(|round| round.load_share);
            if share > BUSY.max(measured.middle(|round| round.server_share)) {
                busy.push(format!("{} on {} ({:.0} % of its core)", cell.row.title, cell.model, 100.0 * share));
            }
        }
        for parked in self.parked.iter().chain(&self.crowds) {
            let Some((reached, _)) = parked.outcome.measured().and_then(|costs| costs.reached) else { continue };
            let share = reached.busy.as_secs_f64() / reached.last.as_secs_f64();
            if share > BUSY {
                let listeners = grouped(parked.clients as f64);
                busy.push(format!(
                    "{listeners} listeners to {} on {} ({:.0} %)",
                    parked.row.title,
                    parked.model,
                    100.0 * share
                ));
            }
        }
        let rows = busy.join("; ");
        (!busy.is_empty())
            .then(|| format!("The listeners' thread was the limit, so the times are its own and not the server's: {rows}."))
    }
}

const HOW_TO_READ: &str = "How to read it. A delivery is one event that one listener has heard; CPU, requests, octets and system calls are for one \
    delivery. \"within\": from just before the event was posted until a listener had read it; one thread posts and listens, so the \
    last listener's time has in it that thread's work for all the others. CPU is user and system time of the whole server \
    process. Octets are those of TCP's payload on the listeners' connections, both ways.";

const RATIOS: &str = "\"times SSE\": how many times the CPU of server-sent events on the same model, \"times epoll\": of epoll in the \
    same way, as medians of the ratios within a round, with the interval that holds each with 95 % confidence (bootstrap over the \
    rounds); where it contains 1 there is no difference. Octets in are those to the listeners, out those from them. System calls are \
    the server's, counted in passes of their own.";

const IDLE: &str = "Listeners to whom nothing happens, and then one event for all of them (the median of five), and what is held after \
    that. Memory: what the server's process holds more for each of them, and what the kernel holds for both ends of its connection. \
    Threads are all of the process's, two of which are the benchmark's. They have come a few at a time; the event makes all who poll \
    ask at the same time. Who polls in short has a connection that waits until it asks again.";

fn idle_figures(costs: &Costs) -> [String; 7] {
    let octets = |octets: Option<f64>| octets.map_or("-".to_owned(), kibibytes);
    let then = |of: &dyn Fn(&FanOut, &Holding) -> String| {
        costs.reached.as_ref().map_or("-".to_owned(), |(reached, holding)| of(reached, holding))
    };
    [
        octets(costs.idle.process),
        octets(costs.idle.kernel),
        grouped(costs.idle.threads as f64),
        then(&|reached, _| time(reached.first.as_secs_f64())),
        then(&|reached, _| time(reached.last.as_secs_f64())),
        then(&|_, holding| octets(holding.process)),
        then(&|_, holding| grouped(holding.threads as f64)),
    ]
}

/// How many times the CPU of the other, round by round.
pub fn cpu_ratio(of: &Measured, over: &Measured) -> Estimate {
    ratio(&of.each(|round| round.cpu), &over.each(|round| round.cpu))
}

pub fn kibibytes(octets: f64) -> String {
    format!("{:.1} KiB", octets / 1024.0)
}

/// None at all is another thing than so few that they are rounded away.
fn few(figure: f64) -> String {
    if figure == 0.0 { "0".into() } else { short(figure) }
}

fn cpu_us(measured: &Measured) -> String {
    short(1e6 * measured.middle(|round| round.cpu))
}

fn told(found: Estimate, rounds: usize) -> String {
    let Estimate { low, median, high } = found;
    match rounds {
        _ if rounds < ROUNDS_FOR_INTERVAL => format!("{median:.2}"),
        _ if low <= 1.0 && high >= 1.0 => format!("no difference ({low:.2}-{high:.2})"),
        _ => format!("{median:.2} ({low:.2}-{high:.2})"),
    }
}

/// Why there are no figures, each reason once.
#[derive(Default)]
struct Footnotes {
    texts: Vec<String>,
}

impl Footnotes {
    fn absent<T>(&mut self, model: &str, outcome: &Outcome<T>) -> String {
        let (what, why) = match outcome {
            Outcome::Measured(_) => return String::new(),
            Outcome::Unavailable(why) => ("not here", why),
            Outcome::Failed(why) => ("failed", why),
        };
        let text = format!("{model}: {why}");
        let known = self.texts.iter().position(|footnote| *footnote == text);
        let number = known.unwrap_or_else(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        format!("{what} [{}]", number + 1)
    }
}

fn paragraph(text: &str) -> String {
    wrapped(text, WIDTH).replace("\n    ", "\n") + "\n"
}

/// The first columns are names and stand to the left; figures stand to the right.
fn markdown(titles: &[&str], names: usize, mut lines: Vec<Vec<String>>) -> String {
    for line in &mut lines {
        debug_assert!(line.len() <= titles.len(), "a figure without a title: {line:?}");
        line.resize(titles.len(), String::new());
    }
    let width = |place: usize| {
        let widest = lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
        widest.max(titles[place].chars().count())
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        for (place, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            let _ = if place < names { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text.push_str("|\n");
    };
    line(&titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>());
    let rule = |(place, width): (usize, &usize)| {
        if place < names { "-".repeat(*width) } else { "-".repeat(width - 1) + ":" }
    };
    line(&widths.iter().enumerate().map(rule).collect::<Vec<_>>());
    lines.iter().for_each(|cells| line(cells));
    text + "\n"
}
