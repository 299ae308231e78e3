//! File operations on their way: which system calls one takes, and what came of it. The same for every model.
//!
//! ```text
//!   OpenFiles::begin(op) ──> FileWork ── next ──> Step ── the model makes the call, in its own way ──┐
//!                               ^                                                                    │
//!                               └──────────────────────── took ────────────────────────── Took <─────┘
//!                               └─ next ──> Done(outcome) ──> OpenFiles::end ──> told to the protocol
//! ```
//!
//! An operation may take several calls: a read or a write may be short, a signal may come in between, a file must be looked at
//! before it is trusted, and a name is changed from within its directory, which is opened first.
//!
//! **Invariant:** nothing here waits but [`run`] and [`Step::make`].

mod beneath;
mod open_files;
mod step;
#[cfg(test)]
mod work_tests;

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::file_op::OpenMode;
use crate::read_file::{Alignment, name_of};
use crate::read_workload::MAX_BLOCK;
use crate::reading::{Reading, block_for};
use crate::sys::block::Block;
use beneath::{Naming, Opening};

pub(super) use open_files::{OpenFile, OpenFiles};
pub(super) use step::{Handle, Step, Took};

/// One operation on its way. While a step of it is out, it keeps open what the step names.
pub(super) struct FileWork(State);

/// What is to be done next.
pub(super) enum Next {
    /// This call. [`FileWork::took`] wants to know what came of it before anything else is asked.
    Call(Step),
    /// Nothing: this came of it.
    Done(io::Result<Outcome>),
}

/// What came of an operation. What was opened is still to be given its [`FileId`](crate::FileId), by [`OpenFiles::end`].
pub(super) enum Outcome {
    Opened(Arc<OpenFile>, u64),
    Read(Bytes),
    Done,
}

/// Does a whole operation with calls that wait.
pub(super) fn run(mut work: FileWork) -> io::Result<Outcome> {
    loop {
        match work.next() {
            Next::Call(step) => work.took(step.make()),
            Next::Done(result) => return result,
        }
    }
}

enum State {
    Opening(Opening, OpenMode),
    Checking(Arc<OpenFile>),
    Reading {
        file: Handle,
        /// Of an [`OpenFile`], to be named if something goes wrong.
        opened: Option<Arc<OpenFile>>,
        reading: Reading,
        /// Away while a step is out.
        block: Option<Block>,
    },
    Writing {
        file: Arc<OpenFile>,
        offset: u64,
        octets: Bytes,
    },
    Syncing(Arc<OpenFile>),
    /// Away while the step is out, so that the file is closed by whoever makes it.
    Closing(Option<Arc<OpenFile>>),
    Naming(Naming),
    OpeningDirectory(Opening),
    SyncingDirectory(Arc<OpenFile>),
    Over(io::Result<Outcome>),
}

impl FileWork {
    /// Whether it is a read around the page cache.
    pub(super) fn reads_directly(&self) -> bool {
        matches!(&self.0, State::Reading { reading, .. } if reading.is_direct())
    }

    pub(super) fn next(&mut self) -> Next {
        Next::Call(match &mut self.0 {
            State::Opening(opening, _) | State::OpeningDirectory(opening) => opening.step(),
            State::Checking(file) => Step::Check { file: Arc::clone(file) },
            State::Reading { file, reading, block, .. } => {
                let rest = reading.rest().expect("a range that is full is over");
                let block = block.take().expect("a step is answered before the next is asked for");
                Step::Read { file: Arc::clone(file), block, rest }
            }
            State::Writing { file, offset, octets } => {
                let octets = octets.slice(..octets.len().min(MAX_BLOCK));
                Step::Write { file: Arc::clone(file), octets, offset: *offset }
            }
            State::Syncing(file) => Step::SyncData { file: Arc::clone(file) },
            State::Closing(file) => Step::Close { file: file.take() },
            State::Naming(naming) => naming.step(),
            State::SyncingDirectory(directory) => Step::Sync { file: Arc::clone(directory) },
            State::Over(result) => return Next::Done(std::mem::replace(result, Ok(Outcome::Done))),
        })
    }

    /// Hears what came of the step that [`next`](Self::next) gave. A signal is no reason to give up: the step comes again.
    pub(super) fn took(&mut self, took: Took) {
        let state = std::mem::replace(&mut self.0, State::Over(Ok(Outcome::Done)));
        self.0 = state.after(took).unwrap_or_else(|error| State::Over(Err(error)));
    }

    // How operations begin: `open_files` knows the files they are about.

    fn read(file: Handle, opened: Option<Arc<OpenFile>>, alignment: Alignment, reading: Reading) -> FileWork {
        let block = block_for(reading.room(), alignment);
        FileWork(State::read_on(file, opened, reading, block))
    }

    fn write(file: Arc<OpenFile>, offset: u64, octets: Bytes) -> FileWork {
        FileWork(State::write_on(file, offset, octets))
    }

    fn failed(error: io::Error) -> FileWork {
        FileWork(State::Over(Err(error)))
    }
}

impl State {
    fn after(self, took: Took) -> io::Result<State> {
        let is_interrupted = took.error_kind() == Some(io::ErrorKind::Interrupted);
        Ok(match (self, took) {
            (State::Reading { file, opened, mut reading, .. }, Took::Read(block, result)) => {
                if !is_interrupted {
                    reading.took(result.map_err(|error| wrong("read", opened.as_deref(), error))?);
                }
                State::read_on(file, opened, reading, block)
            }
            (state, _) if is_interrupted => state,
            (State::Writing { file, offset, octets }, Took::Wrote(result)) => {
                let count = result.map_err(|error| wrong("write to", Some(&file), error))?;
                if count == 0 {
                    return Err(wrong("write to", Some(&file), io::ErrorKind::WriteZero.into()));
                }
                State::write_on(file, offset + count as u64, octets.slice(count..))
            }
            (State::Opening(opening, mode), Took::Opened(result)) => match opening.took(result)? {
                Ok(descriptor) => State::Checking(Arc::new(OpenFile::new(descriptor, opening.path(), mode))),
                Err(again) => State::Opening(again, mode),
            },
            (State::Checking(file), Took::Checked(result)) => {
                let metadata = result.map_err(|error| wrong("look at", Some(&file), error))?;
                if !metadata.is_file() {
                    let is = name_of(metadata.file_type());
                    let error = format!("it is {is}; a server opens regular files only");
                    return Err(wrong("open", Some(&file), io::Error::new(io::ErrorKind::InvalidInput, error)));
                }
                State::Over(Ok(Outcome::Opened(file, metadata.len())))
            }
            (State::Syncing(file), Took::Done(result)) => {
                result.map_err(|error| wrong("sync", Some(&file), error))?;
                State::Over(Ok(Outcome::Done))
            }
            (State::Closing(_), Took::Done(_)) => State::Over(Ok(Outcome::Done)),
            (State::Naming(naming), took) => match naming.took(took)? {
                Some(naming) => State::Naming(naming),
                None => State::Over(Ok(Outcome::Done)),
            },
            (State::OpeningDirectory(opening), Took::Opened(result)) => match opening.took(result)? {
                Ok(descriptor) => State::SyncingDirectory(Arc::new(OpenFile::new(descriptor, opening.path(), OpenMode::Read))),
                Err(again) => State::OpeningDirectory(again),
            },
            (State::SyncingDirectory(directory), Took::Done(result)) => {
                result.map_err(|error| wrong("sync", Some(&directory), error))?;
                State::Over(Ok(Outcome::Done))
            }
            _ => unreachable!("a step is answered in its own kind"),
        })
    }

    fn read_on(file: Handle, opened: Option<Arc<OpenFile>>, reading: Reading, block: Block) -> State {
        match reading.rest() {
            Some(_) => State::Reading { file, opened, reading, block: Some(block) },
            None => State::Over(Ok(Outcome::Read(reading.into_bytes(block)))),
        }
    }

    fn write_on(file: Arc<OpenFile>, offset: u64, octets: Bytes) -> State {
        if octets.is_empty() { State::Over(Ok(Outcome::Done)) } else { State::Writing { file, offset, octets } }
    }
}

/// An error with what failed and on which file; its kind stays.
fn wrong(what: &str, file: Option<&OpenFile>, error: io::Error) -> io::Error {
    match file {
        Some(file) => io::Error::new(error.kind(), format!("cannot {what} {}: {error}", file.path().display())),
        None => error,
    }
}
