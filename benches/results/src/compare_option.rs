//! `--compare`: two runs that were measured before, beside each other. One flag of every benchmark that keeps a report.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use harness::work::select;

use crate::compare::compare;
use crate::file::{folder, part_path, whole_path};
use crate::schema::Report;

/// To be flattened into a command line that has `--test`, `--json` and `--rounds`.
#[derive(Args, Clone, Debug, Default)]
pub struct CompareOption {
    /// Measure nothing, and compare two earlier results: the later over the earlier [default of the later: the last run's]
    #[arg(long = "compare", id = "compare", num_args = 1..=2, value_names = ["EARLIER", "LATER"],
          conflicts_with_all = ["test", "json", "rounds"])]
    files: Vec<PathBuf>,
}

impl CompareOption {
    /// The earlier report, if a comparison is asked for.
    pub fn earlier(&self) -> Option<&Path> {
        self.files.first().map(PathBuf::as_path)
    }

    /// Prints the comparison. See [`table`](CompareOption::table).
    pub fn show(&self, bench: &str, target_tmp: &Path, rows: &[&str], contestants: &[&str]) -> io::Result<ExitCode> {
        println!("{}", self.table(bench, &folder(target_tmp), rows, contestants)?);
        Ok(ExitCode::SUCCESS)
    }

    /// Of the rows that `rows` name (exactly, or in part where no row is called that), and in them of `contestants`; an empty list
    /// asks for all. The last run of `bench` is what was written last in `folder`.
    pub fn table(&self, bench: &str, folder: &Path, rows: &[&str], contestants: &[&str]) -> io::Result<String> {
        let refused = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let earlier = self.earlier().ok_or_else(|| refused("--compare takes a report".to_owned()))?;
        let last = || last(folder, bench);
        let (before, after) = (Report::read(earlier)?, Report::read(&self.files.get(1).cloned().unwrap_or_else(last))?);
        let names: Vec<&str> = before.rows.iter().chain(&after.rows).map(|row| row.name.as_str()).collect();
        let mut wanted = Vec::new();
        for pattern in rows {
            let found = select(names.clone(), Some(pattern), |name| name);
            if found.is_empty() {
                return Err(refused(format!("neither of the reports has a row that is called {pattern:?}")));
            }
            wanted.extend(found);
        }
        let is_wanted = |name: &str| rows.is_empty() || wanted.contains(&name);
        Ok(compare(&before, &after, is_wanted, contestants).map_err(refused)?.table())
    }
}

/// The whole report or the part beside it, whichever is newer.
fn last(folder: &Path, bench: &str) -> PathBuf {
    let [whole, part] = [whole_path(folder, bench), part_path(folder, bench)];
    let written = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if written(&part) > written(&whole) { part } else { whole }
}
