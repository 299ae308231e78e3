//! The order in which the room said things, for one guest.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Frames by their numbers. What found no place at first is told again later, and may be heard after what was said after it: that
/// waits here.
#[derive(Default)]
pub(super) struct InOrder {
    next: u64,
    early: BTreeMap<u64, Bytes>,
    octets: usize,
}

impl InOrder {
    pub(super) fn put(&mut self, number: u64, frame: Bytes) {
        self.octets += frame.len();
        self.early.insert(number, frame);
    }

    /// The next one, if it is here.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let frame = self.early.remove(&self.next)?;
        self.next += 1;
        self.octets -= frame.len();
        Some(frame)
    }

    /// In all frames that wait for one before them.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_early_waits() {
        let mut order = InOrder::default();
        let mut heard = Vec::new();
        for (number, frame, waiting) in [(1, "b", 1), (3, "dd", 3), (0, "a", 2), (2, "c", 0)] {
            order.put(number, Bytes::from_static(frame.as_bytes()));
            heard.extend(std::iter::from_fn(|| order.next()));
            assert_eq!(order.octets(), waiting, "after {number}");
        }
        assert_eq!(heard, ["a", "b", "c", "dd"]);
    }
}
