//! The role of the reader: one model reads ranges of one file, as standard input says, line by line.

use std::io::{self, BufRead};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::time::{Duration, Instant};

use iolab::models::AnyModel;
use iolab::{Model, ReadFile, ReadWorkload};

use harness::child::{ReadDone, ReadOrder, Said, say};
use harness::data_file::is_right;
use harness::statistics::Dice;

/// The clock is read once for so many reads: that is cheap even beside reads that take less than a microsecond.
const READS_PER_CLOCK: u64 = 16;

/// Obeys until the input ends.
pub fn obey(model: AnyModel, data: &Path) -> io::Result<()> {
    model.available()?;
    say(&Said::Ready)?;
    for line in io::stdin().lock().lines() {
        let order: ReadOrder = serde_json::from_str(&line?)?;
        say(&Said::Read(read(model, data, &order)?))?;
    }
    Ok(())
}

fn read(model: AnyModel, data: &Path, order: &ReadOrder) -> io::Result<ReadDone> {
    let file = if order.direct { ReadFile::open_direct(data)? } else { ReadFile::open_buffered(data)? };
    let in_flight = NonZeroUsize::new(order.in_flight).unwrap_or(NonZeroUsize::MIN);
    let mut workload = Timed::new(order, file.len()?);
    let began = Instant::now();
    let cost = model.read_ranges(&file, in_flight, &mut workload)?;
    let nanos = began.elapsed().as_nanos() as u64;
    workload.failure.map_or(Ok(()), Err)?;
    if workload.arrived != workload.asked {
        return Err(io::Error::other(format!("{} ranges asked for, {} arrived", workload.asked, workload.arrived)));
    }
    Ok(ReadDone { reads: workload.arrived, nanos, cpu_nanos: None, spent: crate::spent(cost) })
}

/// Blocks of the file, for as long as the order says.
struct Timed<'o> {
    order: &'o ReadOrder,
    until: Instant,
    blocks: u64,
    dice: Dice,
    place: u64,
    /// Where each range began, by its number.
    offsets: Vec<u64>,
    asked: u64,
    arrived: u64,
    failure: Option<io::Error>,
}

impl<'o> Timed<'o> {
    fn new(order: &'o ReadOrder, octets: u64) -> Self {
        let blocks = octets / order.block as u64;
        let mut dice = Dice(order.seed);
        let place = dice.below(blocks as usize) as u64;
        let until = Instant::now() + Duration::from_nanos(order.nanos);
        Timed { order, until, blocks, dice, place, offsets: Vec::new(), asked: 0, arrived: 0, failure: None }
    }

    fn is_over(&self) -> bool {
        let Some(beyond) = self.asked.checked_sub(self.order.at_least) else { return false };
        beyond.is_multiple_of(READS_PER_CLOCK) && Instant::now() >= self.until
    }
}

impl ReadWorkload for Timed<'_> {
    fn next(&mut self) -> Option<Range<u64>> {
        if self.is_over() {
            return None;
        }
        self.place =
            if self.order.random { self.dice.below(self.blocks as usize) as u64 } else { (self.place + 1) % self.blocks };
        let offset = self.place * self.order.block as u64;
        self.offsets.push(offset);
        self.asked += 1;
        Some(offset..offset + self.order.block as u64)
    }

    fn arrived(&mut self, index: usize, octets: io::Result<&[u8]>) -> ControlFlow<()> {
        let offset = self.offsets[index];
        let failure = match octets {
            Ok(octets) if octets.len() == self.order.block && is_right(octets, offset, self.order.every_octet) => {
                self.arrived += 1;
                return ControlFlow::Continue(());
            }
            Ok(octets) if octets.len() == self.order.block => {
                io::Error::other(format!("the octets at {offset} are not those of the file"))
            }
            Ok(octets) => io::Error::other(format!("{} octets came of {} at {offset}", octets.len(), self.order.block)),
            Err(error) => error,
        };
        self.failure = Some(failure);
        ControlFlow::Break(())
    }
}
