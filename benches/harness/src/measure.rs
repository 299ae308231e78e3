//! Measuring a row: the contestants take turns, round by round, and then is counted ([`counting`](crate::counting)).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::child::{Child, Failure, ReadDone, ReadOrder, Said, Spent};
use crate::counting::{Counts, IdleMemory, count, idle_memory};
use crate::data_file::DataFile;
use crate::load::{Background, Beside, Churn, Edge, Generator, Idle, Pace, Plan, Question, Sample, Steady};
use crate::progress::Progress;
use crate::statistics::median;
use crate::work::{Asking, Busy, Reads, SHARES, Steadily, Work};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub rounds: u32,
    pub plan: Plan,
    /// The pass in which system calls are counted. There is none if this is zero.
    pub counting: Duration,
    /// Check every octet of a file read even in the timed rounds.
    pub every_octet: bool,
}

impl Settings {
    /// The warm-up, the window and the counting pass are so many milliseconds long.
    pub fn in_millis(rounds: u32, [warm_up, window, counting]: [u64; 3], every_octet: bool) -> Settings {
        let plan = Plan { warm_up: Duration::from_millis(warm_up), window: Duration::from_millis(window) };
        Settings { rounds, plan, counting: Duration::from_millis(counting), every_octet }
    }
}

/// Who takes part in a row.
pub struct Entrant<'a> {
    pub name: &'a str,
    /// Starts its process.
    pub start: Box<dyn Fn() -> io::Result<Child> + 'a>,
}

/// One contestant's part of a row.
pub enum Cell {
    Measured(Measured),
    /// It cannot run on this machine: cause and cure.
    Unavailable(String),
    /// It holds only so many connections.
    Limit(usize),
    Failed(String),
}

pub struct Measured {
    pub rounds: Vec<Round>,
    pub counts: Counts,
    /// Where connections were idle.
    pub idle: Option<IdleMemory>,
    /// Who asked, if anybody did.
    pub generator: Option<Generator>,
    /// The latencies of all rounds: at each of [`SHARES`] of the peak, or at the one pace of a row that asks any question.
    pub open: Vec<Histogram<u64>>,
    /// The share of its CPU time that the process spent in user space, in all rounds: good for long runs only.
    pub user_share: Option<f64>,
}

impl Measured {
    /// The median of its rounds.
    pub fn middle(&self, figure: fn(&Round) -> f64) -> f64 {
        median(&mut self.rounds.iter().map(figure).collect::<Vec<f64>>())
    }

    /// Whether the load used up its core while the server did not.
    pub fn is_load_bound(&self) -> bool {
        self.middle(|round| round.load_share) > FULL && self.middle(|round| round.server_share) < FULL
    }

    /// Whether the server used up its own.
    pub fn is_server_bound(&self) -> bool {
        self.middle(|round| round.server_share) >= FULL
    }

    /// Which shares of their cores both sides used.
    pub fn shares(&self) -> String {
        let share = |of: fn(&Round) -> f64| 100.0 * self.middle(of);
        format!("load {:.0} %, server {:.0} %", share(|round| round.load_share), share(|round| round.server_share))
    }
}

/// A core of which more is used than this is full.
const FULL: f64 = 0.97;

/// What one round told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    /// Operations per second; of the other requests where the row is about a ping.
    pub rate: f64,
    /// The server's CPU time per operation, in seconds.
    pub cpu: f64,
    /// Shares of their cores that the server used and that the load was busy; looking for answers in vain is not being busy.
    pub server_share: f64,
    pub load_share: f64,
    /// Of the answers, in seconds; 0 for file reads.
    pub p50: f64,
    pub p99: f64,
    /// In an open loop, the share of requests that were to be asked within the window and were not, since no connection was free.
    pub unasked: f64,
}

/// Measures a row for each of the entrants. `Err` only if interrupted.
pub fn measure(
    name: &str,
    work: &Work,
    entrants: &[Entrant<'_>],
    settings: &Settings,
    data: &DataFile,
    progress: &mut Progress,
) -> io::Result<Vec<Cell>> {
    prepare(work, data)?;
    let mut contestants = Vec::with_capacity(entrants.len());
    for entrant in entrants {
        contestants.push(Contestant::start(entrant).map(|contestant| (contestant, Vec::new())));
    }
    for round in 0..settings.rounds {
        for turn in 0..entrants.len() {
            // Another one begins each time, so that nobody always follows the same one.
            let place = (turn + round as usize) % entrants.len();
            let Ok((contestant, rounds)) = &mut contestants[place] else { continue };
            progress.show(&format!("{name}: round {} of {}, {}", round + 1, settings.rounds, entrants[place].name));
            match contestant.round(work, settings, data, round) {
                Ok(figures) => rounds.push(figures),
                Err(failure) => contestants[place] = Err(failure),
            }
            interrupted(&contestants[place])?;
        }
    }
    let mut cells = Vec::with_capacity(entrants.len());
    for (contestant, entrant) in contestants.into_iter().zip(entrants) {
        progress.show(&format!("{name}: counting, {}", entrant.name));
        let cell = contestant.and_then(|(contestant, rounds)| {
            let Contestant { child, generator, open, .. } = contestant;
            let user_share = child.user_share().ok();
            drop(child);
            let counts = if settings.counting.is_zero() { Counts::default() } else { count(entrant, work, settings, data)? };
            let idle = match work {
                Work::Steady(steadily) if steadily.idle > 0 => idle_memory(entrant, steadily)?,
                _ => None,
            };
            Ok(Measured { rounds, counts, idle, generator, open, user_share })
        });
        interrupted(&cell)?;
        cells.push(match cell {
            Ok(measured) => Cell::Measured(measured),
            Err(Stop::Failure(Failure::Unavailable(why))) => Cell::Unavailable(why),
            Err(Stop::Failure(Failure::Error(error))) => Cell::Failed(error.to_string()),
            Err(Stop::Limit(connections)) => Cell::Limit(connections),
        });
    }
    Ok(cells)
}

/// Why there are no figures.
pub(crate) enum Stop {
    Failure(Failure),
    Limit(usize),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Failure(error.into())
    }
}

fn interrupted<T>(result: &Result<T, Stop>) -> io::Result<()> {
    match result {
        Err(Stop::Failure(Failure::Error(error))) if error.kind() == io::ErrorKind::Interrupted => {
            Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"))
        }
        _ => Ok(()),
    }
}

fn prepare(work: &Work, data: &DataFile) -> io::Result<()> {
    match work {
        Work::Read(reads) if reads.direct => data.evict(0),
        Work::Read(_) => data.warm(),
        _ => Ok(()),
    }
}

/// One entrant's process in one row. While it is not its turn it has no connections and no orders, and sleeps.
pub(crate) struct Contestant {
    child: Child,
    /// Where it serves, if it does.
    pub(crate) address: Option<SocketAddr>,
    generator: Option<Generator>,
    open: Vec<Histogram<u64>>,
}

impl Contestant {
    pub(crate) fn start(entrant: &Entrant<'_>) -> Result<Contestant, Stop> {
        let mut child = (entrant.start)()?;
        let address = match child.hear()? {
            Said::Listening(address) => Some(address),
            Said::Ready => None,
            said => return Err(unexpected(&said).into()),
        };
        Ok(Contestant { child, address, generator: None, open: Vec::new() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    fn round(&mut self, work: &Work, settings: &Settings, data: &DataFile, round: u32) -> Result<Round, Stop> {
        match work {
            Work::Read(reads) => {
                let seed = u64::from(round) + 1;
                let order = |time| order(reads, seed, time, settings.every_octet);
                self.read(&order(settings.plan.warm_up))?;
                let before = self.child.cpu()?;
                let done = self.read(&order(settings.plan.window))?;
                let cpu = done.cpu_nanos.map_or(self.child.cpu()? - before, Duration::from_nanos);
                Ok(Round::of_operations(done.reads, Duration::from_nanos(done.nanos), cpu))
            }
            Work::Open(steadily) => {
                let (found, _) = self.watched(|to, edge| load(to, work, settings.plan, data, edge))?;
                for (place, share) in SHARES.into_iter().enumerate() {
                    let pace = Pace::Open { rate: (share * found.rate).max(1.0) };
                    let to = self.address.ok_or_else(|| io::Error::other("nobody listens"))?;
                    let sample = load_steadily(to, steadily, pace, settings.plan, &mut |_| {})?.sample;
                    self.keep(place, sample.latency)?;
                }
                Ok(found)
            }
            Work::Asked(_) => {
                let (found, latency) = self.watched(|to, edge| load(to, work, settings.plan, data, edge))?;
                self.keep(0, latency)?;
                Ok(found)
            }
            _ => Ok(self.watched(|to, edge| load(to, work, settings.plan, data, edge))?.0),
        }
    }

    /// Adds the latencies of a round to those of earlier ones.
    fn keep(&mut self, place: usize, latency: Histogram<u64>) -> io::Result<()> {
        match self.open.get_mut(place) {
            Some(all) => all.add(&latency).map_err(io::Error::other)?,
            None => self.open.push(latency),
        }
        Ok(())
    }

    fn watched(
        &mut self,
        load: impl FnOnce(Option<SocketAddr>, &mut dyn FnMut(Edge)) -> Result<Loaded, Stop>,
    ) -> Result<(Round, Histogram<u64>), Stop> {
        let mut cpu = Vec::with_capacity(2);
        let loaded = load(self.address, &mut |_| cpu.push(self.child.cpu()))?;
        let cpu = cpu.into_iter().collect::<io::Result<Vec<_>>>()?;
        let [start, end] = cpu[..] else { return Err(io::Error::other("the window did not close").into()) };
        let sample = &loaded.sample;
        let quantile = |share| sample.latency.value_at_quantile(share) as f64 / 1e9;
        self.generator = Some(sample.generator.clone());
        let round = Round {
            load_share: sample.busy_share(),
            p50: quantile(0.5),
            p99: quantile(0.99),
            unasked: sample.unasked as f64 / sample.latency.len().max(1) as f64,
            ..Round::of_operations(loaded.operations, sample.elapsed, end - start)
        };
        Ok((round, loaded.sample.latency))
    }

    pub(crate) fn read(&mut self, order: &ReadOrder) -> Result<ReadDone, Stop> {
        self.child.tell(order)?;
        match self.child.hear()? {
            Said::Read(done) => Ok(done),
            said => Err(unexpected(&said).into()),
        }
    }

    pub(crate) fn end(self) -> Result<Spent, Stop> {
        match self.child.end()? {
            Said::Ended(spent) => Ok(spent),
            said => Err(unexpected(&said).into()),
        }
    }
}

pub(crate) fn order(reads: &Reads, seed: u64, time: Duration, every_octet: bool) -> ReadOrder {
    let Reads { block, in_flight, random, direct } = *reads;
    let (nanos, at_least) = (time.as_nanos() as u64, in_flight as u64);
    ReadOrder { block, in_flight, random, direct, seed, nanos, at_least, every_octet }
}

impl Round {
    fn of_operations(operations: u64, elapsed: Duration, cpu: Duration) -> Round {
        let elapsed = elapsed.as_secs_f64();
        Round {
            rate: operations as f64 / elapsed,
            cpu: cpu.as_secs_f64() / operations.max(1) as f64,
            server_share: cpu.as_secs_f64() / elapsed,
            ..Round::default()
        }
    }
}

/// What a load did to a server.
pub(crate) struct Loaded {
    pub(crate) sample: Sample,
    /// Operations within the window.
    pub(crate) operations: u64,
}

pub(crate) fn load(
    to: Option<SocketAddr>,
    work: &Work,
    plan: Plan,
    data: &DataFile,
    edge: &mut dyn FnMut(Edge),
) -> Result<Loaded, Stop> {
    let to = to.ok_or_else(|| io::Error::other("nobody listens"))?;
    match work {
        Work::Read(_) => Err(io::Error::other("a reader is not loaded").into()),
        Work::Steady(steadily) | Work::Open(steadily) => load_steadily(to, steadily, Pace::Closed, plan, edge),
        Work::Asked(asking) => ask(to, asking, plan, edge),
        Work::Churn { at_once } => {
            let question = Question::get_and_close("/", Vec::new());
            let sample = Churn::new(to, *at_once, &question).run(plan, edge)?;
            Ok(Loaded { operations: sample.answers, sample })
        }
        Work::PingBeside(Busy { ping, other, connections, evict, .. }) => {
            let mut evicted = || evict.map_or(Ok(()), |octets| data.evict(octets));
            let prepare = evict.is_some().then_some(&mut evicted as &mut dyn FnMut() -> io::Result<()>);
            let background = Background { question: other.clone(), connections: *connections, prepare };
            let (sample, operations) = Beside::connect(to, ping, background)?.run(plan, edge)?;
            Ok(Loaded { sample, operations })
        }
    }
}

fn load_steadily(
    to: SocketAddr,
    steadily: &Steadily,
    pace: Pace,
    plan: Plan,
    edge: &mut dyn FnMut(Edge),
) -> Result<Loaded, Stop> {
    let question = steadily.question();
    let idle = Idle::open(to, steadily.idle, &question)?;
    if idle.held() < steadily.idle {
        return Err(Stop::Limit(idle.held()));
    }
    ask(to, &steadily.asking(pace), plan, edge)
}

fn ask(to: SocketAddr, asking: &Asking, plan: Plan, edge: &mut dyn FnMut(Edge)) -> Result<Loaded, Stop> {
    let sample = Steady::connect(to, &asking.terms(), &asking.question)?.run(plan, edge)?;
    if asking.keep_alive && sample.reopened > 0 {
        return Err(io::Error::other(format!("the server closed {} connections that were to be kept", sample.reopened)).into());
    }
    Ok(Loaded { operations: sample.answers, sample })
}

fn unexpected(said: &Said) -> Failure {
    Failure::Error(io::Error::other(format!("the process under measurement said {said:?} out of turn")))
}
