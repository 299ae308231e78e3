//! The results as they are kept.

use std::collections::BTreeMap;

use harness::text::{grouped, short};
use results::record::{latency, rounded};
use results::schema::{
    Contestant, Counts, Figure, Limit, Load, Measured as Kept, Outcome as KeptOutcome, Row as KeptRow, Settings as KeptSettings,
};

use crate::arguments::Settings;
use crate::measure::{Cell, Measured, Outcome, Round};
use crate::parked::{Costs, Parked};

/// A client whose core is used more than this is waited for, and a server that uses more has no more to give.
const FULL: f64 = 0.97;

/// A row for each way, and one for the idle listeners of each.
pub fn rows(settings: &Settings, cells: &[Cell], parked: &[Parked], crowds: &[Parked]) -> Vec<KeptRow> {
    let mut rows: Vec<KeptRow> = Vec::new();
    for cell in cells {
        let row = Named {
            name: cell.row.name.to_owned(),
            title: cell.row.title.to_owned(),
            chapter: "An event on its way",
            operation: "delivery",
            way: cell.row.name,
        };
        row.add(&mut rows, cell.model, outcome(&cell.outcome, |found| delivered(settings, found)));
    }
    rows.iter_mut().for_each(|row| row.compare("cpu", false));
    for (all, wanted) in [(parked, settings.parked), (crowds, settings.crowd)] {
        for parked in all {
            let row = Named {
                name: format!("{}-idle-{wanted}", parked.row.name),
                title: format!("{}, {} to whom nothing happens", parked.row.title, grouped(wanted as f64)),
                chapter: "Idle listeners",
                operation: "listener",
                way: parked.row.name,
            };
            row.add(&mut rows, parked.model, outcome(&parked.outcome, |costs| idle(parked.clients, costs)));
        }
    }
    rows
}

struct Named {
    name: String,
    title: String,
    chapter: &'static str,
    operation: &'static str,
    way: &'static str,
}

impl Named {
    /// One more in its row, which is made if nobody is in it yet.
    fn add(self, rows: &mut Vec<KeptRow>, model: &str, outcome: KeptOutcome) {
        let contestant = Contestant { name: model.to_owned(), outcome };
        match rows.iter_mut().find(|row| row.name == self.name) {
            Some(row) => row.contestants.push(contestant),
            None => rows.push(KeptRow {
                name: self.name,
                title: self.title,
                chapter: self.chapter.to_owned(),
                operation: self.operation.to_owned(),
                command: format!("cargo bench --bench patterns -- --way {}", self.way),
                contestants: vec![contestant],
                verdicts: BTreeMap::new(),
            }),
        }
    }
}

fn outcome<T>(outcome: &Outcome<T>, kept: impl Fn(&T) -> Kept) -> KeptOutcome {
    match outcome {
        Outcome::Measured(found) => KeptOutcome::Measured(kept(found)),
        Outcome::Unavailable(why) => KeptOutcome::Unavailable { why: why.clone() },
        Outcome::Failed(why) => KeptOutcome::Failed { why: why.clone() },
    }
}

fn delivered(settings: &Settings, found: &Measured) -> Kept {
    let figure = |name: &str, unit: &str, of: fn(&Round) -> f64| (name.to_owned(), Figure::of(unit, found.each(of)));
    let (server_share, load_share) = (found.middle(|round| round.server_share), found.middle(|round| round.load_share));
    let limit = match () {
        () if load_share > FULL && server_share < FULL => Limit::Load,
        () if server_share >= FULL => Limit::Server,
        () => Limit::Neither,
    };
    let at = format!("{} events a second to {} listeners", short(settings.pace.rate), grouped(settings.listeners as f64));
    Kept {
        figures: BTreeMap::from([
            figure("cpu", "s of CPU a delivery", |round| round.cpu),
            figure("requests", "requests a delivery", |round| round.requests),
            figure("received", "octets to the listener a delivery", |round| round.received),
            figure("sent", "octets from the listener a delivery", |round| round.sent),
        ]),
        latencies: vec![latency(at, &found.latency)],
        counts: Counts { system_calls: found.calls.map(rounded), ..Counts::default() },
        load: Some(Load {
            server_share: rounded(server_share),
            load_share: rounded(load_share),
            limit,
            asked: "by one thread that publishes and listens, and sleeps when nothing is to be done".to_owned(),
        }),
    }
}

fn idle(clients: usize, costs: &Costs) -> Kept {
    let once = |name: &str, unit: &str, value: f64| (name.to_owned(), Figure::of(unit, vec![value]));
    let mut figures = BTreeMap::from([once("listeners", "listeners", clients as f64)]);
    if let Some((reached, then)) = &costs.reached {
        figures.extend([
            once("first", "s until the first has heard", reached.first.as_secs_f64()),
            once("last", "s until the last has heard", reached.last.as_secs_f64()),
            once("listeners_busy", "s of CPU of the listeners' thread meanwhile", reached.busy.as_secs_f64()),
            once("threads_then", "threads after that", then.threads as f64),
        ]);
        figures.extend(then.process.map(|octets| once("memory_then", "octets of the process for each after that", octets)));
    }
    let counts = Counts {
        threads: Some(costs.idle.threads),
        idle_memory: costs.idle.process.map(rounded),
        idle_memory_kernel: costs.idle.kernel.map(rounded),
        ..Counts::default()
    };
    Kept { figures, counts, ..Kept::default() }
}

impl From<&Settings> for KeptSettings {
    fn from(settings: &Settings) -> KeptSettings {
        let window = settings.window.as_secs_f64();
        // Where nothing has an interval; the others' are at least as long as it.
        KeptSettings { rounds: settings.rounds, warm_up: window / 4.0, window, counting: window }
    }
}
