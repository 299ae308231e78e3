//! The `echo` example as a process of its own, and what /proc says of it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::{PATIENCE, skip};

pub struct Server {
    pub address: SocketAddr,
    /// The line it prints when it is ready.
    pub greeting: String,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(model: &str, flags: &[&str]) -> Option<Server> {
        Server::start_by(Command::new(program()), model, flags)
    }

    /// Started by a command to which the flags are added. `None`, said aloud, where the model cannot run. With `IOLAB_DENY` in
    /// the environment io_uring goes the ways of older kernels.
    pub fn start_by(mut command: Command, model: &str, flags: &[&str]) -> Option<Server> {
        if let ("uring", Some(denied)) = (model, std::env::var_os("IOLAB_DENY")) {
            command.arg("--deny").arg(denied);
        }
        let mut child = command
            .args(["--model", model, "--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        output.read_line(&mut greeting).unwrap();
        let address = greeting.strip_prefix("echo on ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        let Some(address) = address else {
            let failed = child.wait_with_output().unwrap();
            let says = String::from_utf8_lossy(&failed.stderr).into_owned();
            assert_eq!(failed.status.code(), Some(3), "{model} does not start: {says}");
            skip::skipped(format_args!("survival, {model}: {}", says.trim()));
            return None;
        };
        Some(Server { address, greeting, child, output })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until it has ended, and says what it printed.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < until, "the server does not end"),
            }
            thread::sleep(Duration::from_millis(2));
        };
        let mut printed = String::new();
        self.output.read_to_string(&mut printed).unwrap();
        (status, printed)
    }

    /// Ends it in good order.
    pub fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let (status, printed) = self.end();
        assert_eq!(status.code(), Some(0), "{status}: {printed}");
        printed
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("the server has gone: {path}: {error}"))
    }

    fn status(&self, field: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).expect(field);
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub fn resident_kib(&self) -> u64 {
        self.status("VmRSS")
    }

    pub fn descriptors(&self) -> usize {
        self.descriptors_below(u64::MAX)
    }

    /// Those a limit applies to: one that was inherited may have a number beyond it.
    pub fn descriptors_below(&self, limit: u64) -> usize {
        let names = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a living server");
        names.filter(|name| name.as_ref().unwrap().file_name().to_str().unwrap().parse::<u64>().unwrap() < limit).count()
    }

    /// Its own; those the kernel keeps for io_uring come and go as the kernel pleases.
    pub fn threads(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a living server");
        let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
        tasks.filter_map(|task| name(task.ok()?)).filter(|name| !name.starts_with("iou-")).count()
    }

    /// What all its threads have spent, in steps of a clock tick.
    pub fn cpu_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The name, which may hold anything, is the second field; utime and stime are the 14th and 15th.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_secs(ticks) / sysconf(SysconfVar::CLK_TCK).unwrap().unwrap() as u32
    }
}

/// A failed test leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `cargo test` builds the examples beside the tests.
pub fn program() -> PathBuf {
    let path = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/echo");
    assert!(path.exists(), "{} is missing: build it with `cargo build --example echo`", path.display());
    path
}

/// Waits for what no event tells of: something in another process. The answer says how long it took.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "this never came: {what}");
        thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}
