//! Draws every picture of the book, and fills its tables, from what is committed: `docs/data` and the lists in the source.
//!
//! ```text
//! cargo run --example figures                                    writes docs/pictures/*.svg and the tables in docs/*.md and README.md
//! cargo run --example figures -- --check                         changes nothing, and lists what differs or cannot be drawn
//! cargo run --example figures -- import target/iolab/models.json makes docs/data/models.csv of what a benchmark has left
//! ```
//!
//! The list of pictures is in `drawing/src/figures/list.rs`; a table's comment says what is in it (`drawing/src/figures/tables.rs`).

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use drawing::figures;

/// Whoever has closed the pipe has seen enough.
macro_rules! say {
    ($($said:tt)*) => { let _ = writeln!(io::stdout(), $($said)*); };
}

/// Draws every picture of the book, and fills its tables, from what is committed.
///
/// Exit status: 0 done; 1 with --check: something differs, or cannot be drawn; 2 something is wrong with what figures are made of, or usage.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Options {
    /// Change nothing; list what is not as it would be drawn, and what cannot be
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    order: Option<Order>,
}

#[derive(Subcommand)]
enum Order {
    /// Make files in docs/data of the results that benchmarks leave in target/iolab
    Import {
        /// The results: target/iolab/BENCH.json
        #[arg(required = true)]
        results: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = match &options.order {
        Some(Order::Import { results }) => results.iter().try_for_each(|path| import(root, path)).map(|()| true),
        None if options.check => check(root),
        None => write(root).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn write(root: &Path) -> Result<(), Box<dyn Error>> {
    for (name, missing) in figures::not_drawn(root) {
        say!("{name}: not drawn, because {} is not there", shown(root, &missing));
    }
    fs::create_dir_all(root.join(figures::PICTURES_FOLDER))?;
    let mut same = put(root, figures::redraw_all(root)?)?;
    // A page that cannot be filled keeps no picture from being drawn.
    same += put(root, figures::rewrite_all(root)?)?;
    say!("{same} files were as they should be");
    for path in figures::drawn_by_nobody(root)? {
        say!("{}: on no list, or without data; remove it", shown(root, &path));
    }
    Ok(())
}

/// Writes what is not there yet, and counts what is.
fn put(root: &Path, files: Vec<(PathBuf, String)>) -> Result<usize, Box<dyn Error>> {
    let mut same = 0;
    for (path, text) in files {
        if fs::read_to_string(&path).ok().as_ref() == Some(&text) {
            same += 1;
            continue;
        }
        fs::write(&path, text).map_err(|error| format!("{}: {error}", shown(root, &path)))?;
        say!("{}", shown(root, &path));
    }
    Ok(same)
}

/// Whether all is as it should be.
fn check(root: &Path) -> Result<bool, Box<dyn Error>> {
    let complaints = figures::complaints(root)?;
    for complaint in &complaints {
        say!("{complaint}");
    }
    Ok(complaints.is_empty())
}

fn import(root: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
    let results = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (name, table) = figures::import(&results).map_err(|error| format!("{}: {error}", path.display()))?;
    let data = root.join(figures::DATA_FOLDER).join(name);
    fs::create_dir_all(root.join(figures::DATA_FOLDER))?;
    fs::write(&data, table.to_csv())?;
    say!("{}: {} rows", shown(root, &data), table.rows().len());
    Ok(())
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
