//! The role of the reader: which blocks of the data file are read, and whether they came. How they are read is the contestant's.

use std::io::{self, BufRead};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::child::{ReadDone, ReadOrder, Said, say};
use crate::data_file::is_right;
use crate::statistics::Dice;

/// The clock is read once for so many reads: that is cheap even beside reads that take less than a microsecond.
const READS_PER_CLOCK: u64 = 16;

/// Reads as standard input says, order by order, until it ends.
pub fn obey(mut read: impl FnMut(&ReadOrder) -> io::Result<ReadDone>) -> io::Result<()> {
    say(&Said::Ready)?;
    for line in io::stdin().lock().lines() {
        let order = serde_json::from_str(&line?)?;
        say(&Said::Read(read(&order)?))?;
    }
    Ok(())
}

/// Blocks of the file, for as long as the order says.
pub struct Blocks {
    order: ReadOrder,
    until: Instant,
    in_file: u64,
    dice: Dice,
    place: u64,
    asked: u64,
}

impl Blocks {
    /// Of a file of so many octets. Its time begins now.
    pub fn new(order: &ReadOrder, octets: u64) -> Blocks {
        let in_file = octets / order.block as u64;
        let mut dice = Dice(order.seed);
        let place = dice.below(in_file as usize) as u64;
        let until = Instant::now() + Duration::from_nanos(order.nanos);
        Blocks { order: order.clone(), until, in_file, dice, place, asked: 0 }
    }

    /// Where the next block begins, unless it is over.
    #[inline]
    pub fn next_offset(&mut self) -> Option<u64> {
        if self.is_over() {
            return None;
        }
        self.place =
            if self.order.random { self.dice.below(self.in_file as usize) as u64 } else { (self.place + 1) % self.in_file };
        self.asked += 1;
        Some(self.place * self.order.block as u64)
    }

    /// How many blocks were asked for.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    fn is_over(&self) -> bool {
        let Some(beyond) = self.asked.checked_sub(self.order.at_least) else { return false };
        beyond.is_multiple_of(READS_PER_CLOCK) && Instant::now() >= self.until
    }
}

/// Whether this process looks at what it has read.
static LOOKS: AtomicBool = AtomicBool::new(true);

/// From now on this process takes a block's length for the block, unless an order wants every octet checked: beside a program that
/// reads and looks at nothing, a look would count as reading. Of a read of 1 MiB, it takes more than the reading.
pub fn look_at_nothing() {
    LOOKS.store(false, Ordering::Relaxed);
}

/// Whether these are the octets of a whole block at `offset`; the error says what is wrong.
#[inline]
pub fn check(order: &ReadOrder, offset: u64, octets: &[u8]) -> io::Result<()> {
    if octets.len() != order.block {
        return Err(io::Error::other(format!("{} octets came of {} at {offset}", octets.len(), order.block)));
    }
    let looks = order.every_octet || LOOKS.load(Ordering::Relaxed);
    if looks && !is_right(octets, offset, order.every_octet) {
        return Err(io::Error::other(format!("the octets at {offset} are not those of the file")));
    }
    Ok(())
}
