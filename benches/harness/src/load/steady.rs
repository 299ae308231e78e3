//! So many connections, kept alive, all asking the same.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::{Events, Poll};

use super::answer::Answers;
use super::connect::Sources;
use super::wire::{BUFFER, Wire};
use super::{Edge, Plan, Question, Sample, Stopwatch};

/// The steady load.
pub struct Steady {
    poll: Poll,
    wires: Vec<Wire>,
    answers: Answers,
    batch: Vec<u8>,
    pipelined: usize,
}

impl Steady {
    /// Connects. Each connection will say the request `pipelined` times at once, and wait for all the answers.
    pub fn connect(to: SocketAddr, connections: usize, pipelined: usize, question: &Question) -> io::Result<Steady> {
        let poll = Poll::new()?;
        let answers = Answers::new(question.answer.clone());
        let mut sources = Sources::default();
        let wires = (0..connections)
            .map(|token| Wire::connect(to, &mut sources, poll.registry(), token, &answers))
            .collect::<io::Result<_>>()?;
        Ok(Steady { poll, wires, answers, batch: question.request.repeat(pipelined), pipelined })
    }

    /// Runs the load; when it returns, every request has been answered.
    pub fn run(&mut self, plan: Plan, edge: &mut dyn FnMut(Edge)) -> io::Result<Sample> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        let mut watch = Stopwatch::start(plan, edge);
        for wire in &mut self.wires {
            wire.ask(&self.batch, self.pipelined, Instant::now())?;
        }
        let mut busy = self.wires.len();
        while busy > 0 {
            watch.turn(&mut self.poll, &mut events)?;
            for event in &events {
                let wire = &mut self.wires[event.token().0];
                let completed = wire.ready(event, &self.batch, &mut self.answers, &mut buffer)?;
                if completed == 0 {
                    continue;
                }
                let now = Instant::now();
                for _ in 0..completed {
                    watch.answered(wire.asked(), now);
                }
                if wire.is_idle() {
                    if watch.is_over() {
                        busy -= 1;
                    } else {
                        wire.ask(&self.batch, self.pipelined, now)?;
                    }
                }
            }
        }
        Ok(watch.sample)
    }
}
