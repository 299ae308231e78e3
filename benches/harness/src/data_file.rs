//! The file that is read: written, not reserved, and each octet of it known.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// Octets of a sector.
const SECTOR: u64 = 512;

/// Octets of a word.
const WORD: u64 = 8;

/// The word number `index` of every data file: it looks random, so that no disk can compress it.
#[inline]
pub fn word(index: u64) -> u64 {
    let mixed = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Whether these are the octets that belong at `offset`, a multiple of 8. Of each sector one word is looked at, not always the
/// same; or every octet.
pub fn is_right(octets: &[u8], offset: u64, every_octet: bool) -> bool {
    let right = |octets: &[u8], index: u64| *octets == word(index).to_le_bytes();
    let first = offset / WORD;
    if every_octet {
        return (first..).zip(octets.chunks(WORD as usize)).all(|(index, octets)| right(octets, index));
    }
    let words_of_sector = SECTOR / WORD;
    (offset / SECTOR..).zip(octets.chunks(SECTOR as usize)).all(|(number, sector)| {
        let place = number % words_of_sector;
        let octets = &sector[(place * WORD) as usize..][..WORD as usize];
        right(octets, number * words_of_sector + place)
    })
}

/// A data file without a name: it is gone with the last process that has it open, even if that is killed.
pub struct DataFile {
    file: File,
    directory: PathBuf,
    octets: u64,
}

impl DataFile {
    /// Writes so many octets, in a directory of the file system to be measured, and sees them on the disk.
    pub fn write(directory: &Path, octets: u64) -> io::Result<DataFile> {
        let in_context = |error: io::Error| {
            let (directory, mib) = (directory.display(), octets >> 20);
            io::Error::new(error.kind(), format!("cannot write a data file of {mib} MiB in {directory}: {error}"))
        };
        fs::create_dir_all(directory).map_err(in_context)?;
        let mut file = tempfile::tempfile_in(directory).map_err(in_context)?;
        let mut buffer = Vec::with_capacity(1 << 20);
        for index in 0..octets / WORD {
            buffer.extend_from_slice(&word(index).to_le_bytes());
            if buffer.len() == buffer.capacity() {
                file.write_all(&buffer).map_err(in_context)?;
                buffer.clear();
            }
        }
        file.write_all(&buffer).map_err(in_context)?;
        file.sync_all().map_err(in_context)?;
        Ok(DataFile { file, directory: directory.to_owned(), octets })
    }

    /// A path by which a child can open it.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.file.as_raw_fd())
    }

    /// Where it was written.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its length.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Drops its first `octets` from the page cache, so that reading them takes the disk; 0 means all.
    pub fn evict(&self, octets: u64) -> io::Result<()> {
        Ok(posix_fadvise(&self.file, 0, octets as i64, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
    }

    /// Brings all of it into the page cache.
    pub fn warm(&self) -> io::Result<()> {
        io::copy(&mut File::open(self.path())?, &mut io::sink()).map(drop)
    }
}
