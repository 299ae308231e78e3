//! A file to read: what may be read, and how, is settled before the first read.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, PosixFadviseAdvice, fcntl, posix_fadvise};

use crate::sys::files::{DirectAlignment, direct_alignment};
use crate::unavailable::Unavailable;

/// A regular file or block device, open for reading, through the page cache or around it.
#[derive(Debug)]
pub struct ReadFile {
    file: File,
    direct: bool,
    alignment: Alignment,
}

/// What an address in memory and an offset in the file must be multiples of, in octets; powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// For the address of a buffer.
    pub memory: u32,
    /// For offset and length of a read.
    pub offset: u32,
}

impl Alignment {
    /// Through the page cache anything goes.
    pub const BUFFERED: Alignment = Alignment { memory: 1, offset: 1 };

    /// Assumed where the kernel does not tell (`STATX_DIOALIGN` came with Linux 6.1, and file systems learned it one by one): no
    /// disk in use wants more than a page.
    pub const ASSUMED: Alignment = Alignment { memory: 4096, offset: 4096 };
}

impl ReadFile {
    /// Opens a file to be read through the page cache.
    ///
    /// # Errors
    /// `InvalidInput` for what is neither a regular file nor a block device, without waiting for anything: a FIFO is refused
    /// before it is opened, since `open(2)` would wait for its writer. Else what `open(2)` says.
    pub fn open_buffered(path: impl AsRef<Path>) -> io::Result<ReadFile> {
        let path = path.as_ref();
        let file = open(path, OFlag::empty())?;
        Ok(ReadFile { file, direct: false, alignment: Alignment::BUFFERED })
    }

    /// Opens a file to be read around the page cache (`O_DIRECT`), straight from the disk into the reader's buffer. Any range may
    /// still be asked for: the models read the aligned blocks it lies in, and hand over the octets asked for.
    ///
    /// # Errors
    /// As for [`open_buffered`](ReadFile::open_buffered), and an [`Unavailable`] where the file system has no direct I/O: /proc,
    /// tmpfs before Linux 6.6, some files of encrypting or compressing file systems.
    pub fn open_direct(path: impl AsRef<Path>) -> io::Result<ReadFile> {
        let path = path.as_ref();
        let refused = || {
            Unavailable::new(
                "direct I/O (O_DIRECT)",
                format!("is not offered for {} by its file system", path.display()),
                "read it through the page cache, or choose a file on a disk's file system",
            )
        };
        let file = match open(path, OFlag::O_DIRECT) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Err(refused().into()),
            opened => opened?,
        };
        let alignment = match direct_alignment(&file)? {
            DirectAlignment::Of { memory, offset } if memory.is_power_of_two() && offset.is_power_of_two() => {
                Alignment { memory, offset }
            }
            DirectAlignment::Refused => return Err(refused().into()),
            DirectAlignment::Of { .. } | DirectAlignment::Unknown => Alignment::ASSUMED,
        };
        Ok(ReadFile { file, direct: true, alignment })
    }

    /// Whether reads go around the page cache.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// What reads must be aligned to. The models see to it.
    pub fn alignment(&self) -> Alignment {
        self.alignment
    }

    /// Its length now, in octets. Files of /proc say 0 and can be read all the same.
    pub fn len(&self) -> io::Result<u64> {
        let metadata = self.file.metadata()?;
        if metadata.file_type().is_block_device() {
            return (&self.file).seek(SeekFrom::End(0));
        }
        Ok(metadata.len())
    }

    /// Whether its length is 0 now.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Asks the kernel to drop what the page cache holds of it (`POSIX_FADV_DONTNEED`), so that the next reads are cold. What
    /// another process has mapped, or goes on writing, stays.
    pub fn drop_cache(&self) -> io::Result<()> {
        // Pages that are not on the disk yet would stay. Where there is no disk there is nothing to write.
        let _ = self.file.sync_data();
        Ok(posix_fadvise(&self.file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
    }
}

impl AsFd for ReadFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn open(path: &Path, flags: OFlag) -> io::Result<File> {
    let named = |error: io::Error| match error.raw_os_error() {
        Some(libc::EINVAL) => error,
        _ => io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())),
    };
    // Looked at before it is opened, since opening has effects on a FIFO's writer or a device, and afterwards, since the name may
    // mean something else by then. O_NONBLOCK keeps the `open` of a FIFO from waiting.
    check_kind(path, fs::metadata(path).map_err(named)?.file_type())?;
    let flags = flags | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(named)?;
    check_kind(path, file.metadata()?.file_type())?;
    // io_uring would take it as a wish to fail rather than wait, on file systems that cannot read without waiting.
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(file)
}

fn check_kind(path: &Path, kind: FileType) -> io::Result<()> {
    if kind.is_file() || kind.is_block_device() {
        return Ok(());
    }
    let is = name_of(kind);
    let message =
        format!("cannot read {}: it is {is}; ranges can be read from a regular file or a block device", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// What a file is, to the person at the keyboard.
pub(crate) fn name_of(kind: FileType) -> &'static str {
    if kind.is_file() {
        "a regular file"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() {
        "a character device"
    } else if kind.is_block_device() {
        "a block device"
    } else {
        "of an unknown kind"
    }
}
