//! Bare file reads: each way of reading a block, with nothing around it but the choice of the block and the look at its octets, which
//! are the same for the models.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::ValueEnum;
use harness::child::{ReadDone, ReadOrder};
use harness::reader::{self, Blocks, check};

use crate::aio::Aio;
use crate::calls::{self, Call, Calls};
use crate::ring::{Registered, Ring};
use crate::ring_reads::{BATCH, RingReader};

/// Memory for direct reads begins with a page.
const PAGE: usize = 4096;

/// What a thread of the pool needs: its block is not on its stack.
const STACK: usize = 64 << 10;

/// A way of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// One `pread(2)` after the other.
    Pread,
    /// io_uring.
    Ring,
    /// Linux AIO.
    Aio,
    /// A thread for each block in flight.
    Preads,
}

/// Obeys until the input ends. All orders are of one kind, so what the first one sets up serves the others.
pub fn obey(way: Way, data: &Path) -> io::Result<()> {
    let (mut reader, calls) = (None, Calls::of_a_thread());
    reader::obey(|order| {
        let reader = match &mut reader {
            Some(reader) => reader,
            none => none.insert(Reader::new(way, data, order, calls)?),
        };
        let mut blocks = Blocks::new(order, reader.octets);
        let began = Instant::now();
        match &mut reader.with {
            With::Pread => pread_all(&reader.file, order, || blocks.next_offset(), calls)?,
            With::Ring(reader) => reader.read(order, &mut blocks)?,
            With::Aio(aio) => read_by_aio(aio, order, &mut blocks)?,
            With::Preads => blocks = read_by_pool(&reader.file, order, blocks, calls)?,
        }
        let nanos = began.elapsed().as_nanos() as u64;
        Ok(ReadDone { reads: blocks.asked(), nanos, cpu_nanos: None, spent: calls::take() })
    })
}

struct Reader {
    file: File,
    octets: u64,
    with: With,
}

enum With {
    Pread,
    Ring(RingReader),
    Aio(Aio),
    Preads,
}

impl Reader {
    fn new(way: Way, data: &Path, order: &ReadOrder, calls: &'static Calls) -> io::Result<Reader> {
        let flags = if order.direct { libc::O_DIRECT } else { 0 };
        let file = File::options().read(true).custom_flags(flags).open(data)?;
        let (count, len) = (order.in_flight, order.block);
        let with = match way {
            Way::Pread => With::Pread,
            Way::Preads => With::Preads,
            Way::Aio => With::Aio(Aio::new(&file, count, len, calls)?),
            Way::Ring => {
                let ring = Ring::new(count.next_power_of_two() as u32, calls)?;
                With::Ring(RingReader::new(ring, &file, count, len, Registered { file: true, blocks: true })?)
            }
        };
        Ok(Reader { octets: file.metadata()?.len(), file, with })
    }
}

fn pread_all(file: &File, order: &ReadOrder, mut next: impl FnMut() -> Option<u64>, calls: &Calls) -> io::Result<()> {
    let mut slack = vec![0; order.block + PAGE];
    let start = slack.as_ptr().align_offset(PAGE);
    let block = &mut slack[start..start + order.block];
    while let Some(offset) = next() {
        calls.count(Call::Pread64);
        let count = file.read_at(block, offset)?;
        check(order, offset, &block[..count])?;
    }
    Ok(())
}

/// Each of the threads takes the next block for itself: there is nobody who gives them out, and nobody they report to.
fn read_by_pool(file: &File, order: &ReadOrder, blocks: Blocks, calls: &Calls) -> io::Result<Blocks> {
    let blocks = Mutex::new(blocks);
    let next = || blocks.lock().unwrap_or_else(PoisonError::into_inner).next_offset();
    thread::scope(|scope| {
        let start = |_| {
            calls.count(Call::Clone3);
            let read = || pread_all(file, order, next, Calls::of_a_thread());
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read)
        };
        let threads = (0..order.in_flight).map(start).collect::<io::Result<Vec<_>>>()?;
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))))
    })?;
    Ok(blocks.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn read_by_aio(aio: &mut Aio, order: &ReadOrder, blocks: &mut Blocks) -> io::Result<()> {
    let mut offsets = vec![0; order.in_flight];
    let mut in_flight = 0;
    for (number, place) in offsets.iter_mut().enumerate() {
        let Some(offset) = blocks.next_offset() else { break };
        *place = offset;
        aio.read(number, offset);
        in_flight += 1;
    }
    let mut done = Vec::with_capacity(order.in_flight);
    while in_flight > 0 {
        aio.submit()?;
        aio.wait(&mut done)?;
        for one in done.drain(..) {
            let number = one.number;
            check(order, offsets[number], aio.octets(one)?)?;
            let Some(offset) = blocks.next_offset() else {
                in_flight -= 1;
                continue;
            };
            offsets[number] = offset;
            aio.read(number, offset);
            if aio.queued() >= BATCH {
                aio.submit()?;
            }
        }
    }
    Ok(())
}
