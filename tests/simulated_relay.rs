//! The relay, move by move: what one peer says the other hears, with every seed, and how it ends both learn.

mod seeds;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use iolab::limits::LINGER;
use iolab::models::simulated::World;
use iolab::patterns::Relay;
use iolab::patterns::relay::HELD_OCTETS;

use seeds::{Outcome, Play, play_all};

/// In a plain `cargo test`.
const SEEDS: u64 = 10_000;

const UPSTREAM: &str = "192.0.2.1:80";

type Hold = fn(&mut Way<'_>) -> Result<(), String>;

#[test]
fn relays_go_the_same_way_with_every_seed() {
    let scenes: [(&str, bool, Hold); 7] = [
        ("both talk, the client finishes first", false, |way| talk(way, 5000, 300, true)),
        ("both talk, the upstream finishes first", false, |way| talk(way, 300, 5000, false)),
        ("much from the client", true, |way| talk(way, 1_000_000, 10, true)),
        ("much from both", true, |way| talk(way, 700_000, 700_000, false)),
        ("one is reset", false, one_is_reset),
        ("nobody is there", false, nobody_is_there),
        ("the server stops", false, the_server_stops),
    ];
    let plays = scenes.map(|(name, is_long, hold)| Play {
        name: name.into(),
        is_long,
        play: Box::new(move |seed, is_told| play(hold, seed, is_told)),
    });
    play_all(&plays, SEEDS);
}

fn play(hold: Hold, seed: Option<u64>, is_told: bool) -> Outcome {
    let relay = Relay::new(UPSTREAM.parse().unwrap(), Duration::from_secs(10));
    let world = seed.map_or_else(|| World::whole(&relay), |seed| World::seeded(&relay, seed));
    let mut way = Way { world, relay: &relay };
    let verdict = hold(&mut way).and_then(|()| way.check());
    let story = if is_told { way.world.story() } else { String::new() };
    Outcome { verdict, story }
}

struct Way<'s> {
    world: World<'s, Relay>,
    relay: &'s Relay,
}

impl Way<'_> {
    /// A client, and the upstream's end of its connection.
    fn connect(&mut self) -> Result<(usize, usize), String> {
        let address: SocketAddr = UPSTREAM.parse().unwrap();
        self.world.listen(address);
        let client = self.world.connect();
        Ok((client, self.world.answer(address).ok_or("nobody connects to the upstream")?))
    }

    /// Exactly so many octets.
    fn hear(&mut self, peer: usize, octets: &[u8]) -> Result<(), String> {
        let mut heard = vec![0; octets.len()];
        let mut at = 0;
        while at < heard.len() {
            match self.world.read(peer, &mut heard[at..]) {
                Ok(0) => return Err(format!("peer {peer} heard the end after {at} of {} octets", octets.len())),
                Ok(count) => at += count,
                Err(error) => return Err(format!("peer {peer}, after {at} of {} octets: {error}", octets.len())),
            }
        }
        if heard == octets { Ok(()) } else { Err(format!("peer {peer} heard other octets")) }
    }

    /// Hears the end next, of this kind.
    fn end(&mut self, peer: usize, wanted: Result<(), io::ErrorKind>) -> Result<(), String> {
        let mut buffer = [0; 1000];
        loop {
            let seen = match self.world.read(peer, &mut buffer) {
                Ok(0) => Ok(()),
                // A reset may come behind octets.
                Ok(_) if wanted.is_err() => continue,
                Ok(count) => return Err(format!("peer {peer} heard {count} octets more")),
                Err(error) => Err(error.kind()),
            };
            return if seen == wanted { Ok(()) } else { Err(format!("peer {peer} saw {seen:?} instead of {wanted:?}")) };
        }
    }

    fn check(&mut self) -> Result<(), String> {
        self.world.pass(LINGER * 2);
        let held = self.relay.most_held();
        if held > HELD_OCTETS {
            return Err(format!("{held} octets were held"));
        }
        match self.world.connections() {
            0 => self.world.check(),
            some => Err(format!("{some} sides are left")),
        }
    }
}

fn talk(way: &mut Way<'_>, asked: usize, answered: usize, client_is_first: bool) -> Result<(), String> {
    let (client, upstream) = way.connect()?;
    let (question, answer) = (noise(asked), noise(answered));
    way.world.say(client, &question);
    way.world.say(upstream, &answer);
    if client_is_first {
        way.world.finish(client);
    }
    way.hear(upstream, &question)?;
    if client_is_first {
        way.end(upstream, Ok(()))?;
    } else {
        way.hear(client, &answer)?;
    }
    way.world.finish(upstream);
    if client_is_first {
        way.hear(client, &answer)?;
    }
    way.end(client, Ok(()))?;
    if !client_is_first {
        way.world.say(client, b"a last word");
        way.world.finish(client);
        way.hear(upstream, b"a last word")?;
        way.end(upstream, Ok(()))?;
    }
    Ok(())
}

fn one_is_reset(way: &mut Way<'_>) -> Result<(), String> {
    for client_is_first in [true, false] {
        let (client, upstream) = way.connect()?;
        let (first, second) = if client_is_first { (client, upstream) } else { (upstream, client) };
        way.world.say(first, b"hello");
        way.world.say(second, &noise(2000));
        way.hear(second, b"hello")?;
        way.world.reset(first);
        way.end(second, Err(io::ErrorKind::ConnectionReset))?;
    }
    Ok(())
}

fn nobody_is_there(way: &mut Way<'_>) -> Result<(), String> {
    let client = way.world.connect();
    way.world.say(client, &noise(2000));
    way.end(client, Err(io::ErrorKind::ConnectionReset))?;
    match way.relay.unreachable() {
        1 => Ok(()),
        other => Err(format!("{other} were counted as unreachable")),
    }
}

fn the_server_stops(way: &mut Way<'_>) -> Result<(), String> {
    let (client, upstream) = way.connect()?;
    let (idle, its) = way.connect()?;
    way.world.say(client, b"a last question");
    way.world.stop(Duration::from_secs(5));
    way.hear(upstream, b"a last question")?;
    way.world.say(upstream, b"a last answer");
    way.world.finish(upstream);
    way.hear(client, b"a last answer")?;
    way.end(client, Ok(()))?;
    way.world.finish(client);
    way.end(upstream, Ok(()))?;
    way.end(idle, Err(io::ErrorKind::ConnectionReset))?;
    way.end(its, Err(io::ErrorKind::ConnectionReset))
}

fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
