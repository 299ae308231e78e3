//! `--trace FILE`: records what each thread does, and writes it when the work is done.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use iolab::trace::{Recorder, Recording};

/// The flag.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct TraceOption {
    /// Record what each thread does (system calls, waits, callbacks, what io_uring has in hand) and write it to this file when all
    /// is done, for <https://ui.perfetto.dev>. At most 1,000,000 events; a second signal leaves without it.
    #[arg(long = "trace", value_name = "FILE")]
    trace_file: Option<PathBuf>,
}

impl TraceOption {
    /// Begins to record, if that is wanted. A file that cannot be written is found out now, and not when there is something to lose.
    pub fn start(&self, process: &str) -> io::Result<Option<Trace>> {
        let begin = |path: &PathBuf| {
            let file = File::create(path).map_err(|error| cannot_write(path, error))?;
            Ok(Trace { recorder: Recorder::start(process, Recorder::EVENTS)?, file, path: path.clone() })
        };
        self.trace_file.as_ref().map(begin).transpose()
    }
}

/// A trace that is being recorded.
pub struct Trace {
    recorder: Recorder,
    file: File,
    path: PathBuf,
}

impl Trace {
    /// What begins from now on belongs to another process in the trace.
    #[allow(dead_code, reason = "a server is one process; whoever reads by all models shows several")]
    pub fn process(&self, name: &str) {
        self.recorder.process(name);
    }

    /// Writes the file, and says on standard error what is in it, and what is not.
    pub fn finish(self, models: &str) -> io::Result<()> {
        let mut recording = self.recorder.stop();
        recording.note("command", std::env::args().collect::<Vec<_>>().join(" "));
        recording.note("model", models);
        let mut out = BufWriter::new(self.file);
        let written = recording.write(&mut out).and_then(|()| out.flush());
        written.map_err(|error| cannot_write(&self.path, error))?;
        // Whoever has closed standard error does not want to know.
        let _ = writeln!(io::stderr(), "{}", summary(&recording, &self.path));
        Ok(())
    }
}

fn summary(recording: &Recording, path: &Path) -> String {
    let threads = match recording.threads() {
        1 => "1 thread".into(),
        threads => format!("{threads} threads"),
    };
    let (events, path) = (recording.events(), path.display());
    let mut summary = format!("trace: {events} events of {threads} in {path}; open it in https://ui.perfetto.dev");
    if recording.dropped() > 0 {
        let most = Recorder::EVENTS;
        summary += &format!("; {} more found no room, as {most} is the limit: record for a shorter time", recording.dropped());
    }
    if recording.missing() > 0 {
        summary += &format!("; {} threads had not ended, and are not in it", recording.missing());
    }
    summary
}

fn cannot_write(path: &Path, error: io::Error) -> io::Error {
    let why = format!("cannot write the trace to {} ({error}): name another file with --trace", path.display());
    io::Error::new(error.kind(), why)
}
