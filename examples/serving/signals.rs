//! SIGTERM and SIGINT: the first asks for an orderly end, the second means it.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread;

use iolab::Shutdown;
use nix::sys::signal::{SigSet, Signal};

/// The signals are kept from every thread that is started from now on, and one waits for them: so no handler interrupts anybody, and
/// nothing can fail between a signal and its effect.
pub fn begin_on_signal(shutdown: &Arc<Shutdown>) -> io::Result<()> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block()?;
    let shutdown = Arc::clone(shutdown);
    let thread = thread::Builder::new().name("signals".into()).spawn(move || {
        loop {
            let Ok(signal) = signals.wait() else { continue };
            if shutdown.begun() {
                std::process::exit(128 + signal as i32);
            }
            shutdown.begin();
            let _ = writeln!(io::stderr(), "stopping: finishing what is under way; another signal leaves at once");
        }
    });
    thread.map(drop).map_err(|error| {
        let why = format!("the thread that waits for signals cannot be started ({error}): raise RLIMIT_NPROC or pids.max");
        io::Error::new(error.kind(), why)
    })
}
