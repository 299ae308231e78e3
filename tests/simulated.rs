//! The conversations of `tests/scripts`, move by move: thousands of seeds, one outcome.

mod scripts;

use std::io::{self, Read};
use std::time::Duration;

use iolab::Close;
use iolab::http1::{Http1, HttpService};
use iolab::limits::{LINGER, READ_OCTETS, SEND_HIGH_OCTETS, TAIL_OCTETS};
use iolab::models::simulated::Conversation;
use iolab::patterns::{Echo, HELD_OCTETS};

use scripts::{Peer, Script, Step, play};

/// Of long conversations, which have thousands of moves each.
const SEEDS_OF_LONG: u64 = 8;
const SEEDS_OF_SHORT: u64 = 60;

/// What may be said at once beyond the high mark: an answer to one read, what was held back before it, and their heads.
const BEYOND_HIGH: usize = READ_OCTETS + HELD_OCTETS + 1024;

/// No script lasts so long, by its own clock, with its short limits.
const LONGEST: Duration = Duration::from_secs(6);

#[test]
fn every_script_goes_the_same_way_with_every_seed() {
    let mut failures = Vec::new();
    for script in scripts::all() {
        let is_long =
            script.steps.iter().any(|step| matches!(step, Step::Say(octets) | Step::Hear(octets) if octets.len() > 50_000));
        let seeds = 0..if is_long { SEEDS_OF_LONG } else { SEEDS_OF_SHORT };
        failures.extend([None].into_iter().chain(seeds.map(Some)).find_map(|seed| play_simulated(&script, seed).err()));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn play_simulated(script: &Script, seed: Option<u64>) -> Result<(), String> {
    let service = HttpService::new(script.http, script.time, Echo::default);
    let conversation = match seed {
        Some(seed) => Conversation::seeded(&service, seed),
        None => Conversation::whole(&service),
    };
    let mut peer =
        Simulated { conversation: conversation.expect("an echo server turns nobody away"), drain: script.serve.drain };
    play(script, &mut peer).and_then(|()| peer.check(&script.steps)).map_err(|error| {
        let story = peer.conversation.story();
        let last: Vec<&str> = story.lines().rev().take(40).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!("{error}\nseed {seed:?}, the last moves:\n{}\n", last.join("\n"))
    })
}

struct Simulated {
    conversation: Conversation<Http1<Echo>>,
    drain: Duration,
}

impl Simulated {
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
        Ok(())
    }
}

impl Peer for Simulated {
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

impl Read for Simulated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.conversation.read(buffer)
    }
}
