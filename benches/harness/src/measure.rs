//! Measuring a row: the contestants take turns, round by round, and then their system calls are counted in a pass of its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::child::{Child, Failure, ReadDone, ReadOrder, Said, Spent};
use crate::data_file::DataFile;
use crate::load::{Background, Beside, Churn, Edge, Idle, Plan, Question, Sample, Steady};
use crate::progress::Progress;
use crate::work::{Busy, Reads, Steadily, Work};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub rounds: u32,
    pub plan: Plan,
    /// The pass in which system calls are counted.
    pub counting: Duration,
    /// Check every octet of a file read even in the timed rounds.
    pub every_octet: bool,
}

/// Where the system calls of a slow row are counted, the pass is made no longer than this.
const LONGEST_COUNTING: Duration = Duration::from_millis(500);

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
    /// System calls per operation.
    pub calls: Option<f64>,
}

/// What one round told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    /// Operations per second; of the other requests where the row is about a ping.
    pub rate: f64,
    /// The server's CPU time per operation, in seconds.
    pub cpu: f64,
    /// Shares of their cores that the server and the load used.
    pub server_share: f64,
    pub load_share: f64,
    /// Of the answers, in seconds; 0 for file reads.
    pub p50: f64,
    pub p99: f64,
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
        progress.show(&format!("{name}: counting system calls, {}", entrant.name));
        let cell = contestant.and_then(|(contestant, rounds)| {
            drop(contestant);
            let calls = count_calls(entrant, work, settings, data)?;
            Ok(Measured { rounds, calls })
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
enum Stop {
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
struct Contestant {
    child: Child,
    /// Where it serves, if it does.
    address: Option<SocketAddr>,
}

impl Contestant {
    fn start(entrant: &Entrant<'_>) -> Result<Contestant, Stop> {
        let mut child = (entrant.start)()?;
        match child.hear()? {
            Said::Listening(address) => Ok(Contestant { child, address: Some(address) }),
            Said::Ready => Ok(Contestant { child, address: None }),
            said => Err(unexpected(&said).into()),
        }
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
            _ => {
                let mut watch = Watch { child: &self.child, marks: Vec::with_capacity(2) };
                let loaded = load(self.address, work, settings.plan, data, &mut |_| watch.mark())?;
                let marks = watch.marks.into_iter().collect::<io::Result<Vec<_>>>()?;
                let [start, end] = marks[..] else { return Err(io::Error::other("the window did not close").into()) };
                let (sample, counted) = (&loaded.sample, loaded.operations);
                let quantile = |share| sample.latency.value_at_quantile(share) as f64 / 1e9;
                let elapsed = sample.elapsed.as_secs_f64();
                Ok(Round {
                    load_share: (end.load - start.load).as_secs_f64() / elapsed,
                    p50: quantile(0.5),
                    p99: quantile(0.99),
                    ..Round::of_operations(counted, sample.elapsed, end.server - start.server)
                })
            }
        }
    }

    fn read(&mut self, order: &ReadOrder) -> Result<ReadDone, Stop> {
        self.child.tell(order)?;
        match self.child.hear()? {
            Said::Read(done) => Ok(done),
            said => Err(unexpected(&said).into()),
        }
    }

    fn end(self) -> Result<Spent, Stop> {
        match self.child.end()? {
            Said::Ended(spent) => Ok(spent),
            said => Err(unexpected(&said).into()),
        }
    }
}

fn order(reads: &Reads, seed: u64, time: Duration, every_octet: bool) -> ReadOrder {
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

/// Reads the CPU clocks of both sides at the edges of the window.
struct Watch<'c> {
    child: &'c Child,
    marks: Vec<io::Result<Mark>>,
}

#[derive(Clone, Copy)]
struct Mark {
    server: Duration,
    load: Duration,
}

impl Watch<'_> {
    fn mark(&mut self) {
        let mark = self.child.cpu().and_then(|server| {
            let load = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into();
            Ok(Mark { server, load })
        });
        self.marks.push(mark);
    }
}

/// What a load did to a server.
struct Loaded {
    sample: Sample,
    /// Operations within the window.
    operations: u64,
}

fn load(to: Option<SocketAddr>, work: &Work, plan: Plan, data: &DataFile, edge: &mut dyn FnMut(Edge)) -> Result<Loaded, Stop> {
    let to = to.ok_or_else(|| io::Error::other("nobody listens"))?;
    match work {
        Work::Read(_) => Err(io::Error::other("a reader is not loaded").into()),
        Work::Steady(steadily) => load_steadily(to, steadily, plan, edge),
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

fn load_steadily(to: SocketAddr, steadily: &Steadily, plan: Plan, edge: &mut dyn FnMut(Edge)) -> Result<Loaded, Stop> {
    let question = steadily.question();
    let idle = Idle::open(to, steadily.idle, &question)?;
    if idle.held() < steadily.idle {
        return Err(Stop::Limit(idle.held()));
    }
    let sample = Steady::connect(to, steadily.connections, steadily.pipelined, &question)?.run(plan, edge)?;
    drop(idle);
    Ok(Loaded { operations: sample.answers, sample })
}

/// System calls per operation: a long pass less a short one, which takes away what is done once for each process and connection.
fn count_calls(entrant: &Entrant<'_>, work: &Work, settings: &Settings, data: &DataFile) -> Result<Option<f64>, Stop> {
    // Two kinds of requests share the server there: a figure for each of them there is not.
    if let Work::PingBeside(_) = work {
        return Ok(None);
    }
    let mut reader = match work {
        Work::Read(_) => Some(Contestant::start(entrant)?),
        _ => None,
    };
    let mut count = |window| match (work, &mut reader) {
        (Work::Read(reads), Some(reader)) => {
            let done = reader.read(&order(reads, 1, window, true))?;
            Ok((done.spent.calls_total(), done.reads))
        }
        _ => {
            let server = Contestant::start(entrant)?;
            let plan = Plan { warm_up: Duration::ZERO, window };
            let loaded = load(server.address, work, plan, data, &mut |_| {})?;
            Ok::<_, Stop>((server.end()?.calls_total(), loaded.sample.answers_in_all))
        }
    };
    let short = count(Duration::ZERO)?;
    let mut window = settings.counting;
    loop {
        let long = count(window)?;
        let operations = long.1.saturating_sub(short.1);
        if operations > short.1 || window > LONGEST_COUNTING {
            return Ok((operations > 0).then(|| long.0.saturating_sub(short.0) as f64 / operations as f64));
        }
        window *= 2;
    }
}

fn unexpected(said: &Said) -> Failure {
    Failure::Error(io::Error::other(format!("the process under measurement said {said:?} out of turn")))
}
