//! The main command of the laboratory: four ways of waiting, measured on this machine, on the same file reads and the same HTTP.
//!
//! ```text
//! cargo bench                       about four minutes; needs no privileges, no other program, nothing prepared
//! cargo bench -- --quick            under a minute
//! cargo bench -- --full             the whole grid
//! cargo bench --bench models -- --row get-64 --model epoll
//! cargo bench --bench models -- --compare before.json
//! ```
//!
//! - [`rows`]: what is measured, [`harness::measure`]: how, [`table`]: what is said about it.
//! - A model has a process of its own ([`harness::child`]) and a core of its own ([`cores`]): this program started again, to be one
//!   of [`ours`]: to serve (the library's echo, or [`chores`]) or to read a [`harness::data_file`]. The load ([`harness::load`]) is here,
//!   on another core.
//! - The models take turns round by round, each beginning as often as another: a machine that is slower now than a minute ago
//!   is so for all of them, and only ratios within a round are judged ([`harness::statistics`]).
//! - System calls, context switches, interrupts and memory are counted in passes of their own, so that no counting is timed.

mod arguments;
mod chores;
#[path = "../ours/mod.rs"]
mod ours;
mod rows;
mod table;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use iolab::models::AnyModel;
use iolab::{Model, ReadFile};

use arguments::{Application, Arguments};
use chores::Chores;
use harness::child::{Child, as_child};
use harness::cores::Cores;
use harness::data_file::DataFile;
use harness::interrupt::end_on_interrupt;
use harness::measure::{Cell, Entrant, Settings, measure};
use harness::progress::Progress;
use harness::quiet::{self, Usage};
use harness::serving::raise_descriptor_limit;
use harness::session::{Foot, status};
use harness::work::{SHARES, Work, select};
use harness::{cores, machine};
use ours::is_unavailable;
use results::{About, Compared, Ending, Report, again};
use rows::Row;
use table::Table;

/// Idle connections of the row about them, if the limit on descriptors allows; and the same where time is short.
const IDLE: usize = 10_000;
const IDLE_QUICK: usize = 2_000;
const IDLE_TEST: usize = 500;

/// Descriptors that the rest of a row needs.
const OTHER_DESCRIPTORS: u64 = 200;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let result = if let Some(model) = arguments.serve {
        as_child(serve(model, arguments.application, &arguments.data), is_unavailable)
    } else if let Some(model) = arguments.read {
        as_child(ours::read::obey(model, &arguments.data), is_unavailable)
    } else if arguments.compare.earlier().is_some() {
        let rows: Vec<&str> = arguments.row.as_deref().into_iter().collect();
        arguments.compare.show("models", target_tmp(), &rows, &names(&arguments.model))
    } else {
        compare(&arguments)
    };
    status("models", result)
}

fn serve(model: AnyModel, application: Application, data: &Path) -> io::Result<()> {
    match application {
        Application::Echo => ours::serve::echo(model),
        Application::Chores => {
            let file = Arc::new(ReadFile::open_buffered(data)?);
            ours::serve::serve(model, 1, move || Chores::new(Arc::clone(&file)))
        }
    }
}

fn target_tmp() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn compare(arguments: &Arguments) -> io::Result<ExitCode> {
    let began = Instant::now();
    let settings = settings(arguments);
    let descriptors = raise_descriptor_limit()?;
    let idle_wanted = match arguments {
        Arguments { test: true, .. } => IDLE_TEST,
        Arguments { quick: true, .. } => IDLE_QUICK,
        _ => IDLE,
    };
    let idle = idle_wanted.min(descriptors.saturating_sub(OTHER_DESCRIPTORS) as usize);
    let all = if arguments.full { rows::full(idle) } else { rows::usual(idle) };
    let rows = select(all, arguments.row.as_deref(), |row| &row.name);
    if arguments.list {
        rows.iter().for_each(|row| println!("{:<32}{}", row.name, row.title));
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        let pattern = arguments.row.as_deref().unwrap_or_default();
        let hint = if arguments.full { "" } else { " (there are more rows with --full)" };
        eprintln!("models: no row is called {pattern:?}; --list shows them all{hint}");
        return Ok(ExitCode::from(2));
    }
    let cores = cores::take()?;
    end_on_interrupt()?;

    let mut progress = Progress::on_stderr();
    progress.done(&announcement(arguments, &rows, &settings));
    progress.show("writing the data file");
    let data = DataFile::write(target_tmp(), data_octets(arguments))?;
    let mut table = Table::new(&arguments.model, command(arguments), &settings);
    let (mut failures, mut disturbed, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        let (started, before) = (Instant::now(), Usage::now(&cores.both()));
        progress.count(number + 1, rows.len());
        let entrants = entrants(row, &arguments.model, &data);
        let cells = measure(&row.name, &row.work, &entrants, &settings, &data, &mut progress)?;
        let seconds = started.elapsed().as_secs_f64();
        progress.done(&format!("{:<32}{seconds:>6.1} s{}", row.name, outcome(&cells)));
        failures.extend(cells.iter().zip(&arguments.model).filter_map(|(cell, model)| failure(row, *model, cell)));
        table.row(row, &cells);
        kept.push(kept_row(arguments, row, &cells));
        disturbed.extend(before.and_then(|before| quiet::disturbance(&row.name, &before, cores)));
    }
    eprintln!("{:.0} s altogether", began.elapsed().as_secs_f64());

    let foot = Foot {
        fingerprint: fingerprint(cores, &data),
        cores,
        notes: notes(cores, idle, idle_wanted),
        warnings: quiet::warning(&disturbed).into_iter().collect(),
    };
    let is_part = arguments.row.is_some() || names(&arguments.model) != names(&AnyModel::all());
    let ending = Ending { target_tmp: target_tmp(), has_figures: !arguments.test, json: arguments.json, is_part };
    let report = Report::new("models", &settings, &foot, kept)?;
    let told = report.keep(&ending, || table.finish(&settings, &rows, &foot))?;
    if arguments.test {
        println!("{} rows on {} models: {} failures", rows.len(), arguments.model.len(), failures.len());
    } else {
        println!("{told}");
    }
    failures.iter().for_each(|failure| eprintln!("models: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The row as it is kept.
fn kept_row(arguments: &Arguments, row: &Row, cells: &[Cell]) -> results::schema::Row {
    let about = About {
        name: row.name.clone(),
        title: row.title.clone(),
        chapter: row.chapter.title().to_owned(),
        command: format!("{} {}", command(arguments), row.name),
    };
    let names = names(&arguments.model);
    // In an open loop each model is at its own rates.
    let compared = if matches!(row.work, Work::Open(_)) { Compared::Nobody } else { Compared::WithTheBest };
    results::record::row(about, &row.work, &names, cells, &compared)
}

fn settings(arguments: &Arguments) -> Settings {
    let (rounds, millis) = match arguments {
        Arguments { test: true, .. } => (1, [0, 5, 5]),
        Arguments { quick: true, .. } => (6, [20, 70, 40]),
        _ => (9, [50, 250, 150]),
    };
    Settings::in_millis(arguments.rounds.unwrap_or(rounds), millis, arguments.test)
}

fn data_octets(arguments: &Arguments) -> u64 {
    match arguments {
        Arguments { test: true, .. } => 32 << 20,
        Arguments { full: true, .. } => 1 << 30,
        _ => 256 << 20,
    }
}

/// Each model in a process of its own: this program, started again to serve or to read.
fn entrants<'a>(row: &Row, models: &'a [AnyModel], data: &'a DataFile) -> Vec<Entrant<'a>> {
    let (role, application) = match row.work {
        Work::Read(_) => ("--read", Application::Echo),
        Work::Steady(_) | Work::Open(_) | Work::Asked(_) | Work::Churn { .. } => ("--serve", Application::Echo),
        Work::PingBeside(_) => ("--serve", Application::Chores),
    };
    let entrant = |model: &'a AnyModel| {
        let name = model.name();
        let start = move || Child::this_program(&[role, name, "--application", application.name(), "--data", &data.path()]);
        Entrant { name, start: Box::new(start) }
    };
    models.iter().map(entrant).collect()
}

fn fingerprint(cores: Cores, data: &DataFile) -> Vec<(&'static str, String)> {
    let mut lines = machine::fingerprint(cores, data);
    lines.push(("iolab", env!("CARGO_PKG_VERSION").into()));
    lines
}

fn announcement(arguments: &Arguments, rows: &[Row], settings: &Settings) -> String {
    let open = rows.iter().filter(|row| matches!(row.work, Work::Open(_))).count() * arguments.model.len() * SHARES.len();
    let (rows, models) = (rows.len(), arguments.model.len());
    let each = settings.plan.warm_up + settings.plan.window;
    let cells = (rows * models) as u32;
    let windows = (cells + open as u32) * settings.rounds;
    let minutes = (windows * each + cells * settings.counting * 2).as_secs_f64() / 60.0 * 1.2;
    format!(
        "{rows} rows, {models} models, {} rounds of {} ms: about {minutes:.1} minutes",
        settings.rounds,
        settings.plan.window.as_millis()
    )
}

fn outcome(cells: &[Cell]) -> &'static str {
    if cells.iter().any(|cell| matches!(cell, Cell::Failed(_))) { "  FAILED" } else { "" }
}

fn failure(row: &Row, model: AnyModel, cell: &Cell) -> Option<String> {
    match cell {
        Cell::Failed(why) => Some(format!("{} failed on {}: {why}", model.name(), row.name)),
        _ => None,
    }
}

/// How a row is measured again.
fn command(arguments: &Arguments) -> String {
    let length = match arguments {
        Arguments { quick: true, .. } => "--quick",
        Arguments { full: true, .. } => "--full",
        _ => "",
    };
    again("models", length, arguments.rounds, &names(&arguments.model), &names(&AnyModel::all()))
}

fn names(models: &[AnyModel]) -> Vec<&str> {
    models.iter().map(Model::name).collect()
}

fn notes(cores: Cores, idle: usize, idle_wanted: usize) -> Vec<String> {
    let mut notes = vec![cores.note()];
    if idle < idle_wanted {
        notes.push(format!(
            "Only {idle} idle connections instead of {idle_wanted}: the hard limit on descriptors is too low (raise it: ulimit -Hn 20000, as root)."
        ));
    }
    notes
}
