//! The command line. `cargo bench -- ARGUMENTS` gives them to this benchmark and to that of the models, so it knows the other's too.

use clap::Parser;
use results::CompareOption;

/// The request parser beside httparse, on the same octets.
#[derive(Parser, Debug)]
#[command(name = "cargo bench --bench http1_parser --")]
pub struct Arguments {
    /// Few rounds
    #[arg(long, conflicts_with_all = ["full", "test", "compare"])]
    pub quick: bool,
    /// Many rounds
    #[arg(long, conflicts_with_all = ["test", "compare"])]
    pub full: bool,
    /// Everything once, and no figures
    #[arg(long)]
    pub test: bool,
    /// Say the results as JSON, on one line of standard output, and nothing else there
    #[arg(long, conflicts_with = "test")]
    pub json: bool,
    #[command(flatten)]
    pub compare: CompareOption,
    /// With --compare: only the row of this name, or all rows whose names contain it
    #[arg(long, value_name = "PATTERN")]
    pub row: Option<String>,
    /// Of the models
    #[arg(hide = true, conflicts_with = "compare")]
    pattern: Option<String>,
    /// Of the models
    #[arg(long, hide = true)]
    model: Vec<String>,
    /// Of the models
    #[arg(long, hide = true)]
    rounds: Option<u32>,
    /// Of the models
    #[arg(long, hide = true)]
    list: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Without `--bench`, cargo wants to see whether it works.
    pub fn is_test(&self) -> bool {
        self.test || !self.bench && !self.quick && !self.full && !self.json
    }

    /// Asks for a part of what the models do, and there are no such parts here.
    pub fn is_about_the_models(&self) -> bool {
        let Arguments { row, pattern, model, rounds, list, .. } = self;
        row.is_some() || pattern.is_some() || !model.is_empty() || rounds.is_some() || *list
    }
}
