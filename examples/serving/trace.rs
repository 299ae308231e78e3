//! `--trace FILE`: records what each thread does, and writes it when the work is done.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use iolab::trace::{Recorder, Recording};
use tempfile::NamedTempFile;

/// The flag.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct TraceOption {
    /// Record what each thread does (system calls, waits, callbacks, what io_uring has in hand) and write it to this file when all
    /// is done, for <https://ui.perfetto.dev>. At most 1,000,000 events, which are some 250,000 requests: what comes after them is
    /// counted and lost. A second signal leaves without it.
    #[arg(long = "trace", value_name = "FILE")]
    trace_file: Option<PathBuf>,
}

impl TraceOption {
    /// Begins to record, if that is wanted. A file that cannot be written is found out now, and not when there is something to lose.
    pub fn start(&self, process: &str) -> io::Result<Option<Trace>> {
        let begin = |path: &PathBuf| {
            let place = Place::find(path).map_err(|error| cannot_write(path, error))?;
            Ok(Trace { recorder: Recorder::start(process, Recorder::EVENTS)?, place, path: path.clone() })
        };
        self.trace_file.as_ref().map(begin).transpose()
    }
}

/// The work is done, or has failed: its trace, if there is one, is written in both cases. Where nothing was begun, an older file stays.
pub fn finish<T>(trace: Option<Trace>, models: &str, done: io::Result<T>) -> io::Result<T> {
    let Some(trace) = trace else { return done };
    match (done, trace.write(models)) {
        (Err(error), Err(other)) => Err(io::Error::new(error.kind(), format!("{error}; and {other}"))),
        (Ok(_), Err(error)) => Err(error),
        (done, Ok(())) => done,
    }
}

/// A trace that is being recorded.
pub struct Trace {
    recorder: Recorder,
    place: Place,
    path: PathBuf,
}

impl Trace {
    /// What begins from now on belongs to another process in the trace.
    #[allow(dead_code, reason = "a server is one process; whoever reads by all models shows several")]
    pub fn process(&self, name: &str) {
        self.recorder.process(name);
    }

    /// Writes the file, and says on standard error what is in it, and what is not.
    fn write(self, models: &str) -> io::Result<()> {
        let mut recording = self.recorder.stop();
        if recording.threads() + recording.missing() == 0 {
            return Ok(());
        }
        recording.note("command", command());
        recording.note("model", models);
        self.place.write(&recording).map_err(|error| cannot_write(&self.path, error))?;
        // Whoever has closed standard error does not want to know.
        let _ = writeln!(io::stderr(), "{}", summary(&recording, &self.path));
        Ok(())
    }
}

/// Where a trace goes.
enum Place {
    /// A file: written under another name, and put in its place when it is whole.
    File(PathBuf),
    /// What is no file, like a pipe, is open from the beginning.
    Other(File),
}

impl Place {
    /// An error if it could not be written. Nothing is changed yet.
    fn find(path: &Path) -> io::Result<Place> {
        match File::options().write(true).open(path) {
            Ok(open) if !open.metadata()?.is_file() => Ok(Place::Other(open)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                // A link is followed, and not replaced.
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                beside(&path).map(|_| Place::File(path))
            }
        }
    }

    fn write(self, recording: &Recording) -> io::Result<()> {
        match self {
            Place::Other(open) => write(recording, open),
            Place::File(path) => {
                let mut file = beside(&path)?;
                write(recording, &mut file)?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}

/// A file beside another, which is gone when it is dropped.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".trace-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)
}

fn write(recording: &Recording, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    recording.write(&mut out)?;
    out.flush()
}

/// What was typed, as a shell would take it.
fn command() -> String {
    let quoted = |argument: std::ffi::OsString| {
        let argument = argument.to_string_lossy().into_owned();
        let is_plain = |c: char| c.is_alphanumeric() || "-_./,=:%+".contains(c);
        if !argument.is_empty() && argument.chars().all(is_plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    };
    std::env::args_os().map(quoted).collect::<Vec<_>>().join(" ")
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
        summary += &format!("; {} more threads had not ended or found no room, and are not in it", recording.missing());
    }
    summary
}

fn cannot_write(path: &Path, error: io::Error) -> io::Error {
    let why = format!("cannot write the trace to {} ({error}): name another file with --trace", path.display());
    io::Error::new(error.kind(), why)
}
