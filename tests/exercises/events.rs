//! Streams, in the simulator.

#[path = "../listeners/mod.rs"]
pub mod listeners;

use std::sync::Arc;
use std::time::Duration;

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::models::simulated::World;
use iolab::patterns::Notifications;
use iolab::patterns::feed::{Counters, Cursor, Entry, Outbox, Policy, Slow};
use iolab::patterns::notifications::Settings;

use super::check;
use listeners::{Listener, Way, publish};

fn feed() -> Notifications {
    Notifications::new(Http::new(HttpLimits::default(), TimeLimits::default()), Settings::default())
}

/// One who follows from the beginning on.
fn follow(world: &mut World<'_, Notifications>, way: Way) -> usize {
    let client = world.connect();
    world.say(client, Listener::new(way, "0").request().as_bytes());
    client
}

/// Everything that a client is told now.
fn hear(world: &mut World<'_, Notifications>, client: usize) -> Vec<u8> {
    world.pass(Duration::ZERO);
    let mut heard = Vec::new();
    let mut octets = [0; 4000];
    while world.wait(client, Duration::ZERO) {
        match world.read(client, &mut octets).expect("no reset") {
            0 => break,
            count => heard.extend_from_slice(&octets[..count]),
        }
    }
    heard
}

#[test]
fn events_1() {
    let service = feed();
    let mut world = World::whole(&service);
    let clients = [Way::Events, Way::Socket].map(|way| follow(&mut world, way));
    let heads = clients.map(|client| hear(&mut world, client));
    assert!(heads[0].starts_with(b"HTTP/1.1 200") && heads[1].starts_with(b"HTTP/1.1 101"));
    let publisher = world.connect();
    world.say(publisher, publish("hello", "").as_bytes());
    let [event, frame] = clients.map(|client| hear(&mut world, client));
    let json = br#"{"id":"784111777-1","text":"hello"}"#;
    assert!([&event, &frame].iter().all(|said| said.windows(json.len()).any(|window| window == json)));
    check("events-1", event.len() - frame.len());
}

#[test]
fn events_2() {
    let mut outbox = Outbox::new(Slow { policy: Policy::Conflate, ..Slow::default() });
    let counters = Counters::default();
    for (number, topic) in (1..).zip(["a", "b", "a", "c", "b", "a"]) {
        let entry = Arc::new(Entry::new(Cursor { epoch: 7, number }, "news", Some(topic.into())));
        outbox.put(&entry, 0, &counters).expect("nobody is cut off by this policy");
    }
    let waiting: Vec<String> = std::iter::from_fn(|| outbox.next(0)).map(|entry| entry.id().number.to_string()).collect();
    check("events-2", waiting.join(" "));
}

#[test]
fn events_3() {
    let service = feed();
    let mut world = World::whole(&service);
    let client = follow(&mut world, Way::Events);
    let before = hear(&mut world, client);
    world.stop(Duration::from_secs(5));
    let after = hear(&mut world, client);
    let heard = [before, after].concat();
    check("events-3", heard[heard.len() - 5..].escape_ascii());
}
