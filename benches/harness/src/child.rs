//! The process under measurement: often this same program, started again in another role.
//!
//! Whoever is measured has a process to itself, so that CPU time is its own and nothing of the load's. It speaks lines of JSON on its
//! standard output and ends when its standard input does, so it cannot outlive the benchmark, however that ends.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::cores;
use crate::load::INTERRUPTED;

/// A child that says nothing for so long hangs.
const PATIENCE: u16 = 30_000;

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Said {
    /// A server serves.
    Listening(SocketAddr),
    /// A reader can be told what to read.
    Ready,
    /// A reader has read.
    Read(ReadDone),
    /// A server has ended.
    Ended(Spent),
    /// It cannot run on this machine.
    Unavailable(String),
    /// It failed.
    Failed(String),
}

/// What a reader is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadOrder {
    pub block: usize,
    pub in_flight: usize,
    pub random: bool,
    pub direct: bool,
    pub seed: u64,
    /// For how long new reads are begun, and how many are however long it takes.
    pub nanos: u64,
    pub at_least: u64,
    /// Check every octet, not one word of each sector.
    pub every_octet: bool,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadDone {
    pub reads: u64,
    pub nanos: u64,
    /// CPU time, if another process than the child itself has read.
    pub cpu_nanos: Option<u64>,
    pub spent: Spent,
}

/// What it took, as far as a process knows it of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Spent {
    pub calls: BTreeMap<String, u64>,
    pub threads_peak: usize,
    pub stalls: u64,
}

impl Spent {
    /// All system calls.
    pub fn calls_total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// Why there is no figure.
#[derive(Debug)]
pub enum Failure {
    /// The machine does not have what it needs: cause and cure.
    Unavailable(String),
    /// Something went wrong.
    Error(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Error(error)
    }
}

/// A running child.
pub struct Child {
    process: process::Child,
    output: BufReader<process::ChildStdout>,
    clock: ClockId,
}

impl Child {
    /// Starts this program again with these arguments, on the core for servers.
    pub fn this_program(arguments: &[&str]) -> io::Result<Child> {
        Child::start(Command::new(env::current_exe()?).args(arguments))
    }

    /// Starts a program on the core for servers.
    pub fn start(command: &mut Command) -> io::Result<Child> {
        let mut process = cores::with_child_pinned(|| command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn())?;
        let output = process.stdout.take().ok_or_else(|| io::Error::other("the child has no output"))?;
        let clock = clock_getcpuclockid(Pid::from_raw(process.id() as i32))?;
        Ok(Child { process, output: BufReader::new(output), clock })
    }

    /// CPU time, user and system, of all its threads, those included that have ended.
    pub fn cpu(&self) -> io::Result<Duration> {
        Ok(clock_gettime(self.clock)?.into())
    }

    /// The share of that time that was in user space, as the clock's ticks have found it (`utime` and `stime` in
    /// proc_pid_stat(5)): good for long runs only.
    pub fn user_share(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name, in brackets, may contain anything.
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        let [user, system] = ticks[..] else { return Err(io::Error::other("the kernel tells no user and system time")) };
        Ok(if user + system > 0.0 { user / (user + system) } else { 0.0 })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it says next.
    pub fn hear(&mut self) -> Result<Said, Failure> {
        let mut ready = [PollFd::new(self.output.get_ref().as_fd(), PollFlags::POLLIN)];
        let said = poll(&mut ready, PollTimeout::from(PATIENCE));
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted").into());
        }
        if said.map_err(io::Error::from)? == 0 {
            let why = format!("the process under measurement said nothing for {} s", PATIENCE / 1000);
            return Err(io::Error::new(io::ErrorKind::TimedOut, why).into());
        }
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            let status = self.process.wait()?;
            return Err(io::Error::other(format!("the process under measurement ended early ({status})")).into());
        }
        match serde_json::from_str(&line).map_err(io::Error::from)? {
            Said::Unavailable(why) => Err(Failure::Unavailable(why)),
            Said::Failed(why) => Err(io::Error::other(why).into()),
            said => Ok(said),
        }
    }

    /// Tells it what to do.
    pub fn tell(&mut self, order: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        let input = self.process.stdin.as_mut().ok_or_else(|| io::Error::other("the child has no input"))?;
        input.write_all(line.as_bytes())
    }

    /// Asks it to end, and hears its last words.
    pub fn end(mut self) -> Result<Said, Failure> {
        drop(self.process.stdin.take());
        self.hear()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The child's part: says a line.
pub fn say(said: &Said) -> io::Result<()> {
    let line = serde_json::to_string(said)?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// The child's end: its failure is its parent's to tell. `is_unavailable` says which failures mean that the machine lacks something.
pub fn as_child(result: io::Result<()>, is_unavailable: impl Fn(&io::Error) -> bool) -> io::Result<ExitCode> {
    let Err(error) = result else { return Ok(ExitCode::SUCCESS) };
    let why = error.to_string();
    match say(&if is_unavailable(&error) { Said::Unavailable(why) } else { Said::Failed(why) }) {
        // Nobody hears it any more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
        said => said.map(|()| ExitCode::FAILURE),
    }
}
