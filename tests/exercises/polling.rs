//! Polls, in the simulator: the feed by long polls, served well and badly.

use std::time::Duration;

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::models::simulated::World;
use iolab::patterns::Notifications;
use iolab::patterns::feed::Retention;
use iolab::patterns::notifications::{Naive, Settings};

use super::check;
use super::events::listeners::{Listener, Way, publish};

fn feed(settings: Settings) -> Notifications {
    Notifications::new(Http::new(HttpLimits::default(), TimeLimits::default()), settings)
}

/// One who polls from the beginning on, and has asked.
fn poll(world: &mut World<'_, Notifications>) -> (usize, Listener) {
    let (peer, listener) = (world.connect(), Listener::new(Way::LongPoll, "0"));
    world.say(peer, listener.request().as_bytes());
    world.pass(Duration::ZERO);
    (peer, listener)
}

/// Hears until an answer is whole.
fn hear(world: &mut World<'_, Notifications>, peer: usize, listener: &mut Listener) {
    let mut octets = [0; 4000];
    loop {
        let count = world.read(peer, &mut octets).expect("an answer");
        assert!(count > 0, "the end");
        if listener.hear(&octets[..count]).expect("an answer of the feed") {
            return;
        }
    }
}

/// Publishes so many events right behind one another; nobody hears of them before all are numbered.
fn publish_all(world: &mut World<'_, Notifications>, events: usize) {
    let publisher = world.connect();
    (0..events).for_each(|number| world.say(publisher, publish(&format!("number {number}"), "").as_bytes()));
    world.pass(Duration::ZERO);
}

#[test]
fn polling_1() {
    let service = feed(Settings::default());
    let mut world = World::whole(&service);
    let (peer, mut listener) = poll(&mut world);
    publish_all(&mut world, 3);
    let mut answers = 0;
    loop {
        hear(&mut world, peer, &mut listener);
        answers += 1;
        if listener.events.len() == 3 {
            break;
        }
        world.say(peer, listener.request().as_bytes());
    }
    check("polling-1", answers);
}

#[test]
fn polling_2() {
    let service = feed(Settings { naive: Naive::Recheck, ..Settings::default() });
    let mut world = World::whole(&service);
    let (peer, mut listener) = poll(&mut world);
    world.pass(Duration::from_millis(300));
    let published = world.elapsed();
    publish_all(&mut world, 1);
    hear(&mut world, peer, &mut listener);
    assert_eq!(listener.events.len(), 1);
    check("polling-2", (world.elapsed() - published).as_millis());
}

#[test]
fn polling_3() {
    let service = feed(Settings { retention: Retention { events: 3, ..Retention::default() }, ..Settings::default() });
    let mut world = World::whole(&service);
    let (peer, mut listener) = poll(&mut world);
    publish_all(&mut world, 1);
    hear(&mut world, peer, &mut listener);
    assert_eq!((listener.events.len(), listener.resyncs.len()), (1, 0));
    publish_all(&mut world, 5);
    world.say(peer, listener.request().as_bytes());
    hear(&mut world, peer, &mut listener);
    assert_eq!(listener.resyncs.len(), 1, "it is told");
    check("polling-3", 6 - listener.events.len());
}
