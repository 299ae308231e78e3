//! The command line.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use harness::load::Kind;
use iolab::MAX_BLOCK;
use iolab::models::AnyModel;
use results::CompareOption;

use crate::burn::Calibration;
use crate::description::Description;

/// Describe one request of your server. The same handler, which does that, is run by all four models, and what comes of it is which
/// of them to pick, and why.
#[derive(Parser, Debug)]
#[command(name = "cargo bench --bench workload --")]
pub struct Arguments {
    /// CPU time that the handler takes for a request, in µs
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 50.0, value_parser = micros)]
    cpu_us: f64,
    /// Reads of a file that it does for a request, each of them somewhere else
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=1000))]
    disk_reads: u16,
    /// Octets of each
    #[arg(long, value_name = "OCTETS", default_value_t = 4096, value_parser = read_octets)]
    read_octets: usize,
    /// So many of a hundred reads find the octets in the page cache; the others are O_DIRECT and go to the disk
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    cache_hits: u32,
    /// All reads of a request are asked for at once, and not each when the one before has come
    #[arg(long)]
    reads_at_once: bool,
    /// Octets of an answer
    #[arg(long, value_name = "OCTETS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(0..=16 << 20))]
    response: u32,
    /// Octets of a request's body; with none it is a GET
    #[arg(long, value_name = "OCTETS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=16 << 20))]
    body: u32,
    /// Connections at one time
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// Each request has a connection to itself
    #[arg(long)]
    no_keep_alive: bool,
    /// Loops of the server, on as many cores if there are so many beside the load's
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    server_threads: u16,
    /// Requests a second that your server has: latencies are then measured at that rate, and not at 50 and 80 % of the best peak
    #[arg(long, value_name = "PER SECOND", value_parser = rate)]
    pub rate: Option<f64>,
    /// How requests come
    #[arg(long, value_enum, default_value_t = Load::Bursty)]
    pub load: Load,
    /// Only this model; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub model: Vec<AnyModel>,
    /// So many rounds [default: 8, 1 with --test]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Everything once, every answer checked, and no figures
    #[arg(long)]
    pub test: bool,
    /// Say it as JSON
    #[arg(long, conflicts_with = "test")]
    pub json: bool,
    #[command(flatten)]
    pub compare: CompareOption,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// Be a model's server, of the description that standard input begins with
    #[arg(long, hide = true)]
    pub serve: Option<AnyModel>,
}

/// How requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// Many at once, as much as the server can take
    Bursty,
    /// A few at a time, as wrk asks; the server sleeps in between
    Light,
}

impl Load {
    pub fn kind(self) -> Kind {
        match self {
            Load::Bursty => Kind::Bursty,
            Load::Light => Kind::Light,
        }
    }
}

/// For all connections to be answered once, the handlers may take so long: the load gives a server up that says nothing for 10 s.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// Descriptors of this process beside those of the connections.
const OTHER_DESCRIPTORS: u64 = 100;

impl Arguments {
    /// From the command line.
    pub fn read() -> Arguments {
        let mut arguments = Arguments::parse();
        // `cargo test --bench workload` runs it without `--bench`, to see whether it works.
        arguments.test |= !arguments.bench && !arguments.json;
        if arguments.model.is_empty() {
            arguments.model = AnyModel::all().to_vec();
        }
        arguments
    }

    /// What is described; `descriptors` is how many may be open.
    pub fn description(
        &self,
        calibration: &Calibration,
        cores: Vec<usize>,
        data: &Path,
        data_octets: u64,
        descriptors: u64,
    ) -> io::Result<Description> {
        let connections = self.connections as usize;
        let refuse = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let turn = Duration::from_secs_f64(f64::from(self.connections) * self.cpu_us / 1e6 / cores.len() as f64);
        if turn > LONGEST_TURN {
            return refuse(format!(
                "{connections} connections that ask for {} µs of CPU each keep the server busy for {:.0} s before all have an answer, \
                 and it may be {} s: ask for less CPU (--cpu-us) or on fewer connections (--connections)",
                self.cpu_us,
                turn.as_secs_f64(),
                LONGEST_TURN.as_secs()
            ));
        }
        if u64::from(self.connections) + OTHER_DESCRIPTORS > descriptors {
            return refuse(format!(
                "{connections} connections take as many descriptors, and {descriptors} may be open: raise the hard limit (ulimit -Hn), \
                 or ask on fewer connections (--connections)"
            ));
        }
        Ok(Description {
            cpu_us: self.cpu_us,
            burn_steps: calibration.steps(self.cpu_us),
            disk_reads: self.disk_reads.into(),
            read_octets: self.read_octets,
            cache_hits: self.cache_hits,
            reads_at_once: self.reads_at_once,
            body: self.body as usize,
            response: self.response as usize,
            connections,
            keep_alive: !self.no_keep_alive,
            server_threads: self.server_threads.into(),
            cores,
            data: data.to_owned(),
            data_octets,
        })
    }

    /// Loops of the server.
    pub fn server_threads(&self) -> usize {
        self.server_threads.into()
    }
}

fn micros(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1e6)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1.0, 1e7)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most} is wanted")),
    }
}

/// What the data file can be checked in.
const SECTOR: usize = 512;

fn read_octets(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(octets) if (SECTOR..=MAX_BLOCK).contains(&octets) && octets % SECTOR == 0 => Ok(octets),
        _ => Err(format!("a multiple of {SECTOR} up to {MAX_BLOCK} is wanted")),
    }
}
