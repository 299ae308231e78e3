//! The same conversation, written by hand as the state machine that the compiler makes of an `async fn`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use iolab::{ConnectionId, Context, Event, Interest, Now, Peer, Protocol, Service, Time};

use super::manners::{Patience, first_line};

// ANCHOR: states
/// Where the conversation stands, and what it must still know there.
enum State {
    /// `timeout(.., peer.line()).await`
    Asked {
        until: Time,
    },
    /// `timeout(.., select(introductions.receive(), peer.hung_up())).await`
    Waits {
        until: Time,
        name: String,
    },
    /// `select(peer.line(), partner.words.receive()).await`
    Talks {
        name: String,
        partner: ConnectionId,
        partner_name: String,
    },
    Over,
}

pub struct ByHand {
    state: State,
    hall: Arc<Hall>,
}

/// What a conversation tells another.
pub enum Note {
    /// You were waiting: it is I, by this name.
    Meet(String),
    Words(String),
    Left,
}
// ANCHOR_END: states

/// Where callers wait for each other: one at most.
struct Hall {
    patience: Patience,
    waiting: Mutex<Option<(ConnectionId, String)>>,
}

impl Hall {
    fn new(patience: Patience) -> Arc<Hall> {
        Arc::new(Hall { patience, waiting: Mutex::new(None) })
    }

    /// Who waits, if somebody does; else it is `me` from now on.
    fn meet(&self, me: ConnectionId, name: &str) -> Option<(ConnectionId, String)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.take();
        if first.is_none() {
            *waiting = Some((me, name.to_owned()));
        }
        first
    }

    fn leave(&self, me: ConnectionId) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.take_if(|(waiting, _)| *waiting == me);
    }
}

/// Meets callers.
pub struct Callers {
    hall: Arc<Hall>,
    begun: AtomicU64,
}

impl Callers {
    pub fn new(patience: Patience) -> Callers {
        Callers { hall: Hall::new(patience), begun: AtomicU64::new(0) }
    }

    /// How many have come.
    #[allow(dead_code, reason = "the tests have no use for it")]
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Service for Callers {
    type Protocol = ByHand;

    fn accept(&self, now: Now) -> Option<ByHand> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let hall = Arc::clone(&self.hall);
        Some(ByHand { state: State::Asked { until: now.at + hall.patience.name }, hall })
    }
}

impl Protocol for ByHand {
    type Message = Note;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Note>) -> usize {
        match first_line(input) {
            Ok(Some((line, end))) => {
                self.line(line, cx);
                end
            }
            Ok(None) => 0,
            Err(_) => self.leave(None, cx),
        }
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match (event, &self.state) {
            (Event::Begun(_), _) => cx.write(b"Your name?\n"),
            (Event::Deadline, State::Asked { .. }) => _ = self.leave(Some("Too slow.\n".into()), cx),
            (Event::Deadline, State::Waits { .. }) => _ = self.leave(Some("Nobody came.\n".into()), cx),
            (Event::Message(partner, Note::Meet(partner_name)), State::Waits { .. }) => self.talk(partner, partner_name, cx),
            (Event::Message(_, Note::Words(words)), State::Talks { .. }) => cx.write(words.as_bytes()),
            (Event::Message(_, Note::Left) | Event::Returned(..), State::Talks { partner_name, .. }) => {
                _ = self.leave(Some(format!("{partner_name} has left.\n")), cx);
            }
            // Too late to be introduced.
            (Event::Message(partner, Note::Meet(_)), _) => cx.message(partner, Note::Left),
            (Event::PeerFinished | Event::HangUp | Event::Stopping | Event::Closed(_), _) => _ = self.leave(None, cx),
            _ => {}
        }
    }

    // ANCHOR: interest
    fn interest(&self) -> Option<Interest> {
        match &self.state {
            State::Asked { until } => Some(Interest { peer: Peer::Bytes, deadline: Some(*until), ..Interest::default() }),
            State::Waits { until, .. } => {
                Some(Interest { peer: Peer::HangUp, messages: true, room: false, deadline: Some(*until) })
            }
            State::Talks { .. } => Some(Interest { peer: Peer::Bytes, messages: true, ..Interest::default() }),
            State::Over => None,
        }
    }
    // ANCHOR_END: interest
}

impl ByHand {
    fn line(&mut self, line: String, cx: &mut Context<'_, Note>) {
        match &self.state {
            State::Asked { .. } => match self.hall.meet(cx.me(), &line) {
                Some((partner, partner_name)) => {
                    cx.message(partner, Note::Meet(line.clone()));
                    self.state = State::Waits { until: cx.now(), name: line };
                    self.talk(partner, partner_name, cx);
                }
                None => {
                    cx.write(b"Wait.\n");
                    self.state = State::Waits { until: cx.now() + self.hall.patience.partner, name: line };
                }
            },
            State::Talks { name, partner, .. } => cx.message(*partner, Note::Words(format!("{name}: {line}\n"))),
            State::Waits { .. } | State::Over => {}
        }
    }

    fn talk(&mut self, partner: ConnectionId, partner_name: String, cx: &mut Context<'_, Note>) {
        if let State::Waits { name, .. } = std::mem::replace(&mut self.state, State::Over) {
            cx.write(format!("Meet {partner_name}.\n").as_bytes());
            self.state = State::Talks { name, partner, partner_name };
        }
    }

    // ANCHOR: leave
    /// What dropping does for a future has to be thought of here: whoever counts on this one is told, in each state.
    fn leave(&mut self, last_words: Option<String>, cx: &mut Context<'_, Note>) -> usize {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Waits { .. } => self.hall.leave(cx.me()),
            State::Talks { partner, .. } => cx.message(partner, Note::Left),
            State::Asked { .. } | State::Over => {}
        }
        cx.write(last_words.unwrap_or_default().as_bytes());
        0
    }
    // ANCHOR_END: leave
}
