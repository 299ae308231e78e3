//! Those without a peer of their own, and the one whose peer was dialed.

use std::time::Duration;

use bytes::Bytes;
use iolab::{ConnectionId, Context, Event, Interest, Peer, Time};

use super::{Note, Shared};

/// How long a job takes, and how long a sleeper sleeps.
const WORK: Duration = Duration::from_millis(10);
const SLEEP: Duration = Duration::from_secs(1);

const MESSAGES: Interest = Interest { peer: Peer::Ignore, messages: true, room: false, deadline: None };

/// The room: tells everybody in it what is said.
pub struct Hub {
    members: Vec<ConnectionId>,
    is_over: bool,
    shared: Shared,
}

impl Hub {
    pub fn new(shared: Shared) -> Hub {
        Hub { members: Vec::new(), is_over: false, shared }
    }

    pub fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Message(from, Note::Join) => self.members.push(from),
            Event::Message(from, Note::Leave) | Event::Returned(from, Note::Say(_), _) => {
                let before = self.members.len();
                self.members.retain(|member| *member != from);
                self.is_over = self.members.is_empty() && before > 0;
            }
            Event::Message(_, Note::Say(text)) => {
                self.members.iter().for_each(|member| cx.message(*member, Note::Say(text.clone())));
            }
            Event::Stopping => self.is_over = self.members.is_empty(),
            Event::Closed(_) => {
                let mut shared = self.shared.lock().unwrap();
                if *shared == Some(cx.me()) {
                    *shared = None;
                }
            }
            _ => {}
        }
    }

    pub fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(MESSAGES)
    }
}

/// Squares a number, in time.
pub struct Job {
    parent: ConnectionId,
    number: u64,
    deadline: Option<Time>,
    is_over: bool,
}

impl Job {
    pub fn new(parent: ConnectionId, number: u64) -> Job {
        Job { parent, number, deadline: None, is_over: false }
    }

    pub fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Begun(_) => self.deadline = Some(cx.now() + WORK),
            Event::Deadline => {
                cx.message(self.parent, Note::Result(self.number * self.number));
                self.is_over = true;
            }
            _ => {}
        }
    }

    pub fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest { messages: false, deadline: self.deadline, ..MESSAGES })
    }
}

/// Does not want to hear anything for a second.
#[derive(Default)]
pub struct Sleeper {
    until: Option<Time>,
    is_awake: bool,
    is_over: bool,
}

impl Sleeper {
    pub fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Begun(_) => self.until = Some(cx.now() + SLEEP),
            Event::Deadline => (self.until, self.is_awake) = (None, true),
            Event::Message(from, Note::Knock) => cx.message(from, Note::Awake),
            Event::Message(_, Note::Done) | Event::Returned(..) => self.is_over = true,
            _ => {}
        }
    }

    pub fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest { messages: self.is_awake, deadline: self.until, ..MESSAGES })
    }
}

/// One end of a relay: what its peer says goes to the front, and the other way round.
pub struct Line {
    front: ConnectionId,
    is_peer_done: bool,
    is_front_done: bool,
    has_failed: bool,
}

impl Line {
    pub fn new(front: ConnectionId) -> Line {
        Line { front, is_peer_done: false, is_front_done: false, has_failed: false }
    }

    pub fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Note>) -> usize {
        cx.message(self.front, Note::Octets(Bytes::copy_from_slice(input)));
        input.len()
    }

    pub fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Begun(result) => {
                self.has_failed = result.is_err();
                cx.message(self.front, Note::Dialed(result.is_ok()));
            }
            Event::PeerFinished => {
                self.is_peer_done = true;
                cx.message(self.front, Note::Done);
            }
            Event::Message(_, Note::Octets(octets)) => cx.send(octets),
            Event::Message(_, Note::Done) => {
                self.is_front_done = true;
                cx.finish();
            }
            Event::Message(_, Note::Gone) => cx.abort(),
            Event::Returned(..) => cx.abort(),
            Event::Closed(_) if !(self.has_failed || self.is_peer_done && self.is_front_done) => {
                cx.message(self.front, Note::Gone);
            }
            _ => {}
        }
    }

    pub fn interest(&self) -> Option<Interest> {
        if self.has_failed || self.is_peer_done && self.is_front_done {
            return None;
        }
        Some(Interest {
            peer: if self.is_peer_done { Peer::Ignore } else { Peer::Bytes },
            messages: true,
            ..Interest::default()
        })
    }
}
