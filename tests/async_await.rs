//! The conversation of `examples/async_await`, as an `async fn` and by hand: nobody can tell which of them answers, on any model or
//! in the simulator, however the octets are cut. And what its executor promises a future.

#[macro_use]
mod every_model;

#[path = "../examples/async_await/by_hand.rs"]
mod by_hand;
#[path = "../examples/async_await/channel.rs"]
mod channel;
#[path = "../examples/async_await/combine.rs"]
mod combine;
#[path = "../examples/async_await/conversation.rs"]
mod conversation;
#[path = "../examples/async_await/executor.rs"]
mod executor;
#[path = "../examples/async_await/io.rs"]
mod io;
#[path = "../examples/async_await/manners.rs"]
mod manners;
mod seeds;
mod skip;
mod tcp;

use std::future::poll_fn;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use iolab::limits::ServeLimits;
use iolab::models::AnyModel;
use iolab::models::simulated::World;
use iolab::{Service, Time};

use by_hand::{ByHand, Callers};
use channel::channel;
use conversation::{Hall, conversation};
use executor::Executor;
use manners::{LINE_OCTETS, Patience};
use seeds::{Outcome, Play, play_all};
use tcp::{PATIENCE, Server, TcpPeer};

/// In a plain `cargo test`.
const SEEDS: u64 = 20_000;

const LONG: Patience = Patience { name: Duration::from_secs(60), partner: Duration::from_secs(60) };

/// What a peer does next, or what it demands. Peers go by number, in the order of their coming.
enum Step {
    Come,
    Say(usize, &'static str),
    Hear(usize, &'static str),
    Finish(usize),
    Reset(usize),
    /// Hears the orderly end, and nothing before it.
    End(usize),
    Stop,
}

use Step::*;

type Script = (&'static str, Patience, Vec<Step>);

fn scripts() -> Vec<Script> {
    let enter = |peer, name, answer| vec![Come, Hear(peer, "Your name?\n"), Say(peer, name), Hear(peer, answer)];
    let two = || [enter(0, "ann\n", "Wait.\n"), enter(1, "bob\n", "Meet ann.\n"), vec![Hear(0, "Meet bob.\n")]].concat_steps();
    let soon = Patience { name: Duration::from_millis(30), partner: Duration::from_millis(30) };
    let too_long: &'static str = "x".repeat(2 * LINE_OCTETS).leak();
    let longest: &'static str = format!("{}\n", "x".repeat(LINE_OCTETS)).leak();
    let of_longest: &'static str = format!("ann: {longest}").leak();
    let after_two = |steps: Vec<Step>| [two(), steps].concat_steps();
    vec![
        (
            "two talk until one leaves",
            LONG,
            after_two(vec![
                Say(0, "hello\nthere\n"),
                Hear(1, "ann: hello\nann: there\n"),
                Say(1, "hi\r\n"),
                Hear(0, "bob: hi\n"),
                Finish(0),
                End(0),
                Hear(1, "ann has left.\n"),
                End(1),
            ]),
        ),
        (
            "words before anybody has come",
            LONG,
            vec![
                Come,
                Say(0, "ann\none\ntwo\nthr"),
                Hear(0, "Your name?\nWait.\n"),
                Come,
                Say(1, "bob\nat once\n"),
                Hear(1, "Your name?\nMeet ann.\nann: one\nann: two\n"),
                Hear(0, "Meet bob.\nbob: at once\n"),
                Say(0, "ee\n"),
                Hear(1, "ann: three\n"),
                Finish(1),
                Hear(0, "bob has left.\n"),
                End(0),
            ],
        ),
        (
            "who waits and leaves is met by nobody",
            LONG,
            [
                enter(0, "ann\n", "Wait.\n"),
                vec![Finish(0), End(0)],
                enter(1, "bob\n", "Wait.\n"),
                enter(2, "cid\n", "Meet bob.\n"),
                vec![Hear(1, "Meet cid.\n"), Finish(2), Hear(1, "cid has left.\n"), End(1), End(2)],
            ]
            .concat_steps(),
        ),
        ("one is reset", LONG, after_two(vec![Say(0, "hel"), Reset(0), Hear(1, "ann has left.\n"), End(1)])),
        (
            "two pairs",
            LONG,
            [
                two(),
                enter(2, "cid\n", "Wait.\n"),
                enter(3, "dee\n", "Meet cid.\n"),
                vec![Hear(2, "Meet dee.\n"), Say(0, "a\n"), Say(2, "c\n"), Hear(1, "ann: a\n"), Hear(3, "cid: c\n")],
            ]
            .concat_steps(),
        ),
        ("a name that does not come", soon, vec![Come, Hear(0, "Your name?\nToo slow.\n"), End(0)]),
        ("half a name", LONG, vec![Come, Say(0, "an"), Finish(0), Hear(0, "Your name?\n"), End(0)]),
        (
            "nobody comes",
            Patience { name: LONG.name, ..soon },
            vec![Come, Say(0, "ann\n"), Hear(0, "Your name?\nWait.\nNobody came.\n"), End(0)],
        ),
        (
            "the longest line, and a longer one",
            LONG,
            after_two(vec![Say(0, longest), Hear(1, of_longest), Say(0, too_long), End(0), Hear(1, "ann has left.\n"), End(1)]),
        ),
        ("a stop", LONG, vec![Come, Say(0, "ann\n"), Hear(0, "Your name?\nWait.\n"), Stop, End(0)]),
    ]
}

trait Concat {
    fn concat_steps(self) -> Vec<Step>;
}

impl<const N: usize> Concat for [Vec<Step>; N] {
    fn concat_steps(self) -> Vec<Step> {
        self.into_iter().flatten().collect()
    }
}

/// Where scripts are played.
trait Stage {
    fn come(&mut self);
    fn say(&mut self, peer: usize, octets: &[u8]);
    fn finish(&mut self, peer: usize);
    fn reset(&mut self, peer: usize);
    /// No octets are FIN.
    fn read(&mut self, peer: usize, buffer: &mut [u8]) -> std::io::Result<usize>;
    fn stop(&mut self);
}

fn play(steps: &[Step], stage: &mut impl Stage) -> Result<(), String> {
    for (number, step) in steps.iter().enumerate() {
        match step {
            Come => stage.come(),
            Say(peer, words) => stage.say(*peer, words.as_bytes()),
            Finish(peer) => stage.finish(*peer),
            Reset(peer) => stage.reset(*peer),
            Stop => stage.stop(),
            Hear(peer, words) => hear(stage, *peer, words).map_err(|error| format!("step {number}, {words:?}: {error}"))?,
            End(peer) => match stage.read(*peer, &mut [0; 10]) {
                Ok(0) => {}
                other => return Err(format!("step {number}: instead of the end came {other:?}")),
            },
        }
    }
    Ok(())
}

fn hear(stage: &mut impl Stage, peer: usize, words: &str) -> Result<(), String> {
    let mut heard = vec![0; words.len()];
    let mut at = 0;
    while at < heard.len() {
        match stage.read(peer, &mut heard[at..]) {
            Ok(more) if more > 0 => at += more,
            other => return Err(format!("after {:?} came {other:?}", heard[..at].escape_ascii().to_string())),
        }
    }
    let is_due = heard == words.as_bytes();
    if is_due { Ok(()) } else { Err(format!("there came {:?}", heard.escape_ascii().to_string())) }
}

// In the simulator.

#[test]
fn nobody_can_tell_them_apart_with_any_seed() {
    let plays = scripts().into_iter().flat_map(|(name, patience, steps)| {
        let steps = Arc::new(steps);
        let its = Arc::clone(&steps);
        let future = move |seed, is_told| {
            let hall = Hall::new(patience);
            simulate(&Executor::new(|peer| conversation(peer, Arc::clone(&hall))), &steps, seed, is_told)
        };
        let by_hand = move |seed, is_told| simulate(&Callers::new(patience), &its, seed, is_told);
        let is_long = name.contains("longest");
        [
            Play { name: format!("{name}, as a future"), is_long, play: Box::new(future) },
            Play { name: format!("{name}, by hand"), is_long, play: Box::new(by_hand) },
        ]
    });
    play_all(&plays.collect::<Vec<_>>(), SEEDS);
}

fn simulate(service: &impl Service, steps: &[Step], seed: Option<u64>, is_told: bool) -> Outcome {
    let mut world = seed.map_or_else(|| World::whole(service), |seed| World::seeded(service, seed));
    let verdict = play(steps, &mut world).and_then(|()| world.check());
    Outcome { verdict, story: if is_told { world.story() } else { String::new() } }
}

impl<S: Service> Stage for World<'_, S> {
    fn come(&mut self) {
        self.connect();
    }

    fn say(&mut self, peer: usize, octets: &[u8]) {
        World::say(self, peer, octets);
    }

    fn finish(&mut self, peer: usize) {
        World::finish(self, peer);
    }

    fn reset(&mut self, peer: usize) {
        World::reset(self, peer);
    }

    fn read(&mut self, peer: usize, buffer: &mut [u8]) -> std::io::Result<usize> {
        World::read(self, peer, buffer)
    }

    fn stop(&mut self) {
        World::stop(self, Duration::from_secs(10));
    }
}

// Over TCP, with one loop and with two.

macro_rules! models {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            for (number, (name, patience, steps)) in scripts().into_iter().enumerate() {
                let loops = 1 + number % 2;
                let hall = Hall::new(patience);
                let future = Executor::new(move |peer| conversation(peer, Arc::clone(&hall)));
                let played = over_tcp(stringify!($name), loops, future, &steps)
                    .and_then(|()| over_tcp(stringify!($name), 3 - loops, Callers::new(patience), &steps));
                played.unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    )*};
}

mod nobody_can_tell_them_apart_on {
    use super::*;

    on_every_model!(models);
}

fn over_tcp(model: &str, loops: usize, service: impl Service + 'static, steps: &[Step]) -> Result<(), String> {
    let Some(model) = tcp::model(model, ServeLimits::default()) else { return Ok(()) };
    let server = Server::start(model, loops, Arc::new(service));
    let mut stage = TcpStage { server: &server, peers: Vec::new() };
    let outcome = play(steps, &mut stage).map_err(|error| format!("by {model}, {loops} loops: {error}"));
    drop(stage);
    outcome.and(server.stop().map(drop))
}

struct TcpStage<'s> {
    server: &'s Server,
    peers: Vec<TcpPeer>,
}

impl Stage for TcpStage<'_> {
    fn come(&mut self) {
        self.peers.push(TcpPeer::new(TcpStream::connect(self.server.address).unwrap()));
    }

    fn say(&mut self, peer: usize, octets: &[u8]) {
        self.peers[peer].say(octets);
    }

    fn finish(&mut self, peer: usize) {
        self.peers[peer].finish();
    }

    fn reset(&mut self, peer: usize) {
        self.peers[peer].reset();
    }

    fn read(&mut self, peer: usize, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.peers[peer].read(buffer)
    }

    fn stop(&mut self) {
        self.server.shutdown.begin();
    }
}

// What the executor promises a future.

#[test]
fn what_a_future_owns_is_freed_when_its_connection_ends() {
    let owned = Arc::new(());
    let service = owner(&owned);
    for seed in 0..200 {
        let mut world = World::seeded(&service, seed);
        let [leaver, breaker] = [world.connect(), world.connect()];
        world.say(leaver, b"half a l");
        world.say(breaker, b"ine");
        world.pass(Duration::ZERO);
        assert_eq!(Arc::strong_count(&owned), 4, "the test, the service, and two futures that wait");
        world.finish(leaver);
        world.reset(breaker);
        world.pass(Duration::ZERO);
        assert_eq!(Arc::strong_count(&owned), 2, "{}", world.story());
    }
    for model in AnyModel::all() {
        let Some(model) = tcp::ready(model, ServeLimits::default()) else { continue };
        let server = Server::start(model, 1, Arc::new(owner(&owned)));
        let mut peer = TcpPeer::new(TcpStream::connect(server.address).unwrap());
        peer.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(Arc::strong_count(&owned), 4, "the test, two services and a future");
        peer.reset();
        let begun = Instant::now();
        while Arc::strong_count(&owned) > 3 {
            assert!(begun.elapsed() < PATIENCE, "{model} never frees it");
            thread::yield_now();
        }
        server.stop().unwrap();
    }
}

/// Each future owns one more of it, for as long as it waits for a line.
fn owner(owned: &Arc<()>) -> impl Service + 'static {
    let owned = Arc::clone(owned);
    Executor::new(move |peer: io::Peer| {
        let owned = Arc::clone(&owned);
        async move {
            peer.say("hi\n");
            peer.line().await;
            drop(owned);
        }
    })
}

/// While two talk, nobody waits for their names any more, nor for a partner, though both were waited for with a time limit.
#[test]
fn what_is_not_waited_for_any_more_leaves_no_deadline() {
    let hall = Hall::new(LONG);
    let service = Executor::new(move |peer| conversation(peer, Arc::clone(&hall)));
    let mut world = World::whole(&service);
    let (_, _, steps) = &scripts()[0];
    play(&steps[..9], &mut world).unwrap();
    world.pass(Duration::ZERO);
    let (moves, polls) = (world.moves(), service.polls());
    world.pass(LONG.name + LONG.partner);
    assert_eq!((world.moves(), service.polls()), (moves, polls), "{}", world.story());
}

/// The first to come leaves its waker, and is never told anything; the others wake it.
#[test]
fn many_wakes_are_one_poll_and_one_that_comes_too_late_is_none() {
    let left: Arc<Mutex<Option<Waker>>> = Arc::default();
    let its = Arc::clone(&left);
    let service = Executor::new(move |peer: io::Peer| {
        let left = Arc::clone(&its);
        async move {
            let waker = left.lock().unwrap().clone();
            if let Some(waker) = waker {
                (0..100).for_each(|_| waker.wake_by_ref());
                return peer.say("woken\n");
            }
            poll_fn(|cx| {
                *left.lock().unwrap() = Some(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        }
    });
    for seed in 0..200 {
        let before = service.polls();
        *left.lock().unwrap() = None;
        let mut world = World::seeded(&service, seed);
        let sleeper = world.connect();
        world.pass(Duration::ZERO);
        assert_eq!(service.polls() - before, 1, "it is polled when it comes");
        for wakes in 1..=2 {
            let peer = world.connect();
            hear(&mut world, peer, "woken\n").unwrap();
            world.pass(Duration::ZERO);
            assert_eq!(service.polls() - before, 1 + 2 * wakes, "once for a hundred wakes, and the one who woke it once");
        }
        world.reset(sleeper);
        world.stop(Duration::ZERO);
        world.pass(LONG.name);
        left.lock().unwrap().take().unwrap().wake();
        assert_eq!(service.polls() - before, 5);
        world.check().unwrap();
    }
}

#[test]
fn a_future_that_panics_is_dropped_and_who_counted_on_it_hears_of_that() {
    for model in AnyModel::all() {
        let Some(model) = tcp::ready(model, ServeLimits::default()) else { continue };
        let sender = Arc::new(Mutex::new(None));
        let service = Executor::new(move |peer: io::Peer| {
            let sender = Arc::clone(&sender);
            async move {
                let handed = sender.lock().unwrap().take();
                let Some(_dropped) = handed else {
                    let (mine, mut receiver) = channel::<()>();
                    *sender.lock().unwrap() = Some(mine);
                    peer.say("hi\n");
                    assert!(receiver.receive().await.is_none());
                    return peer.say("it is gone\n");
                };
                peer.line().await;
                panic!("on purpose");
            }
        });
        let server = Server::start(model, 1, Arc::new(service));
        let mut stage = TcpStage { server: &server, peers: Vec::new() };
        play(&[Come, Hear(0, "hi\n"), Come, Say(1, "now\n"), Hear(0, "it is gone\n"), End(0)], &mut stage)
            .unwrap_or_else(|error| panic!("{model}: {error}"));
        assert!(stage.read(1, &mut [0; 10]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
        drop(stage);
        server.stop().unwrap();
    }
}

#[test]
fn the_compiler_keeps_more_than_a_hand_would() {
    let future = size_of_val(&conversation(io::Peer::new(Time::default()), Hall::new(LONG)));
    let by_hand = size_of::<ByHand>();
    println!("{future} octets as a future, {by_hand} by hand");
    assert!(future > 3 * by_hand, "{future} octets as a future, {by_hand} by hand: the chapter says otherwise");
}
