//! A job at work: it has no peer, takes a step at each deadline, and tells the board.

use std::time::Duration;

use bytes::Bytes;

use super::note::Note;
use crate::context::Context;
use crate::identity::ConnectionId;
use crate::protocol::{Event, Interest, Protocol};
use crate::time::Time;

/// What there is to do.
#[derive(Debug)]
pub struct Task {
    pub(super) text: Bytes,
    /// In so many steps.
    pub(super) of: u32,
    /// Each of which takes so long.
    pub(super) step: Duration,
}

/// Counts the octets, words and lines of a text, slice by slice.
pub struct Work {
    task: Task,
    /// Steps that are taken.
    taken: u32,
    next: Time,
    counting: Counting,
    is_over: bool,
}

impl Work {
    pub(super) fn new(task: Task, now: Time) -> Work {
        let next = now + length(&task);
        Work { task, taken: 0, next, counting: Counting::default(), is_over: false }
    }

    // ANCHOR: step
    fn take_step(&mut self, cx: &mut Context<'_, Note>) {
        let Task { text, of, .. } = &self.task;
        let until = |step: u32| (text.len() as u64 * u64::from(step) / u64::from(*of)) as usize;
        self.counting.add(&text[until(self.taken)..until(self.taken + 1)]);
        self.taken += 1;
        self.next = cx.now() + length(&self.task);
        self.is_over = self.taken == self.task.of;
        let note = if self.is_over { Note::Done(self.counting.counts) } else { Note::Stepped };
        cx.message(ConnectionId::FOUNDER, note);
    }
    // ANCHOR_END: step
}

impl Protocol for Work {
    type Message = Note;

    fn receive(&mut self, _: &[u8], _: &mut Context<'_, Note>) -> usize {
        0
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Deadline => self.take_step(cx),
            Event::Message(_, Note::Cancel) => self.is_over = true,
            // It goes on though the server stops: it ends by itself.
            _ => {}
        }
    }

    // ANCHOR: interest
    fn interest(&self) -> Option<Interest> {
        let interest = Interest { messages: true, deadline: Some(self.next), ..Interest::default() };
        (!self.is_over).then_some(interest)
    }
    // ANCHOR_END: interest
}

/// A deadline has to move on.
fn length(task: &Task) -> Duration {
    task.step.max(Duration::from_nanos(1))
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub(super) octets: u64,
    /// Runs of octets between white space: blank, tab, and the four that end lines or pages.
    pub(super) words: u64,
    /// Line feeds.
    pub(super) lines: u64,
}

/// Counts, in the middle of a text.
#[derive(Default)]
struct Counting {
    counts: Counts,
    /// The last octet was part of a word, which may go on in the next slice.
    in_word: bool,
}

impl Counting {
    fn add(&mut self, slice: &[u8]) {
        self.counts.octets += slice.len() as u64;
        for &octet in slice {
            let is_space = matches!(octet, b' ' | b'\t'..=b'\r');
            self.counts.words += u64::from(!is_space && !self.in_word);
            self.counts.lines += u64::from(octet == b'\n');
            self.in_word = !is_space;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_across_slices_is_one() {
        let text = b"\n one  two\tthree\r\nfour\x0bfive\x0csix\n\nseven ";
        let whole = Counts { octets: text.len() as u64, words: 7, lines: 4 };
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut counting = Counting::default();
                for slice in [&text[..first], &text[first..second], &text[second..]] {
                    counting.add(slice);
                }
                assert_eq!(counting.counts, whole, "cut at {first} and {second}");
            }
        }
    }
}
