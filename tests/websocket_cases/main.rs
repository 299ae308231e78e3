//! What a client may say and what comes of it: a table of cases, each heard whole, octet by octet, cut at every place, and move by
//! move in the simulator. The outcome is the same: what the conversation hears, what is said, and how it closes.

mod cases;
#[path = "../seeds/mod.rs"]
mod seeds;
#[path = "../websocket_support/mod.rs"]
mod websocket_support;

use std::collections::BTreeSet;
use std::io::{IoSlice, Read};

use iolab::limits::{LINGER, ServeLimits};
use iolab::models::simulated::Conversation;
use iolab::websocket::WebSocket;
use iolab::{Close, Common, Connection, End, Now, Service, Time};

use cases::Case;
use seeds::{Outcome, Play, play_all};
use websocket_support::{Echo, Echoes};

/// In a plain `cargo test`.
const SEEDS: u64 = 40_000;

/// What is longer is not cut at every place, but at some.
const CUT_EVERYWHERE: usize = 300;

const NOW: Now = Now { at: Time::from_nanos(1_000_000_000), unix_seconds: 0 };

#[test]
fn however_it_is_cut_the_outcome_is_the_same() {
    let mut failures = Vec::new();
    for case in cases::all() {
        let length = case.said.len();
        let mut ways = vec![vec![length], (1..=length).collect()];
        let step = if length > CUT_EVERYWHERE { length / 50 + 1 } else { 1 };
        ways.extend((1..length).step_by(step).map(|cut| vec![cut, length]));
        for ends in ways {
            let heard = hear(&case, &ends);
            if heard != case.outcome() {
                failures.push(format!("{}, heard up to {ends:?}:\n{heard}instead of\n{}", case.name, case.outcome()));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let cases = cases::all();
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() > 150, "{} cases", cases.len());
}

#[test]
fn every_case_goes_the_same_way_with_every_seed() {
    let as_play = |case: Case| Play {
        name: case.name.clone(),
        is_long: case.said.len() > 20_000,
        play: Box::new(move |seed, is_told| play(&case, seed, is_told)),
    };
    play_all(&cases::all().into_iter().map(as_play).collect::<Vec<_>>(), SEEDS);
}

/// Tells a connection what comes up to each of `ends`, which rise, and takes at once what it says.
fn hear(case: &Case, ends: &[usize]) -> String {
    let service = Echoes { limits: case.limits(), ..Echoes::default() };
    let protocol = service.accept(NOW).expect("nobody is turned away");
    let mut connection = Connection::accepted(protocol, &Common::new(0, ServeLimits::default(), 0), NOW);
    let (mut answer, mut start) = (Vec::new(), 0);
    for &end in ends {
        // Whoever looks behind the slice looks behind this memory.
        let piece = case.said[start..end].to_vec();
        connection.received(&piece, NOW);
        drain(&mut connection, &mut answer);
        start = end;
    }
    connection.peer_finished(NOW);
    drain(&mut connection, &mut answer);
    while let Some(end) = connection.needs().end {
        match end {
            End::Finish => connection.finished(NOW),
            End::Close | End::Reset => {
                connection.closed(NOW);
                break;
            }
        }
    }
    cases::tell(&service.log.take(), &answer)
}

fn drain(connection: &mut Connection<WebSocket<Echo>>, answer: &mut Vec<u8>) {
    while connection.unsent() > 0 {
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = connection.queue().slices(&mut slices);
        let octets: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
        answer.extend_from_slice(&octets);
        connection.queue().sent(octets.len());
        connection.sent(NOW);
    }
}

fn play(case: &Case, seed: Option<u64>, is_told: bool) -> Outcome {
    let service = Echoes { limits: case.limits(), ..Echoes::default() };
    let conversation = match seed {
        Some(seed) => Conversation::seeded(&service, seed),
        None => Conversation::whole(&service),
    };
    let mut peer = conversation.expect("nobody is turned away");
    peer.say(&case.said);
    peer.finish();
    let mut answer = Vec::new();
    let heard = peer.read_to_end(&mut answer).map_err(|error| format!("an end that is not orderly: {error}"));
    let verdict = heard.and_then(|_| {
        peer.pass(LINGER * 2);
        if peer.close() != Some(Close::Done) {
            return Err(format!("closed as {:?}", peer.close()));
        }
        let heard = cases::tell(&service.log.take(), &answer);
        if heard != case.outcome() {
            return Err(format!("{heard}instead of\n{}", case.outcome()));
        }
        peer.check()
    });
    Outcome { verdict, story: if is_told { peer.story() } else { String::new() } }
}
