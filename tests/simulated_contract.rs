//! The scripts of `tests/contract_scripts`, move by move: the same octets with every seed.

mod contract_scripts;
mod seeds;
mod verbs;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use iolab::Service;
use iolab::limits::{LINGER, SEND_HIGH_OCTETS};
use iolab::models::simulated::{Disk, World};

use contract_scripts::{Script, Stage, Step, play};
use seeds::{Outcome, Play, play_all};
use verbs::{VeiledService, VerbsService};

/// In a plain `cargo test`.
const SEEDS: u64 = 20_000;

/// Where the scripts listen, and where nobody does.
const LISTENED: &str = "192.0.2.1:80";
const REFUSED: &str = "192.0.2.2:80";

#[test]
fn every_script_goes_the_same_way_with_every_seed() {
    let plain = contract_scripts::all().into_iter().map(|script| as_play(script, false));
    let veiled = contract_scripts::all().into_iter().map(|script| as_play(script, true));
    play_all(&plain.chain(veiled).collect::<Vec<_>>(), SEEDS);
}

fn as_play(script: Script, is_veiled: bool) -> Play {
    let commands = ["big ", "flood ", "much", "put-many "];
    let is_large = |step: &Step| match step {
        Step::Say(_, octets) => octets.len() > 1000 || commands.iter().any(|command| octets.starts_with(command.as_bytes())),
        Step::Hear(_, octets) => octets.len() > 1000,
        _ => false,
    };
    let is_long = script.steps.iter().any(is_large);
    let name = format!("{}{}", script.name, if is_veiled { ", veiled" } else { "" });
    let play = move |seed: Option<u64>, is_told: bool| {
        let service = VerbsService::new(None).expect("no directory");
        match is_veiled {
            true => hold(&script, true, &VeiledService(service), seed, is_told),
            false => hold(&script, false, &service, seed, is_told),
        }
    };
    Play { name, is_long, play: Box::new(play) }
}

fn hold<S: Service>(script: &Script, is_veiled: bool, service: &S, seed: Option<u64>, is_told: bool) -> Outcome {
    let mut disk = Disk::default();
    for (path, octets) in &script.files {
        match octets {
            Some(octets) => disk.put(path, octets.as_bytes()).unwrap(),
            None => disk.make_directory(path).unwrap(),
        }
    }
    let world = seed.map_or_else(|| World::whole(service), |seed| World::seeded(service, seed));
    let mut world = world.with_limits(script.limits).on(disk);
    world.listen(LISTENED.parse().unwrap());
    let mut stage = SimulatedStage { world, drain: script.limits.drain };
    let verdict = play(script, is_veiled, &mut stage).and_then(|()| stage.check(script));
    let story = if is_told { stage.world.story() } else { String::new() };
    Outcome { verdict, story }
}

struct SimulatedStage<'s, S: Service> {
    world: World<'s, S>,
    drain: Duration,
}

impl<S: Service> SimulatedStage<'_, S> {
    /// What must be so whatever was drawn.
    fn check(&mut self, script: &Script) -> Result<(), String> {
        if script.breaks_rules {
            return Ok(());
        }
        self.world.pass(LINGER * 2);
        let most = self.world.most_unsent();
        if most > 2 * SEND_HIGH_OCTETS {
            return Err(format!("{most} octets were unsent"));
        }
        self.world.check()
    }
}

impl<S: Service> Stage for SimulatedStage<'_, S> {
    fn connect(&mut self) -> usize {
        self.world.connect()
    }

    fn say(&mut self, peer: usize, octets: &[u8]) {
        self.world.say(peer, octets);
    }

    fn read(&mut self, peer: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.world.read(peer, buffer)
    }

    fn finish(&mut self, peer: usize) {
        self.world.finish(peer);
    }

    fn reset(&mut self, peer: usize) {
        self.world.reset(peer);
    }

    fn address(&self) -> SocketAddr {
        LISTENED.parse().unwrap()
    }

    fn refused(&self) -> SocketAddr {
        REFUSED.parse().unwrap()
    }

    fn answer(&mut self) -> Option<usize> {
        self.world.answer(LISTENED.parse().unwrap())
    }

    fn pass(&mut self, peer: usize, span: Duration) -> bool {
        self.world.wait(peer, span)
    }

    fn stop(&mut self) {
        self.world.stop(self.drain);
    }

    fn await_stopped(&mut self) -> Result<(), String> {
        self.world.pass(LINGER * 2);
        if self.world.connections() > 0 {
            self.world.pass(self.drain);
        }
        match self.world.connections() {
            0 => Ok(()),
            some => Err(format!("{some} go on")),
        }
    }
}
