//! What a protocol has said and the kernel has not taken yet.
//!
//! Small output is appended to one growing buffer, so that sixteen short answers leave in one system call; large or shared
//! output travels as [`Bytes`] and is not copied. A model sends in one of two ways: by looking ([`SendQueue::slices`], then
//! [`SendQueue::sent`]), or, where the kernel reads the octets later, by giving the buffer away and getting it back
//! ([`SendQueue::lend`], [`SendQueue::give_back`]).
//!
//! **Invariant:** octets leave in the order in which they were said, each once.
//! **Invariant:** a lent buffer is neither moved nor written to until it is given back.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;

use bytes::Bytes;

use crate::shelf;

/// Up to this many octets a copy is cheaper than a segment of their own.
const COPIED_OCTETS: usize = 2 << 10;

/// A buffer of this many octets is not appended to any more: 64 KiB. What has left it already is given back only with the whole
/// buffer, and one that is never quite empty, because its reader is a little slower than its writer, would grow for ever.
const FULL_OCTETS: usize = 64 << 10;

/// The most segments one system call sends, and so the most that are lent at once.
pub const LENT_SEGMENTS: usize = 16;

/// Output in order.
#[derive(Default)]
pub struct SendQueue {
    segments: VecDeque<Segment>,
    /// Octets of the first segment that are gone already.
    gone: usize,
    /// Octets in `segments`, less `gone`.
    queued: usize,
    lent: usize,
    /// Octets that have left since the beginning.
    taken: u64,
}

/// One stretch of output.
pub enum Segment {
    /// Written here.
    Own(Vec<u8>),
    /// Shared with others.
    Shared(Bytes),
}

impl Segment {
    fn octets(&self) -> &[u8] {
        match self {
            Segment::Own(octets) => octets,
            Segment::Shared(octets) => octets,
        }
    }
}

impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        self.octets()
    }
}

/// Segments the kernel is reading from.
pub struct Lent {
    /// In order; keeps the octets alive.
    pub segments: VecDeque<Segment>,
    /// Octets at the start of the first that are gone already.
    pub gone: usize,
}

impl Lent {
    /// How many octets there are to send.
    pub fn octets(&self) -> usize {
        self.segments.iter().map(|segment| segment.octets().len()).sum::<usize>() - self.gone
    }

    /// Points `slices` at the octets, first octet first, and returns how many of them it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        point_at(&self.segments, self.gone, slices)
    }
}

impl SendQueue {
    /// Octets said but not sent yet, those lent to the kernel included.
    pub fn unsent(&self) -> usize {
        self.queued + self.lent
    }

    /// Octets that have left since the beginning.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Octets that may go now.
    pub fn sendable(&self) -> usize {
        self.queued
    }

    /// Whether a segment is with the kernel.
    pub fn is_lent(&self) -> bool {
        self.lent > 0
    }

    /// Appends whatever `write` appends to the buffer it is given.
    #[inline]
    pub fn write_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(Segment::Own(last)) = self.segments.back_mut()
            && last.len() < FULL_OCTETS
        {
            let before = last.len();
            write(last);
            self.queued += last.len() - before;
            return;
        }
        let mut fresh = shelf::take_small();
        write(&mut fresh);
        // No segment is empty: it would be lent like any other, and a second one beside it.
        if fresh.is_empty() {
            shelf::put(fresh);
        } else {
            self.push(Segment::Own(fresh));
        }
    }

    /// Appends a copy.
    #[inline]
    pub fn write(&mut self, octets: &[u8]) {
        self.write_with(|buffer| buffer.extend_from_slice(octets));
    }

    /// Appends a whole buffer without a copy, unless a copy is cheaper.
    pub fn append(&mut self, octets: Vec<u8>) {
        if octets.len() <= COPIED_OCTETS {
            self.write(&octets);
            return shelf::put(octets);
        }
        self.push(Segment::Own(octets));
    }

    /// Appends without a copy, unless a copy is cheaper.
    pub fn send(&mut self, octets: Bytes) {
        if octets.len() <= COPIED_OCTETS {
            return self.write(&octets);
        }
        self.push(Segment::Shared(octets));
    }

    fn push(&mut self, segment: Segment) {
        // Most answers are one segment: left to itself the list would begin with four places, in every idle connection.
        if self.segments.capacity() == 0 {
            self.segments.reserve_exact(1);
        }
        self.queued += segment.octets().len();
        self.segments.push_back(segment);
    }

    /// Points `slices` at what may go, first octet first, and returns how many of them it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        point_at(&self.segments, self.gone, slices)
    }

    /// The kernel has taken the first `count` octets.
    pub fn sent(&mut self, mut count: usize) {
        debug_assert!(count <= self.queued);
        self.queued -= count;
        self.taken += count as u64;
        while let Some(first) = self.segments.front() {
            let left = first.octets().len() - self.gone;
            if count < left {
                self.gone += count;
                return;
            }
            count -= left;
            self.gone = 0;
            if let Some(Segment::Own(buffer)) = self.segments.pop_front() {
                shelf::put(buffer);
            }
            if count == 0 {
                break;
            }
        }
        self.tidy();
    }

    /// Gives the first segments away, at most 16 of them, for as long as the kernel reads them. Once at a time: two
    /// unlinked sends may overtake each other when the first is cut short.
    pub fn lend(&mut self) -> Option<Lent> {
        if self.is_lent() || self.queued == 0 {
            return None;
        }
        let segments = if self.segments.len() <= LENT_SEGMENTS {
            mem::take(&mut self.segments)
        } else {
            self.segments.drain(..LENT_SEGMENTS).collect()
        };
        let lent = Lent { segments, gone: mem::take(&mut self.gone) };
        self.lent = lent.octets();
        self.queued -= self.lent;
        Some(lent)
    }

    /// Takes lent segments back, of which the kernel has sent `count` octets; the rest is first in the queue again.
    pub fn give_back(&mut self, lent: Lent, count: usize) {
        let Lent { mut segments, gone } = lent;
        segments.append(&mut self.segments);
        self.segments = segments;
        self.gone = gone;
        self.queued += mem::take(&mut self.lent);
        self.sent(count);
    }

    /// A burst leaves a long list of segments behind; an idle connection should not own it.
    fn tidy(&mut self) {
        if self.segments.is_empty() && self.segments.capacity() > 8 {
            self.segments = VecDeque::new();
        }
    }
}

fn point_at<'a>(segments: &'a VecDeque<Segment>, mut skip: usize, slices: &mut [IoSlice<'a>]) -> usize {
    let mut filled = 0;
    for (slice, segment) in slices.iter_mut().zip(segments) {
        *slice = IoSlice::new(&segment.octets()[skip..]);
        filled += 1;
        skip = 0;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(queue: &SendQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = queue.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    fn octets_of(lent: &Lent) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); LENT_SEGMENTS];
        let filled = lent.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn octets_leave_in_order_through_both_doors() {
        let large = Bytes::from(vec![b'x'; COPIED_OCTETS + 1]);
        let mut expected = b"head ".to_vec();
        expected.extend_from_slice(&large);
        expected.extend_from_slice(b" tail");

        for step in [1, 2, 3, 1000, 5000] {
            let (mut looking, mut lending) = (SendQueue::default(), SendQueue::default());
            for queue in [&mut looking, &mut lending] {
                queue.write(b"head ");
                queue.send(large.clone());
                queue.write(b" ta");
                queue.write(b"il");
            }
            let mut looked = Vec::new();
            while looking.sendable() > 0 {
                let all = look(&looking);
                let count = step.min(all.len());
                looked.extend_from_slice(&all[..count]);
                looking.sent(count);
            }
            let mut lent_out = Vec::new();
            while let Some(lent) = lending.lend() {
                assert!(lending.lend().is_none(), "one at a time");
                let octets = octets_of(&lent);
                let count = step.min(octets.len());
                lent_out.extend_from_slice(&octets[..count]);
                lending.give_back(lent, count);
            }
            assert_eq!(looked, expected);
            assert_eq!(lent_out, expected);
            assert_eq!((looking.unsent(), lending.unsent()), (0, 0));
        }
    }

    #[test]
    fn a_reader_a_little_slower_than_its_writer_costs_no_memory() {
        let (mut looking, mut lending) = (SendQueue::default(), SendQueue::default());
        for _ in 0..1000 {
            looking.write(&[b'x'; 10_000]);
            lending.write(&[b'x'; 10_000]);
            looking.sent(looking.unsent() - 5000);
            if let Some(lent) = lending.lend() {
                let count = octets_of(&lent).len().min(lending.unsent() - 5000);
                lending.give_back(lent, count);
            }
            for queue in [&looking, &lending] {
                let held: usize = queue.segments.iter().map(|segment| segment.octets().len()).sum();
                assert!(held < 2 * FULL_OCTETS, "{held} octets are held for {} unsent", queue.unsent());
            }
        }
    }

    #[test]
    fn nothing_is_not_lent() {
        let large = Bytes::from(vec![b'x'; COPIED_OCTETS + 1]);
        let mut queue = SendQueue::default();
        queue.write(b"");
        queue.write_with(|_| ());
        queue.send(large.clone());
        let lent = queue.lend().expect("something to lend");
        assert_eq!((lent.segments.len(), lent.gone, octets_of(&lent)), (1, 0, large.to_vec()));
        assert!(queue.lend().is_none());
        queue.give_back(lent, 1);
        assert_eq!((queue.unsent(), queue.sendable()), (large.len() - 1, large.len() - 1));
    }
}
