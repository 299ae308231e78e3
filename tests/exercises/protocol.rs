//! Of the chapter "A protocol without a socket".

#[allow(dead_code, reason = "an example has a main function")]
#[path = "../../examples/first_protocol.rs"]
pub mod first_protocol;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iolab::models::simulated::Conversation;
use iolab::{Context, Event, Interest, Now, Peer, Protocol, Service, Time};

use super::check;
use first_protocol::{Lengths, LineLengths};

/// How often the first protocol's `receive` is called if these pieces come one after the other.
fn calls_of_receive(pieces: &[&[u8]]) -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = Counting { lengths: Lengths { is_careless: false }, calls: Arc::clone(&calls) };
    let mut peer = Conversation::whole(&service).unwrap();
    for piece in pieces {
        peer.say(piece);
        peer.pass(Duration::ZERO);
    }
    calls.load(Ordering::Relaxed)
}

struct Counting {
    lengths: Lengths,
    calls: Arc<AtomicUsize>,
}

struct Counted {
    inner: LineLengths,
    calls: Arc<AtomicUsize>,
}

impl Service for Counting {
    type Protocol = Counted;

    fn accept(&self, now: Now) -> Option<Counted> {
        Some(Counted { inner: self.lengths.accept(now)?, calls: Arc::clone(&self.calls) })
    }
}

impl Protocol for Counted {
    type Message = std::convert::Infallible;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_>) -> usize {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.receive(input, cx)
    }

    fn event(&mut self, event: Event, cx: &mut Context<'_>) {
        self.inner.event(event, cx);
    }

    fn interest(&self) -> Option<Interest> {
        self.inner.interest()
    }
}

#[test]
fn protocol_1() {
    check("protocol-1", calls_of_receive(&[b"one\nthree\n"]));
}

#[test]
fn protocol_2() {
    let octets: Vec<&[u8]> = b"one\nthree\n".chunks(1).collect();
    check("protocol-2", calls_of_receive(&octets));
}

/// Answers each octet with a KiB, or names a deadline that it never changes.
struct Odd {
    heard: Arc<AtomicUsize>,
    deadline: Option<Time>,
}

struct OddService {
    heard: Arc<AtomicUsize>,
    has_deadline: bool,
}

impl Service for OddService {
    type Protocol = Odd;

    fn accept(&self, now: Now) -> Option<Odd> {
        let deadline = self.has_deadline.then(|| now.at + Duration::from_secs(1));
        Some(Odd { heard: Arc::clone(&self.heard), deadline })
    }
}

impl Protocol for Odd {
    type Message = std::convert::Infallible;

    fn receive(&mut self, _input: &[u8], cx: &mut Context<'_>) -> usize {
        self.heard.fetch_add(1, Ordering::Relaxed);
        cx.write(&[0; 1024]);
        1
    }

    fn event(&mut self, _event: Event, _cx: &mut Context<'_>) {}

    fn interest(&self) -> Option<Interest> {
        Some(Interest { peer: Peer::Bytes, deadline: self.deadline, ..Interest::default() })
    }
}

#[test]
fn protocol_3() {
    let service = OddService { heard: Arc::default(), has_deadline: false };
    let mut peer = Conversation::whole(&service).unwrap();
    peer.say(&vec![b'x'; 1_000_000]);
    peer.pass(Duration::ZERO);
    check("protocol-3", service.heard.load(Ordering::Relaxed));
}

#[test]
fn protocol_4() {
    let service = OddService { heard: Arc::default(), has_deadline: true };
    let mut peer = Conversation::whole(&service).unwrap();
    peer.pass(Duration::from_secs(60));
    check("protocol-4", format!("{:?}", peer.close().unwrap()));
}
