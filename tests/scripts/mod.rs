//! Conversations with the echo server that every model must hold in the same way, octet for octet.
//!
//! [`all`] lists them, in [`http`] (what is said), [`pressure`] (how much), [`limits`] (how long) and [`stopping`]. [`play`] holds
//! one with any [`Peer`]: over TCP in `tests/serving.rs`, move by move in `tests/simulated.rs`.

mod answers;
mod http;
mod limits;
mod pressure;
mod stopping;

use std::io::{ErrorKind, Read};
use std::time::Duration;

use iolab::http1::{HttpLimits, TimeLimits};
use iolab::limits::ServeLimits;

/// What every Date becomes: `tests/simulated.rs` lives in this second.
const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

/// One conversation, on a server with these limits.
#[derive(Clone)]
pub struct Script {
    pub name: String,
    pub http: HttpLimits,
    pub time: TimeLimits,
    pub serve: ServeLimits,
    pub steps: Vec<Step>,
}

/// What the peer does next, or what it demands.
#[derive(Clone)]
pub enum Step {
    /// Says these octets, without waiting until they have left.
    Say(Vec<u8>),
    /// Reads exactly these octets, any `Date` in them standing for [`DATE`]; it reads nothing that no step wants.
    Hear(Vec<u8>),
    /// The same, of one of these. The first is what is heard where nothing is left to chance.
    HearOneOf(Vec<Vec<u8>>),
    /// Says an octet and waits for so long, again and again, until there is something to hear. They must not run out.
    Drip(Vec<u8>, Duration),
    /// Does nothing for so long, or until there is something to hear.
    Pass(Duration),
    /// Sees someone else be served.
    Meanwhile,
    /// Says that it will say no more.
    Finish,
    /// Resets the connection. The last step.
    Reset,
    /// The server begins to stop, and has told everyone.
    Stop,
    /// The server has stopped.
    Stopped,
    /// Hears the orderly end, and nothing before it.
    End,
    /// Is cut off by a reset; how much it heard before does not matter.
    Cut,
}

/// Someone who can hold a conversation. Reading waits; `WouldBlock` means that nothing came for too long.
pub trait Peer: Read {
    fn say(&mut self, octets: &[u8]);
    fn finish(&mut self);
    fn reset(&mut self);
    fn stop(&mut self);
    fn await_stopped(&mut self) -> Result<(), String>;
    /// Whether there is something to hear, at last.
    fn pass(&mut self, span: Duration) -> bool;
    fn see_another_served(&mut self) -> Result<(), String>;
}

/// All conversations.
pub fn all() -> Vec<Script> {
    [http::scripts(), pressure::scripts(), limits::scripts(), stopping::scripts()].concat()
}

/// Those in which nobody waits for a time limit or a stop.
#[allow(dead_code)]
pub fn without_waiting() -> Vec<Script> {
    [http::scripts(), pressure::scripts()].concat()
}

/// A script with default limits.
fn script(name: &str, steps: impl Into<Vec<Step>>) -> Script {
    let (http, time, serve) = (HttpLimits::default(), TimeLimits::default(), ServeLimits::default());
    Script { name: name.into(), http, time, serve, steps: steps.into() }
}

fn say(octets: impl AsRef<[u8]>) -> Step {
    Step::Say(octets.as_ref().to_vec())
}

fn hear(octets: impl AsRef<[u8]>) -> Step {
    Step::Hear(octets.as_ref().to_vec())
}

/// Plays `script`; the error says which step went wrong and how.
pub fn play(script: &Script, peer: &mut impl Peer) -> Result<(), String> {
    for (number, step) in script.steps.iter().enumerate() {
        take(step, peer).map_err(|error| format!("{}, step {number}: {error}", script.name))?;
    }
    Ok(())
}

fn take(step: &Step, peer: &mut impl Peer) -> Result<(), String> {
    match step {
        Step::Say(octets) => peer.say(octets),
        Step::Hear(octets) => hear_one_of(std::slice::from_ref(octets), peer)?,
        Step::HearOneOf(choices) => hear_one_of(choices, peer)?,
        Step::Drip(octets, every) => {
            let is_heard = octets.iter().any(|&octet| {
                peer.say(&[octet]);
                peer.pass(*every)
            });
            if !is_heard {
                return Err(format!("{} octets dripped away, and no answer came", octets.len()));
            }
        }
        Step::Pass(span) => _ = peer.pass(*span),
        Step::Meanwhile => peer.see_another_served()?,
        Step::Finish => peer.finish(),
        Step::Reset => peer.reset(),
        Step::Stop => peer.stop(),
        Step::Stopped => peer.await_stopped()?,
        Step::End => {
            let rest = read(peer, 1).map_err(|(error, _)| format!("no orderly end: {error}"))?;
            if !rest.is_empty() {
                return Err(format!("instead of the end came {}", shown(&rest)));
            }
        }
        Step::Cut => match read(peer, usize::MAX) {
            Err((ErrorKind::ConnectionReset, _)) => {}
            Err((error, _)) => return Err(format!("instead of a reset came {error}")),
            Ok(octets) => return Err(format!("instead of a reset came the end, after {} octets", octets.len())),
        },
    }
    Ok(())
}

/// Reads as many octets as the choices that are left have in common, until one of them is complete.
fn hear_one_of(choices: &[Vec<u8>], peer: &mut impl Peer) -> Result<(), String> {
    let mut choices: Vec<&[u8]> = choices.iter().map(Vec::as_slice).collect();
    let mut heard = Vec::new();
    while choices.iter().all(|choice| choice.len() > heard.len()) {
        let wanted = common_prefix(&choices).max(heard.len() + 1);
        let failure = match read(peer, wanted - heard.len()) {
            Ok(octets) => {
                heard.extend(octets);
                (heard.len() < wanted).then(|| "the end".to_string())
            }
            Err((error, octets)) => {
                heard.extend(octets);
                Some(error.to_string())
            }
        };
        let expected = choices[0];
        let at = choices.iter().map(|choice| agreement(&mut heard, choice)).max().unwrap_or(0);
        choices.retain(|choice| agreement(&mut heard, choice) == heard.len());
        if choices.is_empty() || failure.is_some() {
            let (got, wanted) = (shown(&heard[at..]), shown(&expected[at..]));
            let then = failure.map_or(String::new(), |failure| format!(", then {failure}"));
            return Err(format!("after {at} of {} octets came {got}{then} instead of {wanted}", expected.len()));
        }
    }
    Ok(())
}

/// How many octets agree. A date that was heard where one is expected becomes that one.
fn agreement(heard: &mut [u8], expected: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let mut at = 0;
    while at < heard.len().min(expected.len()) {
        let end = (at + BLOCK).min(heard.len()).min(expected.len());
        if heard[at..end] == expected[at..end] {
            at = end;
            continue;
        }
        at += heard[at..end].iter().zip(&expected[at..end]).take_while(|(one, other)| one == other).count();
        let from = at.saturating_sub(DATE.len() - 1);
        let Some(start) = (from..=at).find(|&start| expected[start..].starts_with(DATE)) else { return at };
        match heard.get_mut(start..start + DATE.len()) {
            Some(date) if date.ends_with(b" GMT") => date.copy_from_slice(DATE),
            _ => return at,
        }
    }
    at
}

fn common_prefix(choices: &[&[u8]]) -> usize {
    let [first, others @ ..] = choices else { return 0 };
    if others.is_empty() {
        return first.len();
    }
    let shared = |other: &&[u8]| first.iter().zip(*other).take_while(|(one, other)| one == other).count();
    others.iter().map(shared).min().unwrap_or(0)
}

/// Exactly `count` octets, or fewer if the end comes first; with an error, those that came before it.
fn read(peer: &mut impl Read, count: usize) -> Result<Vec<u8>, (ErrorKind, Vec<u8>)> {
    let mut octets = Vec::new();
    let mut buffer = vec![0; count.min(1 << 16)];
    while octets.len() < count {
        let room = buffer.len().min(count - octets.len());
        match peer.read(&mut buffer[..room]) {
            Ok(0) => break,
            Ok(more) => octets.extend_from_slice(&buffer[..more]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((error.kind(), octets)),
        }
    }
    Ok(octets)
}

fn shown(octets: &[u8]) -> String {
    match octets.len() {
        0 => "nothing".into(),
        1..=200 => format!("\"{}\"", octets.escape_ascii()),
        length => format!("\"{}...\" ({length} octets)", octets[..160].escape_ascii()),
    }
}
