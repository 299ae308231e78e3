//! Of the chapter "The same read, four times".

use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use iolab::models::{Epoll, Pool, Uring};
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

#[test]
fn same_read_1() {
    let model = Uring::default();
    match model.available() {
        Err(error) if Unavailable::within(&error).is_some() => return skip::skipped(format_args!("same-read-1: {error}")),
        other => other.unwrap(),
    }
    let (file, ranges) = cached(128);
    let cost = cost_of(&model, file.path(), 8, &ranges);
    check("same-read-1", cost.calls.of(Call::IoUringEnter));
}

#[test]
fn same_read_2() {
    let cost = cost_of(&Epoll::default(), Path::new("/proc/version"), 1, &[const { 0..8 }; 10]);
    check("same-read-2", cost.calls.of(Call::Preadv2) + cost.calls.of(Call::Pread64));
}

#[test]
fn same_read_3() {
    let (file, ranges) = cached(64);
    check("same-read-3", cost_of(&Pool::default(), file.path(), 16, &ranges).threads_peak);
}
