//! The files that one connection has open.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::beneath::{Naming, Opening};
use super::{FileWork, Outcome, State};
use crate::directory::Directory;
use crate::file_op::{FileDone, FileId, FileOp, OpenMode};
use crate::read_file::Alignment;
use crate::reading::Reading;
use crate::sys::files::Descriptor;

/// An open file, its name, and what may be done with it.
pub(crate) struct OpenFile {
    descriptor: Descriptor,
    path: PathBuf,
    is_writable: bool,
}

impl OpenFile {
    pub(super) fn new(descriptor: Descriptor, path: PathBuf, mode: OpenMode) -> OpenFile {
        OpenFile { descriptor, path, is_writable: mode != OpenMode::Read }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it is. If it is what it should be, `O_NONBLOCK` goes: io_uring would take it as a wish to fail rather than wait.
    pub(super) fn check(&self) -> io::Result<Metadata> {
        let metadata = self.descriptor.metadata()?;
        if metadata.is_file() {
            self.descriptor.clear_flags()?;
        }
        Ok(metadata)
    }
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The files of one connection, by name. What it leaves open is closed with it.
#[derive(Default)]
pub(crate) struct OpenFiles(BTreeMap<u64, Arc<OpenFile>>);

/// The next name of a file. One is never used again, and by no other connection: whoever uses the name of a file that was closed, or
/// that is somebody else's, finds none.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl OpenFiles {
    /// The work that an operation is.
    pub(crate) fn begin(&mut self, op: FileOp, directory: Option<&Directory>) -> FileWork {
        self.work(op, directory).unwrap_or_else(FileWork::failed)
    }

    /// What is to be told of it: a file that it has opened is given a name.
    pub(crate) fn end(&mut self, result: io::Result<Outcome>) -> io::Result<FileDone> {
        Ok(match result? {
            Outcome::Opened(file, len) => {
                let name = NEXT.fetch_add(1, Ordering::Relaxed);
                self.0.insert(name, file);
                FileDone::Opened(FileId(name), len)
            }
            Outcome::Read(octets) => FileDone::Read(octets),
            Outcome::Done => FileDone::Done,
        })
    }

    fn work(&mut self, op: FileOp, directory: Option<&Directory>) -> io::Result<FileWork> {
        let root = || {
            directory.ok_or_else(|| {
                let why = "this service has no directory (Service::directory): it can name no files";
                io::Error::new(io::ErrorKind::Unsupported, why)
            })
        };
        Ok(match op {
            FileOp::Open { path, mode } => FileWork(State::Opening(Opening::file(root()?, &path, mode)?, mode)),
            FileOp::Read { file, range } => {
                let opened = self.get(file)?;
                let reading = Reading::of(range, Alignment::BUFFERED)?;
                FileWork::read(opened.clone(), Some(opened), Alignment::BUFFERED, reading)
            }
            FileOp::ReadShared { file, range } => {
                let alignment = file.alignment();
                FileWork::read(file, None, alignment, Reading::of(range, alignment)?)
            }
            FileOp::Write { file, offset, octets } => {
                let file = self.get(file)?;
                let wrong = |kind, why| {
                    let what = format!("cannot write {} octets at {offset} of {}: {why}", octets.len(), file.path.display());
                    io::Error::new(kind, what)
                };
                if !file.is_writable {
                    return Err(wrong(io::ErrorKind::PermissionDenied, "it was opened to be read"));
                }
                if offset.checked_add(octets.len() as u64).is_none_or(|end| i64::try_from(end).is_err()) {
                    return Err(wrong(io::ErrorKind::InvalidInput, "that is beyond the largest offset, 9223372036854775807"));
                }
                FileWork::write(file, offset, octets)
            }
            FileOp::Sync { file } => FileWork(State::Syncing(self.get(file)?)),
            FileOp::Close { file } => {
                self.get(file)?;
                FileWork(State::Closing(self.0.remove(&file.0)))
            }
            FileOp::Rename { from, to } => FileWork(State::Naming(Naming::rename(root()?, &from, &to)?)),
            FileOp::Unlink { path } => FileWork(State::Naming(Naming::unlink(root()?, &path)?)),
            FileOp::SyncDirectory { path } => FileWork(State::OpeningDirectory(Opening::directory(root()?, &path)?)),
        })
    }

    fn get(&self, file: FileId) -> io::Result<Arc<OpenFile>> {
        self.0.get(&file.0).map(Arc::clone).ok_or_else(|| {
            let why = "this connection has no such file open: it has closed it, or another has opened it";
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })
    }
}
