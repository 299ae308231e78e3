//! What it took, printed when a server ends.

use std::fs;
use std::io::{self, Write};

use iolab::Cost;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Prints one figure a line. System calls are those of the model; CPU, switches and memory are those of the whole process.
/// An error is that of writing.
pub fn print(out: &mut impl Write, cost: &Cost, unit: &str, count: u64) -> io::Result<()> {
    writeln!(out, "--- cost ---")?;
    let mut line = |name: &str, value: String| writeln!(out, "{name:<22}{value}");
    let each = |calls: u64| match count {
        0 => calls.to_string(),
        count => format!("{calls:<12} {:.3} per {unit}", calls as f64 / count as f64),
    };
    line(&format!("{unit}s"), count.to_string())?;
    line("connections", format!("{} served, {} turned away", cost.connections, cost.refused))?;
    line("bytes", format!("{} in, {} out, {} copied on the way in", cost.octets_in, cost.octets_out, cost.octets_copied))?;
    line("system calls", each(cost.calls.total()))?;
    let mut calls: Vec<_> = cost.calls.iter().collect();
    calls.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
    for (name, called) in calls {
        line(&format!("  {name}"), each(called))?;
    }
    line("", "(not among them: what the C library calls for each thread, like its stack and signal mask)".to_string())?;
    line("wake-ups", each(cost.wakeups))?;
    if cost.stalls > 0 {
        line("stalls", format!("{}, {:.1} ms altogether", cost.stalls, cost.stalled.as_secs_f64() * 1e3))?;
    }
    line("threads at peak", cost.threads_peak.to_string())?;
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let (user, system) = (usage.user_time().num_microseconds(), usage.system_time().num_microseconds());
        let each = match count {
            0 => String::new(),
            count => format!(", {:.2} us per {unit}", (user + system) as f64 / count as f64),
        };
        line("CPU", format!("{:.3} s user, {:.3} s system{each}", user as f64 / 1e6, system as f64 / 1e6))?;
        let (waited, preempted) = (usage.voluntary_context_switches(), usage.involuntary_context_switches());
        line("context switches", format!("{waited} to wait, {preempted} preempted"))?;
        line("RSS at peak", format!("{} KiB", usage.max_rss()))?;
    }
    if let Some(kib) = resident_kib() {
        line("RSS at the end", format!("{kib} KiB"))?;
    }
    Ok(())
}

/// `VmRSS` of proc_pid_status(5).
fn resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
}
