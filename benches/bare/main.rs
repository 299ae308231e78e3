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
mod rows;
mod script;
mod table;
mod threads;
mod uring;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use harness::child::{Child, Failure, Said, as_child};
use harness::data_file::DataFile;
use harness::interrupt::end_on_interrupt;
use harness::load::Plan;
use harness::measure::{Cell, Entrant, Settings, measure};
use harness::progress::Progress;
use harness::quiet::{self, Usage};
use harness::serving::raise_descriptor_limit;
use harness::work::{Steadily, Work, select};
use harness::{cores, machine};

use arguments::Arguments;
use contestants::Contestant;
use ours::is_unavailable;
use rows::Row;
use script::Script;
use table::Table;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let result = match &arguments {
        Arguments { serve: Some(model), .. } => as_child(ours::serve::echo(*model), is_unavailable),
        Arguments { read: Some(model), .. } => as_child(ours::read::obey(*model, &arguments.data), is_unavailable),
        Arguments { serve_bare: Some(bare), .. } => as_child(contestants::serve(*bare), is_unavailable),
        Arguments { read_bare: Some(bare), .. } => as_child(contestants::read(*bare, &arguments.data), is_unavailable),
        _ => compare(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            eprintln!("\nbare: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("bare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> io::Result<ExitCode> {
    let began = Instant::now();
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
    raise_descriptor_limit()?;
    let cores = cores::take()?;
    end_on_interrupt()?;

    let mut progress = Progress::on_stderr();
    progress.show("writing the data file");
    let data = DataFile::write(Path::new(env!("CARGO_TARGET_TMPDIR")), if arguments.test { 32 } else { 256 } << 20)?;
    let mut table = Table::new(command(arguments), settings, arguments.cpu_split);
    let (mut failures, mut disturbed) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        let (started, before) = (Instant::now(), Usage::now(&cores.both()));
        progress.count(number + 1, rows.len());
        let contestants = row.contestants();
        let names: Vec<String> = contestants.iter().map(|contestant| contestant.name()).collect();
        let script = script_for(&row.work)?;
        let entrants = entrants(&contestants, &names, script.as_ref(), &data);
        let cells = measure(&row.name, &row.work, &entrants, &settings, &data, &mut progress)?;
        progress.done(&format!("{:<32}{:>6.1} s{}", row.name, started.elapsed().as_secs_f64(), outcome(&cells)));
        failures.extend(names.iter().zip(&cells).filter_map(|(name, cell)| failure(row, name, cell)));
        table.row(row, &contestants, &cells);
        disturbed.extend(before.and_then(|before| quiet::disturbance(&row.name, &before, cores)));
    }
    eprintln!("{:.0} s altogether", began.elapsed().as_secs_f64());

    if arguments.test {
        println!("{} rows: {} failures", rows.len(), failures.len());
    } else {
        let mut fingerprint = machine::fingerprint(cores, &data);
        fingerprint.push(("iolab", env!("CARGO_PKG_VERSION").into()));
        let notes: Vec<String> = [cores.note()].into_iter().chain(quiet::warning(&disturbed)).collect();
        println!("{}", table.finish(&fingerprint, &notes));
    }
    failures.iter().for_each(|failure| eprintln!("bare: {failure}"));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn settings(arguments: &Arguments) -> Settings {
    let (rounds, warm_up, window, counting) = match arguments {
        Arguments { test: true, .. } => (1, 0, 5, 5),
        Arguments { quick: true, .. } => (6, 20, 80, 40),
        Arguments { cpu_split: true, .. } => (9, 50, 3000, 150),
        _ => (9, 50, 400, 150),
    };
    let plan = Plan { warm_up: Duration::from_millis(warm_up), window: Duration::from_millis(window) };
    let rounds = arguments.rounds.unwrap_or(rounds);
    Settings { rounds, plan, counting: Duration::from_millis(counting), every_octet: arguments.test }
}

/// What the bare servers of a row are to know.
fn script_for(work: &Work) -> io::Result<Option<Script>> {
    match work {
        Work::Steady(steadily) => ask_an_echo(steadily).map(Some),
        _ => Ok(None),
    }
}

fn ask_an_echo(steadily: &Steadily) -> io::Result<Script> {
    let mut echo = Child::this_program(&["--serve", "epoll"])?;
    match echo.hear() {
        Ok(Said::Listening(address)) => Script::by_asking(address, &steadily.question(), steadily.body.unwrap_or(0)),
        Ok(said) => Err(io::Error::other(format!("the echo said {said:?} out of turn"))),
        Err(Failure::Error(error)) => Err(error),
        Err(Failure::Unavailable(why)) => Err(io::Error::other(why)),
    }
}

fn entrants<'a>(
    contestants: &[Contestant],
    names: &'a [String],
    script: Option<&'a Script>,
    data: &'a DataFile,
) -> Vec<Entrant<'a>> {
    let entrant = |(&contestant, name): (&Contestant, &'a String)| {
        let start = move || match script {
            Some(script) => contestant.start_serving(script),
            None => contestant.start_reading(&data.path()),
        };
        Entrant { name, start: Box::new(start) }
    };
    contestants.iter().zip(names).map(entrant).collect()
}

fn outcome(cells: &[Cell]) -> String {
    let count = |is: fn(&Cell) -> bool| cells.iter().filter(|cell| is(cell)).count();
    let (failed, absent) = (count(|cell| matches!(cell, Cell::Failed(_))), count(|cell| matches!(cell, Cell::Unavailable(_))));
    let told = |count: usize, what: &str| if count > 0 { format!("   {count} {what}") } else { String::new() };
    told(failed, "failed") + &told(absent, "not here")
}

fn failure(row: &Row, name: &str, cell: &Cell) -> Option<String> {
    match cell {
        Cell::Failed(why) => Some(format!("{name} failed on {}: {why}", row.name)),
        _ => None,
    }
}

/// How a row is measured again.
fn command(arguments: &Arguments) -> String {
    let length = match arguments {
        Arguments { quick: true, .. } => "--quick ",
        Arguments { cpu_split: true, .. } => "--cpu-split ",
        _ => "",
    };
    let rounds = arguments.rounds.map_or(String::new(), |rounds| format!("--rounds {rounds} "));
    format!("cargo bench --bench bare -- {length}{rounds}--row")
}
