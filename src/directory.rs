//! The directory that a server's protocols may open files beneath.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// An open directory. No path leads out of it, whatever is in the path and whatever links are beneath it.
#[derive(Clone, Debug)]
pub struct Directory(Arc<OwnedFd>);

impl Directory {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// With the path, where there is none or it may not be read.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Directory> {
        let path = path.as_ref();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        open(path, flags, Mode::empty()).map(|fd| Directory(Arc::new(fd))).map_err(|errno| {
            let error = io::Error::from(errno);
            io::Error::new(error.kind(), format!("cannot open the directory {}: {error}", path.display()))
        })
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
