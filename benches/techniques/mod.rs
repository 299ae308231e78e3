//! What benchmarks of techniques have in common. A benchmark says what there is to compare ([`Experiment`]) and how each way of doing
//! it is done ([`Way`]); here it is started, measured and told.
//!
//! - [`experiments`]: ways beside each other, the first of which the others are compared with, on some [`workloads`].
//! - [`table`]: the ratios, in Markdown, and whether the library's model is right to do what it does.
//! - [`arguments`]: the command line.
//!
//! Whoever includes this includes `script`, `calls` and `role` of the bare loops beside it, for the servers are bare loops with
//! switches, or the library's models.

mod arguments;
mod experiments;
mod table;
pub mod workloads;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use harness::child::{Child, as_child};
use harness::measure::{Cell, Entrant};
use harness::session::{Session, status};
use harness::work::{Work, select};
use results::{About, Compared, Ending, Report, again};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::script::Script;
use crate::{ours, role};
use arguments::Arguments;
pub use experiments::{Experiment, Variant};
use table::Table;

/// A way of doing what a row is about. It is told to a process of its own as JSON.
pub trait Way: Serialize + DeserializeOwned {
    /// Serves until standard input ends. Without a script, it is a server that understands what it is asked.
    fn serve(self, script: Option<Script>) -> io::Result<()>;

    /// Reads from this file, as standard input says.
    fn read(self, data: &Path) -> io::Result<()>;
}

/// One benchmark.
pub struct Bench<W> {
    pub name: &'static str,
    /// One sentence, for `--help`.
    pub about: &'static str,
    /// What the table begins with.
    pub opening: &'static str,
    pub experiments: Vec<Experiment<W>>,
    /// What is not among them, and why.
    pub unmeasured: &'static [(&'static str, &'static str)],
    /// Whether this machine has what all of it is about.
    pub available: fn() -> io::Result<()>,
}

/// What a process that was started to take part is told, beside its way.
#[derive(Serialize, Deserialize)]
enum Task {
    Serve(Option<Script>),
    Read(PathBuf),
}

/// An error that says that this machine lacks something.
#[allow(dead_code, reason = "a benchmark may need nothing that a machine can lack")]
pub fn not_here(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why.into())
}

fn is_unavailable(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || ours::is_unavailable(error)
}

impl<W: Way> Bench<W> {
    /// The whole program.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::read(self.name, self.about);
        let name = self.name;
        let result = match &arguments {
            Arguments { serve: Some(model), .. } => as_child(ours::serve::echo(*model), is_unavailable),
            Arguments { take_part: true, .. } => as_child(take_part::<W>(), is_unavailable),
            _ if arguments.compare.earlier().is_some() => {
                let rows: Vec<&str> = arguments.row.as_deref().into_iter().collect();
                arguments.compare.show(name, target_tmp(), &rows, &[])
            }
            _ => self.compare(&arguments),
        };
        status(name, result)
    }

    /// Those of the experiment that is called that, or else those whose names are or contain it.
    fn rows(&self, pattern: Option<&str>) -> Vec<Row<'_, W>> {
        match self.experiments.iter().find(|experiment| Some(experiment.name) == pattern) {
            Some(experiment) => Row::all(experiment).collect(),
            None => select(self.experiments.iter().flat_map(Row::all).collect(), pattern, |row| &row.name),
        }
    }

    fn compare(self, arguments: &Arguments) -> io::Result<ExitCode> {
        let settings = arguments.settings();
        let rows = self.rows(arguments.row.as_deref());
        if arguments.list {
            rows.iter().for_each(|row| println!("{:<46}{}: {}", row.name, row.experiment.title, experiments::title(row.work)));
            return Ok(ExitCode::SUCCESS);
        }
        if rows.is_empty() {
            let pattern = arguments.row.as_deref().unwrap_or_default();
            eprintln!("{}: no row is called {pattern:?}; --list shows them all", self.name);
            return Ok(ExitCode::from(2));
        }
        if let Err(why) = (self.available)() {
            println!("{}: nothing to measure here: {why}", self.name);
            return Ok(if arguments.test { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        let octets = if arguments.test { 32 } else { 256 } << 20;
        let mut session = Session::begin(self.name, settings, rows.len(), target_tmp(), octets)?;
        let mut table = Table::new(settings);
        let mut kept = Vec::with_capacity(rows.len());
        let command = again(self.name, arguments.length(), arguments.rounds, &[], &[]);
        for row in &rows {
            let task = match row.work {
                Work::Read(_) => Task::Read(session.data().into()),
                work => Task::Serve(role::script_for(work)?),
            };
            let entrants: Vec<_> = row.experiment.ways.iter().map(|variant| entrant(variant, &task)).collect();
            let cells = session.row(&row.name, row.work, &entrants)?;
            table.row(row.experiment, row.work, &cells);
            kept.push(row.kept(&command, &cells));
        }
        let is_part = arguments.row.is_some();
        let ending = Ending { target_tmp: target_tmp(), has_figures: !arguments.test, json: arguments.json, is_part };
        session.end(ending.has_figures, ("iolab", env!("CARGO_PKG_VERSION")), |foot| {
            let report = Report::new(self.name, &settings, foot, kept)?;
            report.keep(&ending, || table.finish(self.opening, &command, self.unmeasured, foot))
        })
    }
}

fn target_tmp() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// One experiment on one of its workloads.
struct Row<'e, W> {
    name: String,
    experiment: &'e Experiment<W>,
    work: &'e Work,
}

impl<'e, W> Row<'e, W> {
    fn all(experiment: &'e Experiment<W>) -> impl Iterator<Item = Row<'e, W>> {
        let row = move |work| Row { name: format!("{}-{}", experiment.name, experiments::name(work)), experiment, work };
        experiment.works.iter().map(row)
    }

    /// As it is kept: each way over the first.
    fn kept(&self, command: &str, cells: &[Cell]) -> results::schema::Row {
        let about = About {
            name: self.name.clone(),
            title: format!("{}: {}", self.experiment.title, experiments::title(self.work)),
            chapter: self.experiment.title.to_owned(),
            command: format!("{command} {}", self.name),
        };
        let names: Vec<&str> = self.experiment.ways.iter().map(|variant| variant.name.as_str()).collect();
        let pairs: Vec<(usize, usize)> = (1..names.len()).map(|place| (place, 0)).collect();
        results::record::row(about, self.work, &names, cells, &Compared::Pairs(&pairs))
    }
}

fn entrant<'a, W: Way>(variant: &'a Variant<W>, task: &'a Task) -> Entrant<'a> {
    let start = move || {
        let mut child = Child::this_program(&["--take-part"])?;
        child.tell(&(&variant.way, task))?;
        Ok(child)
    };
    Entrant { name: &variant.name, start: Box::new(start) }
}

/// The role of whoever takes part: hears in which way, and in what.
fn take_part<W: Way>() -> io::Result<()> {
    let (way, task): (W, Task) = role::hear()?;
    match task {
        Task::Serve(script) => way.serve(script),
        Task::Read(data) => way.read(&data),
    }
}
