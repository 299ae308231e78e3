//! What the kernel counts about a process and about a core.

use std::collections::BTreeMap;
use std::fs;

/// How often each thread of a process has given up the CPU or lost it.
pub struct Switches(BTreeMap<String, u64>);

impl Switches {
    /// Until now (`/proc/PID/task/TID/status`, proc_pid_status(5)).
    pub fn of(pid: u32) -> Option<Switches> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let count = |status: &str| -> u64 {
            status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:")?.1.trim().parse::<u64>().ok()).sum()
        };
        let of_task = |entry: fs::DirEntry| {
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            Some((entry.file_name().into_string().ok()?, count(&status)))
        };
        Some(Switches(tasks.flatten().filter_map(of_task).collect()))
    }

    /// Since `before`; unknown if a thread has ended, who takes its count along.
    pub fn since(&self, before: &Switches) -> Option<u64> {
        let all_are_here = before.0.keys().all(|thread| self.0.contains_key(thread));
        let of = |(thread, count): (&String, &u64)| count - before.0.get(thread).unwrap_or(&0);
        all_are_here.then(|| self.0.iter().map(of).sum())
    }
}

/// Interrupts by which other cores have asked this one to look for another thread to run (`RES` in `/proc/interrupts`,
/// proc_interrupts(5)), whoever ran there.
pub fn reschedule_interrupts(core: usize) -> Option<u64> {
    let table = fs::read_to_string("/proc/interrupts").ok()?;
    let (head, lines) = table.split_once('\n')?;
    let column = head.split_whitespace().position(|name| name == format!("CPU{core}"))?;
    let line = lines.lines().find_map(|line| line.trim_start().strip_prefix("RES:"))?;
    line.split_whitespace().nth(column)?.parse().ok()
}

/// Memory in octets.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The process's share of the memory it has touched (`Pss` in `/proc/PID/smaps_rollup`, proc_pid_smaps(5)).
    pub process: u64,
    /// The kernel's own for sockets, descriptors, threads and the like, of the whole machine (`Slab`, `KernelStack` and
    /// `PageTables` in `/proc/meminfo`), and what TCP holds in queues (`mem` in `/proc/net/sockstat`).
    pub kernel: u64,
}

impl Memory {
    /// At this moment.
    pub fn now(pid: u32) -> Option<Memory> {
        const PAGE: u64 = 4096;
        let kib = |text: &str, name: &str| -> Option<u64> {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(value.split_whitespace().next()?.parse::<u64>().ok()? << 10)
        };
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let all = fs::read_to_string("/proc/meminfo").ok()?;
        let sockets = fs::read_to_string("/proc/net/sockstat").ok()?;
        let tcp = sockets.lines().find_map(|line| line.strip_prefix("TCP:"))?;
        let queued = tcp.split_whitespace().skip_while(|name| *name != "mem").nth(1)?.parse::<u64>().ok()? * PAGE;
        let kernel = kib(&all, "Slab")? + kib(&all, "KernelStack")? + kib(&all, "PageTables")? + queued;
        Some(Memory { process: kib(&rollup, "Pss")?, kernel })
    }
}
