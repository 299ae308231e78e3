//! The simulator itself, with many peers, mail, births, connections out, files and crashes, and with faults.

mod seeds;
mod town;

use std::io::ErrorKind;
use std::sync::OnceLock;
use std::time::Duration;

use iolab::Close;
use iolab::limits::ServeLimits;
use iolab::models::simulated::{Disk, Ending, World};

use seeds::{Outcome, Play, play_all};
use town::{Care, Town, UPSTREAM};

/// In a plain `cargo test`.
const SEEDS: u64 = 40_000;

const DRAIN: Duration = Duration::from_secs(10);

/// Longer than anybody is waited for.
const LONG: Duration = Duration::from_secs(3600);

type Street<'s> = World<'s, Town>;

/// What one peer after the other heard, to be the same for every seed.
type Transcript = Vec<Vec<u8>>;

#[test]
fn every_play_goes_the_same_way_with_every_seed() {
    quiet_panics();
    let plays = vec![
        equal("echo", |world| {
            let peer = world.connect();
            world.say(peer, b"echo one\necho two\n");
            world.finish(peer);
            Ok(vec![until_end(world, peer)?])
        }),
        equal("a chat", chat),
        equal("jobs", |world| {
            let peer = world.connect();
            world.say(peer, b"job 7\njob 0\n");
            let mut heard = lines(world, peer, 2)?;
            heard.sort();
            world.say(peer, b"job 3\n");
            world.finish(peer);
            heard.push(until_end(world, peer)?);
            Ok(heard)
        }),
        equal("one thing after the other", |world| {
            let peer = world.connect();
            world.say(peer, b"later 1\nlater 2\necho three\n");
            world.finish(peer);
            Ok(vec![until_end(world, peer)?])
        }),
        long("a flood", |world| {
            let peer = world.connect();
            world.say(peer, b"flood 1100\n");
            world.finish(peer);
            let heard = until_end(world, peer)?;
            demand(heard == b"1024 heard, 76 came back\n", "the mailbox has another size")?;
            Ok(vec![heard])
        }),
        long("one who never reads is cut off", |world| {
            let peer = world.connect();
            world.say(peer, b"pour 600000\n");
            world.pass(LONG);
            demand(world.close(peer) == Some(Close::Unheard), "it is still there")?;
            demand(until_end(world, peer) == Err("a reset".into()), "no reset")?;
            Ok(vec![])
        }),
        long("FIN behind a long answer", |world| {
            let peer = world.connect();
            world.say(peer, b"pour 600000\necho on\n");
            world.finish(peer);
            Ok(vec![until_end(world, peer)?])
        }),
        equal("last words to one who goes on talking", |world| {
            let peer = world.connect();
            world.say(peer, b"echo bye\nforget\nand on, and on, and on, and on");
            Ok(vec![until_end(world, peer)?])
        }),
        equal("a relay", relay),
        equal("nobody is dialed", |world| {
            let peer = world.connect();
            world.say(peer, b"misdial\n");
            let heard = lines(world, peer, 1)?;
            world.say(peer, b"echo on\n");
            world.finish(peer);
            Ok([heard, vec![until_end(world, peer)?]].concat())
        }),
        equal("hang-ups", hang_ups),
        equal("FIN from here", |world| {
            let peer = world.connect();
            world.say(peer, b"echo last\nfinish\necho lost\n");
            let heard = until_end(world, peer)?;
            world.finish(peer);
            world.pass(Duration::ZERO);
            demand(world.close(peer) == Some(Close::Done), "not an orderly end")?;
            Ok(vec![heard])
        }),
        equal("aborts and panics cost one connection", |world| {
            let peers = [world.connect(), world.connect(), world.connect()];
            world.say(peers[0], b"abort\n");
            world.say(peers[1], b"panic\n");
            for peer in &peers[..2] {
                demand(until_end(world, *peer) == Err("a reset".into()), "no reset")?;
            }
            demand(world.close(peers[1]) == Some(Close::Panicked), "no panic")?;
            world.say(peers[2], b"echo alive\n");
            world.finish(peers[2]);
            Ok(vec![until_end(world, peers[2])?])
        }),
        equal("saves and loads", |world| {
            let peer = world.connect();
            world.say(peer, b"load\nsave first\nload\nsave second\nload\n");
            world.finish(peer);
            Ok(vec![until_end(world, peer)?])
        }),
        equal("the end waits for files", |world| {
            let peer = world.connect();
            world.say(peer, b"burst 100\nsave it\nforget\n");
            let heard = until_end(world, peer)?;
            demand(world.disk().get("state").is_err(), "the file is still there")?;
            Ok(vec![heard])
        }),
        equal("the end waits for files when FIN was sent before", |world| {
            let peer = world.connect();
            world.say(peer, b"save it\nfinish\nforget\n");
            world.finish(peer);
            let heard = until_end(world, peer)?;
            world.pass(Duration::ZERO);
            demand(world.disk().get("state").is_err(), "the file is still there")?;
            Ok(vec![heard])
        }),
        equal("stops", |world| {
            let peers = [world.connect(), world.connect(), world.connect()];
            world.say(peers[0], b"join\n");
            world.say(peers[1], b"join\njob 4\n");
            lines(world, peers[0], 1)?;
            world.pass(Duration::ZERO);
            world.stop(DRAIN);
            let late = world.connect();
            demand(until_end(world, late) == Err("a reset".into()), "who comes late is not refused")?;
            let idle = until_end(world, peers[2])?;
            for peer in peers {
                until_end(world, peer)?;
                world.finish(peer);
            }
            world.pass(DRAIN / 2);
            demand(world.connections() == 0, "somebody stays")?;
            Ok(vec![idle])
        }),
    ];
    play_all(&plays, SEEDS);
}

fn chat(world: &mut Street<'_>) -> Result<Transcript, String> {
    let (one, other) = (world.connect(), world.connect());
    world.say(one, b"join\n");
    let mut heard = lines(world, one, 1)?;
    world.say(other, b"join\n");
    heard.extend(lines(world, one, 1)?);
    heard.extend(lines(world, other, 1)?);
    world.say(one, b"say a\nsay b\nsay c\n");
    heard.extend(lines(world, other, 3)?);
    world.say(other, b"say d\n");
    world.finish(other);
    heard.extend(lines(world, one, 4)?);
    world.finish(one);
    until_end(world, one)?;
    until_end(world, other)?;
    world.pass(Duration::ZERO);
    demand(world.connections() == 0, "the room is still there")?;
    Ok(heard)
}

fn relay(world: &mut Street<'_>) -> Result<Transcript, String> {
    let upstream = UPSTREAM.parse().unwrap();
    world.listen(upstream);
    let peer = world.connect();
    world.say(peer, b"dial\nhello ");
    let far = world.answer(upstream).ok_or("nobody dials")?;
    world.say(far, b"welcome");
    world.say(peer, b"there");
    world.finish(peer);
    let mut heard = vec![until_end(world, far)?];
    world.say(far, b" and goodbye");
    world.finish(far);
    heard.push(until_end(world, peer)?);
    world.pass(Duration::ZERO);
    demand(world.connections() == 0, "the relay is still there")?;
    Ok(heard)
}

fn hang_ups(world: &mut Street<'_>) -> Result<Transcript, String> {
    let (witness, leaver, breaker) = (world.connect(), world.connect(), world.connect());
    world.say(witness, b"join\n");
    let mut heard = lines(world, witness, 1)?;
    for peer in [leaver, breaker] {
        world.say(peer, b"join\nwatch\nnobody reads this");
        heard.extend(lines(world, witness, 1)?);
        if peer == leaver {
            world.finish(peer);
        } else {
            lines(world, peer, 1)?;
            world.pass(Duration::ZERO);
            world.reset(peer);
        }
        heard.extend(lines(world, witness, 1)?);
    }
    world.finish(witness);
    until_end(world, witness)?;
    Ok(heard)
}

/// Whatever fails, the rules hold, and all is over at the drain limit.
#[test]
fn the_rules_survive_faults() {
    quiet_panics();
    let survive = |seed: Option<u64>, is_told| {
        let town = Town::new(Care::Full);
        let mut world = World::seeded(&town, seed.unwrap_or(0)).with_faults();
        let verdict = live_dangerously(&mut world, seed.unwrap_or(0));
        outcome(verdict, &world, is_told)
    };
    play_all(&[Play { name: "survival".into(), is_long: false, play: Box::new(survive) }], SEEDS / 4);
}

#[test]
fn who_waits_for_nothing_is_found_out() {
    let town = Town::new(Care::Full);
    for seed in 0..100 {
        let mut world = World::seeded(&town, seed);
        let peer = world.connect();
        world.say(peer, b"echo before\nstick\n");
        world.pass(Duration::ZERO);
        assert_eq!(world.close(peer), Some(Close::Stuck));
        assert!(world.check().is_err_and(|error| error.contains("stuck")));
    }
}

#[test]
fn there_are_as_many_as_may_be() {
    let town = Town::new(Care::Full);
    for seed in 0..300 {
        let mut world = World::seeded(&town, seed).with_limits(ServeLimits { connections: 2, ..ServeLimits::default() });
        let peers = [world.connect(), world.connect(), world.connect()];
        assert_eq!(until_end(&mut world, peers[2]), Ok(vec![]), "it is turned away");
        world.say(peers[0], b"job 2\njob 2\njob 2\n");
        world.finish(peers[0]);
        assert_eq!(until_end(&mut world, peers[0]).unwrap(), b"nothing grows out of it\n4\n4\n");
        world.check().unwrap();
        let late = world.connect();
        world.say(late, b"echo room again\n");
        assert_eq!(lines(&mut world, late, 1).unwrap(), [b"room again"]);
    }
}

#[test]
fn a_seed_does_the_same_again() {
    quiet_panics();
    let tell = |seed| {
        let town = Town::new(Care::Full);
        let mut world = World::seeded(&town, seed).with_faults();
        live_dangerously(&mut world, seed).unwrap();
        world.story()
    };
    let stories: Vec<String> = (0..200).map(tell).collect();
    assert!((0..200).map(tell).eq(stories.iter().cloned()), "another story");
    assert!(stories[0] != stories[1] && stories[0].len() > 100, "{}", stories[0]);
}

fn live_dangerously(world: &mut Street<'_>, seed: u64) -> Result<(), String> {
    const LINES: [&[u8]; 16] = [
        b"echo a longer line\n",
        b"join\n",
        b"say something\n",
        b"job 5\n",
        b"job 0\n",
        b"flood 60\n",
        b"burst 40\nlater 9\n",
        b"dial\n",
        b"misdial\n",
        b"save it\nforget\n",
        b"load\n",
        b"watch\n",
        b"finish\n",
        b"abort\n",
        b"panic\n",
        b"half a li",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |count: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % count
    };
    let upstream = UPSTREAM.parse().unwrap();
    world.listen(upstream);
    let mut peers = vec![world.connect()];
    for _ in 0..12 {
        let peer = peers[below(peers.len())];
        match below(10) {
            0 => peers.push(world.connect()),
            1 => world.finish(peer),
            2 => world.reset(peer),
            3 => _ = world.read(peer, &mut [0; 100]),
            4 => peers.extend(world.answer(upstream)),
            5 => _ = world.go(below(30)),
            _ => world.say(peer, LINES[below(LINES.len())]),
        }
    }
    world.check()?;
    world.stop(DRAIN);
    world.pass(DRAIN * 3);
    demand(world.connections() == 0, "somebody is alive after the drain limit")
}

/// Who writes, syncs, renames and syncs the directory has the old file or the new one, whenever the machine stops; and the new
/// one if it has said so.
#[test]
fn what_is_saved_survives_a_crash_and_what_is_not_synced_may_not() {
    let careful = Play {
        name: "a careful save".into(),
        is_long: false,
        play: Box::new(|seed, is_told| crash(Care::Full, seed, is_told)),
    };
    play_all(&[careful], SEEDS / 4);
    for (care, loss) in [
        (Care::NoSync, "neither the old file nor the new one"),
        (Care::NoSyncOfTheDirectory, "it was said to be saved, and is not"),
    ] {
        let found = (0..2000).filter_map(|seed| crash(care, Some(seed), false).verdict.err()).any(|error| error.contains(loss));
        assert!(found, "the disk is too kind: not once was {loss}");
    }
}

fn crash(care: Care, seed: Option<u64>, is_told: bool) -> Outcome {
    const OLD: &[u8] = b"the old words";
    const NEW: &[u8] = b"quite new words, and more";
    let town = Town::new(care);
    let mut disk = Disk::default();
    disk.put("state", OLD).unwrap();
    let mut world = match seed {
        Some(seed) if seed % 3 == 0 => World::seeded(&town, seed).with_faults(),
        Some(seed) => World::seeded(&town, seed),
        None => World::whole(&town),
    };
    world = world.on(disk);
    let peer = world.connect();
    world.say(peer, b"save quite new words, and more\n");
    // The machine stops after so many moves, or when it is all over.
    world.go(seed.map_or(usize::MAX, |seed| (seed / 3 % 80) as usize));
    let mut heard = [0; 100];
    let is_said = world.wait(peer, Duration::ZERO) && world.read(peer, &mut heard).is_ok() && heard.starts_with(b"saved\n");
    let rules = if seed.is_some_and(|seed| seed % 7 == 0) { world.check() } else { Ok(()) };
    let mut told = outcome(Ok(()), &world, is_told);
    let disk = world.crash();
    let state = disk.get("state").unwrap_or_default();
    told.verdict = rules
        .and_then(|()| demand(state == OLD || state == NEW, "neither the old file nor the new one is there"))
        .and_then(|()| demand(!is_said || state == NEW, "it was said to be saved, and is not"))
        .and_then(|()| {
            let town = Town::new(care);
            let mut world = World::whole(&town).on(disk);
            let peer = world.connect();
            world.say(peer, b"load\nsave again\nload\n");
            let heard = lines(&mut world, peer, 3)?;
            demand(heard[0] == state && heard[2] == b"again", "the next server sees something else")
        });
    told
}

// Steps.

/// A play whose transcript is that of the shortest run, for every seed.
fn equal(name: &str, hold: fn(&mut Street<'_>) -> Result<Transcript, String>) -> Play {
    let whole = OnceLock::new();
    let once = move |world: &mut Street<'_>| hold(world).and_then(|heard| world.check().map(|()| heard));
    let play = move |seed, is_told| {
        let expected = whole.get_or_init(|| once(&mut World::whole(&Town::new(Care::Full))));
        let town = Town::new(Care::Full);
        let mut world = match seed {
            Some(seed) => World::seeded(&town, seed),
            None => World::whole(&town),
        };
        let verdict = once(&mut world).and_then(|heard| match expected {
            Ok(expected) if *expected == heard => Ok(()),
            Ok(expected) => Err(format!("it heard {:?} instead of {:?}", shown(&heard), shown(expected))),
            Err(error) => Err(format!("without a seed: {error}")),
        });
        outcome(verdict, &world, is_told)
    };
    Play { name: name.into(), is_long: false, play: Box::new(play) }
}

fn long(name: &str, hold: fn(&mut Street<'_>) -> Result<Transcript, String>) -> Play {
    Play { is_long: true, ..equal(name, hold) }
}

fn outcome(verdict: Result<(), String>, world: &Street<'_>, is_told: bool) -> Outcome {
    Outcome { verdict, story: if is_told { world.story() } else { String::new() } }
}

fn shown(heard: &Transcript) -> Vec<String> {
    heard.iter().map(|octets| octets.escape_ascii().to_string()).collect()
}

fn demand(is_so: bool, complaint: &str) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(complaint.into()) }
}

/// The next `count` lines.
fn lines(world: &mut Street<'_>, peer: usize, count: usize) -> Result<Transcript, String> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let mut line = Vec::new();
        loop {
            let mut octet = [0];
            match world.read(peer, &mut octet) {
                Ok(1) if octet == *b"\n" => break,
                Ok(1) => line.push(octet[0]),
                other => return Err(format!("peer {peer}: {other:?} after {:?} and {:?}", shown(&heard), line.escape_ascii())),
            }
        }
        heard.push(line);
    }
    Ok(heard)
}

/// All that is left, and then an orderly end.
fn until_end(world: &mut Street<'_>, peer: usize) -> Result<Vec<u8>, String> {
    let mut heard = Vec::new();
    let mut buffer = [0; 512];
    loop {
        match world.read(peer, &mut buffer) {
            Ok(0) => {
                return demand(world.ending(peer) == Some(Ending::Finished), "no orderly end").map(|()| heard);
            }
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err("a reset".into()),
            Err(error) => return Err(format!("peer {peer}: {error} after {:?}", heard.escape_ascii())),
        }
    }
}

/// Some plays panic on purpose, thousands of times.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref::<&str>() != Some(&"on purpose") {
                usual(panic);
            }
        }));
    });
}
