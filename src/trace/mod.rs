//! Traces: what every thread of a model did, and when, for a program that draws it.
//!
//! A [`Cost`](crate::Cost) says how many system calls a workload took; a trace shows them, one by one: which thread entered which call
//! and when it came back, what it slept in, when a protocol was told something, and what the kernel had in hand meanwhile. It is
//! written in the Chrome trace format, which <https://ui.perfetto.dev> opens.
//!
//! ```no_run
//! # use std::num::NonZeroUsize;
//! # use iolab::{Model, ReadFile, ReadWorkload, models::Uring, trace::Recorder};
//! # fn f(file: &ReadFile, reads: &mut dyn ReadWorkload) -> std::io::Result<()> {
//! let recorder = Recorder::start("my reads, uring", Recorder::EVENTS)?;
//! Uring::default().read_ranges(file, NonZeroUsize::MIN, reads)?;
//! recorder.stop().write(&mut std::fs::File::create("reads.json")?)
//! # }
//! ```
//!
//! | what | where it comes from | in the file |
//! |---|---|---|
//! | a system call | each one that a [`Cost`](crate::Cost) counts | a span, category `call` |
//! | a wait that is no call of ours: a lock that another thread has, a channel, a thread that is joined | where the models wait so | a span, `wait` |
//! | a protocol or its service is told something | [`Traced`], which stands around the service | a span, `callback` |
//! | an operation that the kernel has been given, of io_uring or Linux AIO | from its place in the queue until its last completion is seen | a pair of events, `operation`, with one more at each completion in between |
//!
//! Only threads of models are recorded, from the beginning of their work in a workload to its end.

mod chrome;
mod traced;

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sys::recorder::{self, Event, Recorded};

pub use traced::{Traced, TracedProtocol};

/// Records what all models of this process do, while it lives.
#[derive(Debug)]
#[must_use = "a recording is lost when this is dropped"]
pub struct Recorder {
    unix_seconds: u64,
}

impl Recorder {
    /// Room for so many events, in some 70 MB of memory (and a third more while it is written). A request takes about four, so it is
    /// full after some 250,000 requests: two seconds of a server that has all it can do, minutes of one that is asked at times.
    pub const EVENTS: usize = 1_000_000;

    /// Begins to record, with room for so many events, where each thread takes the room of three beside what it does; what comes after
    /// them is counted and lost. In the trace, what is recorded belongs to a process of this name.
    ///
    /// # Errors
    /// If this process is recording already.
    pub fn start(process: impl Into<String>, events: usize) -> io::Result<Recorder> {
        recorder::start(process.into(), events)?;
        let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Recorder { unix_seconds })
    }

    /// What begins from now on belongs to another process in the trace: another model's, say.
    pub fn process(&self, name: impl Into<String>) {
        recorder::next_process(name.into());
    }

    /// Ends the recording. Threads that have not ended their work are not in it.
    pub fn stop(self) -> Recording {
        let recording = Recording { unix_seconds: self.unix_seconds, recorded: recorder::stop(), notes: Vec::new() };
        std::mem::forget(self);
        recording
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        recorder::stop();
    }
}

/// What was recorded.
pub struct Recording {
    unix_seconds: u64,
    recorded: Recorded,
    notes: Vec<(String, String)>,
}

impl Recording {
    /// Adds a line to what the trace says of itself (`otherData`), like the command that it is of. It takes the place of another of the
    /// same name, and of what is said unasked: `CPU`, `kernel`, `date`, `missing_threads`, `dropped`.
    pub fn note(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let key = key.into();
        self.notes.retain(|(noted, _)| *noted != key);
        self.notes.push((key, value.into()));
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.all().count()
    }

    /// How many threads did them.
    pub fn threads(&self) -> usize {
        self.recorded.tracks.len()
    }

    /// The time from the beginning of its first event to the end of its last.
    pub fn lasted(&self) -> Duration {
        let last = self.all().map(|event| event.until).max();
        Duration::from_nanos(last.unwrap_or_default() - self.begun())
    }

    /// Time 0 of the trace.
    fn begun(&self) -> u64 {
        self.all().map(|event| event.at).min().unwrap_or_default()
    }

    fn all(&self) -> impl Iterator<Item = &Event> {
        self.recorded.tracks.iter().flat_map(|track| track.chunks.iter().flatten())
    }

    /// How many events found no room.
    pub fn dropped(&self) -> u64 {
        self.recorded.tracks.iter().map(|track| track.dropped).sum()
    }

    /// Threads that had not ended when the recording did, or began when there was no room: nothing of what they did is in it.
    pub fn missing(&self) -> usize {
        self.recorded.missing
    }

    /// Writes it as one JSON object in the Chrome trace format: times in microseconds since its first event.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        chrome::write(self, out)
    }
}
