//! A benchmark from its first row to its last: what all of them do around their rows.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::cores::{self, Cores};
use crate::data_file::DataFile;
use crate::interrupt::end_on_interrupt;
use crate::machine;
use crate::measure::{Cell, Entrant, Settings, measure};
use crate::progress::Progress;
use crate::quiet::{self, Usage};
use crate::serving::raise_descriptor_limit;
use crate::work::Work;

/// A run of one benchmark.
pub struct Session {
    /// What it is called where it complains.
    bench: &'static str,
    settings: Settings,
    cores: Cores,
    data: DataFile,
    progress: Progress,
    began: Instant,
    rows: usize,
    done: usize,
    failures: Vec<String>,
    disturbed: Vec<String>,
}

/// What a table says below its rows.
pub struct Foot {
    pub fingerprint: Vec<(&'static str, String)>,
    pub cores: Cores,
    /// What one should know, and why to doubt figures.
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

impl Foot {
    /// All that is said between the rows and the fingerprint.
    pub fn remarks(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().chain(&self.warnings)
    }
}

impl Session {
    /// Takes the cores, and writes the data file of so many octets in `directory`. So many rows are to come.
    pub fn begin(bench: &'static str, settings: Settings, rows: usize, directory: &Path, octets: u64) -> io::Result<Session> {
        raise_descriptor_limit()?;
        let cores = cores::take()?;
        end_on_interrupt()?;
        let mut progress = Progress::on_stderr();
        progress.show("writing the data file");
        let data = DataFile::write(directory, octets)?;
        let (failures, disturbed) = (Vec::new(), Vec::new());
        let began = Instant::now();
        Ok(Session { bench, settings, cores, data, progress, began, rows, done: 0, failures, disturbed })
    }

    /// What is read; a child opens it by this path.
    pub fn data(&self) -> String {
        self.data.path()
    }

    /// Measures the next row. `Err` only if interrupted.
    pub fn row(&mut self, name: &str, work: &Work, entrants: &[Entrant<'_>]) -> io::Result<Vec<Cell>> {
        let (started, before) = (Instant::now(), Usage::now(&self.cores.both()));
        self.done += 1;
        self.progress.count(self.done, self.rows);
        let cells = measure(name, work, entrants, &self.settings, &self.data, &mut self.progress)?;
        self.progress.done(&format!("{name:<46}{:>6.1} s{}", started.elapsed().as_secs_f64(), outcome(&cells)));
        for (entrant, cell) in entrants.iter().zip(&cells) {
            if let Cell::Failed(why) = cell {
                self.failures.push(format!("{} failed on {name}: {why}", entrant.name));
            }
        }
        self.disturbed.extend(before.and_then(|before| quiet::disturbance(name, &before, self.cores)));
        Ok(cells)
    }

    /// Prints what is told, or how many failures there were where there are no figures. `subject`: what was measured, and its
    /// version.
    pub fn end(
        self,
        has_figures: bool,
        subject: (&'static str, &str),
        tell: impl FnOnce(&Foot) -> io::Result<String>,
    ) -> io::Result<ExitCode> {
        eprintln!("{:.0} s altogether", self.began.elapsed().as_secs_f64());
        let mut fingerprint = machine::fingerprint(self.cores, &self.data);
        fingerprint.push((subject.0, subject.1.to_owned()));
        let (notes, warnings) = (vec![self.cores.note()], quiet::warning(&self.disturbed).into_iter().collect());
        let told = tell(&Foot { fingerprint, cores: self.cores, notes, warnings })?;
        if has_figures {
            println!("{told}");
        } else {
            println!("{} rows: {} failures", self.rows, self.failures.len());
        }
        self.failures.iter().for_each(|failure| eprintln!("{}: {failure}", self.bench));
        Ok(if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The status of a benchmark; what went wrong is told on standard error.
pub fn status(bench: &str, result: io::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            eprintln!("\n{bench}: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("{bench}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn outcome(cells: &[Cell]) -> String {
    let count = |is: fn(&Cell) -> bool| cells.iter().filter(|cell| is(cell)).count();
    let (failed, absent) = (count(|cell| matches!(cell, Cell::Failed(_))), count(|cell| matches!(cell, Cell::Unavailable(_))));
    let told = |count: usize, what: &str| if count > 0 { format!("   {count} {what}") } else { String::new() };
    told(failed, "failed") + &told(absent, "not here")
}
