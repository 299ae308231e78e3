//! The reads of one model: which to do next, and what became of them.

use std::collections::VecDeque;
use std::io;
use std::ops::{ControlFlow, Range};
use std::time::Instant;

use hdrhistogram::Histogram;
use iolab::ReadWorkload;

use crate::{Options, Pattern};

/// A workload that chooses, times and sums up.
pub(crate) struct Reads {
    pattern: Pattern,
    block: u64,
    blocks: u64,
    dice: u64,
    asked: u64,
    most: u64,
    deadline: Option<Instant>,
    whole: bool,
    /// When each read that has not arrived was asked for, from number `first` on.
    begun: VecDeque<Option<Instant>>,
    first: usize,
    /// The time of the last arrival, which is also that of the question that follows it.
    now: Option<Instant>,
    pub(crate) latency: Histogram<u64>,
    pub(crate) count: u64,
    pub(crate) octets: u64,
    pub(crate) sum: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<io::Error>,
}

impl Reads {
    /// Reads in a file of so many blocks, from now on.
    pub(crate) fn new(options: &Options, blocks: u64) -> Reads {
        Reads {
            pattern: options.pattern,
            block: options.block,
            blocks,
            dice: options.seed,
            asked: 0,
            most: options.reads.unwrap_or(if options.seconds.is_some() { u64::MAX } else { blocks.min(100_000) }),
            deadline: options.seconds.map(|seconds| Instant::now() + seconds),
            whole: options.verify,
            begun: VecDeque::new(),
            first: 0,
            now: None,
            latency: Histogram::new_with_max(60_000_000_000, 3).expect("a histogram of up to a minute"),
            count: 0,
            octets: 0,
            sum: 0,
            errors: 0,
            first_error: None,
        }
    }
}

impl ReadWorkload for Reads {
    fn next(&mut self) -> Option<Range<u64>> {
        let now = self.now.take().unwrap_or_else(Instant::now);
        if self.asked == self.most || self.deadline.is_some_and(|deadline| now >= deadline) {
            return None;
        }
        let number = match self.pattern {
            Pattern::Sequential => self.asked % self.blocks,
            Pattern::Random => {
                self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
                ((u128::from(mix(self.dice)) * u128::from(self.blocks)) >> 64) as u64
            }
        };
        self.asked += 1;
        self.begun.push_back(Some(now));
        Some(number * self.block..(number + 1) * self.block)
    }

    fn arrived(&mut self, index: usize, octets: io::Result<&[u8]>) -> ControlFlow<()> {
        let now = Instant::now();
        self.now = Some(now);
        if let Some(begun) = self.begun.get_mut(index - self.first).and_then(Option::take) {
            self.latency.saturating_record((now - begun).as_nanos() as u64);
        }
        while let Some(None) = self.begun.front() {
            self.begun.pop_front();
            self.first += 1;
        }
        match octets {
            Ok(octets) => {
                self.count += 1;
                self.octets += octets.len() as u64;
                // A sum does not depend on the order of its terms, and so the models' sums can be compared.
                self.sum = self.sum.wrapping_add(if self.whole { digest(octets) } else { digest_of_ends(octets) });
            }
            Err(error) => {
                self.errors += 1;
                self.first_error.get_or_insert(error);
            }
        }
        ControlFlow::Continue(())
    }
}

fn digest(octets: &[u8]) -> u64 {
    octets.chunks(8).enumerate().fold(0, |sum: u64, (place, chunk)| sum.wrapping_add(mix(word(chunk) ^ place as u64)))
}

fn digest_of_ends(octets: &[u8]) -> u64 {
    let len = octets.len();
    mix(word(&octets[..len.min(8)]) ^ word(&octets[len.saturating_sub(8)..]).rotate_left(1))
}

fn word(chunk: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..chunk.len()].copy_from_slice(chunk);
    u64::from_le_bytes(word)
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
