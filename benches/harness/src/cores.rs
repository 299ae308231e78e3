//! One core for the process under measurement, another for the load.

use std::fs;
use std::io;
use std::sync::OnceLock;
use std::thread;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Which core is whose.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub load: usize,
    pub server: usize,
    /// Whether they are two threads of one physical core, which then share its arithmetic.
    pub siblings: bool,
}

impl Cores {
    /// Their numbers, each once.
    pub fn both(&self) -> Vec<usize> {
        if self.load == self.server { vec![self.load] } else { vec![self.load, self.server] }
    }

    /// What a table says of them.
    pub fn note(&self) -> String {
        if self.load == self.server {
            return "Only one core may be used here: server and load share it, so rates say little; CPU and system calls still do."
                .into();
        }
        let siblings = if self.siblings { " (two threads of one physical core, which disturb each other)" } else { "" };
        format!("The server ran on core {}, the load on core {}{siblings}.", self.server, self.load)
    }
}

static CORES: OnceLock<Cores> = OnceLock::new();

/// Chooses the cores, and moves this process to the load's.
pub fn take() -> io::Result<Cores> {
    let cores = choose()?;
    pin(cores.load)?;
    Ok(cores)
}

/// Chooses the cores.
pub fn choose() -> io::Result<Cores> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let allowed: Vec<usize> = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect();
    let load = *allowed.first().ok_or_else(|| io::Error::other("no core may be used"))?;
    let siblings = siblings_of(load);
    // Devices tend to interrupt the first core, so the server gets the last one; not a sibling of the load's if there is another.
    let server = allowed.iter().rev().find(|core| !siblings.contains(core)).or(allowed.last()).copied().unwrap_or(load);
    Ok(*CORES.get_or_init(|| Cores { load, server, siblings: server != load && siblings.contains(&server) }))
}

/// The server's, once they have been taken.
pub fn server() -> Option<usize> {
    CORES.get().map(|cores| cores.server)
}

/// Whether server and load share a core: they were given the same, or there is only one.
pub fn are_one() -> bool {
    match CORES.get() {
        Some(cores) => cores.load == cores.server,
        None => thread::available_parallelism().is_ok_and(|cores| cores.get() == 1),
    }
}

/// Runs `start` on the server's core: a process it starts begins there, and so do all threads of that.
pub fn with_child_pinned<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(cores) = CORES.get() else { return start() };
    pin(cores.server)?;
    let started = start();
    pin(cores.load)?;
    started
}

fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// The hardware threads of this one's physical core, itself included, where the kernel tells.
fn siblings_of(core: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    let list = fs::read_to_string(path).unwrap_or_default();
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
    });
    ranges.flatten().chain([core]).collect()
}
