//! The loop of all listeners and the publisher.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Registry};

use super::event::wrong;
use super::listener::{Listener, Wire};
use super::publisher::Publisher;
use super::{Counts, FanOut, Heard, LEAST_TEXT, Pace, Way};
use crate::load::{Edge, INTERRUPTED, Plan, Sources, latencies, own_cpu, wait};

/// After so many connections the server is given the time to accept and to answer them: the queue before it is not to overflow, nor is
/// it to need as many threads at one time as listeners would take who all come at once.
const BATCH: usize = 16;

/// For so long everything that is due may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for one read. All connections share it.
const BUFFER: usize = 64 << 10;

const PUBLISHER: usize = usize::MAX >> 1;

/// Listeners that follow a feed, and its publisher.
pub struct Audience {
    poll: Poll,
    events: Events,
    hall: Hall,
}

/// Everything but the waiting.
struct Hall {
    to: SocketAddr,
    way: Way,
    sources: Sources,
    registry: Registry,
    publisher: Publisher,
    listeners: Vec<Listener>,
    /// When those who poll are to ask, of those who do not ask as soon as they are answered.
    schedule: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Whether those who poll do so; before, they only make themselves known.
    polls: bool,
    epoch: Instant,
    buffer: Vec<u8>,
    counts: Counts,
    /// Of events published from this moment on.
    latency: Histogram<u64>,
    latency_since: u64,
    /// When the first and the last event came since this was last asked.
    arrivals: Option<(Instant, Instant)>,
}

impl Audience {
    /// So many listeners who hear what is published from now on. All of them are with the server when this returns.
    pub fn gather(to: SocketAddr, way: Way, listeners: usize) -> io::Result<Audience> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let (mut sources, epoch) = (Sources::default(), Instant::now());
        let publisher = Publisher::connect(to, &mut sources, &registry, PUBLISHER, epoch)?;
        let hall = Hall {
            to,
            way,
            sources,
            registry,
            publisher,
            listeners: Vec::with_capacity(listeners),
            schedule: BinaryHeap::new(),
            polls: false,
            epoch,
            buffer: vec![0; BUFFER],
            counts: Counts::default(),
            latency: latencies(),
            latency_since: u64::MAX,
            arrivals: None,
        };
        let mut audience = Audience { poll, events: Events::with_capacity(1024), hall };
        audience.until_true("the feed to say where it is", |hall| hall.publisher.is_answered())?;
        audience.grow(listeners)?;
        Ok(audience)
    }

    /// So many more.
    pub fn grow(&mut self, by: usize) -> io::Result<()> {
        let goal = self.hall.listeners.len() + by;
        while self.hall.listeners.len() < goal {
            let known = self.hall.listeners.len();
            for _ in 0..BATCH.min(goal - known) {
                self.hall.add()?;
            }
            let all_follow = |hall: &Hall| hall.listeners[known..].iter().all(Listener::is_following);
            self.until_true("the server to answer each listener", all_follow)?;
        }
        Ok(())
    }

    /// How many there are.
    pub fn listeners(&self) -> usize {
        self.hall.listeners.len()
    }

    /// Publishes at this pace, and hears. `edge` is told when the window begins and ends. Those who poll begin one after the other,
    /// evenly spread over their interval or over the warm-up: a server that has an interval of its own does not see them all at
    /// one time.
    pub fn run(&mut self, plan: Plan, pace: Pace, edge: &mut dyn FnMut(Edge)) -> io::Result<Heard> {
        let began = Instant::now();
        let at_first = self.hall.counts;
        self.hall.begin_polling(began, plan.warm_up);
        self.hall.publisher.begin(pace, began);
        self.until(began + plan.warm_up)?;

        self.hall.latency = latencies();
        self.hall.latency_since = self.hall.now();
        edge(Edge::Start);
        let (counts, cpu, window_began) = (self.hall.counts, own_cpu()?, Instant::now());
        self.until(window_began + plan.window)?;
        edge(Edge::End);
        let (elapsed, busy) = (window_began.elapsed(), own_cpu()? - cpu);
        let counts = self.hall.counts.since(&counts);

        self.hall.publisher.stop();
        self.until_all_have_heard()?;
        self.hall.latency_since = u64::MAX;
        let latency = std::mem::replace(&mut self.hall.latency, latencies());
        Ok(Heard { counts, counts_in_all: self.hall.counts.since(&at_first), latency, elapsed, busy })
    }

    /// Publishes one event, and waits until everybody has heard it.
    pub fn fan_out(&mut self) -> io::Result<FanOut> {
        self.hall.begin_polling(Instant::now(), Duration::ZERO);
        self.hall.arrivals = None;
        let (began, cpu) = (Instant::now(), own_cpu()?);
        self.hall.publisher.publish(LEAST_TEXT)?;
        self.until_all_have_heard()?;
        let busy = own_cpu()? - cpu;
        let (first, last) = self.hall.arrivals.unwrap_or((began, began));
        Ok(FanOut { first: first - began, last: last - began, busy })
    }

    /// Goes on for a while without publishing.
    pub fn listen(&mut self, time: Duration) -> io::Result<()> {
        self.until(Instant::now() + time)
    }

    fn until(&mut self, end: Instant) -> io::Result<()> {
        loop {
            self.turn(end)?;
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }

    fn until_all_have_heard(&mut self) -> io::Result<()> {
        self.until_true("all listeners to hear all events", Hall::all_have_heard)
    }

    fn until_true(&mut self, what: &str, done: impl Fn(&Hall) -> bool) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !done(&self.hall) {
            if Instant::now() >= end {
                let missing = self.hall.missing();
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("waited 10 s for {what}{missing}")));
            }
            self.turn(end)?;
        }
        Ok(())
    }

    /// Says what is due, waits, and hears what has come.
    fn turn(&mut self, end: Instant) -> io::Result<()> {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
        }
        let now = Instant::now();
        self.hall.say_due(now)?;
        let next = self.hall.next_due().map_or(end, |next| next.min(end));
        wait(&mut self.poll, &mut self.events, next.saturating_duration_since(Instant::now()))?;
        for event in &self.events {
            self.hall.ready(event.token().0, event.is_read_closed())?;
        }
        Ok(())
    }
}

impl Hall {
    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn add(&mut self) -> io::Result<()> {
        let wire = Wire::connect(self.to, &mut self.sources, &self.registry, self.listeners.len())?;
        let (cursor, number) = self.publisher.newest().ok_or_else(|| wrong("the feed has not said where it is".into()))?;
        let mut listener = Listener::new(wire, self.way, cursor, number);
        self.counts.requests += 1;
        self.counts.sent += listener.wire.send()? as u64;
        self.listeners.push(listener);
        Ok(())
    }

    /// Those who poll begin to.
    fn begin_polling(&mut self, now: Instant, within: Duration) {
        let spread = match self.way {
            Way::ShortPoll { every } => every,
            Way::LongPoll { .. } => within,
            _ => return,
        };
        if self.polls {
            return;
        }
        self.polls = true;
        let count = self.listeners.len();
        let at = |place| now + spread.mul_f64(place as f64 / count as f64);
        self.schedule = (0..count).map(|place| Reverse((at(place), place))).collect();
    }

    fn next_due(&self) -> Option<Instant> {
        let polls = self.schedule.peek().map(|Reverse((at, _))| *at);
        [polls, self.publisher.due()].into_iter().flatten().min()
    }

    fn say_due(&mut self, now: Instant) -> io::Result<()> {
        self.publisher.publish_due(now)?;
        while let Some(&Reverse((at, place))) = self.schedule.peek()
            && at <= now
        {
            self.schedule.pop();
            if let Way::ShortPoll { every } = self.way {
                self.schedule.push(Reverse((now.max(at) + every, place)));
            }
            // One that is still waiting for its last answer leaves this turn out.
            if self.listeners[place].may_ask() {
                self.ask(place)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, place: usize) -> io::Result<()> {
        self.listeners[place].ask();
        self.counts.requests += 1;
        self.counts.sent += self.listeners[place].wire.send()? as u64;
        Ok(())
    }

    /// `finished`: the server has said its last, which is not told again.
    fn ready(&mut self, token: usize, finished: bool) -> io::Result<()> {
        if token == PUBLISHER {
            return self.publisher_ready(finished);
        }
        let of_listener = |error: io::Error| io::Error::new(error.kind(), format!("listener {}: {error}", token + 1));
        self.listener_ready(token, finished).map_err(of_listener)
    }

    fn publisher_ready(&mut self, finished: bool) -> io::Result<()> {
        let of_publisher = |error: io::Error| io::Error::new(error.kind(), format!("the publisher: {error}"));
        self.publisher.wire.send().map_err(of_publisher)?;
        loop {
            let received = self.publisher.wire.receive(&mut self.buffer).map_err(of_publisher)?;
            self.publisher.hear().map_err(of_publisher)?;
            if !received.more && !finished {
                return Ok(());
            }
        }
    }

    fn listener_ready(&mut self, place: usize, finished: bool) -> io::Result<()> {
        self.counts.sent += self.listeners[place].wire.send()? as u64;
        loop {
            let listener = &mut self.listeners[place];
            let received = listener.wire.receive(&mut self.buffer)?;
            if received.octets == 0 {
                return Ok(());
            }
            self.counts.received += received.octets as u64;
            let now = Instant::now();
            let moment = (now - self.epoch).as_nanos() as u64;
            let (first, published) = self.publisher.all()?;
            let (counts, latency, since, arrivals) =
                (&mut self.counts, &mut self.latency, self.latency_since, &mut self.arrivals);
            listener.hear(first, published, |at| {
                counts.deliveries += 1;
                if at >= since {
                    latency.saturating_record(moment.saturating_sub(at));
                }
                *arrivals = Some((arrivals.map_or(now, |(first, _)| first), now));
            })?;
            // Pongs.
            self.counts.sent += listener.wire.send()? as u64;
            if self.polls && matches!(self.way, Way::LongPoll { .. }) && self.listeners[place].may_ask() {
                self.ask(place)?;
            }
            if !received.more && !finished {
                return Ok(());
            }
        }
    }

    fn all_have_heard(&self) -> bool {
        let Some((_, newest)) = self.publisher.newest() else { return false };
        self.publisher.is_answered() && self.listeners.iter().all(|listener| listener.last() == newest)
    }

    /// Who has not heard all, for an error.
    fn missing(&self) -> String {
        if !self.publisher.is_answered() {
            return "; the publisher waits for an answer".into();
        }
        let newest = self.publisher.newest().map_or(0, |(_, newest)| newest);
        let behind: Vec<u64> = self.listeners.iter().map(Listener::last).filter(|last| *last != newest).collect();
        match behind.first() {
            Some(last) => format!(
                "; {} of {} have not: one of them heard the last event before {newest} as {last}",
                behind.len(),
                self.listeners.len()
            ),
            None => String::new(),
        }
    }
}
