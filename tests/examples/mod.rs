//! The examples, started as anybody would start them, and `curl`.

#![allow(dead_code, reason = "what one test binary has no use for, another has")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::skip;

/// How long curl waits before it counts as failed.
const PATIENCE: &str = "30";

/// Whether there is one; if not, that is said.
pub fn has_curl() -> bool {
    let has = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has {
        skip::skipped(format_args!("{} against curl: there is no curl here", env!("CARGO_CRATE_NAME")));
    }
    has
}

/// The example, listening on a free port.
pub struct Example {
    pub model: String,
    pub address: String,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Example {
    /// `None`, said aloud, where the model cannot run.
    pub fn start(name: &str, model: &str, flags: &[&str]) -> Option<Example> {
        Example::start_at(name, model, "127.0.0.1:0", flags)
    }

    /// The same where another listened that was killed: a killed process's ring is taken down by a thread of the kernel, and holds
    /// the listener until that is done.
    pub fn start_again(name: &str, model: &str, address: &str, flags: &[&str]) -> Option<Example> {
        let end = Instant::now() + Duration::from_secs(20);
        while TcpListener::bind(address).is_err() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        Example::start_at(name, model, address, flags)
    }

    fn start_at(name: &str, model: &str, address: &str, flags: &[&str]) -> Option<Example> {
        let mut child = Command::new(example(name))
            .args(["--model", model, "--listen", address])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        // Some say something of themselves first.
        if !line.is_empty() && !line.starts_with(&format!("{name} on ")) {
            line.clear();
            output.read_line(&mut line).unwrap();
        }
        if line.is_empty() {
            let failed = child.wait_with_output().unwrap();
            let says = String::from_utf8_lossy(&failed.stderr).into_owned();
            assert_eq!(failed.status.code(), Some(3), "{name} by {model} does not start: {says}");
            skip::skipped(format_args!("{name} by {model}: {}", says.trim()));
            return None;
        }
        let address =
            line.strip_prefix(&format!("{name} on ")).and_then(|rest| rest.split(' ').next()).expect(&line).to_string();
        assert!(line.contains("; try: ") && line.contains(&format!("://{address}")), "a line to try: {line}");
        Some(Example { model: model.into(), address, child, output })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What curl prints; it must succeed.
    pub fn curl(&self, options: &[&str], path: &str) -> Vec<u8> {
        self.run(&[&["-sSf"], options].concat(), &[path]).stdout
    }

    pub fn run(&self, options: &[&str], paths: &[&str]) -> Output {
        let urls = paths.iter().map(|path| format!("http://{}{path}", self.address));
        let curl = Command::new("curl").args(["--noproxy", "*", "-m", PATIENCE]).args(options).args(urls).output().unwrap();
        let says = String::from_utf8_lossy(&curl.stderr);
        assert!(curl.status.success(), "{}: curl {options:?} {paths:?}: {} {says}", self.model, curl.status);
        curl
    }

    /// What it prints when SIGTERM has ended it.
    pub fn stop(mut self) -> String {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut cost = String::new();
        self.output.read_to_string(&mut cost).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}: {cost}", self.model);
        cost
    }
}

/// A failed test leaves no server behind.
impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `cargo test` builds the examples beside the tests.
pub fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(name);
    assert!(path.exists(), "{} is missing: `cargo test --test` does not build it, but `cargo test` does", path.display());
    path
}
