//! What is judged.

use harness::statistics::median;

/// The load is at its end there.
const LOAD_FULL: f64 = 0.97;

/// What was described, as far as the verdict is about it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub cpu_us: f64,
    pub disk_reads: usize,
    pub cache_hits: u32,
    pub connections: usize,
    pub server_threads: usize,
    pub cores: usize,
    /// Requests a second that the user has, if that was said.
    pub rate: Option<f64>,
    /// The share of the cores that others took meanwhile, if the machine was not quiet.
    pub disturbed: Option<f64>,
}

/// One model, and what came of it.
#[derive(Clone, Debug)]
pub struct Contender {
    pub model: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Measured(Figures),
    /// Why there is no figure.
    Absent(String),
}

#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// By round, all contenders' in the same order: requests a second at the peak, and CPU µs for each.
    pub peak: Vec<f64>,
    pub cpu_us: Vec<f64>,
    /// At the peak: the share of the server's cores that was used, and of the load's.
    pub server_share: f64,
    pub load_share: f64,
    /// For each request.
    pub calls: Option<f64>,
    pub switches: Option<f64>,
    pub stalls: f64,
    /// At most.
    pub threads: usize,
    /// Octets, with all connections.
    pub memory: Option<u64>,
    /// At rates of their own.
    pub paced: Vec<Paced>,
}

/// What it did in an open loop.
#[derive(Clone, Debug, Default)]
pub struct Paced {
    pub rate: f64,
    /// In seconds, over all rounds; the last where there were enough requests to tell.
    pub p50: f64,
    pub p99: f64,
    pub p999: Option<f64>,
    /// By round.
    pub p99_by_round: Vec<f64>,
    /// Share of the requests that could not be asked, since no connection was free.
    pub unasked: f64,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    pub pick: Option<String>,
    pub headline: String,
    /// Why not to believe it yet.
    pub doubt: Option<String>,
    /// Why, one sentence each.
    pub because: Vec<String>,
    /// Differences that may be none: more rounds would tell.
    pub unclear: Vec<String>,
    /// What the pick is worse at than another.
    pub price: Vec<String>,
    /// What limits this workload.
    pub bound: Vec<String>,
    /// What would change the answer.
    pub would_change: Vec<String>,
}

/// One that was measured.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub name: &'a str,
    pub figures: &'a Figures,
}

impl<'a> Entry<'a> {
    pub fn of(contender: &'a Contender) -> Option<Entry<'a>> {
        match &contender.outcome {
            Outcome::Measured(figures) => Some(Entry { name: &contender.model, figures }),
            Outcome::Absent(_) => None,
        }
    }

    pub fn peak(&self) -> f64 {
        median(&mut self.figures.peak.clone())
    }

    pub fn cpu(&self) -> f64 {
        median(&mut self.figures.cpu_us.clone())
    }

    pub fn is_load_bound(&self) -> bool {
        self.figures.load_share > LOAD_FULL && self.figures.server_share < LOAD_FULL
    }
}
