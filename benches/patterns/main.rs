//! One event, five ways to hear of it: what it costs to tell a hundred listeners something at once, by short polls, long polls,
//! server-sent events, lines in chunks and WebSockets, on four models; and what two naive ways of long polling cost.
//!
//! ```text
//! cargo bench --bench patterns                          about five minutes
//! cargo bench --bench patterns -- --way sse --way long-poll --model epoll
//! ```
//!
//! - [`rows`]: the ways. The application is the library's ([`iolab::patterns::notifications`]), the same for all models, in a process
//!   and on a core of its own; the listeners and the publisher are one thread of this process ([`harness::listeners`]).
//! - [`mod@measure`]: all ways on all models take turns, round by round; then system calls are counted. [`parked`]: what idle listeners
//!   cost, and how long one event takes to reach all of them.
//! - [`kept`] keeps it, [`table`] shows it, and [`findings`] says what it says, from the figures and nothing else.

mod arguments;
mod findings;
mod kept;
mod measure;
#[allow(dead_code, reason = "nobody echoes here, nor reads ranges")]
#[path = "../ours/mod.rs"]
mod ours;
mod parked;
mod rows;
mod table;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use harness::child::as_child;
use harness::cores::{self, Cores};
use harness::interrupt::end_on_interrupt;
use harness::machine;
use harness::progress::Progress;
use harness::quiet::{self, Usage};
use harness::serving::raise_descriptor_limit;
use harness::session::{Foot, status};
use iolab::Model;
use iolab::http1::{Http, HttpLimits};
use iolab::models::AnyModel;
use iolab::patterns::notifications::{Naive, Notifications, Settings as Serving};

use arguments::Arguments;
use measure::{Cell, Outcome, measure};
use parked::Parked;
use results::{Ending, Report as Kept};
use rows::{Row, Served};
use table::Report;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let result = match arguments.serve {
        Some(model) => as_child(serve(model, arguments.served), ours::is_unavailable),
        None if arguments.compare.earlier().is_some() => {
            let ways: Vec<&str> = arguments.way.iter().map(String::as_str).collect();
            arguments.compare.show("patterns", target_tmp(), &ways, &names(&arguments.model))
        }
        None => compare(&arguments),
    };
    status("patterns", result)
}

/// The role of a server.
fn serve(model: AnyModel, served: Served) -> io::Result<()> {
    let naive = match served {
        Served::Well => Naive::None,
        Served::Recheck => Naive::Recheck,
        Served::Hold => Naive::Hold,
    };
    let settings = Serving { naive, ..Serving::default() };
    let service = Notifications::new(Http::new(HttpLimits::default(), ours::serve::time_limits()), settings);
    ours::serve::serve_service(model, 1, &service)
}

fn compare(arguments: &Arguments) -> io::Result<ExitCode> {
    let (rows, models, mut settings) = (arguments.rows(), &arguments.model[..], arguments.settings());
    let descriptors = raise_descriptor_limit()? as usize;
    let crowd_wanted = settings.crowd;
    settings.parked = settings.parked.min(descriptors.saturating_sub(OTHER_DESCRIPTORS));
    settings.crowd = settings.crowd.min(descriptors.saturating_sub(OTHER_DESCRIPTORS));
    let cores = cores::take()?;
    end_on_interrupt()?;
    let (began, mut progress) = (Instant::now(), Progress::on_stderr());
    let stage = |name: &str, progress: &mut Progress, before: Option<Usage>| {
        progress.done(&format!("{name:<28}{:>4.0} s", began.elapsed().as_secs_f64()));
        before.and_then(|before| quiet::disturbance(name, &before, cores))
    };
    let usage = || Usage::now(&cores.both());

    let before = usage();
    let cells = measure(&rows, models, &settings, &mut progress)?;
    let mut disturbed = Vec::from_iter(stage("ways in turns", &mut progress, before));
    let before = usage();
    let parked = parked::count(&rows, models, settings.parked, &mut progress)?;
    disturbed.extend(stage("idle listeners", &mut progress, before));
    let before = usage();
    let streams: Vec<Row> = rows.iter().copied().filter(Row::is_base).collect();
    let loops: Vec<AnyModel> = models.iter().copied().filter(spends_no_thread_on_each).collect();
    let crowds = parked::count(&streams, &loops, settings.crowd, &mut progress)?;
    disturbed.extend(stage("a crowd", &mut progress, before));

    let failures = failures(&cells, parked.iter().chain(&crowds));
    let mut fingerprint = machine::without_files(cores);
    fingerprint.push(("iolab", env!("CARGO_PKG_VERSION").into()));
    let foot = Foot {
        fingerprint,
        cores,
        notes: notes(cores, &settings, crowd_wanted),
        warnings: quiet::warning(&disturbed).into_iter().collect(),
    };
    let is_part = !arguments.way.is_empty() || names(models) != names(&AnyModel::all());
    let ending = Ending { target_tmp: target_tmp(), has_figures: !arguments.test, json: arguments.json, is_part };
    let kept = Kept {
        findings: findings::findings(&cells, &parked, &crowds),
        ..Kept::new("patterns", &settings, &foot, kept::rows(&settings, &cells, &parked, &crowds))?
    };
    let absent: Vec<String> = told_absent(&cells).collect();
    let told = kept.keep(&ending, || {
        let notes = foot.remarks().cloned().collect();
        Report { settings, cells, parked, crowds, notes, machine: foot.fingerprint }.table()
    })?;
    if arguments.test {
        absent.iter().for_each(|absent| println!("not here: {absent}"));
        println!("{} ways on {} models: {} failures", rows.len(), models.len(), failures.len());
    } else {
        println!("{told}");
    }
    failures.iter().for_each(|failure| eprintln!("patterns: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn target_tmp() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn names(models: &[AnyModel]) -> Vec<&str> {
    models.iter().map(Model::name).collect()
}

fn notes(cores: Cores, settings: &arguments::Settings, crowd_wanted: usize) -> Vec<String> {
    let mut notes = vec![cores.note()];
    if settings.crowd < crowd_wanted {
        notes.push(format!(
            "Only {} listeners instead of {crowd_wanted}: the hard limit on descriptors is too low (raise it: ulimit -Hn 20000, as root).",
            settings.crowd
        ));
    }
    notes
}

/// Descriptors beside those of the listeners.
const OTHER_DESCRIPTORS: usize = 200;

fn spends_no_thread_on_each(model: &AnyModel) -> bool {
    matches!(model, AnyModel::Epoll(_) | AnyModel::Uring(_))
}

fn failures<'a>(cells: &[Cell], parked: impl Iterator<Item = &'a Parked>) -> Vec<String> {
    let of_cell = |cell: &Cell| match &cell.outcome {
        Outcome::Failed(why) => Some(format!("{} failed on {}: {why}", cell.model, cell.row.name)),
        _ => None,
    };
    let of_parked = |parked: &Parked| match &parked.outcome {
        Outcome::Failed(why) => {
            Some(format!("{} failed on {} with {} idle listeners: {why}", parked.model, parked.row.name, parked.clients))
        }
        _ => None,
    };
    cells.iter().filter_map(of_cell).chain(parked.filter_map(of_parked)).collect()
}

/// Models that this machine lacks something for, each once.
fn told_absent(cells: &[Cell]) -> impl Iterator<Item = String> {
    let mut told: Vec<String> = Vec::new();
    for cell in cells {
        if let Outcome::Unavailable(why) = &cell.outcome {
            let why = format!("{}: {why}", cell.model);
            if !told.contains(&why) {
                told.push(why);
            }
        }
    }
    told.into_iter()
}
