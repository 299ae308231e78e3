//! Of the chapter "The same read, four times".

use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use iolab::models::{Epoll, Uring};
use iolab::{Call, Cost, Model, ReadFile, ReadList, Unavailable};
use tempfile::NamedTempFile;

use crate::{check, skip};

const BLOCK: u64 = 4096;

/// What it takes a model to read ranges of a file through the page cache.
fn cost_of(model: &impl Model, path: &Path, in_flight: usize, ranges: &[Range<u64>]) -> Cost {
    let file = ReadFile::open_buffered(path).unwrap();
    let mut workload = ReadList::new(ranges, |_, octets| {
        assert!(!octets.expect("it can be read").is_empty());
        ControlFlow::Continue(())
    });
    model.read_ranges(&file, NonZeroUsize::new(in_flight).unwrap(), &mut workload).unwrap()
}

/// A file that was written just now, so that the page cache has all of it.
fn cached(blocks: u64) -> (NamedTempFile, Vec<Range<u64>>) {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(file.path(), vec![b'.'; (blocks * BLOCK) as usize]).unwrap();
    let ranges = (0..blocks).map(|block| block * BLOCK..(block + 1) * BLOCK).collect();
    (file, ranges)
}

/// How often io_uring is entered for so many blocks that are cached.
fn check_enters(exercise: &str, blocks: u64, in_flight: usize) {
    let model = Uring::default();
    match model.available() {
        Err(error) if Unavailable::within(&error).is_some() => return skip::skipped(format_args!("{exercise}: {error}")),
        other => other.unwrap(),
    }
    let (file, ranges) = cached(blocks);
    let cost = cost_of(&model, file.path(), in_flight, &ranges);
    check(exercise, cost.calls.of(Call::IoUringEnter));
}

#[test]
fn same_read_1() {
    check_enters("same-read-1", 128, 8);
}

#[test]
fn same_read_2() {
    let cost = cost_of(&Epoll::default(), Path::new("/proc/version"), 1, &[const { 0..8 }; 10]);
    check("same-read-2", cost.calls.of(Call::Preadv2) + cost.calls.of(Call::Pread64));
}

#[test]
fn same_read_3() {
    check_enters("same-read-3", 40, 1);
}
