//! The end of a benchmark: its results are kept, the page is made anew, and whoever waits is told.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::machine;
use harness::session::Foot;

use crate::compare::differences;
use crate::file::{folder, whole_path, write_whole};
use crate::join::joined;
use crate::page;
use crate::schema::{Line, Report, Row, SCHEMA, Settings, VERSION};

/// What the page is called.
const PAGE: &str = "report.html";

/// Whose results are on it.
const BENCHES: [&str; 7] = ["models", "http1_parser", "patterns", "workload", "bare", "uring_techniques", "epoll_techniques"];

/// How a benchmark is to end.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// `CARGO_TARGET_TMPDIR`; results lie beside it.
    pub target_tmp: &'a Path,
    /// The figures are worth keeping. Without, all of it is done in a folder that is gone afterwards.
    pub has_figures: bool,
    /// Standard output is to have the results as JSON, and nothing else.
    pub json: bool,
    /// Not all rows or contestants were asked. What a whole run has left is not lost for that.
    pub is_part: bool,
}

impl Report {
    /// Of what has just been measured. `foot`: what a table says below its rows.
    pub fn new(bench: &str, settings: impl Into<Settings>, foot: &Foot, rows: Vec<Row>) -> io::Result<Report> {
        let line = |(name, value): &(&str, String)| Line { name: (*name).to_owned(), value: value.clone() };
        Ok(Report {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            bench: bench.to_owned(),
            command: command(bench),
            measured: machine::now()?,
            commit: commit(),
            machine: foot.fingerprint.iter().map(line).collect(),
            cores: Some(foot.cores.into()),
            settings: settings.into(),
            notes: foot.notes.clone(),
            warnings: foot.warnings.clone(),
            rows,
            findings: Vec::new(),
        })
    }

    /// Keeps it, and makes the page of all that is kept. What to print on standard output: it as JSON, or else `table`.
    pub fn keep(&self, ending: &Ending<'_>, table: impl FnOnce() -> String) -> io::Result<String> {
        if !ending.has_figures {
            let trial = tempfile::tempdir_in(ending.target_tmp)?;
            let (json, _) = self.write_with_page(trial.path())?;
            if Report::read(&json)? != *self {
                return Err(io::Error::other("what was written is not what is read again"));
            }
            return Ok(String::new());
        }
        let folder = folder(ending.target_tmp);
        if ending.is_part {
            self.keep_part(&folder)?
        } else {
            self.keep_whole(&folder)?
        }
        if ending.json { self.line() } else { Ok(table()) }
    }

    fn keep_whole(&self, folder: &Path) -> io::Result<()> {
        let (json, page) = self.write_with_page(folder)?;
        eprintln!("the report, for a browser: {}; the figures: {}", shown(&page), shown(&json));
        Ok(())
    }

    /// Rows that were measured again go into what is kept, or else lie beside it.
    fn keep_part(&self, folder: &Path) -> io::Result<()> {
        let path = whole_path(folder, &self.bench);
        if !path.exists() {
            return self.keep_whole(folder);
        }
        match Report::read(&path).map_err(|error| error.to_string()).and_then(|kept| joined(&kept, self)) {
            Ok(all) => {
                let (rows, all_rows) = (self.rows.len(), all.rows.len());
                eprintln!("a part was measured: its rows ({rows} of {all_rows}) are put into the report of {}", all.measured);
                all.keep_whole(folder)
            }
            Err(why) => {
                let part = self.write_part(folder)?;
                let (part, whole) = (shown(&part), shown(&path));
                eprintln!("a part was measured, and {why}: {whole} and the page stay as they were, and this is {part}");
                eprintln!("both beside each other: cargo bench --bench {} -- --compare {whole} {part}", self.bench);
                Ok(())
            }
        }
    }

    fn write_with_page(&self, folder: &Path) -> io::Result<(PathBuf, PathBuf)> {
        let json = self.write(folder)?;
        let page = folder.join(PAGE);
        let (others, left_out) = kept(folder, self);
        left_out.iter().for_each(|sentence| eprintln!("not on the page: {sentence}"));
        let reports: Vec<&Report> = [self].into_iter().chain(&others).collect();
        write_whole(&page, &page::page(&reports, &left_out))?;
        Ok((json, page))
    }
}

/// What other benchmarks have left in this folder on the machine of this one; and in sentences, what of it is left out and why.
fn kept(folder: &Path, of: &Report) -> (Vec<Report>, Vec<String>) {
    let (mut reports, mut left_out) = (Vec::new(), Vec::new());
    for bench in BENCHES.iter().filter(|bench| **bench != of.bench) {
        let path = whole_path(folder, bench);
        if !path.exists() {
            continue;
        }
        match Report::read(&path) {
            Ok(report) if report.bench != *bench => {
                left_out.push(format!("{bench}.json is left out: it is a report of {}.", report.bench));
            }
            Ok(report) => match other_machine(of, &report) {
                None => reports.push(report),
                Some(line) => left_out.push(format!(
                    "{bench}.json is left out: it was measured on another machine than {}.json (they differ in: {line}).",
                    of.bench
                )),
            },
            Err(error) => left_out.push(format!("{bench}.json is left out: {error}.")),
        }
    }
    (reports, left_out)
}

/// In which line the machines differ, if they are two.
fn other_machine(one: &Report, other: &Report) -> Option<String> {
    const SAME: [&str; 4] = ["kernel", "CPU", "memory", "mitigations"];
    differences(one, other).into_iter().map(|(name, ..)| name).find(|name| SAME.contains(&name.as_str()))
}

/// What was typed, without what cargo adds.
pub fn command(bench: &str) -> String {
    let arguments = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .filter(|argument| argument != "--bench")
        .map(quoted)
        .collect::<Vec<_>>()
        .join(" ");
    let separator = if arguments.is_empty() { "" } else { " -- " };
    format!("cargo bench --bench {bench}{separator}{arguments}")
}

/// What measures a row again as it was measured, up to the row's name. `length`: the flags that say how long and how often. `asked`:
/// the models that took part, who are named if they are not `all`.
pub fn again(bench: &str, length: &str, rounds: Option<u32>, asked: &[&str], all: &[&str]) -> String {
    let rounds = rounds.map(|rounds| format!("--rounds {rounds}"));
    let models = asked.iter().filter(|_| asked != all).map(|model| format!("--model {}", quoted((*model).to_owned())));
    let length = (!length.is_empty()).then(|| length.to_owned());
    let flags: Vec<String> = length.into_iter().chain(rounds).chain(models).chain(["--row".to_owned()]).collect();
    format!("cargo bench --bench {bench} -- {}", flags.join(" "))
}

fn quoted(argument: String) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,=:%+".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// The revision that was built, as far as git knows.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let said = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(arguments).output().ok()?;
        said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let is_changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty());
    Some(if is_changed { format!("{revision}-dirty") } else { revision })
}

/// A path as short as it can be said here.
fn shown(path: &Path) -> String {
    let here = env::current_dir().ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}
