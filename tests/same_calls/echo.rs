//! One request to the `echo` example: what its threads call from its coming until they all sleep again.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::strace::{self, Call, Shown};
use crate::{heading, is_recording, listing, models, page, parts, program, skip};

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

/// What a connection does for the first time is over by then.
const WARM_UP: usize = 3;

const REQUESTS: usize = 20;

const PATIENCE: Duration = Duration::from_secs(20);

/// What one request took.
struct Answered {
    calls: Vec<Call>,
}

/// A failed test leaves no server behind.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks the example a few times, each time after all of its threads have fallen asleep.
fn answered(model: &str) -> Result<Vec<Answered>, String> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("trace");
    let mut command = strace::command(&output, &program("echo"));
    command.args(["--model", model, "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Server(command.spawn().unwrap());
    let mut greeting = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    let Some(address) = greeting.strip_prefix("echo on ").and_then(|rest| rest.split(' ').next()) else {
        let mut says = String::new();
        let _ = server.0.stderr.take().unwrap().read_to_string(&mut says);
        assert_eq!(server.0.wait().unwrap().code(), Some(3), "{model} does not start: {says}");
        return Err(says.trim().to_owned());
    };

    let mut peer = TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..WARM_UP + REQUESTS {
        until_all_sleep(server.0.id());
        strace::mark(&output);
        peer.write_all(REQUEST).unwrap();
        until_answered(&mut peer);
    }
    until_all_sleep(server.0.id());
    strace::mark(&output);
    kill(Pid::from_raw(server.0.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert!(server.0.wait().unwrap().success());

    let calls = strace::calls(&output);
    let of_request = |number: usize| {
        let mut calls: Vec<Call> = calls.iter().filter(|call| call.ended == number).cloned().collect();
        calls.sort_by(|one, other| one.happened().total_cmp(&other.happened()));
        Answered { calls }
    };
    Ok((WARM_UP + 1..=WARM_UP + REQUESTS).map(of_request).collect())
}

fn until_answered(peer: &mut TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nhello") {
        let mut octets = [0; 512];
        let count = peer.read(&mut octets).unwrap();
        assert!(count > 0, "no whole answer: {}", String::from_utf8_lossy(&answer));
        answer.extend(&octets[..count]);
    }
}

/// No event tells of it. A thread that its tracer holds is not asleep.
fn until_all_sleep(process: u32) {
    let (start, mut looks) = (Instant::now(), 0);
    while looks < 3 {
        assert!(start.elapsed() < PATIENCE, "the server finds no rest");
        let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("a living server");
        let states = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let all_sleep = states.into_iter().all(|state| state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')));
        looks = if all_sleep { looks + 1 } else { 0 };
        thread::sleep(Duration::from_millis(1));
    }
}

impl Answered {
    /// Who called what, by names. `with_handovers`: also how threads wake each other and wait to be woken.
    fn calls(&self, model: &str, with_handovers: bool) -> Vec<(String, &str)> {
        let shown = self.calls.iter().filter(|call| with_handovers || call.name != "futex");
        shown.map(|call| (role(call, model), call.name.as_str())).collect()
    }

    /// Everyone who had nothing to do was asleep before he was woken.
    fn is_unhurried(&self) -> bool {
        let woken = self.calls.iter().filter(|call| call.name == "futex" && call.has_slept()).count();
        self.calls.len() == 10 && woken == 4
    }

    fn shown(&self, model: &str) -> String {
        let mut addresses: Vec<(String, &'static str)> = Vec::new();
        let mut workers = Vec::new();
        let mut shown = String::new();
        for call in self.calls.iter().filter(|call| role(call, model) == "loop") {
            let Some(address) = call.futex() else { continue };
            addresses.push((address.to_owned(), if call.has_slept() { "reports" } else { "jobs" }));
        }
        for call in &self.calls {
            let mut who = role(call, model);
            if who == "worker" {
                let place = workers.iter().position(|&worker| worker == call.thread).unwrap_or(workers.len());
                workers.resize(workers.len().max(place + 1), call.thread);
                who = format!("worker {}", place + 1);
            }
            let slept = if call.has_slept() { "slept" } else { "" };
            shown += &format!("{who:<10} {slept:<5}  {}\n", Shown { call, addresses: &addresses });
        }
        shown
    }
}

/// What a thread is to the server. The one that is called after the model is the loop.
fn role(call: &Call, model: &str) -> String {
    if call.thread_name == model { "loop".to_owned() } else { call.thread_name.clone() }
}

#[test]
fn an_echo_takes_the_calls_that_the_book_shows() {
    if let Some(why) = strace::missing() {
        return skip::skipped(format_args!("same_calls, the echo: {why}"));
    }
    for model in models() {
        let requests = match answered(model) {
            Ok(requests) => requests,
            Err(why) => {
                skip::skipped(format_args!("same_calls, the echo by {model}: {why}"));
                continue;
            }
        };
        if is_recording() {
            record(model, &requests);
        }
        // Whether a thread of the pool is asleep before it is woken is a race: the calls of the hand-overs are counted, not compared.
        let listing = listing("same-echo", model);
        let [listed] = &parts(&listing)[..] else { panic!("{model}: a listing has one part") };
        let expected: Vec<_> = listed.iter().filter(|(_, name)| model != "pool" || *name != "futex").cloned().collect();
        for request in &requests {
            assert_eq!(request.calls(model, model != "pool"), expected, "{model}: what was seen (left), and the book (right)");
            let handovers = request.calls.iter().filter(|call| call.name == "futex").count();
            assert_eq!(
                handovers > 3,
                listed.iter().any(|(_, name)| *name == "futex"),
                "{model}: {handovers} calls of hand-overs"
            );
        }
    }
}

/// Writes one of them down.
fn record(model: &str, requests: &[Answered]) {
    let counts = requests.iter().map(|request| request.calls.len());
    let (least, most) = (counts.clone().min().unwrap_or_default(), counts.max().unwrap_or_default());
    let (shown, seen) = match model {
        "pool" => {
            let unhurried = requests.iter().find(|request| request.is_unhurried()).expect("none was: record again");
            (unhurried, format!("{least} to {most} calls in {REQUESTS} requests; this is one where all waits were slept"))
        }
        _ => (&requests[0], format!("these calls, in each of {REQUESTS} requests")),
    };
    let about = [
        ("command", format!("strace -f -y target/debug/examples/echo --model {model} --listen 127.0.0.1:0")),
        ("request", "POST / with the body \"hello\", on a connection that has asked before and is alone".to_owned()),
        ("seen", seen),
    ];
    fs::write(page("same-echo", model), heading(&about) + "\n" + &shown.shown(model)).unwrap();
}
