//! File operations, against a real directory and against a kernel that is made up.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::directory::Directory;
use crate::file_op::{FileDone, FileId, FileOp};
use crate::read_file::ReadFile;
use crate::sys::calls::{Call, Meter};

/// A connection's files beneath a directory of their own; beside that is what must not be reached.
struct Fixture {
    outside: TempDir,
    directory: Directory,
    files: OpenFiles,
}

impl Fixture {
    fn new() -> Fixture {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::create_dir_all(outside.path().join("root/sub/deep")).unwrap();
        let directory = Directory::open(outside.path().join("root")).unwrap();
        Fixture { outside, directory, files: OpenFiles::default() }
    }

    fn root(&self) -> std::path::PathBuf {
        self.outside.path().join("root")
    }

    fn begin(&mut self, op: FileOp) -> FileWork {
        self.files.begin(op, Some(&self.directory))
    }

    fn ask(&mut self, op: FileOp) -> io::Result<FileDone> {
        let work = self.begin(op);
        self.files.end(run(work))
    }

    fn open(&mut self, path: impl AsRef<Path>, mode: OpenMode) -> io::Result<(FileId, u64)> {
        match self.ask(FileOp::Open { path: path.as_ref().into(), mode })? {
            FileDone::Opened(file, len) => Ok((file, len)),
            other => panic!("{other:?}"),
        }
    }

    fn read(&mut self, file: FileId, range: Range<u64>) -> io::Result<Bytes> {
        match self.ask(FileOp::Read { file, range })? {
            FileDone::Read(octets) => Ok(octets),
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, file: FileId, offset: u64, octets: &'static [u8]) -> io::Result<FileDone> {
        self.ask(FileOp::Write { file, offset, octets: Bytes::from_static(octets) })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<FileDone> {
        self.ask(FileOp::Rename { from: from.into(), to: to.into() })
    }

    fn unlink(&mut self, path: &str) -> io::Result<FileDone> {
        self.ask(FileOp::Unlink { path: path.into() })
    }
}

#[test]
fn a_file_is_made_written_read_synced_renamed_and_unlinked() {
    let mut fixture = Fixture::new();
    let meter = Meter::start("test");
    let (file, len) = fixture.open("sub/a", OpenMode::CreateNew).unwrap();
    assert_eq!(len, 0);
    assert_eq!(fixture.write(file, 0, b"hello").unwrap(), FileDone::Done);
    assert_eq!(fixture.write(file, 8, b"you").unwrap(), FileDone::Done);
    assert_eq!(fixture.write(file, 0, b"").unwrap(), FileDone::Done);
    assert_eq!(fixture.ask(FileOp::Sync { file }).unwrap(), FileDone::Done);
    assert_eq!(fixture.read(file, 0..100).unwrap(), b"hello\0\0\0you"[..]);
    assert_eq!(fixture.read(file, 4..9).unwrap(), b"o\0\0\0y"[..]);
    assert_eq!(fixture.read(file, 20..30).unwrap(), b""[..]);
    assert_eq!(fixture.read(file, 3..3).unwrap(), b""[..]);

    assert_eq!(fixture.rename("sub/a", "sub/deep/b").unwrap(), FileDone::Done);
    assert_eq!(fixture.read(file, 0..5).unwrap(), b"hello"[..], "it is the same file");
    for path in ["sub/deep", "sub/", "", "."] {
        assert_eq!(fixture.ask(FileOp::SyncDirectory { path: path.into() }).unwrap(), FileDone::Done, "{path:?}");
    }
    assert_eq!(fixture.ask(FileOp::Close { file }).unwrap(), FileDone::Done);
    assert_eq!(fixture.open("sub/deep/b", OpenMode::Read).unwrap().1, 11);
    assert_eq!(fixture.unlink("sub/deep/b").unwrap(), FileDone::Done);
    assert_eq!(fixture.open("sub/deep/b", OpenMode::Read).unwrap_err().kind(), ErrorKind::NotFound);

    let calls = meter.so_far();
    let counted = [Call::Pwrite64, Call::Fdatasync, Call::Fsync, Call::Renameat, Call::Unlinkat].map(|call| calls.of(call));
    assert_eq!(counted, [2, 1, 4, 1, 1]);
    // Three files of which one is not there, two directories to rename between, one to unlink in, four to sync.
    assert_eq!((calls.of(Call::Openat2), calls.of(Call::Close)), (10, 8), "the second file is open still");
    drop(fixture);
    assert_eq!(meter.read().of(Call::Close), 9, "what is left open is closed with the connection");
}

#[test]
fn nothing_leads_out_of_the_directory() {
    let mut fixture = Fixture::new();
    let root = fixture.root();
    symlink("../secret", root.join("link")).unwrap();
    symlink(root.join("sub"), root.join("absolute")).unwrap();
    symlink("..", root.join("sub/up")).unwrap();
    symlink("../..", root.join("sub/out")).unwrap();
    fs::write(root.join("inside"), "inside").unwrap();

    let secret = fixture.outside.path().join("secret");
    let ways_out = ["../secret", "sub/../../secret", "link", "absolute/x", "sub/out/secret", secret.to_str().unwrap()];
    for path in ways_out {
        for mode in [OpenMode::Read, OpenMode::Write, OpenMode::Create] {
            let error = fixture.open(path, mode).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CrossesDevices);
            let expected = format!("cannot open {path} beneath the directory of the service: it leads out of it");
            assert_eq!(error.to_string(), expected);
        }
        if path != "link" {
            assert_eq!(fixture.unlink(path).unwrap_err().kind(), ErrorKind::CrossesDevices, "{path}");
            assert_eq!(fixture.rename(path, "x").unwrap_err().kind(), ErrorKind::CrossesDevices, "{path}");
            assert_eq!(fixture.rename("inside", path).unwrap_err().kind(), ErrorKind::CrossesDevices, "{path}");
        }
    }
    for path in ["..", "sub/out", "/"] {
        let error = fixture.ask(FileOp::SyncDirectory { path: path.into() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossesDevices, "{path}");
    }
    for path in ["..", "sub/..", "/", "", "."] {
        let error = fixture.unlink(path).unwrap_err();
        assert_eq!(error.to_string(), format!("{path:?} does not end in the name of a file"));
        assert_eq!(fixture.rename("inside", path).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(fs::read(&secret).unwrap(), b"secret");

    // What only looks like a way out is none.
    let (file, _) = fixture.open("sub/up/sub/../inside", OpenMode::Read).unwrap();
    assert_eq!(fixture.read(file, 0..6).unwrap(), b"inside"[..]);
    assert_eq!(fixture.unlink("link").unwrap(), FileDone::Done, "the link goes, and not what it leads to");
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn only_regular_files_are_opened_and_nobody_waits_for_a_fifo() {
    let mut fixture = Fixture::new();
    assert!(Command::new("mkfifo").arg(fixture.root().join("fifo")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(fixture.root().join("socket")).unwrap();
    let mut refusal = |path, mode| fixture.open(path, mode).unwrap_err().to_string();
    assert_eq!(refusal("fifo", OpenMode::Read), "cannot open fifo: it is a FIFO; a server opens regular files only");
    assert_eq!(refusal("fifo", OpenMode::Write), "cannot open fifo: it is a FIFO; a server opens regular files only");
    assert_eq!(refusal("sub", OpenMode::Read), "cannot open sub: it is a directory; a server opens regular files only");
    assert!(
        refusal("sub", OpenMode::Create).starts_with("cannot open sub beneath the directory of the service: Is a directory")
    );
    assert!(refusal("socket", OpenMode::Read).ends_with("it is a socket, or a device that is not there"));
    assert!(refusal("", OpenMode::Read).contains("No such file"));
    assert!(refusal("a\0b", OpenMode::Read).contains("octet 0"));
}

#[test]
fn a_mode_says_whether_a_file_must_be_there() {
    let mut fixture = Fixture::new();
    fs::write(fixture.root().join("here"), "here").unwrap();
    for (path, mode, expected) in [
        ("here", OpenMode::Read, Ok(4)),
        ("here", OpenMode::Write, Ok(4)),
        ("here", OpenMode::Create, Ok(4)),
        ("here", OpenMode::CreateNew, Err(ErrorKind::AlreadyExists)),
        ("read", OpenMode::Read, Err(ErrorKind::NotFound)),
        ("write", OpenMode::Write, Err(ErrorKind::NotFound)),
        ("create", OpenMode::Create, Ok(0)),
        ("new", OpenMode::CreateNew, Ok(0)),
        ("nowhere/new", OpenMode::CreateNew, Err(ErrorKind::NotFound)),
    ] {
        let opened = fixture.open(path, mode).map(|(_, len)| len).map_err(|error| error.kind());
        assert_eq!(opened, expected, "{path} {mode:?}");
    }
    let (file, _) = fixture.open("here", OpenMode::Read).unwrap();
    let error = fixture.write(file, 0, b"no").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.to_string(), "cannot write 2 octets at 0 of here: it was opened to be read");
}

#[test]
fn a_rename_takes_the_place_of_what_was_there() {
    let mut fixture = Fixture::new();
    fs::write(fixture.root().join("sub/old"), "old").unwrap();
    fs::write(fixture.root().join("new"), "new").unwrap();
    let (old, _) = fixture.open("sub/old", OpenMode::Read).unwrap();
    fixture.rename("new", "sub/old").unwrap();
    assert_eq!(fs::read(fixture.root().join("sub/old")).unwrap(), b"new");
    assert_eq!(fixture.read(old, 0..3).unwrap(), b"old"[..], "who had it open has it still");
    let error = fixture.rename("sub/gone", "sub/old").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("cannot rename sub/gone to sub/old: "), "{error}");
    assert_eq!(fixture.unlink("sub").unwrap_err().kind(), ErrorKind::IsADirectory);
    assert!(fixture.unlink("gone").unwrap_err().to_string().starts_with("cannot unlink gone: "));
}

#[test]
fn a_file_that_was_closed_or_is_somebody_elses_is_no_file() {
    let (mut fixture, mut other) = (Fixture::new(), Fixture::new());
    let (closed, _) = fixture.open("a", OpenMode::Create).unwrap();
    fixture.ask(FileOp::Close { file: closed }).unwrap();
    let (open, _) = fixture.open("a", OpenMode::Create).unwrap();
    assert_ne!(open, closed);
    assert!(fixture.read(open, 0..1).is_ok());
    for ops in [
        FileOp::Read { file: closed, range: 0..1 },
        FileOp::Write { file: closed, offset: 0, octets: Bytes::new() },
        FileOp::Sync { file: closed },
        FileOp::Close { file: closed },
    ] {
        let error = fixture.ask(ops).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("this connection has no such file open"), "{error}");
    }
    assert!(other.read(open, 0..1).is_err());
}

#[test]
fn what_cannot_be_done_is_said_before_it_is_begun() {
    let mut fixture = Fixture::new();
    let (file, _) = fixture.open("a", OpenMode::Create).unwrap();
    let too_long = MAX_BLOCK as u64 + 1;
    assert!(fixture.read(file, 0..too_long).unwrap_err().to_string().ends_with("octets long: at most 4194304"));
    for offset in [u64::MAX, u64::MAX - 1, i64::MAX as u64] {
        assert!(fixture.write(file, offset, b"x").unwrap_err().to_string().contains("beyond the largest offset"), "{offset}");
    }
    let mut without = |op| fixture.files.begin(op, None);
    let Next::Done(Err(error)) = without(FileOp::Unlink { path: "a".into() }).next() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(matches!(without(FileOp::Sync { file }).next(), Next::Call(Step::SyncData { .. })), "that needs none");
}

#[test]
fn a_shared_file_is_read_too_around_the_page_cache_as_well() {
    let mut fixture = Fixture::new();
    let path = fixture.root().join("shared");
    let content: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8).collect();
    fs::write(&path, &content).unwrap();
    let buffered = ReadFile::open_buffered(&path);
    for file in [buffered, ReadFile::open_direct(&path)] {
        let file = match file {
            Ok(file) => Arc::new(file),
            Err(error) => {
                eprintln!("skipped: {error}");
                continue;
            }
        };
        let read = fixture.ask(FileOp::ReadShared { file, range: 4000..9999 }).unwrap();
        assert_eq!(read, FileDone::Read(Bytes::copy_from_slice(&content[4000..9999])));
    }
}

#[test]
fn short_writes_go_on_and_signals_are_no_reason_to_give_up() {
    let mut fixture = Fixture::new();
    let (file, _) = fixture.open("a", OpenMode::Create).unwrap();
    let mut work = fixture.begin(FileOp::Write { file, offset: 7, octets: Bytes::from_static(b"abcdef") });
    let mut answers = [Err(libc::EINTR), Ok(2), Err(libc::EINTR), Ok(3), Ok(1)].into_iter();
    let mut asked = Vec::new();
    let result = loop {
        match work.next() {
            Next::Call(Step::Write { octets, offset, .. }) => {
                asked.push((offset, octets));
                work.took(Took::Wrote(answers.next().unwrap().map_err(io::Error::from_raw_os_error)));
            }
            Next::Call(_) => panic!("a write writes"),
            Next::Done(result) => break result,
        }
    };
    assert!(result.is_ok() && answers.next().is_none());
    let parts = [(7, "abcdef"), (7, "abcdef"), (9, "cdef"), (9, "cdef"), (12, "f")];
    assert_eq!(asked, parts.map(|(offset, octets)| (offset, Bytes::from_static(octets.as_bytes()))));

    let octets = Bytes::from(vec![0; 2 * MAX_BLOCK + 1]);
    let mut work = fixture.begin(FileOp::Write { file, offset: 0, octets });
    let Next::Call(Step::Write { octets, .. }) = work.next() else { panic!() };
    assert_eq!(octets.len(), MAX_BLOCK, "a call has its bounds");
    work.took(Took::Wrote(Err(io::Error::from_raw_os_error(libc::ENOSPC))));
    let Next::Done(Err(error)) = work.next() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().starts_with("cannot write to a: No space left"), "{error}");

    let mut work = fixture.begin(FileOp::Write { file, offset: 0, octets: Bytes::from_static(b"x") });
    assert!(matches!(work.next(), Next::Call(_)));
    work.took(Took::Wrote(Ok(0)));
    assert!(matches!(work.next(), Next::Done(Err(error)) if error.kind() == ErrorKind::WriteZero));
}

#[test]
fn short_reads_go_on_with_the_same_block() {
    let mut fixture = Fixture::new();
    let (file, _) = fixture.open("a", OpenMode::Create).unwrap();
    let mut work = fixture.begin(FileOp::Read { file, range: 10..16 });
    let mut answers = [Ok(&b"ab"[..]), Err(libc::EINTR), Ok(b"cd"), Ok(b"")].into_iter();
    let result = loop {
        match work.next() {
            Next::Call(Step::Read { mut block, rest, .. }) => {
                let answer = answers.next().unwrap().map_err(io::Error::from_raw_os_error);
                assert_eq!(rest.offset, 10 + rest.at as u64);
                let count = answer.map(|octets| {
                    block[rest.at..rest.at + octets.len()].copy_from_slice(octets);
                    octets.len()
                });
                work.took(Took::Read(block, count));
            }
            Next::Call(_) => panic!("a read reads"),
            Next::Done(result) => break result,
        }
    };
    assert_eq!(fixture.files.end(result).unwrap(), FileDone::Read(Bytes::from_static(b"abcd")));
    assert!(answers.next().is_none());
}

#[test]
fn a_path_under_renames_is_followed_again_but_not_for_ever() {
    let mut fixture = Fixture::new();
    for op in [
        FileOp::Open { path: "sub/../a".into(), mode: OpenMode::Create },
        FileOp::Unlink { path: "sub/../sub/a".into() },
        FileOp::SyncDirectory { path: "sub/..".into() },
    ] {
        let mut work = fixture.begin(op);
        let mut tries = 0;
        let error = loop {
            match work.next() {
                Next::Call(Step::Open { .. }) => {
                    tries += 1;
                    work.took(Took::Opened(Err(io::Error::from_raw_os_error(libc::EAGAIN))));
                }
                Next::Call(_) => panic!("nothing was opened"),
                Next::Done(result) => break result.err().unwrap(),
            }
        };
        assert!(tries > 10 && error.to_string().contains("renamed all the time"), "{tries}: {error}");
    }
}

#[test]
fn a_close_does_not_close_what_others_still_use() {
    let mut fixture = Fixture::new();
    fs::write(fixture.root().join("a"), "abc").unwrap();
    let (file, _) = fixture.open("a", OpenMode::Read).unwrap();
    let reading = fixture.begin(FileOp::Read { file, range: 0..3 });
    let meter = Meter::start("test");
    fixture.ask(FileOp::Close { file }).unwrap();
    assert_eq!(meter.so_far().of(Call::Close), 0);
    let result = run(reading);
    assert_eq!(fixture.files.end(result).unwrap(), FileDone::Read(Bytes::from_static(b"abc")));
    assert_eq!(meter.read().of(Call::Close), 1);
}
