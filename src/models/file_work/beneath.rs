//! Names beneath the service's directory: how a path is opened, and how a name is changed without a way out.
//!
//! `renameat(2)` and `unlinkat(2)` follow a path wherever it leads. So its directory is opened first, beneath the root, and the
//! name is changed from within: a single name leads nowhere.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Handle, Step, Took};
use crate::directory::Directory;
use crate::file_op::OpenMode;
use crate::sys::files::Descriptor;
use crate::unavailable::Unavailable;

/// How often the kernel is asked again when somebody renamed a directory while it followed a path with `..` in it.
const TRIES: u32 = 100;

/// A path on its way to a descriptor.
#[derive(Clone)]
pub(super) struct Opening {
    beneath: Handle,
    path: CString,
    flags: i32,
    tries: u32,
}

impl Opening {
    /// Of a file. It does not wait for the writer of a FIFO, nor become anyone's terminal: what it is, is seen afterwards.
    pub(super) fn file(directory: &Directory, path: &Path, mode: OpenMode) -> io::Result<Opening> {
        let flags = match mode {
            OpenMode::Read => libc::O_RDONLY,
            OpenMode::Write => libc::O_RDWR,
            OpenMode::Create => libc::O_RDWR | libc::O_CREAT,
            OpenMode::CreateNew => libc::O_RDWR | libc::O_CREAT | libc::O_EXCL,
        };
        Opening::new(directory, path, flags | libc::O_NONBLOCK | libc::O_NOCTTY)
    }

    /// Of a directory to sync.
    pub(super) fn directory(directory: &Directory, path: &Path) -> io::Result<Opening> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Opening::new(directory, path, libc::O_RDONLY | libc::O_DIRECTORY)
    }

    /// Of a directory to change names in.
    fn parent(directory: &Directory, path: &Path) -> io::Result<Opening> {
        Opening::new(directory, path, libc::O_PATH | libc::O_DIRECTORY)
    }

    fn new(directory: &Directory, path: &Path, flags: i32) -> io::Result<Opening> {
        Ok(Opening { beneath: Arc::new(directory.clone()), path: c_string(path.as_os_str())?, flags, tries: TRIES })
    }

    pub(super) fn path(&self) -> PathBuf {
        Path::new(OsStr::from_bytes(self.path.as_bytes())).to_path_buf()
    }

    pub(super) fn step(&self) -> Step {
        Step::Open { beneath: Arc::clone(&self.beneath), path: self.path.clone(), flags: self.flags }
    }

    /// The descriptor, or the opening again: it is to be tried once more.
    pub(super) fn took(&self, result: io::Result<Descriptor>) -> io::Result<Result<Descriptor, Opening>> {
        let error = match result {
            Ok(descriptor) => return Ok(Ok(descriptor)),
            Err(error) => error,
        };
        let path = self.path();
        let because = |why: &str| format!("cannot open {} beneath the directory of the service: {why}", path.display());
        let why = match error.raw_os_error() {
            Some(libc::EAGAIN) if self.tries > 0 => return Ok(Err(Opening { tries: self.tries - 1, ..self.clone() })),
            Some(libc::EXDEV) => "it leads out of it".into(),
            Some(libc::EAGAIN) => "directories are renamed all the time while it is looked for".into(),
            Some(libc::ENXIO) => "it is a socket, or a device that is not there".into(),
            Some(libc::ENOSYS) => {
                return Err(Unavailable::new(
                    "openat2",
                    "came with Linux 5.6, and this kernel, or the sandbox around this process, does not have it",
                    "let it through, or do without files beneath a directory",
                )
                .into());
            }
            _ => error.to_string(),
        };
        Err(io::Error::new(error.kind(), because(&why)))
    }
}

/// A change of names on its way: a rename if there is a second place, else an unlink.
pub(super) struct Naming {
    place: Place,
    new_place: Option<Place>,
}

/// A name in a directory.
struct Place {
    path: PathBuf,
    name: CString,
    directory: Way,
}

/// The directory of a name, or how to get there.
enum Way {
    Opening(Opening),
    Open(Handle),
}

impl Naming {
    pub(super) fn rename(directory: &Directory, from: &Path, to: &Path) -> io::Result<Naming> {
        Ok(Naming { place: Place::new(directory, from)?, new_place: Some(Place::new(directory, to)?) })
    }

    pub(super) fn unlink(directory: &Directory, path: &Path) -> io::Result<Naming> {
        Ok(Naming { place: Place::new(directory, path)?, new_place: None })
    }

    pub(super) fn step(&self) -> Step {
        let places = [Some(&self.place), self.new_place.as_ref()];
        let mut open = Vec::with_capacity(2);
        for place in places.into_iter().flatten() {
            match &place.directory {
                Way::Opening(opening) => return opening.step(),
                Way::Open(directory) => open.push((Arc::clone(directory), place.name.clone())),
            }
        }
        match (open.pop(), open.pop()) {
            (Some(to), Some(from)) => Step::Rename { from, to },
            (Some((directory, name)), _) => Step::Unlink { directory, name },
            (None, _) => unreachable!("there is one place at least"),
        }
    }

    /// The naming again if there is more to do.
    pub(super) fn took(mut self, took: Took) -> io::Result<Option<Naming>> {
        match took {
            Took::Opened(result) => {
                let places = [Some(&mut self.place), self.new_place.as_mut()];
                for place in places.into_iter().flatten() {
                    if let Way::Opening(opening) = &place.directory {
                        place.directory = match opening.took(result)? {
                            Ok(descriptor) => Way::Open(Arc::new(descriptor)),
                            Err(again) => Way::Opening(again),
                        };
                        break;
                    }
                }
                Ok(Some(self))
            }
            Took::Done(result) => result.map(|()| None).map_err(|error| {
                let what = match &self.new_place {
                    Some(to) => format!("cannot rename {} to {}", self.place.path.display(), to.path.display()),
                    None => format!("cannot unlink {}", self.place.path.display()),
                };
                io::Error::new(error.kind(), format!("{what}: {error}"))
            }),
            Took::Checked(_) | Took::Read(..) | Took::Wrote(_) => unreachable!("a step is answered in its own kind"),
        }
    }
}

impl Place {
    fn new(directory: &Directory, path: &Path) -> io::Result<Place> {
        let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
            let why = format!("{:?} does not end in the name of a file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        };
        let way = if parent.as_os_str().is_empty() {
            Way::Open(Arc::new(directory.clone()))
        } else {
            Way::Opening(Opening::parent(directory, parent)?)
        };
        Ok(Place { path: path.to_path_buf(), name: c_string(name)?, directory: way })
    }
}

fn c_string(name: &OsStr) -> io::Result<CString> {
    CString::new(name.as_bytes()).map_err(|_| {
        let why = format!("the path {name:?} has an octet 0 in it, which no file has in its name");
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })
}
