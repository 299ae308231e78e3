//! A connection for each request: connect, ask, hear the answer and the server's FIN, close.

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

/// The churning load.
pub struct Churn {
    to: SocketAddr,
    at_once: usize,
    script: Script,
    answers: Answers,
    sources: Sources,
}

impl Churn {
    /// So many connections at one time. The question should ask the server to close.
    pub fn new(to: SocketAddr, at_once: usize, question: &Question) -> Churn {
        let answers = Answers::new(question.answer.clone());
        Churn { to, at_once, script: Script::new(&question.request, 1), answers, sources: Sources::default() }
    }

    /// Runs the load; when it returns, every connection has ended. An answer counts when the FIN has come, and its latency
    /// includes the connecting.
    pub fn run(&mut self, plan: Plan, edge: &mut dyn FnMut(Edge)) -> io::Result<Sample> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        let mut watch = Stopwatch::start(plan, Generator::Light, edge);
        let mut wires = Vec::with_capacity(self.at_once);
        for place in 0..self.at_once {
            wires.push(Some(self.begin(&poll, place)?));
        }
        let mut busy = wires.len();
        while busy > 0 {
            watch.turn(&mut poll, &mut events)?;
            for event in &events {
                let place = event.token().0;
                let Some(wire) = &mut wires[place] else { continue };
                wire.ready(event, &self.script, &mut self.answers, &mut buffer)?;
                if !wire.peer_finished() {
                    continue;
                }
                watch.answered(wire.asked(), Instant::now());
                wires[place] = None;
                if watch.is_over() {
                    busy -= 1;
                } else {
                    wires[place] = Some(self.begin(&poll, place)?);
                }
            }
        }
        Ok(watch.sample)
    }

    fn begin(&mut self, poll: &Poll, place: usize) -> io::Result<Wire> {
        let now = Instant::now();
        let mut wire = Wire::connect(self.to, &mut self.sources, poll.registry(), place, &self.answers)?;
        wire.ask(&self.script, now)?;
        Ok(wire)
    }
}
