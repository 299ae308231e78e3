//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Compares iolab's four models with their peers, under the same load in the same rounds.
#[derive(Parser, Debug)]
#[command(name = "cargo run --release --manifest-path benches/peers/Cargo.toml --")]
pub struct Arguments {
    /// Few and short rounds
    #[arg(long, conflicts_with = "test")]
    pub quick: bool,
    /// Every row once, in its smallest form, every answer checked, and no figures
    #[arg(long)]
    pub test: bool,
    /// Only the row of this name, or all rows whose names contain it
    #[arg(long, value_name = "PATTERN")]
    pub row: Option<String>,
    /// Only this peer or model, beside our epoll and uring; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// So many rounds [default: 9; 6 with --quick, 1 with --test]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Say what rows and who there are, and end
    #[arg(long)]
    pub list: bool,
    /// Be the server under measurement, until standard input ends
    #[arg(long, hide = true, value_name = "NAME")]
    pub serve: Option<String>,
    /// Be the reader under measurement, as standard input says
    #[arg(long, hide = true, value_name = "NAME")]
    pub read: Option<String>,
    /// Speak for this process, which has become nginx
    #[arg(long, hide = true, value_name = "PROCESS", requires = "address")]
    pub keep: Option<u32>,
    /// Where it serves
    #[arg(long, hide = true)]
    pub address: Option<SocketAddr>,
    /// Count its system calls
    #[arg(long, hide = true)]
    pub count_calls: bool,
    /// What is read; the directory of that nginx
    #[arg(long, hide = true, default_value = "/dev/null")]
    pub data: PathBuf,
}
