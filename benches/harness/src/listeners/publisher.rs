//! Who publishes: `POST /publish`, on a connection of its own. It does not wait for an answer before it says the next, and checks all
//! of them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::Registry;

use super::answer::{self, unexpected};
use super::event::{number, string, wrong};
use super::listener::Wire;
use super::{LEAST_TEXT, Pace};
use crate::load::Sources;

pub(super) struct Publisher {
    pub(super) wire: Wire,
    /// Moments are counted from here.
    epoch: Instant,
    /// Of the server, before the first event here; unknown until it has said so.
    cursor: Option<String>,
    /// When each event was published.
    published: Vec<u64>,
    /// Events of which the server has said that it has them.
    answered: usize,
    plan: Option<(Pace, Instant)>,
}

impl Publisher {
    /// Asks where the feed is.
    pub(super) fn connect(
        to: SocketAddr,
        sources: &mut Sources,
        registry: &Registry,
        token: usize,
        epoch: Instant,
    ) -> io::Result<Publisher> {
        let mut wire = Wire::connect(to, sources, registry, token)?;
        wire.say.extend_from_slice(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        wire.send()?;
        Ok(Publisher { wire, epoch, cursor: None, published: Vec::new(), answered: 0, plan: None })
    }

    /// The id of the newest event and its number, as far as the server has said.
    pub(super) fn newest(&self) -> Option<(&str, u64)> {
        let cursor = self.cursor.as_deref()?;
        Some((cursor, number(cursor).ok()?))
    }

    /// The number of the first event that is published here, and the moments of all.
    pub(super) fn all(&self) -> io::Result<(u64, &[u64])> {
        let (_, newest) = self.newest().ok_or_else(|| wrong("the feed has not said where it is".into()))?;
        Ok((newest + 1 - self.answered as u64, &self.published))
    }

    /// Whether the server has answered all.
    pub(super) fn is_answered(&self) -> bool {
        self.answered == self.published.len() && self.cursor.is_some()
    }

    /// Events are published from now on.
    pub(super) fn begin(&mut self, pace: Pace, now: Instant) {
        self.plan = Some((pace, now));
    }

    /// No more events.
    pub(super) fn stop(&mut self) {
        self.plan = None;
    }

    /// When the next ones are due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.plan.map(|(_, due)| due)
    }

    /// Publishes what is due by now. Whoever is late does not hurry: the interval begins anew.
    pub(super) fn publish_due(&mut self, now: Instant) -> io::Result<()> {
        let Some((pace, due)) = self.plan else { return Ok(()) };
        if now < due {
            return Ok(());
        }
        for _ in 0..pace.burst {
            self.publish(pace.text)?;
        }
        let interval = Duration::from_secs_f64(f64::from(pace.burst) / pace.rate);
        let next = due + interval;
        self.plan = Some((pace, if next > now { next } else { now + interval }));
        Ok(())
    }

    /// Publishes one event, the text of which is this moment.
    pub(super) fn publish(&mut self, text: usize) -> io::Result<()> {
        let at = self.epoch.elapsed().as_nanos() as u64;
        let length = text.max(LEAST_TEXT);
        let head = format!("POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nt={at}");
        let digits = head.len() - head.rfind('t').unwrap_or_default();
        self.wire.say.extend_from_slice(head.as_bytes());
        self.wire.say.resize(self.wire.say.len() + length - digits, b'.');
        self.published.push(at);
        self.wire.send().map(drop)
    }

    /// Takes apart what has come.
    pub(super) fn hear(&mut self) -> io::Result<()> {
        while let Some(answer) = answer::take(&mut self.wire.heard)? {
            let strange = || wrong("the feed has not said the id of its newest event".into());
            if self.cursor.is_none() {
                if answer.status != 200 {
                    return Err(unexpected("asking where the feed is", answer.status, &answer.body));
                }
                let next = string(&answer.body, "next").ok_or_else(strange)?;
                number(next)?;
                self.cursor = Some(next.to_owned());
                continue;
            }
            if answer.status != 201 {
                return Err(unexpected("publishing", answer.status, &answer.body));
            }
            let id = string(&answer.body, "id").ok_or_else(strange)?;
            let due = self.newest().map_or(1, |(_, newest)| newest + 1);
            if number(id)? != due {
                return Err(wrong(format!("the event that was published got the id {id:?}, and should be number {due}")));
            }
            self.cursor = Some(id.to_owned());
            self.answered += 1;
        }
        Ok(())
    }
}
