//! What it took, printed when a server ends.

use std::fs;
use std::io::{self, Write};

use iolab::Cost;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Prints one figure a line. System calls are those of the model; CPU, switches and memory are those of the whole process.
/// An error is that of writing.
pub fn print(out: &mut impl Write, cost: &Cost, requests: u64) -> io::Result<()> {
    writeln!(out, "--- cost ---")?;
    let mut line = |name: &str, value: String| writeln!(out, "{name:<22}{value}");
    line("requests", requests.to_string())?;
    line("connections", format!("{} served, {} turned away", cost.connections, cost.refused))?;
    line("bytes", format!("{} in, {} out, {} copied on the way in", cost.octets_in, cost.octets_out, cost.octets_copied))?;
    line("system calls", per_request(cost.calls.total(), requests))?;
    let mut calls: Vec<_> = cost.calls.iter().collect();
    calls.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
    for (name, count) in calls {
        line(&format!("  {name}"), per_request(count, requests))?;
    }
    line("", "(not among them: what the C library calls for each thread, like its stack and signal mask)".to_string())?;
    line("wake-ups", per_request(cost.wakeups, requests))?;
    if cost.stalls > 0 {
        line("stalls", format!("{}, {:.1} ms altogether", cost.stalls, cost.stalled.as_secs_f64() * 1e3))?;
    }
    line("threads at peak", cost.threads_peak.to_string())?;
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let (user, system) = (usage.user_time().num_microseconds(), usage.system_time().num_microseconds());
        let each = if requests > 0 {
            format!(", {:.2} us per request", (user + system) as f64 / requests as f64)
        } else {
            String::new()
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

fn per_request(count: u64, requests: u64) -> String {
    if requests > 0 { format!("{count:<12} {:.3} per request", count as f64 / requests as f64) } else { count.to_string() }
}

/// `VmRSS` of proc_pid_status(5).
fn resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
}
