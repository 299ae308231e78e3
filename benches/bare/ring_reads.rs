//! Bare file reads by io_uring.

use std::io;
use std::os::fd::AsRawFd;

use harness::child::ReadOrder;
use harness::reader::{Blocks, check};

use crate::ring::{self, Registered, Ring};

/// Reads handed over at once: a disk whose queue drains while its client handles a large turn does nothing meanwhile.
pub const BATCH: usize = 8;

pub struct RingReader {
    ring: Ring,
    memory: ring::Blocks,
}

impl RingReader {
    /// With `count` reads of `len` octets in flight.
    pub fn new(ring: Ring, file: &impl AsRawFd, count: usize, len: usize, registered: Registered) -> io::Result<RingReader> {
        let memory = ring::Blocks::new(&ring, file, count, len, registered)?;
        Ok(RingReader { ring, memory })
    }

    pub fn read(&mut self, order: &ReadOrder, blocks: &mut Blocks) -> io::Result<()> {
        let RingReader { ring, memory } = self;
        let mut offsets = vec![0; order.in_flight];
        let mut in_flight = 0;
        for (number, place) in offsets.iter_mut().enumerate() {
            let Some(offset) = blocks.next_offset() else { break };
            *place = offset;
            memory.read(ring, number, offset)?;
            in_flight += 1;
        }
        while in_flight > 0 {
            ring.submit_and_wait()?;
            while let Some(completion) = ring.next() {
                let number = completion.token as usize;
                check(order, offsets[number], memory.octets(completion)?)?;
                let Some(offset) = blocks.next_offset() else {
                    in_flight -= 1;
                    continue;
                };
                offsets[number] = offset;
                memory.read(ring, number, offset)?;
                if ring.queued() >= BATCH {
                    ring.submit()?;
                }
            }
        }
        Ok(())
    }
}
