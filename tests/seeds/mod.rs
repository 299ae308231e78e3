//! Many seeds of many plays, on all cores.
//!
//! - `IOLAB_SEEDS=N` plays N seeds instead of the usual number, `IOLAB_SEEDS=unlimited` until it is killed;
//! - `IOLAB_SCRIPT='name' IOLAB_SEED=123` plays one seed of one play, and tells its story. What fails says so of itself.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;
use std::{env, thread};

/// What can be played with any seed, or without one: whole.
pub struct Play {
    pub name: String,
    /// It has thousands of moves, and is played with few seeds.
    pub is_long: bool,
    pub play: Hold,
}

/// Plays once with a seed, and tells the story if it is asked to.
pub type Hold = Box<dyn Fn(Option<u64>, bool) -> Outcome + Sync>;

/// How it went, and the story if it was asked for.
pub struct Outcome {
    pub verdict: Result<(), String>,
    pub story: String,
}

/// Of a long play one seed in so many rounds through the short ones.
const ROUNDS_PER_LONG: u64 = 250;

/// The last moves, which a failure tells.
const TOLD: usize = 40;

/// Plays so many seeds unless a variable says otherwise, and fails with the first failing seed of each play.
pub fn play_all(plays: &[Play], seeds: u64) {
    let chosen = env::var("IOLAB_SCRIPT").ok();
    let plays: Vec<&Play> = plays.iter().filter(|play| chosen.as_ref().is_none_or(|name| *name == play.name)).collect();
    if plays.is_empty() {
        return;
    }
    if let Ok(seed) = env::var("IOLAB_SEED") {
        let seed = seed.parse().unwrap_or_else(|error| panic!("IOLAB_SEED={seed} is no number: {error}"));
        return plays.iter().for_each(|play| tell(play, seed));
    }
    let seeds = match env::var("IOLAB_SEEDS") {
        Ok(many) if many == "unlimited" => u64::MAX,
        Ok(many) => {
            many.parse().unwrap_or_else(|error| panic!("IOLAB_SEEDS={many} is neither a number nor `unlimited`: {error}"))
        }
        Err(_) => seeds,
    };
    let begun = Instant::now();
    let board = Board { failures: Mutex::new(Vec::new()), played: AtomicU64::new(0), next: AtomicU64::new(0) };
    let has_failed: Vec<AtomicBool> = plays.iter().map(|_| AtomicBool::new(false)).collect();
    let turns = turns(&plays);
    let turn = |number: u64| {
        let place = turns[(number % turns.len() as u64) as usize];
        let seed = (number / turns.len() as u64).checked_sub(1);
        if plays[place].is_long && seed.is_some_and(|seed| !seed.is_multiple_of(ROUNDS_PER_LONG))
            || has_failed[place].load(Relaxed)
        {
            return;
        }
        board.played.fetch_add(1, Relaxed);
        if let Err(failure) = judge(plays[place], seed)
            && !has_failed[place].swap(true, Relaxed)
        {
            let _ = writeln!(io::stderr(), "{failure}");
            board.failures.lock().unwrap().push(failure);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |cores| cores.get()) {
            scope.spawn(|| {
                while board.played.load(Relaxed) < seeds && has_failed.iter().any(|failed| !failed.load(Relaxed)) {
                    turn(board.next.fetch_add(1, Relaxed));
                }
            });
        }
    });
    let (played, seconds) = (board.played.into_inner(), begun.elapsed().as_secs_f64());
    let _ = writeln!(io::stderr(), "{}: {played} seeds of {} plays in {seconds:.1} s", env!("CARGO_CRATE_NAME"), plays.len());
    let failures = board.failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} plays fail:\n{}", failures.len(), failures.join("\n"));
}

struct Board {
    failures: Mutex<Vec<String>>,
    played: AtomicU64,
    next: AtomicU64,
}

/// The long ones first: they take the longest.
fn turns(plays: &[&Play]) -> Vec<usize> {
    let mut turns: Vec<usize> = (0..plays.len()).collect();
    turns.sort_by_key(|&place| !plays[place].is_long);
    turns
}

// ANCHOR: judge
/// What fails is played again, with its story: it is the same one.
fn judge(play: &Play, seed: Option<u64>) -> Result<(), String> {
    let hold = |is_told| {
        catch_unwind(AssertUnwindSafe(|| (play.play)(seed, is_told))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Outcome { verdict: Err(said.unwrap_or("it panicked").into()), story: String::new() }
        })
    };
    let Err(error) = hold(false).verdict else { return Ok(()) };
    let Outcome { verdict, story } = hold(true);
    let error = if verdict.is_err() { error } else { format!("{error}, and not again: it is not the seed alone that decides") };
    let lines: Vec<&str> = story.lines().collect();
    let last = lines[lines.len().saturating_sub(TOLD)..].join("\n");
    Err(format!("{}: {error}\nits last moves, of {}:\n{last}\n{}\n", play.name, lines.len(), replay(play, seed)))
}
// ANCHOR_END: judge

fn replay(play: &Play, seed: Option<u64>) -> String {
    let (name, test) = (&play.name, env!("CARGO_CRATE_NAME"));
    match seed {
        Some(seed) => format!("again: IOLAB_SCRIPT='{name}' IOLAB_SEED={seed} cargo test --test {test} -- --nocapture"),
        None => format!("again, it needs no seed: IOLAB_SCRIPT='{name}' IOLAB_SEEDS=1 cargo test --test {test}"),
    }
}

fn tell(play: &Play, seed: u64) {
    let outcome = (play.play)(Some(seed), true);
    println!("{}, seed {seed}:\n{}", play.name, outcome.story);
    outcome.verdict.unwrap_or_else(|error| panic!("{}: {error}", play.name));
}
