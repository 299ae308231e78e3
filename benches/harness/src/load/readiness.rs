//! A steady load over readiness (mio).

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry};

use super::connect::Sources;
use super::conversation::Script;
use super::line::{BUFFER, Line, Manner};
use super::stopwatch::{Stopwatch, wait};
use super::talk::Talk;

/// `epoll_wait(2)` counts milliseconds: who is to ask sooner than in so long a time does not sleep until then.
const TOO_SOON_TO_SLEEP: Duration = Duration::from_millis(2);

pub(super) struct Readiness {
    poll: Poll,
    events: Events,
    lines: Lines,
    /// All answers that are there are heard before anybody asks again.
    in_bursts: bool,
    spins: bool,
}

impl Readiness {
    pub(super) fn connect(
        to: SocketAddr,
        connections: usize,
        script: Script,
        in_bursts: bool,
        spins: bool,
    ) -> io::Result<Readiness> {
        let poll = Poll::new()?;
        let registry = Rc::new(poll.registry().try_clone()?);
        let (sources, buffer) = (Sources::default(), vec![0; BUFFER]);
        let manner = if in_bursts { Manner::AtOnce } else { Manner::WhenTold(Rc::clone(&registry)) };
        let mut lines = Lines { to, manner, sources, registry, script, lines: Vec::with_capacity(connections), buffer };
        for place in 0..connections {
            let line = lines.connect(place)?;
            lines.lines.push(Some(line));
        }
        Ok(Readiness { poll, events: Events::with_capacity(1024), lines, in_bursts, spins })
    }

    /// Asks, and hears if it is to. Says whether there was nothing to do, and the CPU was kept busy all the same.
    pub(super) fn turn(&mut self, talk: &mut Talk, watch: &mut Stopwatch<'_>, now: Instant, hears: bool) -> io::Result<bool> {
        let asked = self.lines.ask(talk, watch, now)?;
        if !hears {
            return Ok(false);
        }
        let left = watch.until().saturating_duration_since(now);
        let time = match talk.next_arrival() {
            _ if self.spins => Duration::ZERO,
            None => left,
            Some(next) => match next.saturating_duration_since(now) {
                soon if soon < TOO_SOON_TO_SLEEP => Duration::ZERO,
                time => left.min(time - TOO_SOON_TO_SLEEP / 2),
            },
        };
        wait(&mut self.poll, &mut self.events, time)?;
        for event in &self.events {
            self.lines.hear(event, talk, watch)?;
            if !self.in_bursts {
                self.lines.ask(talk, watch, Instant::now())?;
            }
        }
        Ok(time.is_zero() && !asked && self.events.is_empty())
    }
}

struct Lines {
    to: SocketAddr,
    manner: Manner,
    sources: Sources,
    registry: Rc<Registry>,
    script: Script,
    /// `None` where the server has hung up and nobody has asked since.
    lines: Vec<Option<Line>>,
    buffer: Vec<u8>,
}

impl Lines {
    fn connect(&mut self, place: usize) -> io::Result<Line> {
        Line::connect(self.to, &mut self.sources, &self.registry, place, self.manner.clone())
    }

    /// Says what is to be said by now, if there is anything.
    fn ask(&mut self, talk: &mut Talk, watch: &mut Stopwatch<'_>, now: Instant) -> io::Result<bool> {
        let mut asked = false;
        while let Some((place, requests)) = talk.next(now) {
            asked = true;
            match &mut self.lines[place] {
                Some(line) => line.say(&self.script, requests)?,
                None => self.say_anew(place, talk, watch)?,
            }
        }
        Ok(asked)
    }

    fn hear(&mut self, event: &Event, talk: &mut Talk, watch: &mut Stopwatch<'_>) -> io::Result<()> {
        let place = event.token().0;
        let Some(line) = &mut self.lines[place] else { return Ok(()) };
        let hear = |octets: &[u8]| talk.heard(place, octets, Instant::now(), watch);
        let closes = line.ready(event, &self.script, &mut self.buffer, hear)?;
        if !closes && line.peer_finished() {
            talk.hung_up(place)?;
        }
        if closes || line.peer_finished() {
            self.lines[place] = None;
            if talk.is_owed_on(place) {
                self.say_anew(place, talk, watch)?;
            }
        }
        Ok(())
    }

    /// Says on a new connection what the server has left unanswered, and what has not been said.
    fn say_anew(&mut self, place: usize, talk: &mut Talk, watch: &mut Stopwatch<'_>) -> io::Result<()> {
        watch.sample.reopened += 1;
        let line = self.connect(place)?;
        self.lines[place].insert(line).say(&self.script, talk.begin_anew(place))
    }
}
