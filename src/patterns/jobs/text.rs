//! A text on its way to the board, and how much memory all of them may take.
//!
//! The queue and the workers bound the texts of jobs that were taken in. But as many clients as there are connections may be in the
//! middle of sending one, and whoever never sends the rest holds what has come of it up to the time limit of a body. So what is
//! under way is counted, over all loops:
//!
//! ```text
//!   first octets ── push ──> charged for the capacity ──> no room: 503, and all of it is given back
//!                              │ complete: what is not needed is given back
//!                              └──> sent to the board ── kept: given back, for the queue counts it from here on
//! ```
//!
//! What is charged is what is allocated, and never more than twice what has come: to announce a long text costs nothing.

use std::fmt;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::TEXT_OCTETS;
use super::figures::Figures;
use crate::http1::Framing;

/// Some of a text, or all.
pub struct Text {
    octets: Vec<u8>,
    /// It will have no more.
    most: usize,
    /// What is charged for it: its capacity, or as much as is asked for at the moment.
    charged: usize,
    budget: usize,
    figures: Arc<Figures>,
}

/// Why a text does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    TooLong,
    /// There is too much under way.
    NoRoom,
}

impl Text {
    /// Nothing of it yet. It is charged to `figures`, together with all others at most `budget` octets.
    pub(super) fn new(framing: Framing, budget: usize, figures: &Arc<Figures>) -> Text {
        let announced = match framing {
            Framing::None => 0,
            Framing::Length(octets) => usize::try_from(octets).unwrap_or(usize::MAX),
            Framing::Chunked => usize::MAX,
        };
        Text { octets: Vec::new(), most: announced.min(TEXT_OCTETS), charged: 0, budget, figures: Arc::clone(figures) }
    }

    pub(super) fn push(&mut self, octets: &[u8]) -> Result<(), Unfit> {
        let length = self.octets.len() + octets.len();
        if length > self.most {
            return Err(Unfit::TooLong);
        }
        if length > self.octets.capacity() {
            // Twice as much each time, so that few octets are moved, but no more than can come.
            let capacity = length.max(self.octets.capacity() * 2).min(self.most);
            self.charge(capacity)?;
            self.octets.reserve_exact(capacity - self.octets.len());
        }
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    /// No more of it will come.
    pub(super) fn complete(&mut self) {
        self.octets.shrink_to_fit();
        self.figures.give_back(self.charged - self.octets.len());
        self.charged = self.octets.len();
    }

    /// Somebody else answers for its memory from now on.
    pub(super) fn keep(mut self) -> Bytes {
        mem::take(&mut self.octets).into()
    }

    fn charge(&mut self, capacity: usize) -> Result<(), Unfit> {
        if !self.figures.charge(capacity - self.charged, self.budget) {
            return Err(Unfit::NoRoom);
        }
        self.charged = capacity;
        Ok(())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.figures.give_back(self.charged);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text of {} octets", self.octets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Arc<Figures> {
        Arc::default()
    }

    #[test]
    fn a_text_costs_what_has_come_and_not_what_was_announced() {
        let figures = figures();
        let mut text = Text::new(Framing::Length(1000), 1 << 20, &figures);
        assert_eq!(figures.coming(), 0);
        for (octets, charged) in [(10, 10), (5, 20), (5, 20), (1, 40), (500, 521), (479, 1000)] {
            text.push(&vec![b'x'; octets]).unwrap();
            assert_eq!((figures.coming(), text.octets.capacity() as u64), (charged, charged), "after {octets} more");
        }
        assert_eq!(text.push(b"x"), Err(Unfit::TooLong));
        drop(text);
        assert_eq!(figures.coming(), 0);
    }

    #[test]
    fn a_whole_text_has_no_more_memory_than_octets() {
        let figures = figures();
        let mut text = Text::new(Framing::Chunked, 1 << 20, &figures);
        text.push(&[b'x'; 600]).unwrap();
        text.push(b"x").unwrap();
        assert_eq!((figures.coming(), text.octets.capacity()), (1200, 1200));
        text.complete();
        assert_eq!((figures.coming(), text.octets.capacity()), (601, 601));
        assert_eq!((text.keep().len(), figures.coming()), (601, 0));
    }

    #[test]
    fn all_texts_together_are_bounded() {
        let figures = figures();
        let [mut one, mut other] = [(); 2].map(|()| Text::new(Framing::Chunked, 100, &figures));
        one.push(&[b'x'; 60]).unwrap();
        assert_eq!((other.push(&[b'x'; 41]), figures.coming()), (Err(Unfit::NoRoom), 60));
        other.push(&[b'x'; 40]).unwrap();
        assert_eq!((other.push(b"x"), figures.coming()), (Err(Unfit::NoRoom), 100));
        drop(one);
        other.push(b"x").unwrap();
        assert_eq!(figures.coming(), 80);
    }
}
