//! The relay, in the simulator.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use iolab::models::simulated::{Ending, World};
use iolab::patterns::Relay;

use super::check;

fn upstream() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 80))
}

fn relay() -> Relay {
    Relay::new(upstream(), Duration::from_secs(10))
}

/// A client, and the upstream's end of its connection.
fn connect(world: &mut World<'_, Relay>) -> (usize, usize) {
    world.listen(upstream());
    let client = world.connect();
    (client, world.answer(upstream()).expect("the relay connects"))
}

/// Hears to the end, or to a reset.
fn hear(world: &mut World<'_, Relay>, peer: usize) -> io::Result<usize> {
    let mut octets = [0; 1000];
    let mut heard = 0;
    loop {
        match world.read(peer, &mut octets)? {
            0 => return Ok(heard),
            count => heard += count,
        }
    }
}

#[test]
fn relay_1() {
    let relay = relay();
    let mut world = World::whole(&relay);
    let (client, _upstream) = connect(&mut world);
    world.say(client, &vec![b'x'; 1_000_000]);
    world.pass(Duration::ZERO);
    check("relay-1", relay.most_held());
}

#[test]
fn relay_2() {
    let relay = relay();
    let mut world = World::whole(&relay);
    let client = world.connect();
    world.say(client, b"a question");
    let heard = hear(&mut world, client);
    let end = match world.ending(client) {
        Some(Ending::Finished) => "FIN",
        Some(Ending::Reset) => "reset",
        None => "nothing",
    };
    assert_eq!((heard.is_err(), relay.unreachable()), (end == "reset", 1));
    check("relay-2", end);
}

#[test]
fn relay_3() {
    let relay = relay();
    let mut world = World::whole(&relay);
    let (client, upstream) = connect(&mut world);
    world.say(client, b"a question");
    world.finish(client);
    assert_eq!(hear(&mut world, upstream).expect("an orderly end"), b"a question".len());
    world.say(upstream, &[b'x'; 300]);
    world.finish(upstream);
    check("relay-3", hear(&mut world, client).expect("an orderly end"));
}
