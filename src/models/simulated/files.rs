//! File operations: done late and in any order, on the made-up disk; and with [faults](super::World::with_faults), not done.

use std::io;

use bytes::Bytes;

use super::World;
use super::disk::errno;
use super::moves::{Move, Who};
use crate::file_op::{FileDone, FileId, FileOp, FileRequest, OpenMode};
use crate::identity::ConnectionId;
use crate::protocol::Service;
use crate::read_workload::MAX_BLOCK;
use crate::reading::read_whole;
use crate::sys::files::pread;

/// With faults, one in so many operations fails.
const FAILURES: usize = 12;

/// A file that somebody has open. Its number is its place in the list, which is never used again.
pub(super) struct OpenFile {
    owner: ConnectionId,
    node: usize,
    is_writable: bool,
    is_open: bool,
}

impl<S: Service> World<'_, S> {
    /// Does one of the operations under way, and tells who asked for it, if it is still there.
    pub(super) fn finish_file(&mut self) {
        let (owner, FileRequest { ticket, op }) = self.files.swap_remove(self.dice.below(self.files.len()));
        let verb = verb(&op);
        let result = self.perform(owner, op);
        let error = result.as_ref().err().map(|error| error.raw_os_error().unwrap_or(0));
        self.note(Who::Connection(owner), Move::FileDone(verb, error));
        if let Some(index) = self.residents.iter().position(|resident| resident.id() == owner) {
            self.residents[index].asked -= 1;
            self.tell(index, |connection, now| connection.file_done(ticket, result, now));
        } else if !self.files.iter().any(|(other, _)| *other == owner) {
            self.close_files_of(owner);
        }
    }

    /// The machine stops in the middle of what is under way: some of it has been done.
    pub(super) fn leave_files_half_done(&mut self) {
        while let Some((owner, FileRequest { op, .. })) = self.files.pop() {
            match op {
                FileOp::Write { file, offset, octets } => {
                    let count = self.dice.below(octets.len() + 1);
                    let _ = self.write(owner, file, offset, octets.slice(..count));
                }
                op if self.dice.one_in(2) => _ = self.perform(owner, op),
                _ => {}
            }
        }
    }

    pub(super) fn close_files_of(&mut self, owner: ConnectionId) {
        for file in self.opened.iter_mut().filter(|file| file.owner == owner) {
            file.is_open = false;
        }
    }

    fn perform(&mut self, owner: ConnectionId, op: FileOp) -> io::Result<FileDone> {
        if self.out_of_descriptors && matches!(op, FileOp::Open { .. }) {
            return Err(errno(libc::EMFILE));
        }
        // A file is closed whatever the disk says (close(2)).
        if self.faults && !matches!(op, FileOp::Close { .. }) && self.dice.one_in(FAILURES) {
            return Err(self.fail(owner, op));
        }
        match op {
            FileOp::Open { path, mode } => {
                let (node, length) = self.disk.open(&path, mode)?;
                let file = FileId(self.opened.len() as u64);
                self.opened.push(OpenFile { owner, node, is_writable: mode != OpenMode::Read, is_open: true });
                return Ok(FileDone::Opened(file, length));
            }
            FileOp::Read { file, range } => {
                let node = self.opened_by(owner, file)?.node;
                let is_sane = range.start <= range.end && range.end - range.start <= MAX_BLOCK as u64;
                let is_sane = is_sane && i64::try_from(range.end).is_ok();
                return if is_sane { Ok(FileDone::Read(self.disk.read(node, range))) } else { Err(errno(libc::EINVAL)) };
            }
            FileOp::ReadShared { file, range } => {
                return read_whole(&file, range, |room, offset| pread(&*file, room, offset)).map(FileDone::Read);
            }
            FileOp::Write { file, offset, octets } => self.write(owner, file, offset, octets)?,
            FileOp::Sync { file } => {
                let node = self.opened_by(owner, file)?.node;
                self.disk.sync(node);
            }
            FileOp::Close { file } => {
                self.opened_by(owner, file)?;
                self.opened[file.0 as usize].is_open = false;
            }
            FileOp::Rename { from, to } => self.disk.rename(&from, &to)?,
            FileOp::Unlink { path } => self.disk.unlink(&path)?,
            FileOp::SyncDirectory { path } => self.disk.sync_directory(&path)?,
        }
        Ok(FileDone::Done)
    }

    /// Fails, and may have done some of it.
    fn fail(&mut self, owner: ConnectionId, op: FileOp) -> io::Error {
        match op {
            FileOp::Write { file, offset, octets } => {
                let count = self.dice.below(octets.len().max(1));
                match self.write(owner, file, offset, octets.slice(..count)) {
                    Err(error) => error,
                    Ok(()) => errno([libc::ENOSPC, libc::EIO][self.dice.below(2)]),
                }
            }
            FileOp::Sync { file } => match self.opened_by(owner, file).map(|file| file.node) {
                Err(error) => error,
                Ok(node) => {
                    self.disk.fail_to_sync(node, &mut self.dice);
                    errno(libc::EIO)
                }
            },
            FileOp::Open { .. } => errno([libc::EMFILE, libc::EIO][self.dice.below(2)]),
            _ => errno(libc::EIO),
        }
    }

    fn write(&mut self, owner: ConnectionId, file: FileId, offset: u64, octets: Bytes) -> io::Result<()> {
        let file = self.opened_by(owner, file)?;
        if !file.is_writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let node = file.node;
        self.disk.write(node, offset, octets)
    }

    fn opened_by(&self, owner: ConnectionId, file: FileId) -> io::Result<&OpenFile> {
        let opened = usize::try_from(file.0).ok().and_then(|place| self.opened.get(place));
        opened.filter(|file| file.owner == owner && file.is_open).ok_or(io::ErrorKind::InvalidInput.into())
    }
}

fn verb(op: &FileOp) -> &'static str {
    match op {
        FileOp::Open { .. } => "open",
        FileOp::Read { .. } | FileOp::ReadShared { .. } => "read",
        FileOp::Write { .. } => "write",
        FileOp::Sync { .. } => "sync",
        FileOp::Close { .. } => "close",
        FileOp::Rename { .. } => "rename",
        FileOp::Unlink { .. } => "unlink",
        FileOp::SyncDirectory { .. } => "sync directory",
    }
}
