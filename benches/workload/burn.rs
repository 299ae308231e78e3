//! Burning CPU: a computation of which each step needs the one before, so that no core can do two at a time.
//!
//! How long a step takes is found once, before anything is measured, on the server's core; then all models are told the same
//! number of steps. So what they burn is the same work, and not the same reading of a clock.

use std::io;
use std::time::Duration;

use harness::statistics::Dice;
use nix::time::{ClockId, clock_gettime};

use crate::description::Description;

/// What a step costs.
#[derive(Clone, Copy, Debug)]
pub struct Calibration {
    /// Nanoseconds of CPU time.
    pub step: f64,
}

/// Steps of one probe: about 0.3 ms.
const PROBE: u64 = 200_000;

/// The quickest of so many is what the core does when nobody disturbs it.
const PROBES: usize = 40;

/// Burns so many steps, by the same instructions wherever it is called; what comes out is a function of their number, so none can be left out unnoticed.
#[inline(never)]
pub fn burn(steps: u64) -> u64 {
    let mut burnt = 0;
    for _ in 0..steps {
        burnt = Dice(std::hint::black_box(burnt)).throw();
    }
    burnt
}

impl Calibration {
    /// Finds it out, on the core this thread is on.
    pub fn take() -> io::Result<Calibration> {
        let mut quickest = Duration::MAX;
        for _ in 0..PROBES {
            let before = cpu()?;
            std::hint::black_box(burn(PROBE));
            quickest = quickest.min(cpu()? - before);
        }
        Ok(Calibration { step: quickest.as_nanos() as f64 / PROBE as f64 })
    }

    /// How many steps take so many µs.
    pub fn steps(&self, micros: f64) -> u64 {
        (1000.0 * micros / self.step).round() as u64
    }

    /// For people.
    pub fn in_words(&self, description: &Description) -> String {
        let Description { cpu_us, burn_steps, .. } = description;
        format!(
            "{cpu_us} µs of CPU are {burn_steps} steps of a computation, of {:.3} ns each on the server's core; all models burn as many.",
            self.step
        )
    }
}

/// CPU time of this thread.
fn cpu() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
