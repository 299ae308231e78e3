//! What the figures say, in sentences. Nothing here is believed about the ways or the models: where the rounds do not tell two
//! apart, it says so, and of what was not measured it says nothing.

use std::time::Duration;

use harness::statistics::{Estimate, ROUNDS_FOR_INTERVAL, compare};
use harness::text::{grouped, interval, short, time};

use crate::measure::{Cell, Measured};
use crate::parked::{Costs, Holding, Parked};
use crate::table::{BASE_MODEL, cpu_ratio, kibibytes};

/// A sentence for each thing that the tables show.
pub fn findings(cells: &[Cell], parked: &[Parked], crowds: &[Parked]) -> Vec<String> {
    let figures = Figures { cells, parked };
    [
        figures.short_poll(),
        figures.long_poll(),
        figures.other_streams(),
        figures.recheck(),
        figures.hold(),
        figures.models(),
        figures.threads(),
        crowd(crowds),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Figures<'a> {
    cells: &'a [Cell],
    parked: &'a [Parked],
}

const BASE: &str = "sse";

impl<'a> Figures<'a> {
    fn cell(&self, way: &str, model: &str) -> Option<&'a Measured> {
        let cell = self.cells.iter().find(|cell| cell.row.name == way && cell.model == model)?;
        cell.outcome.measured()
    }

    fn idle(&self, way: &str, model: &str) -> Option<&'a Costs> {
        let parked = self.parked.iter().find(|parked| parked.row.name == way && parked.model == model)?;
        parked.outcome.measured()
    }

    /// The model on which ways are compared, and both ways on it.
    fn pair(&self, way: &str, base: &str) -> Option<(&'a str, &'a Measured, &'a Measured)> {
        let models = [BASE_MODEL].into_iter().chain(self.cells.iter().map(|cell| cell.model));
        models.into_iter().find_map(|model| Some((model, self.cell(way, model)?, self.cell(base, model)?)))
    }

    fn short_poll(&self) -> Option<String> {
        let (model, short_poll, sse) = self.pair("short-poll", BASE)?;
        let row = self.cells.iter().find(|cell| cell.row.name == "short-poll")?.row;
        Some(format!(
            "Who asks every {} hears of half the events within {}, and who listens to a stream within {}; asking takes {} requests \
             and {} (on {model}).",
            whole(row.interval()),
            time(short_poll.within(0.5)),
            time(sse.within(0.5)),
            short(short_poll.middle(|round| round.requests)),
            cpu(short_poll, sse, "a stream"),
        ))
    }

    fn long_poll(&self) -> Option<String> {
        let (model, long_poll, sse) = self.pair("long-poll", BASE)?;
        let octets = |of: &Measured| short(of.middle(|round| round.received) + of.middle(|round| round.sent));
        Some(format!(
            "A long poll hears of half the events within {} and of 99 % within {}, a stream within {} and {}; it takes {}, and {} \
             octets both ways instead of {}, because every answer needs a request (on {model}).",
            time(long_poll.within(0.5)),
            time(long_poll.within(0.99)),
            time(sse.within(0.5)),
            time(sse.within(0.99)),
            cpu(long_poll, sse, "a stream"),
            octets(long_poll),
            octets(sse),
        ))
    }

    fn other_streams(&self) -> Option<String> {
        let told = |way: &str, name: &str| {
            let (model, other, sse) = self.pair(way, BASE)?;
            let received = short(other.middle(|round| round.received));
            Some((model, format!("{name} take {} and {received} octets", cpu(other, sse, "server-sent events")), sse))
        };
        let found = [told("lines", "chunked lines"), told("websocket", "WebSockets")];
        let (model, sse) = found.iter().flatten().map(|(model, _, sse)| (*model, *sse)).next()?;
        let sentences: Vec<&str> = found.iter().flatten().map(|(_, sentence, _)| sentence.as_str()).collect();
        let received = short(sse.middle(|round| round.received));
        Some(capital(&format!("{}; server-sent events take {received} octets (on {model}).", sentences.join("; "))))
    }

    fn recheck(&self) -> Option<String> {
        let (model, recheck, well) = self.pair("recheck", "long-poll")?;
        Some(format!(
            "A server that looks for news once a second makes long polls hear of half the events within {} instead of {}; it takes {}, \
             with {} events in an answer instead of {} (on {model}).",
            time(recheck.within(0.5)),
            time(well.within(0.5)),
            cpu(recheck, well, "one that is told"),
            short(1.0 / recheck.middle(|round| round.requests)),
            short(1.0 / well.middle(|round| round.requests)),
        ))
    }

    fn hold(&self) -> Option<String> {
        let (held, well) = (self.idle("hold", "pool")?, self.idle("long-poll", "pool")?);
        let clients = self.parked.iter().find(|parked| parked.row.name == "hold" && parked.model == "pool")?.clients;
        let told = |holding: &Holding| format!("{} threads{}", grouped(holding.threads as f64), each(holding));
        let then = well.reached.zip(held.reached).map_or(String::new(), |((_, well), (_, held))| {
            format!("; after an event, which makes all ask at the same time, with {} and {}", told(&well), told(&held))
        });
        Some(format!(
            "{} parked polls leave the pool with {}; if a parked poll goes on listening, with {}{then}.",
            grouped(clients as f64),
            told(&well.idle),
            told(&held.idle),
        ))
    }

    /// Who needs the least CPU for a stream.
    fn models(&self) -> Option<String> {
        let all: Vec<(&str, &Measured)> = self
            .cells
            .iter()
            .filter(|cell| cell.row.name == BASE)
            .filter_map(|cell| Some((cell.model, cell.outcome.measured()?)))
            .collect();
        let is_too_few = all.iter().any(|(_, measured)| measured.rounds.len() < ROUNDS_FOR_INTERVAL);
        if all.len() < 2 || is_too_few {
            return None;
        }
        let rounds: Vec<Vec<f64>> = all.iter().map(|(_, measured)| measured.each(|round| round.cpu)).collect();
        let comparison = compare(&rounds.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>());
        let leaders: Vec<&str> = comparison.leaders.iter().map(|&place| all[place].0).collect();
        let others: Vec<String> = (0..all.len())
            .filter(|place| !comparison.leaders.contains(place))
            .map(|place| format!("{} {} times", all[place].0, interval(comparison.times_worse[place])))
            .collect();
        if others.is_empty() {
            return Some("Between the models no difference was measured in what a server-sent event costs.".into());
        }
        let verb = if leaders.len() == 1 { "takes" } else { "take (not told apart)" };
        Some(format!("For server-sent events {} {verb} the least CPU, {} as much.", leaders.join(" and "), others.join(", ")))
    }

    /// Threads and memory of idle streams.
    fn threads(&self) -> Option<String> {
        let mut told = Vec::new();
        for parked in self.parked.iter().filter(|parked| parked.row.name == BASE) {
            let Some(costs) = parked.outcome.measured() else { continue };
            let threads = grouped(costs.idle.threads as f64);
            told.push(format!("{} takes {threads} threads{}", parked.model, each(&costs.idle)));
        }
        let clients = self.parked.first()?.clients;
        (!told.is_empty()).then(|| format!("To hold {} idle streams {}.", grouped(clients as f64), told.join(", ")))
    }
}

/// One event for a crowd.
fn crowd(crowds: &[Parked]) -> Option<String> {
    let mut told = Vec::new();
    for parked in crowds {
        let Some((reached, _)) = parked.outcome.measured().and_then(|costs| costs.reached) else { continue };
        told.push(format!(
            "{} after {} (of which the listeners' own thread was busy for {})",
            parked.model,
            time(reached.last.as_secs_f64()),
            time(reached.busy.as_secs_f64())
        ));
    }
    let clients = crowds.first()?.clients;
    (!told.is_empty())
        .then(|| format!("One event reaches the last of {} streams on {}.", grouped(clients as f64), told.join(", on ")))
}

/// Its memory, behind its threads.
fn each(holding: &Holding) -> String {
    holding.process.map_or(String::new(), |octets| format!(" and {} each", kibibytes(octets)))
}

/// How much CPU the one takes, by the other's.
fn cpu(of: &Measured, over: &Measured, other: &str) -> String {
    let Estimate { low, median, high } = cpu_ratio(of, over);
    match of.rounds.len() {
        rounds if rounds < ROUNDS_FOR_INTERVAL => format!("about {median:.2} times the CPU of {other}"),
        _ if low <= 1.0 && high >= 1.0 => format!("no other CPU than {other} ({low:.2}-{high:.2} times)"),
        _ => format!("{median:.2} times ({low:.2}-{high:.2}) the CPU of {other}"),
    }
}

/// An interval that somebody has chosen, and not one that was measured.
fn whole(interval: Duration) -> String {
    match interval.as_millis() {
        millis if millis % 1000 == 0 => format!("{} s", millis / 1000),
        millis => format!("{millis} ms"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
