//! Names beneath a directory: opening, renaming and unlinking without a way out.

use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use nix::unistd::UnlinkatFlags;

use super::calls::{Call, enter};
use super::files::Descriptor;

/// No `..`, no absolute path and no link leads out, nor does a link of /proc.
pub(super) const RESOLVE: ResolveFlag = ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_MAGICLINKS);

/// Permissions of a file that is made, less the umask. openat2(2) takes them only where one may be made.
pub(super) const CREATED: Mode = Mode::from_bits_truncate(0o666);

/// `openat2(2)` with `RESOLVE_BENEATH` (Linux 5.6): `EXDEV` where the path leads out, `EAGAIN` where somebody renamed part of it
/// meanwhile. `flags` are those of open(2).
pub(crate) fn open_beneath(directory: impl AsFd, path: &CStr, flags: i32) -> io::Result<Descriptor> {
    let _call = enter(Call::Openat2).on(&directory);
    let flags = OFlag::from_bits_retain(flags) | OFlag::O_CLOEXEC;
    let mode = if flags.contains(OFlag::O_CREAT) { CREATED } else { Mode::empty() };
    Ok(openat2(directory, path, OpenHow::new().flags(flags).mode(mode).resolve(RESOLVE))?.into())
}

/// `renameat(2)` from a name in one directory to a name in another. It has no `RESOLVE_BENEATH`: the names must be single ones.
pub(crate) fn rename(from: impl AsFd, name: &CStr, to: impl AsFd, new_name: &CStr) -> io::Result<()> {
    let call = enter(Call::Renameat).on(&from);
    Ok(call.left(nix::fcntl::renameat(from, name, to, new_name))?)
}

/// `unlinkat(2)` of a name in a directory, which must be a single one and not that of a directory.
pub(crate) fn unlink(directory: impl AsFd, name: &CStr) -> io::Result<()> {
    let call = enter(Call::Unlinkat).on(&directory);
    Ok(call.left(nix::unistd::unlinkat(directory, name, UnlinkatFlags::NoRemoveDir))?)
}
