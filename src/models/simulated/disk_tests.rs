//! The made-up disk against what the manual pages say, and what a crash may leave of it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::dice::Dice;
use super::disk::Disk;
use crate::file_op::OpenMode::{self, Create, CreateNew, Read, Write};

/// `here`, and `below/there`.
fn disk() -> Disk {
    let mut disk = Disk::default();
    disk.put("here", b"here").unwrap();
    disk.make_directory("below").unwrap();
    disk.put("below/there", b"there").unwrap();
    disk
}

fn open(disk: &mut Disk, path: &str, mode: OpenMode) -> usize {
    disk.open(Path::new(path), mode).unwrap().0
}

fn said<T>(result: io::Result<T>) -> i32 {
    result.err().and_then(|error| error.raw_os_error()).unwrap_or(0)
}

#[test]
fn it_says_what_linux_says() {
    let opens = [
        ("here", Read, 0),
        ("./below/../here", Read, 0),
        ("nowhere", Read, libc::ENOENT),
        ("nowhere", Write, libc::ENOENT),
        ("nowhere/new", Create, libc::ENOENT),
        ("here", CreateNew, libc::EEXIST),
        ("below/there", Create, 0),
        ("below", Create, libc::EISDIR),
        (".", Write, libc::EISDIR),
        ("here/", Read, libc::ENOTDIR),
        ("here/below", Create, libc::ENOTDIR),
        ("here/../here", Read, libc::ENOTDIR),
        ("../here", Read, libc::EXDEV),
        ("below/../../here", Read, libc::EXDEV),
        ("..", Read, libc::EXDEV),
        ("/here", Read, libc::EXDEV),
        ("", Create, libc::ENOENT),
        ("a\0b", Create, libc::EINVAL),
        (&"n".repeat(256), Create, libc::ENAMETOOLONG),
        (&"n".repeat(255), Create, 0),
    ];
    for (path, mode, expected) in opens {
        assert_eq!(said(disk().open(Path::new(path), mode)), expected, "open {path:?} {mode:?}");
    }
    let renames = [
        ("here", "new", 0),
        ("here", "below/there", 0),
        ("here", "here", 0),
        ("nowhere", "new", libc::ENOENT),
        ("here", "below", libc::EISDIR),
        ("below", "here", libc::ENOTDIR),
        ("below", "below/inside", libc::EINVAL),
        ("here", "../out", libc::EXDEV),
        ("/here", "new", libc::EXDEV),
        ("below/.", "new", 0),
        ("here", "..", libc::EXDEV),
        ("below/..", "new", libc::EBUSY),
    ];
    for (from, to, expected) in renames {
        assert_eq!(said(disk().rename(Path::new(from), Path::new(to))), expected, "rename {from:?} {to:?}");
    }
    for (path, expected) in [("here", 0), ("nowhere", libc::ENOENT), ("below", libc::EISDIR), ("../here", libc::EXDEV)] {
        assert_eq!(said(disk().unlink(Path::new(path))), expected, "unlink {path:?}");
    }
    for (path, expected) in [("", 0), (".", 0), ("below", 0), ("here", libc::ENOTDIR), ("..", libc::EXDEV)] {
        assert_eq!(said(disk().sync_directory(Path::new(path))), expected, "sync directory {path:?}");
    }
}

#[test]
fn what_is_written_is_read_and_a_file_outlives_its_name() {
    let mut disk = disk();
    let node = open(&mut disk, "here", Write);
    disk.write(node, 6, Bytes::from_static(b"after")).unwrap();
    assert_eq!(&disk.read(node, 0..100)[..], b"here\0\0after");
    assert_eq!((&disk.read(node, 6..8)[..], disk.read(node, 50..u64::MAX).len()), (&b"af"[..], 0));
    disk.unlink(Path::new("here")).unwrap();
    assert_eq!(&disk.read(node, 0..4)[..], b"here");
    disk.rename(Path::new("below/there"), Path::new("here")).unwrap();
    assert_eq!(disk.get("here").unwrap(), b"there");
    assert_eq!(said(disk.write(node, u64::MAX, Bytes::from_static(b"x"))), libc::EFBIG);
    assert_eq!(disk.names("").unwrap(), ["below", "here"]);
}

/// All that may be left of a change.
fn crashes(change: impl Fn(&mut Disk)) -> BTreeSet<String> {
    let left = |seed| {
        let mut disk = disk();
        change(&mut disk);
        let disk = disk.crash(&mut Dice::seeded(seed));
        let names = disk.names("").unwrap();
        let files = names.iter().filter_map(|name| {
            let octets = disk.get(Path::new(name)).ok()?;
            Some(format!("{}={}", name.display(), String::from_utf8_lossy(&octets)))
        });
        files.collect::<Vec<_>>().join(" ")
    };
    (0..500).map(left).collect()
}

fn set(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|one| one.to_string()).collect()
}

#[test]
fn a_crash_loses_what_nobody_synced_and_nothing_else() {
    let write = |disk: &mut Disk| {
        let node = open(disk, "here", Write);
        disk.write(node, 0, Bytes::from_static(b"HE")).unwrap();
        disk.write(node, 3, Bytes::from_static(b"E")).unwrap();
        node
    };
    let all = set(&["here=here", "here=Here", "here=HEre", "here=herE", "here=HerE", "here=HErE"]);
    assert_eq!(crashes(|disk| _ = write(disk)), all, "writes in any order, and parts of them");
    let synced = |disk: &mut Disk| {
        let node = write(disk);
        disk.sync(node);
    };
    assert_eq!(crashes(synced), set(&["here=HErE"]));
    let failed = |disk: &mut Disk| {
        let node = write(disk);
        disk.fail_to_sync(node, &mut Dice::seeded(disk.names("").unwrap().len() as u64));
        disk.sync(node);
    };
    assert_eq!(crashes(failed).len(), 1, "what a failed sync lost stays lost, and what it kept is kept");
}

// ANCHOR: renamed
#[test]
fn a_name_is_there_or_not() {
    let create = |disk: &mut Disk| {
        let node = open(disk, "new", CreateNew);
        disk.write(node, 0, Bytes::from_static(b"N")).unwrap();
        disk.sync(node);
    };
    assert_eq!(crashes(create), set(&["here=here", "here=here new=N"]), "syncing a file does not sync its name");
    let replace = |disk: &mut Disk| {
        create(disk);
        disk.rename(Path::new("new"), Path::new("here")).unwrap();
    };
    let either = set(&["here=here", "here=here new=N", "here=N"]);
    assert_eq!(crashes(replace), either, "the old file, the old and the new one, or the new one in its place");
    let whole = |disk: &mut Disk| {
        replace(disk);
        disk.sync_directory(Path::new(".")).unwrap();
    };
    assert_eq!(crashes(whole), set(&["here=N"]));
    // ANCHOR_END: renamed
    let away = |disk: &mut Disk| disk.rename(Path::new("here"), Path::new("below/here")).unwrap();
    let kept = |disk: &mut Disk| {
        away(disk);
        disk.sync_directory(Path::new("below")).unwrap();
    };
    assert_eq!(crashes(away), set(&["", "here=here"]));
    assert_eq!(crashes(kept), set(&[""]), "a rename is a change of both directories");
}
