//! The role of the reader: one model reads ranges of one file, as standard input says.

use std::io;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::time::Instant;

use harness::child::{ReadDone, ReadOrder};
use harness::reader::{self, Blocks, check};
use iolab::models::AnyModel;
use iolab::{Model, ReadFile, ReadWorkload};

/// Obeys until the input ends.
pub fn obey(model: AnyModel, data: &Path) -> io::Result<()> {
    model.available()?;
    reader::obey(|order| read(model, data, order))
}

fn read(model: AnyModel, data: &Path, order: &ReadOrder) -> io::Result<ReadDone> {
    let file = if order.direct { ReadFile::open_direct(data)? } else { ReadFile::open_buffered(data)? };
    let in_flight = NonZeroUsize::new(order.in_flight).unwrap_or(NonZeroUsize::MIN);
    let blocks = Blocks::new(order, file.len()?);
    let mut workload = Workload { order, blocks, offsets: Vec::new(), arrived: 0, failure: None };
    let began = Instant::now();
    let cost = model.read_ranges(&file, in_flight, &mut workload)?;
    let nanos = began.elapsed().as_nanos() as u64;
    workload.failure.map_or(Ok(()), Err)?;
    let (arrived, asked) = (workload.arrived, workload.blocks.asked());
    if arrived != asked {
        return Err(io::Error::other(format!("{asked} ranges asked for, {arrived} arrived")));
    }
    Ok(ReadDone { reads: arrived, nanos, cpu_nanos: None, spent: super::spent(cost) })
}

/// Blocks, as a model asks for them.
struct Workload<'o> {
    order: &'o ReadOrder,
    blocks: Blocks,
    /// Where each range began, by its number.
    offsets: Vec<u64>,
    arrived: u64,
    failure: Option<io::Error>,
}

impl ReadWorkload for Workload<'_> {
    fn next(&mut self) -> Option<Range<u64>> {
        let offset = self.blocks.next_offset()?;
        self.offsets.push(offset);
        Some(offset..offset + self.order.block as u64)
    }

    fn arrived(&mut self, index: usize, octets: io::Result<&[u8]>) -> ControlFlow<()> {
        match octets.and_then(|octets| check(self.order, self.offsets[index], octets)) {
            Ok(()) => {
                self.arrived += 1;
                ControlFlow::Continue(())
            }
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}
