//! Regular files: reading, writing, syncing, and asking what they are and what direct I/O on them wants.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fs::{File, Metadata};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::calls::{Call, count, enter};

/// `pread(2)`: waits for the disk if it must.
pub(crate) fn pread(fd: impl AsFd, into: &mut [u8], offset: u64) -> io::Result<usize> {
    let call = enter(Call::Pread64).on(&fd);
    Ok(call.left(nix::sys::uio::pread(fd, into, offset as libc::off_t))?)
}

/// `preadv2(2)` with `RWF_NOWAIT`: what is in the page cache, else `EAGAIN`. `EOPNOTSUPP` where the file system cannot tell.
pub(crate) fn pread_nowait(fd: impl AsFd, into: &mut [u8], offset: u64) -> io::Result<usize> {
    let call = enter(Call::Preadv2).on(&fd);
    let vector = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: one vector, which describes `into`, exclusively borrowed for the call.
    let read = unsafe { libc::preadv2(fd.as_fd().as_raw_fd(), &vector, 1, offset as libc::off_t, libc::RWF_NOWAIT) };
    call.left(usize::try_from(read).map_err(|_| io::Error::last_os_error()))
}

/// `pwrite(2)`: what the kernel takes of `octets`, which may be less.
pub(crate) fn pwrite(fd: impl AsFd, octets: &[u8], offset: u64) -> io::Result<usize> {
    let call = enter(Call::Pwrite64).on(&fd);
    Ok(call.left(nix::sys::uio::pwrite(fd, octets, offset as libc::off_t))?)
}

/// `fdatasync(2)`: waits until the octets and the length are on the disk.
pub(crate) fn fdatasync(fd: impl AsFd) -> io::Result<()> {
    let call = enter(Call::Fdatasync).on(&fd);
    Ok(call.left(nix::unistd::fdatasync(fd))?)
}

/// `fsync(2)`: of a directory, waits until its names are on the disk.
pub(crate) fn fsync(fd: impl AsFd) -> io::Result<()> {
    let call = enter(Call::Fsync).on(&fd);
    Ok(call.left(nix::unistd::fsync(fd))?)
}

/// An open file; it is closed when dropped.
#[derive(Debug)]
pub(crate) struct Descriptor(File);

impl Descriptor {
    /// What it is, and how long (`statx(2)`).
    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        let _call = enter(Call::Statx).on(self);
        self.0.metadata()
    }

    /// Takes `O_NONBLOCK` and the like away (`fcntl(2)` `F_SETFL`): how it was opened for reading and writing stays.
    pub(crate) fn clear_flags(&self) -> io::Result<()> {
        let _call = enter(Call::Fcntl).on(self);
        fcntl(&self.0, FcntlArg::F_SETFL(OFlag::empty()))?;
        Ok(())
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Descriptor(fd.into())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        count(Call::Close);
    }
}

/// What the file system says about direct I/O on one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DirectAlignment {
    /// Multiples that an address in memory and an offset in the file must be of, in octets.
    Of { memory: u32, offset: u32 },
    /// It has none for this file.
    Refused,
    /// It does not say: a kernel before 6.1, or a file system that has not learned to.
    Unknown,
}

/// `statx(2)` with `STATX_DIOALIGN`. Its cost is no part of a workload, so it is not counted.
pub(crate) fn direct_alignment(fd: impl AsFd) -> io::Result<DirectAlignment> {
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    const ITSELF: &CStr = c"";
    // SAFETY: the path is a C string, `found` has room for the answer, and both outlive the call.
    let answer = unsafe {
        libc::statx(fd.as_fd().as_raw_fd(), ITSELF.as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_DIOALIGN, found.as_mut_ptr())
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all-zero is a valid `statx`, and the kernel has filled in what it knows.
    let found = unsafe { found.assume_init() };
    Ok(match (found.stx_mask & libc::STATX_DIOALIGN != 0, found.stx_dio_mem_align, found.stx_dio_offset_align) {
        (false, ..) => DirectAlignment::Unknown,
        (true, 0, _) | (true, _, 0) => DirectAlignment::Refused,
        (true, memory, offset) => DirectAlignment::Of { memory, offset },
    })
}
