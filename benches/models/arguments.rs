//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use iolab::models::AnyModel;
use results::CompareOption;

/// Compares four ways of waiting on the same file reads and the same HTTP servers: blocking calls, epoll, io_uring, a pool of
/// threads.
#[derive(Parser, Debug)]
#[command(name = "cargo bench --bench models --")]
pub struct Arguments {
    /// Few and short rounds: under a minute
    #[arg(long, conflicts_with_all = ["full", "test", "compare"])]
    pub quick: bool,
    /// The whole grid of sizes, depths and connection counts: about half an hour
    #[arg(long, conflicts_with_all = ["test", "compare"])]
    pub full: bool,
    /// Every row once, in its smallest form, every answer checked, and no figures
    #[arg(long)]
    pub test: bool,
    /// Only the row of this name, or all rows whose names contain it
    #[arg(long, value_name = "PATTERN")]
    pub row: Option<String>,
    /// The same, as criterion takes it
    #[arg(value_name = "PATTERN", conflicts_with_all = ["row", "compare"])]
    pub pattern: Option<String>,
    /// Only this model; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub model: Vec<AnyModel>,
    /// So many rounds [default: 9; 6 with --quick, 1 with --test]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Say what rows there are, and end
    #[arg(long, conflicts_with = "compare")]
    pub list: bool,
    /// Say the results as JSON, on one line of standard output, and nothing else there
    #[arg(long, conflicts_with_all = ["test", "list"])]
    pub json: bool,
    #[command(flatten)]
    pub compare: CompareOption,
    /// Given by cargo
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Be the server under measurement, until standard input ends
    #[arg(long, hide = true)]
    pub serve: Option<AnyModel>,
    /// Be the reader under measurement, as standard input says
    #[arg(long, hide = true)]
    pub read: Option<AnyModel>,
    /// What that server answers
    #[arg(long, hide = true, value_enum, default_value_t = Application::Echo)]
    pub application: Application,
    /// What is read
    #[arg(long, hide = true, default_value = "/dev/null")]
    pub data: PathBuf,
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Application {
    /// The library's echo.
    Echo,
    /// Ping, slow disk reads and burning CPU.
    Chores,
}

impl Application {
    pub fn name(self) -> &'static str {
        match self {
            Application::Echo => "echo",
            Application::Chores => "chores",
        }
    }
}

impl Arguments {
    /// From the command line.
    pub fn read() -> Arguments {
        let mut arguments = Arguments::parse();
        // `cargo test --benches` runs benchmarks without `--bench`, to see whether they work.
        arguments.test |= !arguments.bench && !arguments.quick && !arguments.full && !arguments.json && !arguments.list;
        arguments.row = arguments.row.or(arguments.pattern.take());
        if arguments.model.is_empty() {
            arguments.model = AnyModel::all().to_vec();
        }
        arguments
    }
}
