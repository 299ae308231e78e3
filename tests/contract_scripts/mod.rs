//! What every model must do with every verb of the contract, octet for octet: scripts for one server and many peers.
//!
//! [`all`] lists them. [`play`] plays one on any [`Stage`]: over TCP in `tests/contract.rs`, move by move in
//! `tests/simulated_contract.rs`. The server is [`VerbsService`](crate::verbs::VerbsService), whose doc says what each line means.
//!
//! | verb, answer | scripts |
//! |---|---|
//! | `message`, `Message`, `Returned` | [`messages`] |
//! | `spawn`, `Deadline`, a refused seed | [`births`] |
//! | `connect`, `Begun` | [`connects`] |
//! | `finish`, `PeerFinished`, `abort`, `Closed`, `HangUp`, panics | [`endings`] |
//! | `write`, `send`, `Room`, the bounds of output and input | [`amounts`] |
//! | `file`, `File` | [`files`] |
//! | `Stopping`, the drain limit | [`stopping`] |
//! | `within`, `within_on` | all of them again, behind a veil |

mod amounts;
mod births;
mod connects;
mod endings;
mod files;
mod messages;
mod stopping;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use iolab::limits::ServeLimits;

use crate::verbs::{LAST_WORD, VEIL};

/// One play.
#[derive(Clone)]
pub struct Script {
    pub name: &'static str,
    pub limits: ServeLimits,
    /// Beneath the directory of the service, in the beginning: files with their octets, directories without.
    pub files: Vec<(&'static str, Option<&'static str>)>,
    /// With more than one loop it would go another way.
    #[allow(dead_code, reason = "the simulator has one")]
    pub needs_one_loop: bool,
    /// A protocol breaks a rule in it, or panics.
    #[allow(dead_code, reason = "only the simulator minds")]
    pub breaks_rules: bool,
    pub steps: Vec<Step>,
}

/// What a peer does next, or what it demands. Peers go by number, in the order of their coming.
#[derive(Clone, Debug)]
pub enum Step {
    /// A new peer of the server.
    Connect,
    /// The next connection that the server makes to where the script listens is a peer from then on.
    Answer,
    /// Says these octets, `{address}` and `{refused}` in them replaced, without waiting until they have left.
    Say(usize, Vec<u8>),
    /// Reads exactly these octets.
    Hear(usize, Vec<u8>),
    /// Reads these lines, in any order.
    HearLines(usize, Vec<&'static str>),
    /// Hears nothing for so long.
    Silence(usize, Duration),
    /// Says that it will say no more.
    Finish(usize),
    /// Resets the connection.
    Reset(usize),
    /// Hears the orderly end, and nothing before it.
    End(usize),
    /// Is cut off by a reset; how much it heard before does not matter.
    Cut(usize),
    /// The server begins to stop, and has told everyone.
    Stop,
    /// The server has stopped.
    Stopped,
}

/// Where scripts are played. Peers go by the number it gives them.
pub trait Stage {
    /// A new peer of the server.
    fn connect(&mut self) -> usize;
    fn say(&mut self, peer: usize, octets: &[u8]);
    /// Waits: no octets are FIN, `ConnectionReset` is a reset, `WouldBlock` says that nothing will come.
    fn read(&mut self, peer: usize, buffer: &mut [u8]) -> io::Result<usize>;
    fn finish(&mut self, peer: usize);
    fn reset(&mut self, peer: usize);
    /// Where the script listens.
    fn address(&self) -> SocketAddr;
    /// Where nobody does.
    fn refused(&self) -> SocketAddr;
    /// Takes the next connection made to where the script listens.
    fn answer(&mut self) -> Option<usize>;
    /// Whether there is something to hear, at last.
    fn pass(&mut self, peer: usize, span: Duration) -> bool;
    fn stop(&mut self);
    fn await_stopped(&mut self) -> Result<(), String>;
}

/// All scripts.
pub fn all() -> Vec<Script> {
    [
        messages::scripts(),
        births::scripts(),
        connects::scripts(),
        endings::scripts(),
        amounts::scripts(),
        files::scripts(),
        stopping::scripts(),
    ]
    .concat()
}

fn script(name: &'static str, steps: impl IntoIterator<Item = Vec<Step>>) -> Script {
    let steps = steps.into_iter().flatten().collect();
    let (limits, files) = (ServeLimits::default(), Vec::new());
    Script { name, limits, files, needs_one_loop: false, breaks_rules: false, steps }
}

// Steps, shorter. Each is a list of them.

/// A new peer, which goes by this name.
fn enters(peer: usize, name: &str) -> Vec<Step> {
    [vec![Step::Connect], asks(peer, &format!("name {name}"), &format!("I am {name}"))].concat()
}

fn say(peer: usize, line: &str) -> Vec<Step> {
    vec![Step::Say(peer, format!("{line}\n").into_bytes())]
}

fn hear(peer: usize, line: &str) -> Vec<Step> {
    vec![Step::Hear(peer, format!("{line}\n").into_bytes())]
}

fn asks(peer: usize, line: &str, answer: &str) -> Vec<Step> {
    [say(peer, line), hear(peer, answer)].concat()
}

fn hear_lines(peer: usize, lines: impl Into<Vec<&'static str>>) -> Vec<Step> {
    vec![Step::HearLines(peer, lines.into())]
}

fn silence(peer: usize) -> Vec<Step> {
    vec![Step::Silence(peer, Duration::from_millis(30))]
}

fn answer() -> Vec<Step> {
    vec![Step::Answer]
}

fn finish(peer: usize) -> Vec<Step> {
    vec![Step::Finish(peer)]
}

fn reset(peer: usize) -> Vec<Step> {
    vec![Step::Reset(peer)]
}

fn end(peer: usize) -> Vec<Step> {
    vec![Step::End(peer)]
}

fn cut(peer: usize) -> Vec<Step> {
    vec![Step::Cut(peer)]
}

fn stop() -> Vec<Step> {
    vec![Step::Stop]
}

fn stopped() -> Vec<Step> {
    vec![Step::Stopped]
}

/// Plays `script`; the error says which step went wrong and how.
pub fn play(script: &Script, is_veiled: bool, stage: &mut impl Stage) -> Result<(), String> {
    let mut cast = Cast { stage, peers: Vec::new(), is_veiled };
    for (number, step) in script.steps.iter().enumerate() {
        let veil = if is_veiled { ", veiled" } else { "" };
        cast.take(step).map_err(|error| format!("{}{veil}, step {number}, {}: {error}", script.name, shown(step)))?;
    }
    Ok(())
}

struct Cast<'a, S> {
    stage: &'a mut S,
    /// The number on the stage, and whether there is a veil between it and the server.
    peers: Vec<(usize, bool)>,
    is_veiled: bool,
}

impl<S: Stage> Cast<'_, S> {
    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Connect => {
                let peer = self.stage.connect();
                self.peers.push((peer, self.is_veiled));
            }
            Step::Answer => {
                let peer = self.stage.answer().ok_or("nobody connects")?;
                self.peers.push((peer, false));
            }
            Step::Say(peer, octets) => {
                let (peer, is_veiled) = self.peers[*peer];
                let (address, refused) = (self.stage.address().to_string(), self.stage.refused().to_string());
                let mut octets = match std::str::from_utf8(octets) {
                    Ok(text) => text.replace("{address}", &address).replace("{refused}", &refused).into_bytes(),
                    Err(_) => octets.clone(),
                };
                if is_veiled {
                    octets.iter_mut().for_each(|octet| *octet ^= VEIL);
                }
                self.stage.say(peer, &octets);
            }
            Step::Hear(peer, octets) => {
                let heard = self.read(*peer, octets.len())?;
                if heard != *octets {
                    let at = heard.iter().zip(octets).take_while(|(one, other)| one == other).count();
                    return Err(format!(
                        "after {at} octets came \"{}\"",
                        heard[at..].iter().take(200).copied().collect::<Vec<_>>().escape_ascii()
                    ));
                }
            }
            Step::HearLines(peer, lines) => {
                let heard = self.read(*peer, lines.iter().map(|line| line.len() + 1).sum())?;
                let heard = String::from_utf8_lossy(&heard).into_owned();
                let (mut heard_lines, mut lines): (Vec<&str>, _) = (heard.lines().collect(), lines.clone());
                heard_lines.sort_unstable();
                lines.sort_unstable();
                if heard_lines != lines {
                    return Err(format!("there came {heard:?}"));
                }
            }
            Step::Silence(peer, span) => {
                if self.stage.pass(self.peers[*peer].0, *span) {
                    let heard = self.read(*peer, 1);
                    return Err(format!("there came {heard:?}"));
                }
            }
            Step::Finish(peer) => self.stage.finish(self.peers[*peer].0),
            Step::Reset(peer) => self.stage.reset(self.peers[*peer].0),
            Step::End(peer) => {
                let (number, is_veiled) = self.peers[*peer];
                if is_veiled {
                    let mut last = Vec::new();
                    while last.len() < LAST_WORD.len() {
                        match read_octet(self.stage, number) {
                            Ok(Some(octet)) => last.push(octet),
                            other => {
                                return Err(format!(
                                    "instead of the last word came \"{}\", then {other:?}",
                                    last.escape_ascii()
                                ));
                            }
                        }
                    }
                    if last != LAST_WORD {
                        return Err(format!("instead of the last word came \"{}\"", last.escape_ascii()));
                    }
                }
                match read_octet(self.stage, number) {
                    Ok(None) => {}
                    other => return Err(format!("there came {other:?}")),
                }
            }
            Step::Cut(peer) => {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match self.stage.read(self.peers[*peer].0, &mut buffer) {
                        Ok(0) => return Err("it ended".into()),
                        Ok(_) => {}
                        Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                        Err(error) => return Err(error.to_string()),
                    }
                }
            }
            Step::Stop => self.stage.stop(),
            Step::Stopped => self.stage.await_stopped()?,
        }
        Ok(())
    }

    fn read(&mut self, peer: usize, count: usize) -> Result<Vec<u8>, String> {
        let (peer, is_veiled) = self.peers[peer];
        let mut heard = vec![0; count];
        let mut at = 0;
        while at < count {
            let (failure, more) = match self.stage.read(peer, &mut heard[at..]) {
                Ok(0) => ("the end".to_string(), 0),
                Ok(more) => (String::new(), more),
                Err(error) => (error.to_string(), 0),
            };
            if is_veiled {
                heard[at..at + more].iter_mut().for_each(|octet| *octet ^= VEIL);
            }
            at += more;
            if more == 0 {
                let from = at.saturating_sub(200);
                return Err(format!("after {at} octets, \"{}\", came {failure}", heard[from..at].escape_ascii()));
            }
        }
        Ok(heard)
    }
}

fn read_octet(stage: &mut impl Stage, peer: usize) -> Result<Option<u8>, String> {
    let mut octet = [0];
    match stage.read(peer, &mut octet) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(octet[0])),
        Err(error) => Err(error.to_string()),
    }
}

fn shown(step: &Step) -> String {
    match step {
        Step::Say(peer, octets) => format!("{peer} says {}", shown_octets(octets)),
        Step::Hear(peer, octets) => format!("{peer} hears {}", shown_octets(octets)),
        step => format!("{step:?}"),
    }
}

fn shown_octets(octets: &[u8]) -> String {
    match octets.len() {
        0..=100 => format!("\"{}\"", octets.escape_ascii()),
        length => format!("\"{}...\" ({length} octets)", octets[..80].escape_ascii()),
    }
}
