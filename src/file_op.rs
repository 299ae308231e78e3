//! What a protocol can ask of files: data, not calls. Each model does it in its own way, and the simulator on a disk it makes up.
//!
//! Paths lie beneath the [directory](crate::Service::directory) of the service and never lead out of it (`openat2(2)` with
//! `RESOLVE_BENEATH`, Linux 5.6). Operations are unordered: whoever needs one done before the next waits for its
//! [`Event::File`](crate::Event::File).
//!
//! What was written survives a crash of the machine once it has been [synced](FileOp::Sync), and a new name once its directory
//! has ([`SyncDirectory`](FileOp::SyncDirectory), fsync(2)).
//!
//! **Invariant:** no descriptors here.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::read_file::ReadFile;

/// One operation.
#[derive(Clone, Debug)]
pub enum FileOp {
    /// Opens the regular file at `path`. Done: [`Opened`](FileDone::Opened).
    Open {
        /// Beneath the directory of the service.
        path: PathBuf,
        /// What for.
        mode: OpenMode,
    },
    /// Reads `range`, at most [`MAX_BLOCK`](crate::MAX_BLOCK) octets; fewer come where the file ends inside. Done:
    /// [`Read`](FileDone::Read).
    Read {
        /// Opened before.
        file: FileId,
        /// In octets from the start.
        range: Range<u64>,
    },
    /// The same of a file that the whole server has open.
    ReadShared {
        /// Which one.
        file: Arc<ReadFile>,
        /// In octets from the start.
        range: Range<u64>,
    },
    /// Writes all of `octets`. Done: [`Done`](FileDone::Done); after an error (no space, say) some of them may be there.
    Write {
        /// Opened for writing.
        file: FileId,
        /// In octets from the start.
        offset: u64,
        /// What to write.
        octets: Bytes,
    },
    /// Waits until the octets and the length of the file would survive a crash (`fdatasync(2)`).
    Sync {
        /// Opened before.
        file: FileId,
    },
    /// Gives the file back. Those that are open when a connection ends are closed with it.
    Close {
        /// Opened before.
        file: FileId,
    },
    /// Gives the file at `from` the name `to`, in one step and in the place of what had it (`renameat(2)`).
    Rename {
        /// Beneath the directory of the service.
        from: PathBuf,
        /// Likewise.
        to: PathBuf,
    },
    /// Takes a name away (`unlinkat(2)`).
    Unlink {
        /// Beneath the directory of the service.
        path: PathBuf,
    },
    /// Waits until the names in a directory would survive a crash (`fsync(2)` of the directory).
    SyncDirectory {
        /// Beneath the directory of the service; empty or `.` is that directory itself.
        path: PathBuf,
    },
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read one that is there.
    Read,
    /// To read and write one that is there.
    Write,
    /// To read and write it; it is made if it is not there.
    Create,
    /// To read and write it; it must not be there yet.
    CreateNew,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileDone {
    /// The file is open, and so many octets long.
    Opened(FileId, u64),
    /// The octets of the range.
    Read(Bytes),
    /// It is done.
    Done,
}

/// A file that a connection has opened. It is no use to any other, nor after it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(pub(crate) u64);

/// Tells one operation of a connection from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileTicket(pub(crate) u32);

/// An operation that a protocol has asked for, on its way through a model.
#[derive(Debug)]
pub struct FileRequest {
    /// To be handed back with what came of it.
    pub ticket: FileTicket,
    /// What to do.
    pub op: FileOp,
}
