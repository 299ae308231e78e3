//! All conversations of a steady load: who asks next, and what came of it. How the octets travel is no matter here.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use super::answer::{Answers, Learned};
use super::conversation::Conversation;
use super::pace::{Arrivals, Pace};
use super::stopwatch::Stopwatch;
use super::{Question, Terms};

pub(super) struct Talk {
    conversations: Vec<Conversation>,
    answers: Answers,
    pace: Pace,
    /// Only in an open loop, and only while it runs.
    arrivals: Option<Arrivals>,
    pipelined: usize,
    /// Connections that may ask. In a closed loop each is here once, when all it asked was answered; in an open loop once for
    /// each request it may still ask at once.
    free: VecDeque<usize>,
    /// Requests that were asked and not answered.
    under_way: usize,
}

impl Talk {
    pub(super) fn new(question: &Question, terms: &Terms) -> Talk {
        let answers = Answers::new(question.answer.clone());
        let conversations = (0..terms.connections).map(|_| Conversation::new(&answers)).collect();
        Talk {
            conversations,
            answers,
            pace: terms.pace,
            arrivals: None,
            pipelined: terms.pipelined,
            free: VecDeque::new(),
            under_way: 0,
        }
    }

    /// From now on is asked.
    pub(super) fn begin(&mut self, now: Instant) {
        let times = match self.pace {
            Pace::Closed => 1,
            Pace::Open { rate } => {
                self.arrivals = Some(Arrivals::new(rate, now));
                self.pipelined
            }
        };
        self.free = (0..times).flat_map(|_| 0..self.conversations.len()).collect();
    }

    /// Nothing more is asked. What should have been and was not is told to the watch.
    pub(super) fn end(&mut self, now: Instant, watch: &mut Stopwatch<'_>) {
        self.free.clear();
        if let Some(mut arrivals) = self.arrivals.take() {
            while let Some(due) = arrivals.take(now) {
                watch.unasked(due, now);
            }
        }
    }

    /// Who asks now, and how often.
    #[inline]
    pub(super) fn next(&mut self, now: Instant) -> Option<(usize, usize)> {
        let (place, at, requests) = match (&mut self.arrivals, self.pace) {
            (_, Pace::Closed) => (self.free.pop_front()?, now, self.pipelined),
            (Some(arrivals), Pace::Open { .. }) => {
                let place = *self.free.front()?;
                let at = arrivals.take(now)?;
                self.free.pop_front();
                (place, at, 1)
            }
            (None, Pace::Open { .. }) => return None,
        };
        self.conversations[place].ask(at, requests);
        self.under_way += requests;
        Some((place, requests))
    }

    /// Whether somebody may ask, in a closed loop at once.
    pub(super) fn has_to_ask(&self) -> bool {
        !self.free.is_empty()
    }

    /// When somebody will ask who does not wait for an answer.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.arrivals.as_ref().filter(|_| !self.free.is_empty()).map(Arrivals::next)
    }

    /// Octets have come on a connection. Says whether the server will close it.
    #[inline]
    pub(super) fn heard(&mut self, place: usize, octets: &[u8], now: Instant, watch: &mut Stopwatch<'_>) -> io::Result<bool> {
        watch.heard(octets.len());
        let conversation = &mut self.conversations[place];
        let mut completed = 0;
        let closes = conversation.hear(octets, &mut self.answers, |asked| {
            completed += 1;
            watch.answered(asked, now);
        })?;
        self.under_way -= completed;
        if watch.is_over() {
            return Ok(closes);
        }
        match self.pace {
            Pace::Closed if completed > 0 && conversation.due() == 0 => self.free.push_back(place),
            Pace::Closed => {}
            Pace::Open { .. } => self.free.extend(std::iter::repeat_n(place, completed)),
        }
        Ok(closes)
    }

    /// The server has hung up on a connection, without notice.
    pub(super) fn hung_up(&mut self, place: usize) -> io::Result<()> {
        self.conversations[place].hung_up()
    }

    /// A connection takes the place of one that the server has closed; so many requests are to be said again on it.
    pub(super) fn begin_anew(&mut self, place: usize) -> usize {
        self.conversations[place].begin_anew(&self.answers);
        self.conversations[place].due()
    }

    /// Whether answers are due on a connection.
    pub(super) fn is_owed_on(&self, place: usize) -> bool {
        self.conversations[place].due() > 0
    }

    /// Whether no answer is due.
    pub(super) fn is_silent(&self) -> bool {
        self.under_way == 0
    }

    pub(super) fn learned(&self) -> Option<Learned> {
        self.answers.learned()
    }
}
