//! Whether another thread of this process sleeps.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until another thread of this process sleeps, and not merely waits for a processor (proc_pid_stat(5)).
pub fn await_sleep(thread: Pid) {
    let begun = Instant::now();
    let sleeps = || {
        let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap().starts_with('S')
    };
    while !sleeps() {
        assert!(begun.elapsed() < PATIENCE, "it does not sleep");
        thread::yield_now();
    }
}
