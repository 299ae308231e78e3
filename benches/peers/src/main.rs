//! iolab's four models and their peers, under the same load, in the same rounds, in one table.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick --row get-64 --only hyper
//! ```
//!
//! - [`contestants`]: who is compared: [`ours`], [`servers`], [`fio`]. [`rows`]: at what, and what is aimed at.
//! - Each has a process of its own on the server's core, this program started again, and speaks the protocol of
//!   [`harness::child`] ([`endpoint`]); [`harness::measure`] gives all of them the same load and lets them take turns.
//! - System calls are counted by perf in a pass of its own ([`calls`]), where perf may; answers are measured once ([`octets`]).
//! - [`table`]: what is said about it.

mod arguments;
mod calls;
mod contestants;
mod endpoint;
mod fio;
mod octets;
#[path = "../../ours/mod.rs"]
mod ours;
mod rows;
mod servers;
mod table;

use std::env;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use harness::child::as_child;
use harness::cores::Cores;
use harness::data_file::DataFile;
use harness::interrupt::end_on_interrupt;
use harness::load::Plan;
use harness::measure::{Cell, Entrant, Settings, measure};
use harness::progress::Progress;
use harness::quiet::{self, Usage};
use harness::serving::raise_descriptor_limit;
use harness::session::status;
use harness::work::{Work, select};
use harness::{cores, machine};

use arguments::Arguments;
use contestants::Contestant;
use rows::Row;
use table::{Line, Table};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    status("peers", run(&arguments))
}

fn run(arguments: &Arguments) -> io::Result<ExitCode> {
    raise_descriptor_limit()?;
    if let Some(name) = &arguments.serve {
        as_child(contestants::by_name(name)?.serve(arguments.count_calls), is_missing)
    } else if let Some(name) = &arguments.read {
        as_child(contestants::by_name(name)?.read(&arguments.data, arguments.count_calls), is_missing)
    } else if let (Some(nginx), Some(address)) = (arguments.keep, arguments.address) {
        as_child(servers::nginx::keep(nginx, address, arguments.count_calls, &arguments.data), is_missing)
    } else {
        compare(arguments)
    }
}

/// A model of ours that this machine does not offer, or a program that is not installed.
fn is_missing(error: &io::Error) -> bool {
    ours::is_unavailable(error) || error.kind() == io::ErrorKind::NotFound
}

fn compare(arguments: &Arguments) -> io::Result<ExitCode> {
    let (began, settings) = (Instant::now(), settings(arguments));
    let rows = select(rows::all(), arguments.row.as_deref(), |row| row.name);
    if arguments.list {
        rows.iter().for_each(|row| println!("{:<32}{}", row.name, row.title));
        contestants::all().iter().for_each(|contestant| println!("{:<32}{}", contestant.name(), contestant.about()));
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        eprintln!("peers: no row is called {:?}; --list shows them all", arguments.row.as_deref().unwrap_or_default());
        return Ok(ExitCode::from(2));
    }
    let contestants = chosen(&arguments.only)?;
    let cores = cores::take()?;
    end_on_interrupt()?;
    let obstacle = calls::obstacle();

    let mut progress = Progress::on_stderr();
    progress.show("writing the data file");
    let program = env::current_exe()?;
    let data = DataFile::write(program.parent().unwrap_or(&program), data_octets(arguments))?;
    let mut table = Table::new(command(arguments), &settings);
    let (mut failures, mut disturbed) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        let (started, before) = (Instant::now(), Usage::now(&cores.both()));
        progress.count(number + 1, rows.len());
        let of_kind = contestants.iter().filter(|contestant| contestant.takes(&row.work));
        let (left_out, taking_part): (Vec<_>, Vec<_>) =
            of_kind.partition(|contestant| contestant.leaves_out(&row.work).is_some());
        let entrants: Vec<Entrant<'_>> =
            taking_part.iter().map(|contestant| contestant.entrant(&data, &row.work, obstacle.is_none())).collect();
        let cells = measure(row.name, &row.work, &entrants, &settings_of(row, settings), &data, &mut progress)?;
        let mut lines = Vec::with_capacity(cells.len());
        for ((cell, entrant), contestant) in cells.into_iter().zip(&entrants).zip(taking_part) {
            if let Cell::Failed(why) = &cell {
                failures.push(format!("{} failed on {}: {why}", entrant.name, row.name));
            }
            let octets = match (&row.work, &cell) {
                (Work::Steady(steadily), Cell::Measured(_)) => {
                    octets::of_answer(contestant.start(&data, &row.work, false)?, steadily)?
                }
                _ => None,
            };
            let counted = obstacle.is_none() || matches!(contestant, Contestant::Ours(_));
            lines.push(Line { name: contestant.name(), cell, octets, counted });
        }
        let reasons: Vec<(&str, &str)> =
            left_out.iter().filter_map(|contestant| Some((contestant.name(), contestant.leaves_out(&row.work)?))).collect();
        table.row(row, &lines, &reasons);
        progress.done(&format!("{:<32}{:>6.1} s", row.name, started.elapsed().as_secs_f64()));
        disturbed.extend(before.and_then(|before| quiet::disturbance(row.name, &before, cores)));
    }
    eprintln!("{:.0} s altogether", began.elapsed().as_secs_f64());

    if arguments.test {
        println!("{} rows, {} contestants: {} failures", rows.len(), contestants.len(), failures.len());
    } else {
        println!("{}", table.finish(&settings, &fingerprint(cores, &data), &notes(obstacle, &disturbed, cores)));
    }
    failures.iter().for_each(|failure| eprintln!("peers: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Those asked for; `epoll` and `uring` always, since the ratios are over them.
fn chosen(only: &[String]) -> io::Result<Vec<Contestant>> {
    for name in only {
        contestants::by_name(name)?;
    }
    let is_wanted =
        |name: &str| only.is_empty() || matches!(name, "epoll" | "uring") || only.iter().any(|wanted| wanted == name);
    Ok(contestants::all().into_iter().filter(|contestant| is_wanted(contestant.name())).collect())
}

fn settings(arguments: &Arguments) -> Settings {
    let (rounds, millis) = match arguments {
        Arguments { test: true, .. } => (1, [0, 5, 5]),
        Arguments { quick: true, .. } => (6, [20, 80, 40]),
        _ => (9, [50, 400, 150]),
    };
    Settings::in_millis(arguments.rounds.unwrap_or(rounds), millis, arguments.test)
}

/// fio needs longer rounds: it counts its CPU time in milliseconds.
fn settings_of(row: &Row, settings: Settings) -> Settings {
    match row.work {
        Work::Read(_) => Settings { plan: Plan { window: settings.plan.window * 2, ..settings.plan }, ..settings },
        _ => settings,
    }
}

fn data_octets(arguments: &Arguments) -> u64 {
    if arguments.test { 32 << 20 } else { 256 << 20 }
}

/// How a row is measured again.
fn command(arguments: &Arguments) -> String {
    let quick = if arguments.quick { "--quick " } else { "" };
    let rounds = arguments.rounds.map_or(String::new(), |rounds| format!("--rounds {rounds} "));
    format!("-- {quick}{rounds}--row")
}

fn fingerprint(cores: Cores, data: &DataFile) -> Vec<(&'static str, String)> {
    let mut lines = machine::fingerprint(cores, data);
    lines.push(("load, server", format!("on cores {} and {}", cores.load, cores.server)));
    lines
}

fn notes(obstacle: Option<String>, disturbed: &[String], cores: Cores) -> Vec<String> {
    let mut notes: Vec<String> =
        obstacle.map(|why| format!("System calls of peers were not counted: {why}.")).into_iter().collect();
    notes.extend(quiet::warning(disturbed));
    if cores.load == cores.server {
        notes.push("Only one core may be used here: server and load share it, so rates say little; CPU does.".into());
    }
    notes
}
