//! One ping after the other, while other connections keep the server busy: what do the others cost me?

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::{Events, Poll};

use super::answer::Answers;
use super::connect::Sources;
use super::conversation::Script;
use super::line::BUFFER;
use super::stopwatch::Stopwatch;
use super::wire::Wire;
use super::{Edge, Generator, Plan, Question, Sample};

/// The place of the ping's connection; the others follow.
const PING: usize = 0;

/// What keeps the server busy.
pub struct Background<'a> {
    /// What the other connections ask, again and again.
    pub question: Question,
    /// How many connections ask it.
    pub connections: usize,
    /// Done before each request of the background, while nothing is under way at all: no ping is measured meanwhile.
    pub prepare: Option<&'a mut dyn FnMut() -> io::Result<()>>,
}

/// The ping and what it runs beside.
pub struct Beside<'a> {
    poll: Poll,
    ping: Script,
    other: Script,
    background: Background<'a>,
    ping_answers: Answers,
    background_answers: Answers,
    wires: Vec<Wire>,
}

impl<'a> Beside<'a> {
    /// Connects.
    pub fn connect(to: SocketAddr, ping: &Question, background: Background<'a>) -> io::Result<Beside<'a>> {
        let poll = Poll::new()?;
        let ping_answers = Answers::new(ping.answer.clone());
        let background_answers = Answers::new(background.question.answer.clone());
        let mut sources = Sources::default();
        let wires = (0..=background.connections)
            .map(|token| {
                let answers = if token == PING { &ping_answers } else { &background_answers };
                Wire::connect(to, &mut sources, poll.registry(), token, answers)
            })
            .collect::<io::Result<_>>()?;
        let (ping, other) = (Script::new(&ping.request, 1), Script::new(&background.question.request, 1));
        Ok(Beside { poll, ping, other, background, ping_answers, background_answers, wires })
    }

    /// Runs the load. The sample is about the pings, each of which was asked while the background was; the number is how many
    /// answers the background had.
    pub fn run(&mut self, plan: Plan, edge: &mut dyn FnMut(Edge)) -> io::Result<(Sample, u64)> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        let mut watch = Stopwatch::start(plan, Generator::Light, edge);
        let mut background_answers = 0;
        self.begin()?;
        while self.wires.iter().any(|wire| !wire.is_idle()) {
            watch.turn(&mut self.poll, &mut events)?;
            for event in &events {
                let place = event.token().0;
                let wire = &mut self.wires[place];
                let (script, answers) = match place {
                    PING => (&self.ping, &mut self.ping_answers),
                    _ => (&self.other, &mut self.background_answers),
                };
                if !wire.ready(event, script, answers, &mut buffer)? {
                    continue;
                }
                let now = Instant::now();
                if place == PING {
                    watch.answered(wire.asked(), now);
                } else {
                    background_answers += u64::from(watch.is_measuring());
                }
                // With something to prepare, the next requests wait until all is quiet.
                let goes_on = self.background.prepare.is_none() || place == PING && self.background_is_busy();
                if !watch.is_over() && goes_on {
                    self.ask(place, now)?;
                }
            }
            if !watch.is_over() && self.wires.iter().all(Wire::is_idle) {
                self.begin()?;
            }
        }
        Ok((watch.sample, background_answers))
    }

    fn begin(&mut self) -> io::Result<()> {
        if let Some(prepare) = &mut self.background.prepare {
            prepare()?;
        }
        for place in (0..self.wires.len()).rev() {
            self.ask(place, Instant::now())?;
        }
        Ok(())
    }

    fn ask(&mut self, place: usize, now: Instant) -> io::Result<()> {
        let script = if place == PING { &self.ping } else { &self.other };
        self.wires[place].ask(script, now)
    }

    fn background_is_busy(&self) -> bool {
        self.wires[PING + 1..].iter().any(|wire| !wire.is_idle())
    }
}
