//! The price of the contract: each model beside a bare loop that waits in the same way and does nothing else.
//!
//! ```text
//! cargo bench --bench bare                              about six minutes
//! cargo bench --bench bare -- --quick                   under a minute
//! cargo bench --bench bare -- --row get-64 --model epoll
//! cargo bench --bench bare -- --cpu-split               user and system time apart; takes long
//! ```
//!
//! A model drives any protocol through one contract: parsers, limits, deadlines, messages, an orderly end. What of a request's CPU
//! time is that contract, and what is the kernel's path through sockets and files, which nobody gets around? A *bare loop* is the
//! second alone: hand-fused, a page of code, the best known use of its system calls. Model over bare loop is the price.
//!
//! | bare loop | how it waits | bound for |
//! |---|---|---|
//! | [`threads`] | a thread for each connection, in `recv` | blocking |
//! | [`epoll`] | one thread in `epoll_wait`, edge-triggered; one `epoll_ctl` for each connection | epoll |
//! | [`uring`] | one thread in `io_uring_enter`; multishot, provided buffers | uring |
//! | [`pool`] | workers in the calls they are given; each call a job, or both calls one | pool |
//! | [`files`] | `pread`, a ring with registered blocks, AIO, a thread for each block | the same four |
//!
//! **What a bare loop knows.** A model's echo (epoll) is asked each row's request once. Its answer and the request's length are all
//! that a bare server is told ([`script`]): it counts the octets that come, and each time a request's worth is there it sends
//! those octets. So what crosses the wire is the same, and the load, which checks every octet, cannot tell who answers.
//!
//! **What is deliberately missing.** Parsing, and therefore any notion of a request that is not the expected one; limits on
//! connections, on memory and on time, so a peer that says nothing holds its place for ever; messages, files and connections
//! out; `Date`, which stays that of the asking; a look at the body that comes, and a hand in the one that goes; an orderly end, since
//! connections end with the process; and errors, of which each ends its connection at best, and at worst the process. Nobody should
//! serve with one of these. Readers choose the same blocks as the models' and look at the same octets.
//!
//! The rest is as in the other benchmarks: processes and cores of their own, rounds in turns, paired ratios, system calls in a pass
//! of their own ([`harness`]).

mod aio;
mod arguments;
mod calls;
mod contestants;
mod epoll;
mod files;
#[path = "../ours/mod.rs"]
mod ours;
mod pool;
mod ring;
mod ring_reads;
mod role;
mod rows;
mod script;
mod table;
mod threads;
mod uring;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use harness::child::as_child;
use harness::measure::{Cell, Entrant, Settings};
use harness::session::{Session, status};
use harness::work::{Work, select};

use arguments::Arguments;
use contestants::Contestant;
use iolab::Model;
use iolab::models::AnyModel;
use ours::is_unavailable;
use results::{About, Compared, Ending, Report, again};
use rows::{Pair, Row};
use script::Script;
use table::Table;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let result = match &arguments {
        Arguments { serve: Some(model), .. } => as_child(ours::serve::echo(*model), is_unavailable),
        Arguments { read: Some(model), .. } => as_child(ours::read::obey(*model, &arguments.data), is_unavailable),
        Arguments { serve_bare: Some(bare), .. } => as_child(contestants::serve(*bare), is_unavailable),
        Arguments { read_bare: Some(bare), .. } => as_child(contestants::read(*bare, &arguments.data), is_unavailable),
        _ if arguments.compare.earlier().is_some() => {
            let rows: Vec<&str> = arguments.row.as_deref().into_iter().collect();
            // All of them have their bare loops beside them.
            let models = if asks_all(&arguments) { Vec::new() } else { names_of(&arguments.model) };
            arguments.compare.show("bare", target_tmp(), &rows, &models)
        }
        _ => compare(&arguments),
    };
    status("bare", result)
}

fn compare(arguments: &Arguments) -> io::Result<ExitCode> {
    let settings = settings(arguments);
    let rows = select(rows::rows(&arguments.model), arguments.row.as_deref(), |row| &row.name);
    if arguments.list {
        rows.iter().for_each(|row| println!("{:<32}{}", row.name, row.title));
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        eprintln!("bare: no row is called {:?}; --list shows them all", arguments.row.as_deref().unwrap_or_default());
        return Ok(ExitCode::from(2));
    }
    let octets = if arguments.test { 32 } else { 256 } << 20;
    let mut session = Session::begin("bare", settings, rows.len(), target_tmp(), octets)?;
    let mut table = Table::new(command(arguments), settings, arguments.cpu_split);
    let mut kept = Vec::with_capacity(rows.len());
    for row in &rows {
        let contestants = row.contestants();
        let names: Vec<String> = contestants.iter().map(|contestant| contestant.name()).collect();
        let (script, data) = (role::script_for(&row.work)?, session.data());
        let cells = session.row(&row.name, &row.work, &entrants(&contestants, &names, script.as_ref(), &data))?;
        table.row(row, &contestants, &cells);
        kept.push(kept_row(arguments, row, &contestants, &names, &cells));
    }
    let is_part = arguments.row.is_some() || !asks_all(arguments);
    let ending = Ending { target_tmp: target_tmp(), has_figures: !arguments.test, json: arguments.json, is_part };
    session.end(ending.has_figures, ("iolab", env!("CARGO_PKG_VERSION")), |foot| {
        Report::new("bare", &settings, foot, kept)?.keep(&ending, || table.finish(foot))
    })
}

fn target_tmp() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The row as it is kept: each model over its bare loops.
fn kept_row(
    arguments: &Arguments,
    row: &Row,
    contestants: &[Contestant],
    names: &[String],
    cells: &[Cell],
) -> results::schema::Row {
    let chapter = if matches!(row.work, Work::Read(_)) { "File reads" } else { "HTTP echo" };
    let about = About {
        name: row.name.clone(),
        title: row.title.clone(),
        chapter: chapter.to_owned(),
        command: format!("{} {}", command(arguments), row.name),
    };
    let place = |who: Contestant| contestants.iter().position(|&one| one == who);
    let pair = |pair: &Pair| Some((place(Contestant::Model(pair.model))?, place(pair.bare)?));
    let pairs: Vec<(usize, usize)> = row.pairs.iter().filter_map(pair).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    results::record::row(about, &row.work, &names, cells, &Compared::Pairs(&pairs))
}

fn settings(arguments: &Arguments) -> Settings {
    let (rounds, millis) = match arguments {
        Arguments { test: true, .. } => (1, [0, 5, 5]),
        Arguments { quick: true, .. } => (6, [20, 80, 40]),
        Arguments { cpu_split: true, .. } => (9, [50, 3000, 150]),
        _ => (9, [50, 400, 150]),
    };
    Settings::in_millis(arguments.rounds.unwrap_or(rounds), millis, arguments.test)
}

fn entrants<'a>(
    contestants: &[Contestant],
    names: &'a [String],
    script: Option<&'a Script>,
    data: &'a str,
) -> Vec<Entrant<'a>> {
    let entrant = |(&contestant, name): (&Contestant, &'a String)| {
        let start = move || match script {
            Some(script) => contestant.start_serving(script),
            None => contestant.start_reading(data),
        };
        Entrant { name, start: Box::new(start) }
    };
    contestants.iter().zip(names).map(entrant).collect()
}

/// How a row is measured again.
fn command(arguments: &Arguments) -> String {
    let length = match arguments {
        Arguments { quick: true, .. } => "--quick",
        Arguments { cpu_split: true, .. } => "--cpu-split",
        _ => "",
    };
    again("bare", length, arguments.rounds, &names_of(&arguments.model), &names_of(&AnyModel::all()))
}

fn asks_all(arguments: &Arguments) -> bool {
    names_of(&arguments.model) == names_of(&AnyModel::all())
}

fn names_of(models: &[AnyModel]) -> Vec<&str> {
    models.iter().map(Model::name).collect()
}
