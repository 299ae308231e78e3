//! The time of a run: warm-up, window, and the answers that still come afterwards.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll};
use nix::time::{ClockId, clock_gettime};

use super::{Edge, Generator, INTERRUPTED, Plan, Sample};

/// For so long a server may leave every connection unanswered before that is called a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looking for answers takes less than this; if it took longer, another program had the core for the rest, and that is no CPU
/// time of the load's.
const LONGEST_LOOK: Duration = Duration::from_micros(2);

/// Keeps the time, and with it the sample.
pub(super) struct Stopwatch<'e> {
    plan: Plan,
    edge: &'e mut dyn FnMut(Edge),
    phase: Phase,
    phase_began: Instant,
    window_began: Instant,
    last_answer: Instant,
    /// CPU time of this thread when the window began.
    cpu: Duration,
    /// Time in the window in which a load that spins found nothing to do.
    spun: Duration,
    pub(super) sample: Sample,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Window,
    Over,
}

impl<'e> Stopwatch<'e> {
    pub(super) fn start(plan: Plan, generator: Generator, edge: &'e mut dyn FnMut(Edge)) -> Self {
        let now = Instant::now();
        let sample = Sample {
            generator,
            answers: 0,
            answers_in_all: 0,
            octets: 0,
            elapsed: Duration::ZERO,
            busy: Duration::ZERO,
            latency: latencies(),
            unasked: 0,
            reopened: 0,
        };
        let (phase, spun, cpu) = (Phase::WarmUp, Duration::ZERO, Duration::ZERO);
        Stopwatch { plan, edge, phase, phase_began: now, window_began: now, last_answer: now, cpu, spun, sample }
    }

    /// An answer has come to what was asked, or was to be asked, at `asked`. It counts if it came within the window, and its
    /// latency does if it was to be asked then: a server that says nothing until the window is over does not get away with it.
    #[inline]
    pub(super) fn answered(&mut self, asked: Instant, now: Instant) {
        self.last_answer = now;
        self.sample.answers_in_all += 1;
        if self.phase == Phase::Window {
            self.sample.answers += 1;
        }
        if self.phase != Phase::WarmUp && asked >= self.window_began {
            self.sample.latency.saturating_record((now - asked).as_nanos() as u64);
        }
    }

    pub(super) fn heard(&mut self, octets: usize) {
        if self.phase == Phase::Window {
            self.sample.octets += octets as u64;
        }
    }

    /// A request that should have been asked within the window was not, since no connection was free.
    pub(super) fn unasked(&mut self, due: Instant, now: Instant) {
        if due >= self.window_began {
            self.sample.unasked += 1;
            self.sample.latency.saturating_record(now.saturating_duration_since(due).as_nanos() as u64);
        }
    }

    /// No answer is due, so none can be late.
    pub(super) fn nothing_is_due(&mut self, now: Instant) {
        self.last_answer = now;
    }

    /// A load that spins has looked and found nothing to do, which took so long.
    pub(super) fn spun(&mut self, time: Duration) {
        if self.phase == Phase::Window {
            self.spun += time.min(LONGEST_LOOK);
        }
    }

    /// Moves from phase to phase.
    #[inline]
    pub(super) fn tick(&mut self, now: Instant) -> io::Result<()> {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
        }
        let spent = now - self.phase_began;
        if self.phase == Phase::WarmUp && spent >= self.plan.warm_up {
            (self.edge)(Edge::Start);
            self.cpu = own_cpu()?;
            self.window_began = Instant::now();
            (self.phase, self.phase_began) = (Phase::Window, self.window_began);
        } else if self.phase == Phase::Window && spent >= self.plan.window {
            self.sample.elapsed = spent;
            self.sample.busy = (own_cpu()? - self.cpu).saturating_sub(self.spun);
            (self.edge)(Edge::End);
            self.phase = Phase::Over;
        } else if now.saturating_duration_since(self.last_answer) > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer for {} s", PATIENCE.as_secs())));
        }
        Ok(())
    }

    /// When the present phase ends.
    pub(super) fn until(&self) -> Instant {
        self.phase_began
            + match self.phase {
                Phase::WarmUp => self.plan.warm_up,
                Phase::Window => self.plan.window,
                Phase::Over => PATIENCE,
            }
    }

    /// Waits for events until the phase ends, and moves on.
    pub(super) fn turn(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<()> {
        let left = self.until().saturating_duration_since(Instant::now());
        wait(poll, events, left)?;
        self.tick(Instant::now())
    }

    pub(super) fn is_measuring(&self) -> bool {
        self.phase == Phase::Window
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

/// Waits for events; a signal is none.
pub(crate) fn wait(poll: &mut Poll, events: &mut Events, time: Duration) -> io::Result<()> {
    match poll.poll(events, Some(time)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}

/// From a microsecond to a minute, to a thousandth: 0.2 MB.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("bounds in order")
}

pub(crate) fn own_cpu() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
