//! The command line.

use clap::{CommandFactory, FromArgMatches, Parser};
use harness::measure::Settings;
use iolab::models::AnyModel;
use results::CompareOption;

#[derive(Parser, Debug)]
pub struct Arguments {
    /// Few and short rounds: about a minute
    #[arg(long, conflicts_with_all = ["test", "compare"])]
    pub quick: bool,
    /// Every row once, in its smallest form, every answer checked, and no figures
    #[arg(long)]
    pub test: bool,
    /// Only the experiment or the row of this name, or all rows whose names contain it
    #[arg(long, value_name = "PATTERN")]
    pub row: Option<String>,
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
    /// Be a model's server, until standard input ends
    #[arg(long, hide = true)]
    pub serve: Option<AnyModel>,
    /// Take part, in the way that standard input begins with
    #[arg(long, hide = true)]
    pub take_part: bool,
}

impl Arguments {
    /// From the command line of the benchmark of this name.
    pub fn read(bench: &str, about: &'static str) -> Arguments {
        let command = Arguments::command().bin_name(format!("cargo bench --bench {bench} --")).about(about);
        let mut arguments = Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
        // `cargo test --bench NAME` runs it without `--bench`, to see whether it works.
        arguments.test |= !arguments.bench && !arguments.quick && !arguments.json;
        arguments
    }

    pub fn settings(&self) -> Settings {
        let (rounds, millis) = match self {
            Arguments { test: true, .. } => (1, [0, 5, 5]),
            Arguments { quick: true, .. } => (6, [10, 30, 20]),
            _ => (9, [20, 200, 60]),
        };
        Settings::in_millis(self.rounds.unwrap_or(rounds), millis, self.test)
    }

    /// The flag that says how long it takes.
    pub fn length(&self) -> &'static str {
        if self.quick { "--quick" } else { "" }
    }
}
