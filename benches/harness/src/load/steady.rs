//! So many connections, kept alive, all asking the same.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::burst::Burst;
use super::completions::Completions;
use super::conversation::Script;
use super::readiness::Readiness;
use super::stopwatch::Stopwatch;
use super::talk::Talk;
use super::{Edge, Expected, Generator, Learned, Pace, Plan, Question, Sample};
use crate::cores;

/// How a steady load asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// All answers that are there are heard, then all are asked again, in one system call over io_uring: less work for each
    /// request than a server has with it, so the server is never without, and finds many at once. The load spins: it never
    /// sleeps, so the server never has to wake it.
    #[default]
    Bursty,
    /// As wrk and most programs that write from callbacks do: connection by connection an answer is read, then epoll is asked
    /// for room, told of it, and the next request written; who has nothing to do sleeps. This is more work for each request than
    /// a fast server has with it, so the load is the limit, and the server finds few requests at once and sleeps in between.
    Light,
}

/// What a steady load does.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub connections: usize,
    /// Requests that a connection says before it waits for answers: in a closed loop so many at once, in an open loop at most.
    pub pipelined: usize,
    pub kind: Kind,
    pub pace: Pace,
}

/// The steady load.
pub struct Steady {
    talk: Talk,
    network: Network,
    generator: Generator,
    /// Requests under way, if they are heard in bursts: not in an open loop, whose latencies are not to include that.
    in_bursts: Option<usize>,
}

enum Network {
    Completions(Box<Completions>),
    Readiness(Readiness),
}

/// About what an answer has beside its body.
const HEAD: usize = 256;

impl Steady {
    /// Connects.
    pub fn connect(to: SocketAddr, terms: &Terms, question: &Question) -> io::Result<Steady> {
        let script = || Script::new(&question.request, terms.pipelined);
        // Who shares a core with the server takes it away by spinning.
        let spins = !cores::are_one();
        let readiness = |in_bursts| {
            Readiness::connect(to, terms.connections, script(), in_bursts, in_bursts && spins).map(Network::Readiness)
        };
        let body = match &question.answer {
            Expected::Body(body) => body.len(),
            Expected::LikeTheFirst(_) => question.request.len().max(16 << 10),
        };
        let (network, generator) = match terms.kind {
            Kind::Light => (readiness(false)?, Generator::Light),
            Kind::Bursty => match Completions::new(to, terms.connections, script(), (body + HEAD) * terms.pipelined, spins) {
                Ok(mut completions) => {
                    completions.connect()?;
                    (Network::Completions(Box::new(completions)), Generator::BurstyUring)
                }
                Err(why) => (readiness(true)?, Generator::BurstyEpoll(why.to_string())),
            },
        };
        let in_bursts = spins && terms.kind == Kind::Bursty && terms.pace == Pace::Closed;
        let in_bursts = in_bursts.then_some(terms.connections * terms.pipelined);
        Ok(Steady { talk: Talk::new(question, terms), network, generator, in_bursts })
    }

    /// Runs the load; when it returns, every request that was asked has been answered.
    pub fn run(&mut self, plan: Plan, edge: &mut dyn FnMut(Edge)) -> io::Result<Sample> {
        let mut watch = Stopwatch::start(plan, self.generator.clone(), edge);
        let mut now = Instant::now();
        self.talk.begin(now);
        let mut burst = self.in_bursts.map(|requests| Burst::new(requests, now));
        loop {
            // What was heard is asked again at once; only the hearing waits.
            let gathers = burst.as_ref().is_some_and(|burst| burst.gathers(now)) && !watch.is_over();
            let nothing_to_do = match &mut self.network {
                _ if gathers && !self.talk.has_to_ask() => {
                    std::hint::spin_loop();
                    true
                }
                Network::Completions(completions) => completions.turn(&mut self.talk, &mut watch, now, !gathers)?,
                Network::Readiness(readiness) => readiness.turn(&mut self.talk, &mut watch, now, !gathers)?,
            };
            if let (Some(burst), false) = (&mut burst, gathers) {
                burst.heard(watch.sample.answers_in_all, now);
            }
            let before = std::mem::replace(&mut now, Instant::now());
            if nothing_to_do {
                watch.spun(now - before);
            }
            if self.talk.is_silent() {
                watch.nothing_is_due(now);
            }
            watch.tick(now)?;
            if watch.is_over() {
                self.talk.end(now, &mut watch);
                if self.talk.is_silent() {
                    return Ok(watch.sample);
                }
            }
        }
    }

    /// The first answer, from which the others were learned.
    pub fn learned(&self) -> Option<Learned> {
        self.talk.learned()
    }
}
