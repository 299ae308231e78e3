//! Every case of `tests/corpus/*.txt`, played over TCP and in the simulator: whole, octet by octet, and cut at random.
//!
//! `IOLAB_CORPUS_ADDRESS=127.0.0.1:8080 cargo test --test http1_corpus` judges the server at that address, ours or not.
//! Without it each of our models is started and judged.

mod corpus;
mod skip;

use corpus::format::{self, Case};
use corpus::play::{DRIPPED, Partner, Split, play, play_with};
use iolab::http1::{HttpService, TimeLimits};
use iolab::models::AnyModel;
use iolab::models::simulated::Conversation;
use iolab::patterns::Echo;
use iolab::{Model, Service, Shutdown, Unavailable, listen};
use std::io::{self, Read};
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

/// Starts our echo with the limits of `tests/corpus/mod.rs` under one model, on a free port of the loopback, for as long as
/// this process lives. The error is why it cannot run on this machine, for the line that says so.
fn start(model: AnyModel) -> Result<SocketAddr, String> {
    match model.available() {
        Err(error) if Unavailable::within(&error).is_some() => return Err(error.to_string()),
        other => other.expect("a model that works, or knows why it does not"),
    }
    let listeners = listen("127.0.0.1:0".parse().expect("an address"), 1).expect("a free port");
    let address = listeners[0].local_addr().expect("its address");
    let service = HttpService::new(corpus::LIMITS, TimeLimits::default(), Echo::default);
    let shutdown = Shutdown::new().expect("an eventfd");
    std::thread::spawn(move || model.serve_all(listeners, &service, &shutdown).expect("a server that serves"));
    Ok(address)
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
    for model in AnyModel::all() {
        match start(model) {
            Ok(address) => servers.push((model.to_string(), address)),
            Err(why) => skip::skipped(format_args!("the corpus against {model}: {why}")),
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

/// Without a kernel between, an answer is the same to the octet, however its request was cut and its moves were mixed.
#[test]
fn every_case_is_answered_with_the_same_octets_move_by_move() {
    let service = HttpService::new(corpus::LIMITS, TimeLimits::default(), Echo::default);
    let mut failures = Vec::new();
    for case in read_corpus() {
        let mut whole = None;
        let seeded = (0..3).map(|seed| (format!("seed {seed}"), Conversation::seeded(&service, seed)));
        let others = [("octet by octet".to_string(), Conversation::whole(&service))];
        let splits = [("whole".to_string(), Conversation::whole(&service))].into_iter().chain(others).chain(seeded);
        for (split, conversation) in splits {
            let conversation = conversation.expect("an echo turns nobody away");
            let mut heard = Vec::new();
            let partner = Simulated { conversation, drips: split == "octet by octet", heard: &mut heard };
            let verdict = play_with(&case, partner).and_then(|()| match whole.get_or_insert_with(|| heard.clone()) == &heard {
                true => Ok(()),
                false => Err("other octets than if it had come whole".into()),
            });
            if let Err(got) = verdict {
                let corpus::format::Case { place, reason, .. } = &case;
                failures.push(format!("{place} ({split})\n    {reason}\n    expected {case}\n    got      {got}"));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n\n{}", failures.len(), failures.join("\n"));
}

/// The simulator, and all that it said.
struct Simulated<'a, S: Service> {
    conversation: Conversation<'a, S>,
    drips: bool,
    heard: &'a mut Vec<u8>,
}

impl<S: Service> Partner for Simulated<'_, S> {
    fn say(&mut self, octets: &[u8]) {
        let dripped = if self.drips { octets.len().min(DRIPPED) } else { 0 };
        for octet in &octets[..dripped] {
            self.conversation.say(std::slice::from_ref(octet));
            self.conversation.pass(Duration::ZERO);
        }
        self.conversation.say(&octets[dripped..]);
    }

    fn finish(&mut self) {
        self.conversation.finish();
    }
}

impl<S: Service> Read for Simulated<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.conversation.read(buffer)?;
        self.heard.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}
