//! Of the chapter "Done by threads".

use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use iolab::models::{AnyModel, Blocking, Pool};
use iolab::{Model, Peer, ReadFile, ReadList};
use tempfile::NamedTempFile;

use super::check;
use super::waiting::threads_of;

fn pool() -> AnyModel {
    AnyModel::Pool(Pool::default())
}

#[test]
fn threads_1() {
    check("threads-1", threads_of(&pool(), 100, Peer::Bytes));
}

#[test]
fn threads_2() {
    let models = [pool(), AnyModel::Blocking(Blocking::default())];
    let fewer = models.iter().min_by_key(|model| threads_of(model, 100, Peer::HangUp)).unwrap();
    check("threads-2", fewer.name());
}

#[test]
fn threads_3() {
    let mut written = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    written.write_all(&[0; 64 * 4096]).unwrap();
    let file = ReadFile::open_buffered(written.path()).unwrap();
    let ranges: Vec<_> = (0..64).map(|block| block * 4096..(block + 1) * 4096).collect();
    let mut list = ReadList::new(&ranges, |_, octets| {
        octets.unwrap();
        ControlFlow::Continue(())
    });
    let cost = pool().read_ranges(&file, NonZeroUsize::new(16).unwrap(), &mut list).unwrap();
    check("threads-3", cost.threads_peak);
}
