//! The example server from outside: its flags, its signals, and a client that nobody here wrote.

mod skip;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long curl waits before it counts as failed.
const PATIENCE: &str = "30";

macro_rules! models {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            if let Some(server) = Server::start(stringify!($name)) {
                serves_curl(server);
            }
        }
    )*};
}

models! { blocking epoll uring pool }

fn serves_curl(server: Server) {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    let octets: Vec<u8> = (0..5_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(&large, &octets).unwrap();
    let back = folder.path().join("back");

    assert_eq!(server.curl(&["-d", "hello"], "/"), b"hello");
    assert_eq!(server.curl(&["-d", "hello", "-X", "PATCH"], "/any/path?query"), b"hello");
    assert_eq!(server.curl(&["--http1.0", "-d", "hello"], "/"), b"hello");
    assert_eq!(server.curl(&[], "/bytes/10"), b"0123456789");
    assert_eq!(server.curl(&[], "/bytes/3000000").len(), 3_000_000);
    assert_eq!(server.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/bytes/0"), b"200");

    // An upload that is answered while it goes on, of known and of unknown length.
    for upload in [&["-H", "Expect: 100-continue"][..], &["-H", "Transfer-Encoding: chunked"], &["-H", "Expect:"]] {
        server.curl(&[upload, &["-T", text(&large), "-o", text(&back)]].concat(), "/");
        assert!(fs::read(&back).unwrap() == octets, "{upload:?} came back changed");
    }

    let head = String::from_utf8(server.curl(&["-I"], "/bytes/12345")).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\nContent-Length: 12345\r\n"), "{head}");

    let seen = server.run(&["-sv", "-H", "Expect: 100-continue", "-d", "hello"], &["/"]);
    let log = String::from_utf8_lossy(&seen.stderr).into_owned();
    assert!(log.contains("< HTTP/1.1 100 Continue") && log.contains("< HTTP/1.1 200 OK"), "{log}");
    assert_eq!(seen.stdout, b"hello");

    // One connection for several requests, in 1.1 and, where it is asked for, in 1.0.
    let write_out = ["-s", "-w", " %{num_connects}\n"];
    let reused = server.run(&write_out, &["/bytes/1", "/bytes/2", "/bytes/3"]);
    assert_eq!(String::from_utf8_lossy(&reused.stdout), "0 1\n01 0\n012 0\n");
    let options = [&write_out[..], &["--http1.0", "-H", "Connection: keep-alive"]].concat();
    let reused = server.run(&options, &["/bytes/1", "/bytes/2"]);
    assert_eq!(String::from_utf8_lossy(&reused.stdout), "0 1\n01 0\n");

    let trace = server.run(&["-s", "-X", "TRACE", "-o", "/dev/null", "-w", "%{http_code}"], &["/"]);
    assert_eq!(trace.stdout, b"405");

    let second = Command::new(example("echo")).args(["--model", server.model, "--listen", &server.address]).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "a second server on the same address");
    let says = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(says.contains("another server has it"), "{says}");

    let cost = server.stop();
    let figure = |name: &str| {
        let line = cost.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in:\n{cost}"));
        line.split_whitespace().next().and_then(|figure| figure.parse::<u64>().ok())
    };
    assert_eq!(figure("requests "), Some(17), "{cost}");
    for name in ["connections ", "bytes ", "system calls ", "wake-ups ", "threads at peak "] {
        assert!(figure(name).is_some_and(|figure| figure > 0), "{name}: {cost}");
    }
}

/// Usage is told apart from failure, and the model from the machine.
#[test]
fn wrong_flags_exit_with_2() {
    for flags in [
        &["--model", "threads"][..],
        &[],
        &["--model", "epoll", "--threads", "0"],
        &["--model", "epoll", "--idle-timeout", "1x"],
    ] {
        let output = Command::new(example("echo")).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The example, listening on a free port.
struct Server {
    model: &'static str,
    address: String,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// `None`, said aloud, where there is no curl or the model cannot run.
    fn start(model: &'static str) -> Option<Server> {
        if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip::skipped(format_args!("{model} against curl: there is no curl here"));
            return None;
        }
        let mut child = Command::new(example("echo"))
            .args(["--model", model, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        if line.is_empty() {
            let failed = child.wait_with_output().unwrap();
            let says = String::from_utf8_lossy(&failed.stderr).into_owned();
            assert_eq!(failed.status.code(), Some(3), "{model} does not start: {says}");
            skip::skipped(format_args!("{model} against curl: {}", says.trim()));
            return None;
        }
        let address = line.strip_prefix("echo on ").and_then(|rest| rest.split(' ').next()).expect(&line).to_string();
        assert!(line.contains(&format!("curl -d hello http://{address}/")), "a line to try: {line}");
        Some(Server { model, address, child, output })
    }

    /// What curl prints; it must succeed.
    fn curl(&self, options: &[&str], path: &str) -> Vec<u8> {
        self.run(&[&["-sSf"], options].concat(), &[path]).stdout
    }

    fn run(&self, options: &[&str], paths: &[&str]) -> Output {
        let urls = paths.iter().map(|path| format!("http://{}{path}", self.address));
        let curl = Command::new("curl").args(["--noproxy", "*", "-m", PATIENCE]).args(options).args(urls).output().unwrap();
        let says = String::from_utf8_lossy(&curl.stderr);
        assert!(curl.status.success(), "{}: curl {options:?} {paths:?}: {} {says}", self.model, curl.status);
        curl
    }

    /// What it prints when SIGTERM has ended it.
    fn stop(mut self) -> String {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut cost = String::new();
        self.output.read_to_string(&mut cost).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}: {cost}", self.model);
        cost
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
fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(name);
    assert!(path.exists(), "{} is missing: `cargo test --test curl` does not build it, but `cargo test` does", path.display());
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
