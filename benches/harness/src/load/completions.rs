//! A steady load over completions (io_uring): whatever is asked in one turn is one system call, and hearing is none.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::connect::Sources;
use super::conversation::{Script, Speech};
use super::ring::{Happened, Ring};
use super::stopwatch::Stopwatch;
use super::talk::Talk;

pub(super) struct Completions {
    to: SocketAddr,
    sources: Sources,
    ring: Ring,
    voices: Vec<Voice>,
    spins: bool,
}

/// What is said on one connection. One send at a time: two might overtake each other.
#[derive(Default)]
struct Voice {
    speech: Speech,
    sending: bool,
}

impl Completions {
    /// `answer`: about how many octets come at once on a connection. Fails where io_uring cannot be had.
    pub(super) fn new(
        to: SocketAddr,
        connections: usize,
        script: Script,
        answer: usize,
        spins: bool,
    ) -> io::Result<Completions> {
        let ring = Ring::new(connections, script, answer)?;
        let voices = (0..connections).map(|_| Voice::default()).collect();
        Ok(Completions { to, sources: Sources::default(), ring, voices, spins })
    }

    pub(super) fn connect(&mut self) -> io::Result<()> {
        for place in 0..self.voices.len() {
            self.ring.open(place, self.sources.connect(self.to)?)?;
        }
        Ok(())
    }

    /// Asks, and hears if it is to. Says whether there was nothing to do, and the CPU was kept busy all the same.
    pub(super) fn turn(&mut self, talk: &mut Talk, watch: &mut Stopwatch<'_>, now: Instant, hears: bool) -> io::Result<bool> {
        while let Some((place, requests)) = talk.next(now) {
            if self.ring.is_open(place) {
                self.voices[place].speech.add(self.ring.script(), requests);
                self.say(place)?;
            } else {
                self.say_anew(place, talk, watch)?;
            }
        }
        if !hears {
            self.ring.submit_only()?;
        } else if self.ring.has_work() {
            self.ring.submit()?;
        } else if self.ring.is_empty() {
            if self.spins {
                std::hint::spin_loop();
                return Ok(true);
            }
            let until = talk.next_arrival().map_or(watch.until(), |next| next.min(watch.until()));
            self.ring.wait(until.saturating_duration_since(now))?;
        }
        let now = Instant::now();
        while let Some((place, happened)) = self.ring.next()? {
            match happened {
                Happened::Heard(heard) => {
                    let closes = talk.heard(place, self.ring.octets(&heard), now, watch)?;
                    self.ring.give_back(heard);
                    if closes {
                        self.closed(place, talk, watch)?;
                    }
                }
                Happened::Said(octets) => {
                    let voice = &mut self.voices[place];
                    voice.speech.said(self.ring.script(), octets);
                    voice.sending = false;
                    self.say(place)?;
                }
                Happened::HungUp => {
                    talk.hung_up(place)?;
                    self.closed(place, talk, watch)?;
                }
            }
        }
        Ok(false)
    }

    fn say(&mut self, place: usize) -> io::Result<()> {
        let voice = &mut self.voices[place];
        if voice.sending || voice.speech.is_said() {
            return Ok(());
        }
        voice.sending = true;
        self.ring.send(place, voice.speech.next(self.ring.script()))
    }

    fn closed(&mut self, place: usize, talk: &mut Talk, watch: &mut Stopwatch<'_>) -> io::Result<()> {
        self.ring.close(place)?;
        if talk.is_owed_on(place) { self.say_anew(place, talk, watch) } else { Ok(()) }
    }

    /// Says on a new connection what the server has left unanswered, and what has not been said.
    fn say_anew(&mut self, place: usize, talk: &mut Talk, watch: &mut Stopwatch<'_>) -> io::Result<()> {
        watch.sample.reopened += 1;
        self.ring.open(place, self.sources.connect(self.to)?)?;
        self.voices[place] = Voice { speech: Speech::of(self.ring.script(), talk.begin_anew(place)), sending: false };
        self.say(place)
    }
}
