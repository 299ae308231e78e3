//! The clock, read once a turn. Both reads go through the vDSO (vdso(7)) and enter no kernel, so they are not counted.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::time::{Now, Time};

/// What time it is. The time of day is the coarse one, which is behind by at most a tick (4 ms at 250 Hz).
pub(crate) fn now() -> Now {
    let at = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    let day = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).map_or(Duration::ZERO, Duration::from);
    Now { at: Time::from_nanos(at.as_nanos() as u64), unix_seconds: day.as_secs() }
}
