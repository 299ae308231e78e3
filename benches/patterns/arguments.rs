//! The command line.

use std::time::Duration;

use clap::Parser;
use harness::listeners::{LEAST_TEXT, Pace};
use iolab::models::AnyModel;
use results::CompareOption;

use crate::rows::{self, Row, Served};

/// One event, and many who are to hear of it: five ways to do that, two of them done badly too, each on four models. Latency, CPU,
/// requests, octets, system calls, memory and threads for it.
#[derive(Parser, Debug)]
#[command(name = "cargo bench --bench patterns --")]
pub struct Arguments {
    /// Listeners
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    listeners: u16,
    /// Events a second
    #[arg(long, value_name = "PER SECOND", default_value_t = 50.0, value_parser = rate)]
    rate: f64,
    /// So many of them at one time
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    burst: u32,
    /// Octets of an event's text
    #[arg(long, value_name = "OCTETS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(LEAST_TEXT as i64..=65_536))]
    text: u32,
    /// The interval of the short poll
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    every_ms: u64,
    /// Idle listeners while memory and threads are counted
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    parked: u16,
    /// Listeners to a stream who are to be reached by one event, on the models that spend no thread on each
    #[arg(long, value_name = "NUMBER", default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..=16_000))]
    crowd: u16,
    /// Only this model; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub model: Vec<AnyModel>,
    /// Only this way; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = rows::NAMES)]
    pub way: Vec<String>,
    /// So many rounds [default: 6, 1 with --test]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Everything once, every event checked, and no figures
    #[arg(long)]
    pub test: bool,
    /// Say the results as JSON, on one line of standard output, and nothing else there
    #[arg(long, conflicts_with = "test")]
    pub json: bool,
    #[command(flatten)]
    pub compare: CompareOption,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the server under measurement, until standard input ends
    #[arg(long, hide = true)]
    pub serve: Option<AnyModel>,
    /// How that server serves polls
    #[arg(long, hide = true, value_enum, default_value_t = Served::Well)]
    pub served: Served,
}

/// What is measured, and how long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub listeners: usize,
    pub pace: Pace,
    pub rounds: u32,
    /// Of a round in which nothing has an interval.
    pub window: Duration,
    pub parked: usize,
    pub crowd: usize,
    /// Whether all is to be over soon, and no figures are wanted.
    pub test: bool,
}

impl Arguments {
    /// From the command line.
    pub fn read() -> Arguments {
        let mut arguments = Arguments::parse();
        // `cargo test --bench patterns` runs it without `--bench`, to see whether it works.
        arguments.test |= !arguments.bench && !arguments.json;
        if arguments.model.is_empty() {
            arguments.model = AnyModel::all().to_vec();
        }
        arguments
    }

    pub fn rows(&self) -> Vec<Row> {
        let every = Duration::from_millis(if self.test { 10 } else { self.every_ms });
        let is_wanted = |row: &Row| self.way.is_empty() || self.way.iter().any(|name| name == row.name);
        rows::all(every).into_iter().filter(is_wanted).collect()
    }

    pub fn settings(&self) -> Settings {
        let text = self.text as usize;
        if self.test {
            let pace = Pace { rate: 200.0, burst: 2, text };
            let window = Duration::from_millis(30);
            return Settings {
                listeners: 4,
                pace,
                rounds: self.rounds.unwrap_or(1),
                window,
                parked: 30,
                crowd: 100,
                test: true,
            };
        }
        Settings {
            listeners: self.listeners.into(),
            pace: Pace { rate: self.rate, burst: self.burst, text },
            rounds: self.rounds.unwrap_or(6),
            window: Duration::from_millis(750),
            parked: self.parked.into(),
            crowd: self.crowd.into(),
            test: false,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (1.0..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 1 to 100000 is wanted".into()),
    }
}
