//! Your own workload: describe one request of your server, and see which way of waiting suits it.
//!
//! ```text
//! cargo bench --bench workload -- --cpu-us 50 --disk-reads 1 --response 4096 --connections 200
//! ```
//!
//! - [`arguments`]: what can be said of a request; [`description`]: what is made of it.
//! - [`handler`]: does it, by the library's contract, so that it is the same for all models: hears the request, reads the file,
//!   burns CPU ([`mod@burn`], calibrated once for all), answers.
//! - Here: each model, in a process of its own, takes its turn in every round ([`harness::measure`]): first as fast as it can, then
//!   at rates that are the same for all of them, shares of what the best one did or the rate that was asked for.
//! - [`verdict`] says which one to pick: computed from the figures, and tested on made-up ones (`tests/workload_verdict.rs`).
//!   [`table`] shows both, [`kept`] keeps them.

mod arguments;
mod burn;
mod description;
mod handler;
mod kept;
#[allow(dead_code, reason = "nobody echoes here, nor reads ranges")]
#[path = "../ours/mod.rs"]
mod ours;
mod table;
mod verdict;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use harness::child::{Child, as_child};
use harness::cores::{self, Cores};
use harness::data_file::DataFile;
use harness::interrupt::end_on_interrupt;
use harness::load::{Pace, Plan};
use harness::machine;
use harness::measure::{Cell, Entrant, Measured, Settings, measure};
use harness::progress::Progress;
use harness::quiet::{self, Usage};
use harness::serving::raise_descriptor_limit;
use harness::session::{Foot, status};
use harness::work::{Asking, Work};
use iolab::Model;
use iolab::models::AnyModel;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use arguments::Arguments;
use burn::Calibration;
use description::Description;
use handler::Application;
use results::{Ending, Report as Kept};
use table::Report;
use verdict::{Case, Contender, Figures, Outcome, Paced, verdict};

/// The shares of the best peak at which latencies are measured, if no rate was asked for.
const SHARES: [f64; 2] = [0.5, 0.8];

/// A percentile takes about ten requests beyond it.
const REQUESTS_FOR_P999: u64 = 10_000;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let result = match arguments.serve {
        Some(model) => as_child(serve(model), ours::is_unavailable),
        None if arguments.compare.earlier().is_some() => {
            let models: Vec<&str> = arguments.model.iter().map(Model::name).collect();
            arguments.compare.show("workload", Path::new(env!("CARGO_TARGET_TMPDIR")), &[], &models)
        }
        None => compare(&arguments),
    };
    status("workload", result)
}

/// The role of a server.
fn serve(mut model: AnyModel) -> io::Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let description: Description = serde_json::from_str(&line)?;
    let mut cores = CpuSet::new();
    description.cores.iter().try_for_each(|&core| cores.set(core))?;
    sched_setaffinity(Pid::from_raw(0), &cores)?;
    // None is to be turned away: whether a model can hold so many is a figure.
    let limits = model.limits_mut();
    limits.connections = limits.connections.max(2 * description.connections);
    let server_threads = description.server_threads;
    let application = Arc::new(Application::new(description)?);
    ours::serve::serve(model, server_threads, move || application.handler())
}

fn compare(arguments: &Arguments) -> io::Result<ExitCode> {
    let descriptors = raise_descriptor_limit()?;
    let allowed = allowed_cores()?;
    let cores = cores::take()?;
    end_on_interrupt()?;
    let before = Usage::now(&cores.both());
    let calibration = cores::with_child_pinned(Calibration::take)?;
    let (directory, data_octets) = (Path::new(env!("CARGO_TARGET_TMPDIR")), if arguments.test { 8 } else { 256 } << 20);
    let server_cores = server_cores(&allowed, cores, arguments.server_threads());
    let describe = |data: &Path| arguments.description(&calibration, server_cores.clone(), data, data_octets, descriptors);
    // Before the time is taken to write the file.
    describe(Path::new(""))?;
    let data = DataFile::write(directory, data_octets)?;
    data.warm()?;
    let description = describe(Path::new(&data.path()))?;

    let mut progress = Progress::on_stderr();
    if !arguments.test {
        progress.done(&format!("{}\n{}", description.in_words(), calibration.in_words(&description)));
    }
    let mut bench = Bench { arguments, description: &description, data: &data, progress: &mut progress };
    let peaks = bench.measure("at the peak", Pace::Closed, true)?;
    let rates = match arguments.rate {
        Some(rate) => vec![rate],
        None => SHARES.map(|share| share * best_peak(&peaks)).into_iter().filter(|rate| *rate >= 1.0).collect(),
    };
    let mut paced = Vec::new();
    for rate in rates {
        let what = format!("at {} requests a second", harness::text::grouped(rate));
        paced.push((rate, bench.measure(&what, Pace::Open { rate }, false)?));
    }
    let failures = failures(&arguments.model, &peaks, &paced);
    let case = Case {
        cpu_us: description.cpu_us,
        disk_reads: description.disk_reads,
        cache_hits: description.cache_hits,
        connections: description.connections,
        server_threads: description.server_threads,
        cores: description.cores.len(),
        rate: arguments.rate,
        disturbed: before.and_then(|before| quiet::share_of_others(&before, cores)),
    };
    let rows = kept::rows(&arguments.model, &bench, &peaks, &paced);
    let settings = bench.settings(true);
    let contenders = contenders(&arguments.model, peaks, paced, case.cores);
    let verdict = verdict(&case, &contenders);
    let mut fingerprint = machine::fingerprint(cores, &data);
    fingerprint.push(("iolab", env!("CARGO_PKG_VERSION").into()));
    let notes = vec![description.in_words(), calibration.in_words(&description), note(&description, cores)];
    let foot = Foot { fingerprint, cores, notes, warnings: verdict.doubt.iter().cloned().collect() };
    let kept = Kept { findings: kept::findings(&verdict), ..Kept::new("workload", &settings, &foot, rows)? };
    // Whoever describes a request asks a question of its own: no earlier run is the whole that this is a part of.
    let ending = Ending { target_tmp: directory, has_figures: !arguments.test, json: arguments.json, is_part: false };
    let report = Report {
        workload: description.in_words(),
        calibration: calibration.in_words(&description),
        verdict,
        case,
        contenders,
        rounds: settings.rounds,
        notes: vec![note(&description, cores)],
        machine: foot.fingerprint,
    };
    let told = kept.keep(&ending, || report.table())?;
    if arguments.test {
        println!("1 workload on {} models: {} failures", arguments.model.len(), failures.len());
    } else {
        println!("{told}");
    }
    failures.iter().for_each(|failure| eprintln!("workload: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Bench<'a> {
    arguments: &'a Arguments,
    description: &'a Description,
    data: &'a DataFile,
    progress: &'a mut Progress,
}

impl Bench<'_> {
    fn rounds(&self) -> u32 {
        self.arguments.rounds.unwrap_or(if self.arguments.test { 1 } else { 8 })
    }

    fn work(&self, pace: Pace) -> Work {
        let Description { connections, keep_alive, .. } = *self.description;
        let (question, load) = (self.description.question(), self.arguments.load.kind());
        Work::Asked(Asking { question, connections, keep_alive, pipelined: 1, load, pace })
    }

    /// All models, in turns.
    fn measure(&mut self, what: &str, pace: Pace, counts: bool) -> io::Result<Vec<Cell>> {
        let work = self.work(pace);
        let entrant = |model: &AnyModel| {
            let (name, description) = (model.name(), self.description);
            let start = move || {
                let mut child = Child::this_program(&["--serve", name])?;
                child.tell(description)?;
                Ok(child)
            };
            Entrant { name, start: Box::new(start) }
        };
        let entrants: Vec<Entrant<'_>> = self.arguments.model.iter().map(entrant).collect();
        let settings = self.settings(counts);
        let cells = measure(what, &work, &entrants, &settings, self.data, self.progress)?;
        Ok(cells)
    }

    /// Where a request takes long, a window must be longer to see as many of them.
    fn settings(&self, counts: bool) -> Settings {
        let rounds = self.rounds();
        if self.arguments.test {
            let plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(5) };
            let counting = if counts { plan.window } else { Duration::ZERO };
            return Settings { rounds, plan, counting, every_octet: true };
        }
        let Description { cpu_us, connections, cores, .. } = self.description;
        let micros = cpu_us / cores.len() as f64;
        let turn = Duration::from_secs_f64(micros * *connections as f64 / 1e6);
        let window = Duration::from_secs_f64(500.0 * micros / 1e6).clamp(Duration::from_millis(500), Duration::from_secs(3));
        let plan = Plan { warm_up: Duration::from_millis(100).max(turn), window };
        let counting = if counts { window } else { Duration::ZERO };
        Settings { rounds, plan, counting, every_octet: false }
    }
}

fn allowed_cores() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect())
}

/// As many as there are threads, but not the load's, and the server's first.
fn server_cores(allowed: &[usize], cores: Cores, threads: usize) -> Vec<usize> {
    let others = allowed.iter().rev().copied().filter(|core| *core != cores.server && *core != cores.load);
    [cores.server].into_iter().chain(others).take(threads).collect()
}

fn note(description: &Description, cores: Cores) -> String {
    let Description { server_threads, cores: server_cores, .. } = description;
    if server_cores.len() == 1 {
        let shared = format!(" Its {server_threads} loops shared that core, since there is no other.");
        return cores.note() + if *server_threads > 1 { &shared } else { "" };
    }
    format!("The server's {server_threads} loops ran on cores {server_cores:?}, the load on core {}.", cores.load)
}

fn best_peak(cells: &[Cell]) -> f64 {
    let peak = |cell: &Cell| match cell {
        Cell::Measured(measured) => Some(measured.middle(|round| round.rate)),
        _ => None,
    };
    cells.iter().filter_map(peak).fold(0.0, f64::max)
}

/// The figures of all phases together; who failed in one of them has none.
fn contenders(models: &[AnyModel], peaks: Vec<Cell>, paced: Vec<(f64, Vec<Cell>)>, cores: usize) -> Vec<Contender> {
    let mut contenders = Vec::with_capacity(models.len());
    let mut paced: Vec<_> = paced.into_iter().map(|(rate, cells)| (rate, cells.into_iter())).collect();
    for (model, peak) in models.iter().zip(peaks) {
        let mut outcome = outcome(peak).map(|peak| figures(&peak, cores));
        for (rate, cells) in &mut paced {
            let Some(cell) = cells.next() else { continue };
            match (&mut outcome, self::outcome(cell)) {
                (Ok(figures), Ok(measured)) => figures.paced.push(at_a_rate(*rate, &measured)),
                (Ok(_), Err(why)) => outcome = Err(why),
                (Err(_), _) => {}
            }
        }
        let outcome = outcome.map_or_else(Outcome::Absent, Outcome::Measured);
        contenders.push(Contender { model: model.name().to_owned(), outcome });
    }
    contenders
}

fn outcome(cell: Cell) -> Result<Measured, String> {
    match cell {
        Cell::Measured(measured) => Ok(measured),
        Cell::Unavailable(why) => Err(why),
        Cell::Failed(why) => Err(format!("failed: {why}")),
        Cell::Limit(connections) => Err(format!("it holds {connections} connections")),
    }
}

fn figures(measured: &Measured, cores: usize) -> Figures {
    let counts = &measured.counts;
    Figures {
        peak: measured.rounds.iter().map(|round| round.rate).collect(),
        cpu_us: measured.rounds.iter().map(|round| 1e6 * round.cpu).collect(),
        server_share: measured.middle(|round| round.server_share) / cores as f64,
        load_share: measured.middle(|round| round.load_share),
        calls: counts.calls,
        switches: counts.switches,
        stalls: counts.stalls.unwrap_or(0.0),
        threads: counts.threads,
        memory: counts.memory,
        paced: Vec::new(),
    }
}

fn at_a_rate(rate: f64, measured: &Measured) -> Paced {
    let latency = measured.open.first();
    let within = |share: f64| latency.map_or(0.0, |latency| latency.value_at_quantile(share) as f64 / 1e9);
    Paced {
        rate,
        p50: within(0.5),
        p99: within(0.99),
        p999: latency.filter(|latency| latency.len() >= REQUESTS_FOR_P999).map(|_| within(0.999)),
        p99_by_round: measured.rounds.iter().map(|round| round.p99).collect(),
        unasked: measured.middle(|round| round.unasked),
    }
}

fn failures(models: &[AnyModel], peaks: &[Cell], paced: &[(f64, Vec<Cell>)]) -> Vec<String> {
    let mut failures = Vec::new();
    for cells in [peaks].into_iter().chain(paced.iter().map(|(_, cells)| cells.as_slice())) {
        for (model, cell) in models.iter().zip(cells) {
            if let Cell::Failed(why) = cell {
                failures.push(format!("{} failed: {why}", model.name()));
            }
        }
    }
    failures
}
