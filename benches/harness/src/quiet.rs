//! Was the machine quiet? What other programs did on the two cores meanwhile is in the figures too.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::{SysconfVar, sysconf};

use crate::cores::Cores;

/// A machine of which others use more than this share is not quiet.
const QUIET: f64 = 0.05;

/// What the neighbours did during a row, if it matters; `before` was taken at its start.
pub fn disturbance(row: &str, before: &Usage, cores: Cores) -> Option<String> {
    share_of_others(before, cores).map(|share| format!("{row} ({:.0} %)", 100.0 * share))
}

/// The share of these cores that the neighbours had since `before`, if it matters.
pub fn share_of_others(before: &Usage, cores: Cores) -> Option<f64> {
    let share = Usage::now(&cores.both())?.disturbance_since(before, cores.both().len());
    (share > QUIET).then_some(share)
}

/// What a table says of disturbed rows.
pub fn warning(disturbed: &[String]) -> Option<String> {
    let rows = disturbed.join(", ");
    (!disturbed.is_empty()).then(|| {
        format!(
            "The machine was not quiet: other programs or the hypervisor took a share of these cores during {rows}. Measure again."
        )
    })
}

/// CPU time since some moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    at: Instant,
    /// Of all programs, on the given cores.
    all: Duration,
    /// Of this one and its children that have ended.
    own: Duration,
    /// Taken by the hypervisor while somebody here wanted to run.
    stolen: Duration,
}

impl Usage {
    /// Until now, if the kernel tells.
    pub fn now(cores: &[usize]) -> Option<Usage> {
        let ticks = sysconf(SysconfVar::CLK_TCK).ok()?? as f64;
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let (mut all, mut stolen) = (0.0, 0.0);
        for core in cores {
            let name = format!("cpu{core}");
            let line = stat.lines().find(|line| line.split(' ').next() == Some(&name))?;
            // user nice system idle iowait irq softirq steal (proc_stat(5)). Soft interrupts are the network's work, which is
            // done on the time of whoever sends.
            let fields: Vec<f64> = line.split(' ').skip(1).filter_map(|field| field.parse().ok()).collect();
            all += (fields.get(..3)?.iter().sum::<f64>() + fields.get(5..7)?.iter().sum::<f64>()) / ticks;
            stolen += fields.get(7)? / ticks;
        }
        let mut own = Duration::ZERO;
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who).ok()?;
            own += duration(usage.user_time()) + duration(usage.system_time());
        }
        Some(Usage { at: Instant::now(), all: Duration::from_secs_f64(all), own, stolen: Duration::from_secs_f64(stolen) })
    }

    /// The share of these cores that others have used since `before`, or the hypervisor has taken.
    pub fn disturbance_since(&self, before: &Usage, cores: usize) -> f64 {
        let others = self.all.saturating_sub(before.all).saturating_sub(self.own.saturating_sub(before.own));
        let stolen = self.stolen.saturating_sub(before.stolen);
        (others + stolen).as_secs_f64() / ((self.at - before.at).as_secs_f64() * cores as f64)
    }
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_secs(time.tv_sec() as u64) + Duration::from_micros(time.tv_usec() as u64)
}
