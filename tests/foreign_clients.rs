//! The patterns' example servers before clients nobody here wrote: Python's httpx, httpx-sse and websockets, Node's eventsource and
//! ws, and a headless Chromium on the pages. `tests/clients/install` fetches them; what is not there is skipped, aloud.

#[macro_use]
mod every_model;
mod examples;
mod skip;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use examples::Example;

/// Whatever a client takes longer for hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each client with each model, under its name.
macro_rules! clients {
    ($($client:ident: $example:literal, $script:literal, $flags:expr;)*) => {$(
        mod $client {
            on_every_model!(clients @ $example, $script, $flags,);
        }
    )*};
    (@ $example:literal, $script:literal, $flags:expr, $($model:ident)*) => {$(
        #[test]
        fn $model() {
            super::play($example, $script, stringify!($model), &$flags);
        }
    )*};
}

clients! {
    httpx_at_jobs: "jobs", "jobs.py", ["--step-ms", "20"];
    python_at_the_feed: "notifications", "notifications.py", [];
    node_at_the_feed: "notifications", "notifications.mjs", [];
    chromium_at_the_feed: "notifications", "feed_page.mjs", [];
    websockets_in_the_chat: "chat", "chat.py", [];
    node_in_the_chat: "chat", "chat.mjs", [];
    chromium_in_the_chat: "chat", "chat_page.mjs", [];
}

fn play(example: &str, script: &str, model: &str, flags: &[&str]) {
    let Some(interpreter) = interpreter(script) else { return };
    let Some(server) = Example::start(example, model, flags) else { return };
    let script = folder().join(script);
    let mut client = Client::start(&interpreter, &script, &server.address);
    let mut server = Some(server);
    let address = server.as_ref().map(|server| server.address.clone()).unwrap_or_default();
    while let Some(line) = client.next_line() {
        match line.strip_prefix("server: ") {
            Some("kill") => drop(server.take()),
            Some("start") => server = Example::start_again(example, model, &address, flags),
            _ => {
                let _ = writeln!(std::io::stderr(), "{model}: {line}");
                continue;
            }
        }
        writeln!(client.stdin, "done").unwrap();
    }
    let status = client.child.wait().unwrap();
    assert!(status.success(), "{} against {example} by {model}: {status}", script.display());
    if let Some(server) = server {
        server.stop();
    }
}

/// A script that runs: what it prints comes line by line.
struct Client {
    child: Child,
    stdin: ChildStdin,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Client {
    fn start(interpreter: &Path, script: &Path, address: &str) -> Client {
        let mut child = Command::new(interpreter)
            .arg(script)
            .arg(address)
            .env("PACKAGES", installed().join("node/package.json"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .env("SCREENSHOTS", installed().join("screenshots"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Client { child, stdin, lines }
    }

    /// `None` when it has ended.
    fn next_line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the client says nothing any more"),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where `tests/clients/install` puts them.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients")
}

/// What runs the script; if it is not here, or its packages are not, that is said.
fn interpreter(script: &str) -> Option<PathBuf> {
    let (interpreter, needs) = match script.ends_with(".py") {
        true => (installed().join("python/bin/python"), installed().join("python/bin/python")),
        false => (PathBuf::from("node"), installed().join("node/node_modules/ws")),
    };
    let runs = Command::new(&interpreter).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !runs || !needs.exists() {
        skip::skipped(format_args!("{script}: its client is not here; tests/clients/install fetches it"));
        return None;
    }
    if script.ends_with("_page.mjs") && chromium().is_none() {
        skip::skipped(format_args!("{script}: there is no chromium here"));
        return None;
    }
    Some(interpreter)
}

fn chromium() -> Option<&'static str> {
    let runs = |name: &&str| Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs)
}
