//! A disk that is made up, and forgets what nobody synced.
//!
//! ```text
//!   write ──> [ octets: what reads see ] ── sync ───────────> [ octets that survive ]
//!   open, rename, unlink ──> [ names ] ──── sync directory ─> [ names that survive ]
//! ```
//!
//! As on Linux, a file that was synced may still lose its name, and a name that was synced may lead to a file without its octets.
//! A [crash](crate::models::simulated::World::crash) lets each unsynced thing survive or not, by the dice: of the writes any, and
//! of each all, nothing, or its beginning; of the changes of names either any, or the first few, as a journal would; a rename is
//! one change, there or not. A sync that fails decides at once which of its writes will never survive, though reads go on seeing
//! them, and does not say so again (as Linux does: fsync(2), on `EIO`).
//!
//! Paths are walked as `openat2(2)` does with `RESOLVE_BENEATH`; there are no links.

mod paths;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use super::dice::Dice;
use crate::file_op::OpenMode;

/// The largest file. Offsets may be anything, and a sparse file costs its whole length here.
const FILE_OCTETS: u64 = 64 << 20;

/// A name is at most so many octets long (`NAME_MAX`, path_resolution(7)).
const NAME_OCTETS: usize = 255;

/// A tree of files and directories.
#[derive(Clone, Debug)]
pub struct Disk {
    /// The first is the directory of the service. None is ever used again.
    nodes: Vec<Node>,
    /// Changes of names that are not synced, in order.
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Node {
    File(File),
    Directory(Directory),
}

#[derive(Clone, Debug, Default)]
struct File {
    octets: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(u64, Bytes)>,
}

#[derive(Clone, Debug, Default)]
struct Directory {
    entries: BTreeMap<OsString, usize>,
    durable: BTreeMap<OsString, usize>,
}

/// What happened to names. Numbers are places among the nodes.
#[derive(Clone, Debug)]
enum Change {
    Made { directory: usize, name: OsString, node: usize },
    Gone { directory: usize, name: OsString },
    Renamed { from: (usize, OsString), to: (usize, OsString), node: usize },
}

impl Default for Disk {
    fn default() -> Self {
        Disk { nodes: vec![Node::Directory(Directory::default())], changes: Vec::new() }
    }
}

/// What a test does with it: all of it survives.
impl Disk {
    /// Makes a directory, as `mkdir(2)` does.
    pub fn make_directory(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        let (directory, name) = self.place(path.as_ref())?;
        if self.entry(directory, &name).is_some() {
            return Err(errno(libc::EEXIST));
        }
        self.make(directory, name, Node::Directory(Directory::default()));
        self.sync_all();
        Ok(())
    }

    /// Puts a file there, in the place of one that is there already.
    pub fn put(&mut self, path: impl AsRef<Path>, octets: &[u8]) -> io::Result<()> {
        let (node, _) = self.open(path.as_ref(), OpenMode::Create)?;
        if let Node::File(file) = &mut self.nodes[node] {
            (file.octets, file.unsynced) = (Vec::new(), Vec::new());
            file.durable = Vec::new();
        }
        self.write(node, 0, Bytes::copy_from_slice(octets))?;
        self.sync_all();
        Ok(())
    }

    /// The octets of a file, as a read would see them now.
    pub fn get(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        match &self.nodes[self.walk(path.as_ref())?] {
            Node::File(file) => Ok(file.octets.clone()),
            Node::Directory(_) => Err(errno(libc::EISDIR)),
        }
    }

    /// The names in a directory, in order.
    pub fn names(&self, path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
        match &self.nodes[self.directory(path.as_ref())?] {
            Node::Directory(directory) => Ok(directory.entries.keys().cloned().collect()),
            Node::File(_) => Err(errno(libc::ENOTDIR)),
        }
    }
}

/// What a server does with it. Nodes go by number.
impl Disk {
    pub(super) fn open(&mut self, path: &Path, mode: OpenMode) -> io::Result<(usize, u64)> {
        let (directory, name) = match self.place(path) {
            // What has no name of its own is a directory, if it is there.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => return Err(no_file(mode)),
            place => place?,
        };
        let node = match (self.entry(directory, &name), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(errno(libc::EEXIST)),
            (Some(node), _) => node,
            (None, OpenMode::Read | OpenMode::Write) => return Err(errno(libc::ENOENT)),
            (None, OpenMode::Create | OpenMode::CreateNew) => self.make(directory, name, Node::File(File::default())),
        };
        match &self.nodes[node] {
            Node::File(file) => Ok((node, file.octets.len() as u64)),
            Node::Directory(_) => Err(no_file(mode)),
        }
    }

    pub(super) fn read(&self, node: usize, range: Range<u64>) -> Bytes {
        let Node::File(file) = &self.nodes[node] else { return Bytes::new() };
        let place = |offset: u64| usize::try_from(offset).map_or(file.octets.len(), |offset| offset.min(file.octets.len()));
        Bytes::copy_from_slice(&file.octets[place(range.start)..place(range.end)])
    }

    pub(super) fn write(&mut self, node: usize, offset: u64, octets: Bytes) -> io::Result<()> {
        let Node::File(file) = &mut self.nodes[node] else { return Err(errno(libc::EISDIR)) };
        if octets.is_empty() {
            return Ok(());
        }
        if offset.checked_add(octets.len() as u64).is_none_or(|end| end > FILE_OCTETS) {
            return Err(errno(libc::EFBIG));
        }
        overwrite(&mut file.octets, offset, &octets);
        file.unsynced.push((offset, octets));
        Ok(())
    }

    pub(super) fn sync(&mut self, node: usize) {
        if let Node::File(file) = &mut self.nodes[node] {
            for (offset, octets) in file.unsynced.drain(..) {
                overwrite(&mut file.durable, offset, &octets);
            }
        }
    }

    /// Fails to sync: what does not survive now never will.
    pub(super) fn fail_to_sync(&mut self, node: usize, dice: &mut Dice) {
        if let Node::File(file) = &mut self.nodes[node] {
            file.survive(dice);
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        let node = self.entry(from.0, &from.1).ok_or_else(|| errno(libc::ENOENT))?;
        if let Some(there) = self.entry(to.0, &to.1) {
            if there == node {
                return Ok(());
            }
            match (&self.nodes[node], &self.nodes[there]) {
                (Node::File(_), Node::Directory(_)) => return Err(errno(libc::EISDIR)),
                (Node::Directory(_), Node::File(_)) => return Err(errno(libc::ENOTDIR)),
                (_, Node::Directory(there)) if !there.entries.is_empty() => return Err(errno(libc::ENOTEMPTY)),
                _ => {}
            }
        }
        if self.is_within(to.0, node) {
            return Err(errno(libc::EINVAL));
        }
        self.entries(from.0).remove(&from.1);
        self.entries(to.0).insert(to.1.clone(), node);
        self.changes.push(Change::Renamed { from, to, node });
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let (directory, name) = match self.place(path) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => return Err(errno(libc::EISDIR)),
            place => place?,
        };
        let node = self.entry(directory, &name).ok_or_else(|| errno(libc::ENOENT))?;
        if matches!(self.nodes[node], Node::Directory(_)) {
            return Err(errno(libc::EISDIR));
        }
        self.entries(directory).remove(&name);
        self.changes.push(Change::Gone { directory, name });
        Ok(())
    }

    /// Syncs the names in the directory at `path`; a rename from or to another one is a change of both.
    pub(super) fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        let synced = self.directory(path)?;
        let (now, later) = mem::take(&mut self.changes).into_iter().partition(|change: &Change| change.concerns(synced));
        self.changes = later;
        self.survive(now);
        Ok(())
    }

    // ANCHOR: crash
    /// What is there after a crash.
    pub(super) fn crash(mut self, dice: &mut Dice) -> Disk {
        let changes = mem::take(&mut self.changes);
        let survivors = if dice.one_in(2) {
            let count = dice.below(changes.len() + 1);
            changes.into_iter().take(count).collect()
        } else {
            changes.into_iter().filter(|_| dice.one_in(2)).collect()
        };
        self.survive(survivors);
        for node in &mut self.nodes {
            match node {
                Node::File(file) => {
                    file.survive(dice);
                    file.octets = file.durable.clone();
                }
                Node::Directory(directory) => directory.entries = directory.durable.clone(),
            }
        }
        self
    }
    // ANCHOR_END: crash
}

// Steps.

impl Disk {
    fn make(&mut self, directory: usize, name: OsString, node: Node) -> usize {
        let number = self.nodes.len();
        self.nodes.push(node);
        self.entries(directory).insert(name.clone(), number);
        self.changes.push(Change::Made { directory, name, node: number });
        number
    }

    fn sync_all(&mut self) {
        let changes = mem::take(&mut self.changes);
        self.survive(changes);
        (0..self.nodes.len()).for_each(|node| self.sync(node));
    }

    fn survive(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Made { directory, name, node } => _ = self.durable(directory).insert(name, node),
                Change::Gone { directory, name } => _ = self.durable(directory).remove(&name),
                Change::Renamed { from, to, node } => {
                    if self.durable(from.0).get(&from.1) == Some(&node) {
                        self.durable(from.0).remove(&from.1);
                    }
                    self.durable(to.0).insert(to.1, node);
                }
            }
        }
    }

    fn entries(&mut self, node: usize) -> &mut BTreeMap<OsString, usize> {
        &mut self.as_directory(node).entries
    }

    fn durable(&mut self, node: usize) -> &mut BTreeMap<OsString, usize> {
        &mut self.as_directory(node).durable
    }

    fn as_directory(&mut self, node: usize) -> &mut Directory {
        match &mut self.nodes[node] {
            Node::Directory(directory) => directory,
            Node::File(_) => unreachable!("names are looked up in directories, and no node changes its kind"),
        }
    }

    fn entry(&self, directory: usize, name: &OsStr) -> Option<usize> {
        match &self.nodes[directory] {
            Node::Directory(directory) => directory.entries.get(name).copied(),
            Node::File(_) => None,
        }
    }

    /// Whether `node` is `above`, or beneath it.
    fn is_within(&self, node: usize, above: usize) -> bool {
        node == above
            || match &self.nodes[above] {
                Node::Directory(directory) => directory.entries.values().any(|&below| self.is_within(node, below)),
                Node::File(_) => false,
            }
    }
}

impl File {
    /// Lets the dice say which of the unsynced writes survive.
    fn survive(&mut self, dice: &mut Dice) {
        for (offset, octets) in self.unsynced.drain(..) {
            let count = match dice.below(4) {
                0 | 1 => octets.len(),
                2 => 0,
                _ => dice.below(octets.len()),
            };
            if count > 0 {
                overwrite(&mut self.durable, offset, &octets[..count]);
            }
        }
    }
}

impl Change {
    fn concerns(&self, node: usize) -> bool {
        match self {
            Change::Made { directory, .. } | Change::Gone { directory, .. } => *directory == node,
            Change::Renamed { from, to, .. } => from.0 == node || to.0 == node,
        }
    }
}

/// What lies between the end and `offset` becomes zeros. The caller has seen to it that it is not too far.
fn overwrite(file: &mut Vec<u8>, offset: u64, octets: &[u8]) {
    let start = offset as usize;
    let end = start + octets.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[start..end].copy_from_slice(octets);
}

/// A directory can be opened to be read; then a server finds that it is none of its files.
fn no_file(mode: OpenMode) -> io::Error {
    if mode == OpenMode::Read { io::ErrorKind::InvalidInput.into() } else { errno(libc::EISDIR) }
}

pub(super) fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
