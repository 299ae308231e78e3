//! The conversations of `tests/scripts`, move by move: a hundred thousand seeds, one outcome.

mod scripts;
mod seeds;

use std::io::{self, Read};
use std::time::Duration;

use iolab::Close;
use iolab::http1::HttpService;
use iolab::limits::{LINGER, READ_OCTETS, SEND_HIGH_OCTETS, TAIL_OCTETS};
use iolab::models::simulated::Conversation;
use iolab::patterns::{Echo, HELD_OCTETS};

use scripts::{Peer, Script, Step, play};
use seeds::{Outcome, Play, play_all};

/// In a plain `cargo test`.
const SEEDS: u64 = 80_000;

/// What may be said at once beyond the high mark: an answer to one read, what was held back before it, and their heads.
const BEYOND_HIGH: usize = READ_OCTETS + HELD_OCTETS + 1024;

/// No script lasts so long, by its own clock, with its short limits.
const LONGEST: Duration = Duration::from_secs(6);

#[test]
fn every_script_goes_the_same_way_with_every_seed() {
    let plays: Vec<Play> = scripts::all().into_iter().map(as_play).collect();
    play_all(&plays, SEEDS);
}

fn as_play(script: Script) -> Play {
    let is_large = |step: &Step| matches!(step, Step::Say(octets) | Step::Hear(octets) if octets.len() > 20_000);
    let is_long = script.steps.iter().any(|step| is_large(step) || matches!(step, Step::Drip(..)));
    Play { name: script.name.clone(), is_long, play: Box::new(move |seed, is_told| play_simulated(&script, seed, is_told)) }
}

fn play_simulated(script: &Script, seed: Option<u64>, is_told: bool) -> Outcome {
    let service = HttpService::new(script.http, script.time, Echo::default as fn() -> Echo);
    let conversation = match seed {
        Some(seed) => Conversation::seeded(&service, seed),
        None => Conversation::whole(&service),
    };
    let mut peer =
        Simulated { conversation: conversation.expect("an echo server turns nobody away"), drain: script.serve.drain };
    let verdict = play(script, &mut peer).and_then(|()| peer.check(&script.steps));
    let story = if is_told { peer.conversation.story() } else { String::new() };
    Outcome { verdict, story }
}

type Service = HttpService<fn() -> Echo>;

struct Simulated<'s> {
    conversation: Conversation<'s, Service>,
    drain: Duration,
}

impl Simulated<'_> {
    /// What must be so whatever was said.
    fn check(&mut self, steps: &[Step]) -> Result<(), String> {
        let has = |wanted: fn(&Step) -> bool| steps.iter().any(wanted);
        let expected = if has(|step| matches!(step, Step::Reset)) {
            Close::Failed
        } else if has(|step| matches!(step, Step::Cut)) {
            Close::Drained
        } else {
            Close::Done
        };
        self.conversation.pass(LINGER * 2);
        let close = self.conversation.close();
        if close != Some(expected) {
            return Err(format!("closed as {close:?} instead of {expected:?}"));
        }
        let elapsed = self.conversation.elapsed();
        if elapsed > LONGEST {
            return Err(format!("it took {elapsed:?}: a time limit ended what should have ended by itself"));
        }
        let (unsent, unconsumed) = (self.conversation.most_unsent(), self.conversation.most_unconsumed());
        if unsent > SEND_HIGH_OCTETS + BEYOND_HIGH {
            return Err(format!("{unsent} octets were unsent"));
        }
        if unconsumed > TAIL_OCTETS {
            return Err(format!("{unconsumed} octets were kept"));
        }
        self.conversation.check()
    }
}

impl Peer for Simulated<'_> {
    fn say(&mut self, octets: &[u8]) {
        self.conversation.say(octets);
    }

    fn finish(&mut self) {
        self.conversation.finish();
    }

    fn reset(&mut self) {
        self.conversation.reset();
    }

    fn stop(&mut self) {
        self.conversation.pass(Duration::ZERO);
        self.conversation.stop(self.drain);
    }

    fn await_stopped(&mut self) -> Result<(), String> {
        self.conversation.pass(LINGER * 2);
        if self.conversation.close().is_none() {
            self.conversation.pass(self.drain);
        }
        match self.conversation.close() {
            Some(_) => Ok(()),
            None => Err("the server does not stop".into()),
        }
    }

    fn pass(&mut self, span: Duration) -> bool {
        self.conversation.wait(span)
    }

    /// There is nobody else here.
    fn see_another_served(&mut self) -> Result<(), String> {
        self.conversation.pass(Duration::ZERO);
        Ok(())
    }
}

impl Read for Simulated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.conversation.read(buffer)
    }
}
