//! All ways on all models, in turns; and then what is counted, in passes of their own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use harness::child::{Child, Failure, Said, Spent};
use harness::listeners::{Audience, Counts, Heard};
use harness::load::{Edge, Plan};
use harness::progress::Progress;
use harness::statistics::median;
use hdrhistogram::Histogram;
use iolab::Model;
use iolab::models::AnyModel;

use crate::arguments::Settings;
use crate::rows::{Row, Served};

/// One way on one model.
pub struct Cell {
    pub row: Row,
    pub model: &'static str,
    pub outcome: Outcome<Measured>,
}

pub enum Outcome<T> {
    Measured(T),
    /// It cannot run on this machine: cause and cure.
    Unavailable(String),
    Failed(String),
}

impl<T> From<Result<T, Failure>> for Outcome<T> {
    fn from(result: Result<T, Failure>) -> Outcome<T> {
        match result {
            Ok(measured) => Outcome::Measured(measured),
            Err(Failure::Unavailable(why)) => Outcome::Unavailable(why),
            Err(Failure::Error(error)) => Outcome::Failed(error.to_string()),
        }
    }
}

impl<T> Outcome<T> {
    pub fn measured(&self) -> Option<&T> {
        match self {
            Outcome::Measured(measured) => Some(measured),
            _ => None,
        }
    }
}

/// What all rounds of a cell told.
pub struct Measured {
    pub rounds: Vec<Round>,
    /// From publishing to hearing, of all rounds, in nanoseconds.
    pub latency: Histogram<u64>,
    /// System calls of the server for each delivery.
    pub calls: Option<f64>,
}

/// What one round told.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// CPU time of the server for each delivery, in seconds.
    pub cpu: f64,
    /// For each delivery.
    pub requests: f64,
    pub received: f64,
    pub sent: f64,
    /// Shares of their cores that both sides used.
    pub server_share: f64,
    pub load_share: f64,
}

impl Measured {
    /// The median of its rounds.
    pub fn middle(&self, figure: fn(&Round) -> f64) -> f64 {
        median(&mut self.each(figure))
    }

    pub fn each(&self, figure: fn(&Round) -> f64) -> Vec<f64> {
        self.rounds.iter().map(figure).collect()
    }

    /// Within which time this share of the deliveries came, in seconds.
    pub fn within(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1e9
    }
}

/// Runs all rounds. `Err` only if interrupted.
pub fn measure(rows: &[Row], models: &[AnyModel], settings: &Settings, progress: &mut Progress) -> io::Result<Vec<Cell>> {
    let places: Vec<(Row, AnyModel)> = rows.iter().flat_map(|row| models.iter().map(move |model| (*row, *model))).collect();
    let mut contestants: Vec<_> = places.iter().map(|(row, model)| Contestant::start(row, *model)).collect();
    for round in 0..settings.rounds as usize {
        for turn in 0..places.len() {
            // Another one begins each time. A step that shares no divisor with the number of cells would mix them further, but who
            // is compared with whom is few turns apart so.
            let place = (turn + round) % places.len();
            let (row, model) = &places[place];
            let Ok(contestant) = &mut contestants[place] else { continue };
            progress.show(&format!("round {} of {}: {}, {}", round + 1, settings.rounds, row.name, model.name()));
            if let Err(failure) = contestant.round(row, settings) {
                contestants[place] = Err(failure);
            }
            interrupted(&contestants[place])?;
        }
    }
    let mut cells = Vec::with_capacity(places.len());
    for ((row, model), contestant) in places.iter().zip(contestants) {
        progress.show(&format!("counting: {}, {}", row.name, model.name()));
        let measured = contestant.and_then(|contestant| {
            let Contestant { rounds, latency, .. } = contestant;
            Ok(Measured { rounds, latency, calls: calls(row, *model, settings)? })
        });
        interrupted(&measured)?;
        cells.push(Cell { row: *row, model: model.name(), outcome: measured.into() });
    }
    Ok(cells)
}

pub fn interrupted<T>(result: &Result<T, Failure>) -> io::Result<()> {
    match result {
        Err(Failure::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {
            Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"))
        }
        _ => Ok(()),
    }
}

/// A model's server for one row. While it is not its turn, nobody is connected to it.
pub struct Contestant {
    child: Child,
    pub address: SocketAddr,
    rounds: Vec<Round>,
    latency: Histogram<u64>,
}

impl Contestant {
    pub fn start(row: &Row, model: AnyModel) -> Result<Contestant, Failure> {
        let mut child = Child::this_program(&["--serve", model.name(), "--served", row.served.name()])?;
        match child.hear()? {
            Said::Listening(address) => {
                Ok(Contestant { child, address, rounds: Vec::new(), latency: harness::load::latencies() })
            }
            said => Err(unexpected(&said)),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    pub fn cpu(&self) -> io::Result<Duration> {
        self.child.cpu()
    }

    fn round(&mut self, row: &Row, settings: &Settings) -> Result<(), Failure> {
        let mut cpu = Vec::with_capacity(2);
        let heard = listen(self.address, row, settings, plan(row, settings), &mut |_| cpu.push(self.child.cpu()))?;
        let cpu = cpu.into_iter().collect::<io::Result<Vec<_>>>()?;
        let [start, end] = cpu[..] else { return Err(io::Error::other("the window did not close").into()) };
        let Counts { deliveries, requests, received, sent } = heard.counts;
        if deliveries == 0 {
            return Err(io::Error::other("no event came within the window").into());
        }
        let each = |count: u64| count as f64 / deliveries as f64;
        let cpu = (end - start).as_secs_f64();
        self.latency.add(&heard.latency).map_err(io::Error::other)?;
        self.rounds.push(Round {
            cpu: cpu / deliveries as f64,
            requests: each(requests),
            received: each(received),
            sent: each(sent),
            server_share: cpu / heard.elapsed.as_secs_f64(),
            load_share: heard.busy_share(),
        });
        Ok(())
    }

    fn end(self) -> Result<Spent, Failure> {
        match self.child.end()? {
            Said::Ended(spent) => Ok(spent),
            said => Err(unexpected(&said)),
        }
    }
}

/// Where something has an interval, what comes within the window was published within one interval before. Listeners are spread over
/// it, so a window that is as long sees each of them hear once.
fn plan(row: &Row, settings: &Settings) -> Plan {
    let Settings { window, test, .. } = *settings;
    if test {
        return Plan { warm_up: Duration::ZERO, window: window + row.interval() };
    }
    Plan { warm_up: row.interval().max(window / 4), window: window.max(row.interval()) }
}

fn listen(to: SocketAddr, row: &Row, settings: &Settings, plan: Plan, edge: &mut dyn FnMut(Edge)) -> Result<Heard, Failure> {
    Ok(Audience::gather(to, row.way, settings.listeners)?.run(plan, settings.pace, edge)?)
}

/// System calls for each delivery: a long pass less a short one, which takes away what is done once for each process and connection.
fn calls(row: &Row, model: AnyModel, settings: &Settings) -> Result<Option<f64>, Failure> {
    if settings.test && row.served == Served::Recheck {
        return Ok(None);
    }
    let pass = |window: Duration| -> Result<(u64, u64), Failure> {
        let server = Contestant::start(row, model)?;
        let plan = Plan { warm_up: Duration::ZERO, window };
        let heard = listen(server.address, row, settings, plan, &mut |_| {})?;
        Ok((server.end()?.calls_total(), heard.counts_in_all.deliveries))
    };
    let (few, long) = (pass(Duration::ZERO)?, pass(plan(row, settings).window)?);
    let (calls, deliveries) = (long.0.saturating_sub(few.0), long.1.saturating_sub(few.1));
    Ok((deliveries > 0).then(|| calls as f64 / deliveries as f64))
}

fn unexpected(said: &Said) -> Failure {
    Failure::Error(io::Error::other(format!("the process under measurement said {said:?} out of turn")))
}
