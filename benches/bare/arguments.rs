//! The command line.

use std::path::PathBuf;

use clap::Parser;
use iolab::models::AnyModel;
use results::CompareOption;

use crate::contestants::Loop;
use crate::files::Way;

/// The price of the contract: each model beside a bare loop that waits in the same way and does nothing else.
#[derive(Parser, Debug)]
#[command(name = "cargo bench --bench bare --")]
pub struct Arguments {
    /// Few and short rounds: under a minute
    #[arg(long, conflicts_with_all = ["test", "compare"])]
    pub quick: bool,
    /// Every row once, in its smallest form, every answer checked, and no figures
    #[arg(long)]
    pub test: bool,
    /// Only the row of this name, or all rows whose names contain it
    #[arg(long, value_name = "PATTERN")]
    pub row: Option<String>,
    /// Only this model and its bare loops; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub model: Vec<AnyModel>,
    /// So many rounds [default: 9; 6 with --quick, 1 with --test]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Tell user time from system time, which takes long rounds: 3 s each
    #[arg(long, conflicts_with_all = ["quick", "test", "compare"])]
    pub cpu_split: bool,
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
    /// Be a model's reader, as standard input says
    #[arg(long, hide = true)]
    pub read: Option<AnyModel>,
    /// Be a bare server, with the script that standard input begins with
    #[arg(long, hide = true)]
    pub serve_bare: Option<Loop>,
    /// Be a bare reader, as standard input says
    #[arg(long, hide = true)]
    pub read_bare: Option<Way>,
    /// What is read
    #[arg(long, hide = true, default_value = "/dev/null")]
    pub data: PathBuf,
}

impl Arguments {
    /// From the command line.
    pub fn read() -> Arguments {
        let mut arguments = Arguments::parse();
        // `cargo test --bench bare` runs it without `--bench`, to see whether it works.
        arguments.test |= !arguments.bench && !arguments.quick && !arguments.json && !arguments.cpu_split;
        if arguments.model.is_empty() {
            arguments.model = AnyModel::all().to_vec();
        }
        arguments
    }
}
