//! Counting the system calls of a process from outside, by perf(1): peers do not count their own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use harness::child::Spent;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const EVENT: &str = "raw_syscalls:sys_enter";

/// A `perf stat` that counts.
pub struct Counter {
    perf: Child,
}

/// Why system calls cannot be counted here.
pub fn obstacle() -> Option<String> {
    match Command::new("perf").args(["stat", "-e", EVENT, "true"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some(format!("perf may not count {EVENT} here (run as root, or lower kernel.perf_event_paranoid to -1)")),
        Err(error) => Some(format!("perf does not run ({error}; Debian: apt install linux-perf)")),
    }
}

impl Counter {
    /// Counts from now on, in all threads of that process and those it will start.
    pub fn attach(process: u32) -> io::Result<Counter> {
        let mut command = Command::new("perf");
        // It begins when told (delay -1), by its input, and says so on its output.
        command.args(["stat", "--delay", "-1", "--control", "fd:0,1", "-x", ",", "-e", EVENT, "-p"]).arg(process.to_string());
        let mut perf = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (&mut perf.stdin, &mut perf.stdout) else {
            return Err(io::Error::other("perf has no input or no output"));
        };
        input.write_all(b"enable\n")?;
        let mut acknowledged = String::new();
        BufReader::new(output).read_line(&mut acknowledged)?;
        if acknowledged.trim_end_matches(['\n', '\0']) != "ack" {
            return Err(io::Error::other(format!("perf did not begin to count (it said {acknowledged:?})")));
        }
        Ok(Counter { perf })
    }

    /// How many there were.
    pub fn end(mut self) -> io::Result<Spent> {
        kill(Pid::from_raw(self.perf.id() as i32), Signal::SIGINT)?;
        let mut report = String::new();
        if let Some(stderr) = &mut self.perf.stderr {
            stderr.read_to_string(&mut report)?;
        }
        self.perf.wait()?;
        spent(&report)
    }
}

/// Starts a program whose system calls are counted from its start to its end; [`spent`] finds the count in its standard error.
pub fn counting(program: &str) -> Command {
    let mut command = Command::new("perf");
    command.args(["stat", "-x", ",", "-e", EVENT, "--", program]);
    command
}

/// From the first field of the event's line: value, unit, event, ... (perf-stat(1), "CSV FORMAT").
pub fn spent(report: &str) -> io::Result<Spent> {
    let line = report.lines().find(|line| line.contains(EVENT));
    let count: Option<u64> = line.and_then(|line| line.split(',').next()?.parse().ok());
    let count = count.ok_or_else(|| io::Error::other(format!("perf reported no count: {report:?}")))?;
    Ok(Spent { calls: [("all".to_owned(), count)].into(), ..Spent::default() })
}
