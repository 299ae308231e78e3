//! Of the chapter "A world from a seed".

#[path = "../town/mod.rs"]
mod town;

use std::collections::BTreeSet;
use std::time::Duration;

use iolab::models::simulated::{Conversation, Disk, World};

use super::check;
use super::protocol::first_protocol::{EXPECTED, Lengths, play};
use town::{Care, Town};

#[test]
fn seed_1() {
    let careless = Lengths { is_careless: true };
    check("seed-1", (1..=100).filter(|seed| play(&careless, *seed).0 == EXPECTED).count());
}

#[test]
fn seed_2() {
    let service = Lengths { is_careless: false };
    let mut peer = Conversation::seeded(&service, 1).unwrap();
    let before = peer.world().moves();
    peer.pass(Duration::from_secs(3600));
    assert_eq!(peer.elapsed(), Duration::from_secs(3600));
    check("seed-2", peer.world().moves() - before);
}

/// What is found after a crash at any move of a save that syncs the file and renames it, but does not sync the directory.
#[test]
fn seed_3() {
    let mut found = BTreeSet::new();
    for seed in 0..3000 {
        let town = Town::new(Care::NoSyncOfTheDirectory);
        let mut disk = Disk::default();
        disk.put("state", b"old").unwrap();
        let mut world = World::seeded(&town, seed).on(disk);
        let peer = world.connect();
        world.say(peer, b"save new\n");
        world.go(seed as usize % 80);
        found.insert(match world.crash().get("state") {
            Ok(state) if state == b"old" => "old",
            Ok(state) if state == b"new" => "new",
            _ => "neither",
        });
    }
    let never: Vec<_> = ["old", "new", "neither"].into_iter().filter(|state| !found.contains(state)).collect();
    check("seed-3", never.join(" and "));
}
