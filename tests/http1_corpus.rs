//! Every case of `tests/corpus/*.txt`, played over TCP: whole, octet by octet, and cut at random.
//!
//! `IOLAB_CORPUS_ADDRESS=127.0.0.1:8080 cargo test --test http1_corpus` judges the server at that address, ours or not.
//! Without it each of our models is started and judged.

mod corpus;

use corpus::format::{self, Case};
use corpus::play::{Split, play};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How long an answer may take before the case counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Conversations at a time.
const VOICES: usize = 16;

const SPLITS: [Split; 4] = [Split::Whole, Split::Drip, Split::Random(1), Split::Random(2)];

const MODELS: [&str; 4] = ["blocking", "epoll", "uring", "pool"];

/// Starts our echo with the limits of `tests/corpus/mod.rs` under one model, on a free port of the loopback, for as long as
/// this process lives. The error is why it cannot run on this machine, for the line that says so.
fn start(_model: &str) -> Result<SocketAddr, String> {
    Err("no server is joined to the corpus yet".into())
}

#[test]
fn every_server_plays_the_corpus() {
    let cases = read_corpus();
    let mut failures = Vec::new();
    for (name, address) in servers() {
        failures.extend(judge(&name, address, &cases));
    }
    assert!(failures.is_empty(), "{} failures\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_corpus_is_readable_and_large_enough() {
    assert!(read_corpus().len() >= 550);
}

fn read_corpus() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    format::read_folder(&folder).unwrap_or_else(|e| panic!("the corpus cannot be read: {e}"))
}

fn servers() -> Vec<(String, SocketAddr)> {
    if let Ok(address) = std::env::var("IOLAB_CORPUS_ADDRESS") {
        let parsed = address.parse().unwrap_or_else(|e| panic!("IOLAB_CORPUS_ADDRESS={address} is not IP:PORT: {e}"));
        return vec![(address, parsed)];
    }
    let mut servers = Vec::new();
    for model in MODELS {
        match start(model) {
            Ok(address) => servers.push((model.to_string(), address)),
            Err(why) => eprintln!("skipped: the corpus against {model}: {why}"),
        }
    }
    servers
}

/// Plays every case in every split; a case that failed in one is not played in the next.
fn judge(name: &str, address: SocketAddr, cases: &[Case]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..VOICES {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    if let Some(failure) = first_failure(name, address, case) {
                        failures.lock().unwrap_or_else(|e| e.into_inner()).push((index, failure));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(|e| e.into_inner());
    failures.sort();
    eprintln!("{name}: {} of {} cases pass", cases.len() - failures.len(), cases.len());
    failures.into_iter().map(|(_, failure)| failure).collect()
}

fn first_failure(name: &str, address: SocketAddr, case: &Case) -> Option<String> {
    SPLITS.iter().find_map(|&split| {
        let got = play(case, address, split, PATIENCE).err()?;
        let Case { place, reason, .. } = case;
        Some(format!("{place} ({name}, {split:?})\n    {reason}\n    expected {case}\n    got      {got}"))
    })
}
