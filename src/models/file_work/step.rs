//! One system call on a file, with everything that it needs: it can be made here, on another thread, or by a ring.

use std::ffi::CString;
use std::fs::Metadata;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;

use super::OpenFile;
use crate::reading::Rest;
use crate::sys::beneath::{open_beneath, rename, unlink};
use crate::sys::block::Block;
use crate::sys::files::{Descriptor, fdatasync, fsync, pread, pwrite};

/// Something open. It stays so for as long as anyone has this.
pub(crate) type Handle = Arc<dyn AsFd + Send + Sync>;

/// A call to make. Buffers, names and handles are its own: whoever hands it to the kernel keeps them until the kernel is done.
pub(crate) enum Step {
    /// `openat2(2)` with `RESOLVE_BENEATH` and these flags of open(2). Answered by [`Took::Opened`].
    Open { beneath: Handle, path: CString, flags: i32 },
    /// What it is, and then: let operations on it wait, as the flag that kept its opening from waiting would forbid. Neither call
    /// waits. Answered by [`Took::Checked`].
    Check { file: Arc<OpenFile> },
    /// `pread(2)` of the rest into its place in the block. Answered by [`Took::Read`].
    Read { file: Handle, block: Block, rest: Rest },
    /// `pwrite(2)` of all octets, at most [`MAX_BLOCK`](crate::MAX_BLOCK). Answered by [`Took::Wrote`].
    Write { file: Arc<OpenFile>, octets: Bytes, offset: u64 },
    /// `fdatasync(2)`. Answered by [`Took::Done`], and so are those that follow.
    SyncData { file: Arc<OpenFile> },
    /// `fsync(2)`.
    Sync { file: Arc<OpenFile> },
    /// `renameat(2)`, from a name in one directory to a name in another.
    Rename { from: (Handle, CString), to: (Handle, CString) },
    /// `unlinkat(2)` of a name in a directory.
    Unlink { directory: Handle, name: CString },
    /// `close(2)`: to drop it. Other operations on the file, if any are under way, keep it open until they are done.
    Close { file: Option<Arc<OpenFile>> },
}

/// What came of a call.
pub(crate) enum Took {
    Opened(io::Result<Descriptor>),
    Checked(io::Result<Metadata>),
    /// The block comes back, also with an error.
    Read(Block, io::Result<usize>),
    Wrote(io::Result<usize>),
    Done(io::Result<()>),
}

impl Step {
    /// Makes the call, and waits in it.
    pub(crate) fn make(self) -> Took {
        match self {
            Step::Open { beneath, path, flags } => Took::Opened(open_beneath(beneath, &path, flags)),
            Step::Check { file } => Took::Checked(file.check()),
            Step::Read { file, mut block, rest } => {
                let result = pread(file, &mut block[rest.at..rest.at + rest.len], rest.offset);
                Took::Read(block, result)
            }
            Step::Write { file, octets, offset } => Took::Wrote(pwrite(&*file, &octets, offset)),
            Step::SyncData { file } => Took::Done(fdatasync(&*file)),
            Step::Sync { file } => Took::Done(fsync(&*file)),
            Step::Rename { from: (from, name), to: (to, new_name) } => Took::Done(rename(from, &name, to, &new_name)),
            Step::Unlink { directory, name } => Took::Done(unlink(directory, &name)),
            Step::Close { file } => {
                drop(file);
                Took::Done(Ok(()))
            }
        }
    }
}

impl Took {
    pub(super) fn error_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Took::Opened(result) => result.as_ref().err(),
            Took::Checked(result) => result.as_ref().err(),
            Took::Read(_, result) | Took::Wrote(result) => result.as_ref().err(),
            Took::Done(result) => result.as_ref().err(),
        }
        .map(io::Error::kind)
    }
}
