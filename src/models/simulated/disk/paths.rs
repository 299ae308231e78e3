//! Paths on the disk, walked as `openat2(2)` does with `RESOLVE_BENEATH`: none leads out, and there are no links.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path};

use super::{Disk, NAME_OCTETS, Node, errno};

impl Disk {
    /// The directory at `path`; the empty path is the first one.
    pub(super) fn directory(&self, path: &Path) -> io::Result<usize> {
        let node = if path.as_os_str().is_empty() { 0 } else { self.walk(path)? };
        match self.nodes[node] {
            Node::Directory(_) => Ok(node),
            Node::File(_) => Err(errno(libc::ENOTDIR)),
        }
    }

    pub(super) fn walk(&self, path: &Path) -> io::Result<usize> {
        let (directory, name) = match self.place(path) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                return Ok(self.walk_directories(path.components())?.last().copied().unwrap_or(0));
            }
            place => place?,
        };
        self.entry(directory, &name).ok_or_else(|| errno(libc::ENOENT))
    }

    /// The directory and the name that `path` ends with; `EBUSY`, as of `rename(2)`, if that is `.` or `..`.
    pub(super) fn place(&self, path: &Path) -> io::Result<(usize, OsString)> {
        if path.as_os_str().is_empty() {
            return Err(errno(libc::ENOENT));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(errno(libc::EINVAL));
        }
        let mut components = path.components();
        match components.next_back() {
            Some(Component::Normal(name)) => {
                let directory = self.walk_directories(components)?.last().copied().unwrap_or(0);
                if name.len() > NAME_OCTETS {
                    return Err(errno(libc::ENAMETOOLONG));
                }
                let is_directory = path.as_os_str().as_encoded_bytes().ends_with(b"/");
                match self.entry(directory, name).map(|node| &self.nodes[node]) {
                    Some(Node::File(_)) if is_directory => Err(errno(libc::ENOTDIR)),
                    None if is_directory => Err(errno(libc::ENOENT)),
                    _ => Ok((directory, name.into())),
                }
            }
            _ => self.walk_directories(path.components()).and(Err(errno(libc::EBUSY))),
        }
    }

    /// The directories on the way, the first one left out.
    fn walk_directories<'p>(&self, path: impl Iterator<Item = Component<'p>>) -> io::Result<Vec<usize>> {
        let mut way = Vec::new();
        for component in path {
            match component {
                Component::CurDir => {}
                Component::ParentDir => _ = way.pop().ok_or_else(|| errno(libc::EXDEV))?,
                Component::RootDir | Component::Prefix(_) => return Err(errno(libc::EXDEV)),
                Component::Normal(name) => {
                    let here = way.last().copied().unwrap_or(0);
                    let next = self.entry(here, name).ok_or_else(|| errno(libc::ENOENT))?;
                    if matches!(self.nodes[next], Node::File(_)) {
                        return Err(errno(libc::ENOTDIR));
                    }
                    way.push(next);
                }
            }
        }
        Ok(way)
    }
}
