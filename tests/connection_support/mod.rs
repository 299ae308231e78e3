//! A protocol that is little more than its wishes, and a record of what it heard.

#![allow(dead_code, reason = "what one test binary has no use for, another has")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use iolab::limits::ServeLimits;
use iolab::{Common, Connection, ConnectionId, Context, Event, Interest, Now, Peer, Protocol, Time};

/// What puppets tell each other.
pub type Message = String;

/// Wants what it is told to want, and does what its functions say.
pub struct Puppet {
    pub interest: Option<Interest>,
    pub receive: fn(&mut Puppet, &[u8], &mut Context<'_, Message>) -> usize,
    /// For all events but [`Event::Begun`] and [`Event::Closed`].
    pub event: fn(&mut Puppet, &Event<Message>, &mut Context<'_, Message>),
    /// For those two.
    pub life: fn(&mut Puppet, &Event<Message>, &mut Context<'_, Message>),
    /// What it does when it is asked what it wants.
    pub asked: fn(&Puppet),
    /// Whom it tells something.
    pub friend: Option<ConnectionId>,
    pub log: Log,
}

/// What a puppet has heard.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Since the last look, but for the beginning and the end.
    pub fn take(&self) -> Vec<String> {
        self.whole().into_iter().filter(|entry| !entry.starts_with("Begun") && !entry.starts_with("Closed")).collect()
    }

    /// Since the last look.
    pub fn whole(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub fn has(&self, entry: &str) -> bool {
        self.0.lock().unwrap().iter().any(|heard| heard == entry)
    }

    pub fn note(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }
}

pub const NOTHING: Interest = Interest { peer: Peer::Ignore, messages: false, room: false, deadline: None };
pub const BYTES: Interest = Interest { peer: Peer::Bytes, ..NOTHING };
pub const ROOM: Interest = Interest { room: true, ..NOTHING };
pub const MESSAGES: Interest = Interest { messages: true, ..NOTHING };

/// How long a peer may be behind.
pub const GRACE: Duration = Duration::from_secs(30);

pub const NOW: Now = Now { at: Time::from_nanos(1_000_000_000), unix_seconds: 0 };

pub fn at(span: Duration) -> Now {
    Now { at: NOW.at + span, ..NOW }
}

pub fn due(span: Duration) -> Option<Time> {
    Some(NOW.at + span)
}

pub fn common() -> Arc<Common> {
    Common::new(0, ServeLimits::default(), 0)
}

impl Puppet {
    /// Consumes everything and does nothing.
    pub fn wants(interest: impl Into<Option<Interest>>) -> Puppet {
        Puppet {
            interest: interest.into(),
            receive: |_, input, _| input.len(),
            event: |_, _, _| (),
            life: |_, _, _| (),
            asked: |_| (),
            friend: None,
            log: Log::default(),
        }
    }

    /// Accepted, by a server of its own.
    pub fn connect(self) -> (Connection<Puppet>, Log) {
        self.connect_to(&common())
    }

    /// Accepted, by a server that others have too.
    pub fn connect_to(self, common: &Arc<Common>) -> (Connection<Puppet>, Log) {
        let log = self.log.clone();
        (Connection::accepted(self, common, NOW), log)
    }
}

impl Protocol for Puppet {
    type Message = Message;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Message>) -> usize {
        self.log.note(String::from_utf8_lossy(input));
        (self.receive)(self, input, cx)
    }

    fn event(&mut self, event: Event<Message>, cx: &mut Context<'_, Message>) {
        self.log.note(match &event {
            Event::Message(_, message) => format!("Message {message}"),
            Event::Returned(_, message, why) => format!("Returned {message} {why:?}"),
            event => format!("{event:?}"),
        });
        match event {
            Event::Begun(_) | Event::Closed(_) => (self.life)(self, &event, cx),
            _ => (self.event)(self, &event, cx),
        }
    }

    fn interest(&self) -> Option<Interest> {
        (self.asked)(self);
        self.interest
    }
}

pub fn kernel_takes(connection: &mut Connection<Puppet>, count: usize) {
    connection.queue().sent(count);
    connection.sent(NOW);
}

/// What is unsent.
pub fn unsent(connection: &mut Connection<Puppet>) -> Vec<u8> {
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let filled = connection.queue().slices(&mut slices);
    slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect()
}
