//! Answers that are a long time coming: handlers that wait for others, for a deadline, for the peer to leave, or that upgrade the
//! connection, with one whom the service founded; with every seed, and with each of the four models.

#[macro_use]
mod every_model;
mod seeds;
mod skip;
mod tcp;

use std::io::{Read, Write};
use std::net::{Shutdown as Half, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use iolab::http1::{Exchange, Handler, Head, Http, Http1, HttpLimits, TimeLimits, Trailers};
use iolab::limits::{LINGER, ServeLimits};
use iolab::models::simulated::World;
use iolab::{ConnectionId, Context, Either, Event, Interest, Model, Now, Peer, Protocol, Service, Shutdown, Time, Why, listen};

use seeds::{Outcome, Play, play_all};

/// A tower with a bell. `GET /wait` is answered when it is rung (or 204 after [`PATIENCE`]), `GET /ring` with how many heard it,
/// and `GET /stay` becomes a conversation in which each ring is a line, and each octet comes back.
struct Tower {
    http: Http,
    has_bell: bool,
    /// Those who wait for the bell now, as it knows.
    waiting: Arc<AtomicUsize>,
}

/// How long somebody waits for the bell: longer than any test.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug)]
enum Note {
    Bell,
    Wait,
    Leave,
    Ring,
    Rung(usize),
}

impl Tower {
    fn new() -> Tower {
        Tower { http: Http::new(HttpLimits::default(), TimeLimits::default()), has_bell: true, waiting: Arc::default() }
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Service for Tower {
    type Protocol = Either<Http1<Visitor>, Bell>;

    fn accept(&self, now: Now) -> Option<Self::Protocol> {
        Some(Either::Left(self.http.connection(Visitor::Idle, now)))
    }

    fn founder(&self) -> Option<Note> {
        self.has_bell.then_some(Note::Bell)
    }

    fn grow(&self, seed: Note, _: Now) -> Result<Self::Protocol, Note> {
        match seed {
            Note::Bell => Ok(Either::Right(Bell { waiting: Vec::new(), count: Arc::clone(&self.waiting), is_stopping: false })),
            other => Err(other),
        }
    }
}

struct Bell {
    waiting: Vec<ConnectionId>,
    count: Arc<AtomicUsize>,
    is_stopping: bool,
}

impl Protocol for Bell {
    type Message = Note;

    fn receive(&mut self, _: &[u8], _: &mut Context<'_, Note>) -> usize {
        unreachable!("it has no peer")
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Begun(_) => assert_eq!(cx.me(), ConnectionId::FOUNDER),
            Event::Message(from, Note::Wait) => self.waiting.push(from),
            Event::Message(from, Note::Leave) => self.waiting.retain(|one| *one != from),
            Event::Message(from, Note::Ring) => {
                self.waiting.iter().for_each(|&one| cx.message(one, Note::Rung(0)));
                cx.message(from, Note::Rung(self.waiting.len()));
            }
            Event::Stopping => {
                self.is_stopping = true;
                self.waiting.clear();
            }
            _ => {}
        }
        self.count.store(self.waiting.len(), Ordering::Relaxed);
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_stopping).then_some(Interest { messages: true, ..Interest::default() })
    }
}

enum Visitor {
    Idle,
    Waiting(Time),
    Ringing,
    Staying,
}

impl Handler for Visitor {
    type Message = Note;
    type Upgraded = Stay;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_, Note>) {
        let note = match head.path() {
            b"/wait" => {
                *self = Visitor::Waiting(exchange.now() + PATIENCE);
                Note::Wait
            }
            b"/ring" => {
                *self = Visitor::Ringing;
                Note::Ring
            }
            b"/stay" | b"/nowhere" => {
                *self = if head.path() == b"/stay" { Visitor::Staying } else { Visitor::Idle };
                return exchange.upgrade(&[("Connection", "upgrade"), ("Upgrade", "bell")]);
            }
            b"/die" => {
                let die = exchange.context().random().to_string();
                return exchange.answer_whole(200, &[], die.as_bytes());
            }
            _ => return exchange.answer_whole(404, &[], b""),
        };
        exchange.context().message(ConnectionId::FOUNDER, note);
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Exchange<'_, '_, Note>) {}

    fn event(&mut self, event: Event<Note>, exchange: &mut Exchange<'_, '_, Note>) {
        let was_waiting = matches!(self, Visitor::Waiting(_));
        let (status, body) = match event {
            Event::Message(_, Note::Rung(count)) => (200, count.to_string()),
            Event::Deadline => (204, String::new()),
            Event::Returned(_, _, Why::Gone) | Event::Stopping => (503, String::new()),
            Event::HangUp | Event::Closed(_) => (499, String::new()),
            _ => return,
        };
        *self = Visitor::Idle;
        if was_waiting {
            exchange.context().message(ConnectionId::FOUNDER, Note::Leave);
        }
        if exchange.is_open() {
            exchange.answer_whole(status, &[], body.as_bytes());
        }
    }

    fn interest(&self) -> Interest {
        match *self {
            Visitor::Waiting(until) => {
                Interest { peer: Peer::HangUp, messages: true, deadline: Some(until), ..Interest::default() }
            }
            Visitor::Ringing => Interest { messages: true, ..Interest::default() },
            Visitor::Idle | Visitor::Staying => Interest::default(),
        }
    }

    fn upgraded(&mut self) -> Option<Stay> {
        matches!(self, Visitor::Staying).then_some(Stay { is_over: false })
    }
}

struct Stay {
    is_over: bool,
}

impl Protocol for Stay {
    type Message = Note;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Note>) -> usize {
        cx.write(input);
        input.len()
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Begun(_) => cx.message(ConnectionId::FOUNDER, Note::Wait),
            Event::Message(..) => cx.write(b"rung\n"),
            Event::PeerFinished | Event::Stopping => self.is_over = true,
            Event::Closed(_) => cx.message(ConnectionId::FOUNDER, Note::Leave),
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest { peer: Peer::Bytes, messages: true, ..Interest::default() })
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

const STAY: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: bell\r\n\r\n";

// With every seed.

type Hold = fn(&mut World<'_, Tower>, &Tower) -> Result<(), String>;

#[test]
fn whatever_the_order_who_waits_is_told_and_nobody_is_left_behind() {
    let scenes: [(&str, Hold); 11] = [
        ("rung", rung),
        ("in vain", in_vain),
        ("hung up", hung_up),
        ("the server stops", the_server_stops),
        ("stays", stays),
        ("nobody was founded", nobody_was_founded),
        ("two questions and gone", two_questions_and_gone),
        ("asked after the stop", asked_after_the_stop),
        ("an upgrade with a body", an_upgrade_with_a_body),
        ("an upgrade to nothing", an_upgrade_to_nothing),
        ("a deadline before the body", a_deadline_before_the_body),
    ];
    let plays = scenes.map(|(name, hold)| Play {
        name: name.into(),
        is_long: false,
        play: Box::new(move |seed, is_told| play(name, hold, seed, is_told)),
    });
    play_all(&plays, 6000);
}

fn play(name: &str, hold: Hold, seed: Option<u64>, is_told: bool) -> Outcome {
    let tower = Tower { has_bell: name != "nobody was founded", ..Tower::new() };
    let mut world = seed.map_or_else(|| World::whole(&tower), |seed| World::seeded(&tower, seed));
    let verdict = hold(&mut world, &tower).and_then(|()| {
        world.pass(LINGER);
        demand(tower.waiting() == 0, "somebody is waited for in vain")?;
        world.stop(Duration::from_secs(10));
        world.pass(LINGER * 2);
        match (tower.waiting(), world.connections()) {
            (0, 0) => world.check(),
            (waiting, connections) => Err(format!("{waiting} wait, {connections} connections are left")),
        }
    });
    let story = if is_told { world.story() } else { String::new() };
    Outcome { verdict, story }
}

fn demand(is_so: bool, what: &str) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what.into()) }
}

/// The next octets, without the date.
fn hear(world: &mut World<'_, Tower>, peer: usize, expected: &str) -> Result<(), String> {
    const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let expected = expected.replacen(" OK\r\n", &format!(" OK\r\n{DATE}"), 1).replacen("ent\r\n", &format!("ent\r\n{DATE}"), 1);
    let mut heard = vec![0; expected.len()];
    let mut at = 0;
    while at < heard.len() {
        match world.read(peer, &mut heard[at..]) {
            Ok(0) => return Err(format!("peer {peer} heard only {:?}", String::from_utf8_lossy(&heard[..at]))),
            Ok(count) => at += count,
            Err(error) => return Err(format!("peer {peer}: {error}")),
        }
    }
    demand(heard == expected.as_bytes(), &format!("peer {peer} heard {:?}", String::from_utf8_lossy(&heard)))
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn rung(world: &mut World<'_, Tower>, tower: &Tower) -> Result<(), String> {
    let peers = [world.connect(), world.connect(), world.connect()];
    for _ in 0..2 {
        peers.iter().for_each(|&peer| world.say(peer, &get("/wait")));
        world.pass(Duration::ZERO);
        demand(tower.waiting() == 3, "not all wait")?;
        let ringer = world.connect();
        world.say(ringer, &get("/ring"));
        hear(world, ringer, &ok("3"))?;
        world.finish(ringer);
        peers.iter().try_for_each(|&peer| hear(world, peer, &ok("0")))?;
        world.pass(Duration::ZERO);
        demand(tower.waiting() == 0, "some wait on")?;
    }
    peers.iter().for_each(|&peer| world.finish(peer));
    Ok(())
}

fn in_vain(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let peer = world.connect();
    // The second is heard when the first is answered.
    world.say(peer, &get("/wait").repeat(2));
    let before = world.elapsed();
    hear(world, peer, "HTTP/1.1 204 No Content\r\n\r\n")?;
    hear(world, peer, "HTTP/1.1 204 No Content\r\n\r\n")?;
    demand(world.elapsed() - before >= PATIENCE * 2, "it was not patient")?;
    world.finish(peer);
    Ok(())
}

fn hung_up(world: &mut World<'_, Tower>, tower: &Tower) -> Result<(), String> {
    for leave in [World::finish, World::reset] {
        let peer = world.connect();
        world.say(peer, &get("/wait"));
        world.pass(Duration::ZERO);
        let others = world.connect();
        world.say(others, &get("/wait"));
        leave(world, peer);
        world.pass(Duration::from_secs(1));
        demand(tower.waiting() == 1, "who has hung up is still waited for")?;
        world.reset(others);
        world.pass(Duration::from_secs(1));
    }
    Ok(())
}

fn the_server_stops(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let peer = world.connect();
    world.say(peer, &get("/wait"));
    world.pass(Duration::ZERO);
    world.stop(Duration::from_secs(10));
    hear(world, peer, "HTTP/1.1 503")?;
    demand(world.elapsed() < PATIENCE, "it was answered late")
}

fn stays(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let (peer, ringer) = (world.connect(), world.connect());
    // What follows the request is for the one that takes HTTP's place.
    world.say(peer, &get("/stay"));
    world.say(peer, b"hello\n");
    hear(world, peer, STAY)?;
    hear(world, peer, "hello\n")?;
    world.pass(Duration::ZERO);
    world.say(ringer, &get("/ring"));
    hear(world, ringer, &ok("1"))?;
    hear(world, peer, "rung\n")?;
    world.finish(peer);
    world.finish(ringer);
    demand(matches!(world.read(peer, &mut [0; 10]), Ok(0)), "it did not end")
}

fn nobody_was_founded(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let peer = world.connect();
    world.say(peer, &get("/ring"));
    hear(world, peer, "HTTP/1.1 503")?;
    world.finish(peer);
    Ok(())
}

/// The news that it has gone comes once; no request behind the first waits for it in vain.
fn two_questions_and_gone(world: &mut World<'_, Tower>, tower: &Tower) -> Result<(), String> {
    for leave in [World::finish, World::reset] {
        let peer = world.connect();
        world.say(peer, &get("/wait").repeat(3));
        leave(world, peer);
        world.pass(Duration::from_secs(2));
        demand(tower.waiting() == 0, "one who has gone waits")?;
    }
    Ok(())
}

/// The first request of a connection comes when the stop has begun already: its handler is told.
fn asked_after_the_stop(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let peer = world.connect();
    world.pass(Duration::ZERO);
    world.stop(Duration::from_secs(100));
    world.say(peer, &get("/wait"));
    let before = world.elapsed();
    hear(world, peer, "HTTP/1.1 503")?;
    demand(world.elapsed() - before < Duration::from_secs(50), "it was answered by the drain limit")
}

fn an_upgrade_with_a_body(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let peer = world.connect();
    world.say(peer, b"POST /stay HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    hear(world, peer, &format!("HTTP/1.1 100 Continue\r\n\r\n{STAY}"))?;
    world.say(peer, b"bodyhello\n");
    hear(world, peer, "hello\n")?;
    world.finish(peer);
    let old = world.connect();
    world.say(old, b"GET /stay HTTP/1.0\r\nHost: a\r\n\r\n");
    hear(world, old, "HTTP/1.1 400")
}

fn an_upgrade_to_nothing(world: &mut World<'_, Tower>, _: &Tower) -> Result<(), String> {
    let peer = world.connect();
    world.say(peer, &get("/nowhere"));
    hear(world, peer, STAY)?;
    demand(matches!(world.read(peer, &mut [0; 10]), Ok(0)), "it did not end")
}

/// The body's time limit is HTTP's, and the deadline the handler's: each is told to whom it belongs.
fn a_deadline_before_the_body(world: &mut World<'_, Tower>, tower: &Tower) -> Result<(), String> {
    let peer = world.connect();
    world.say(peer, b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbod");
    world.pass(Duration::from_secs(1));
    demand(tower.waiting() == 1, "it does not wait")?;
    hear(world, peer, "HTTP/1.1 408")?;
    world.finish(peer);
    demand(world.elapsed() >= TimeLimits::default().body, "it came early")
}

// With each model.

macro_rules! models {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn tells_those_who_wait() {
                super::tells_those_who_wait(stringify!($name), 1);
            }

            #[test]
            fn tells_those_who_wait_in_another_loop() {
                super::tells_those_who_wait(stringify!($name), 3);
            }

            #[test]
            fn notices_who_hangs_up() {
                super::notices_who_hangs_up(stringify!($name));
            }

            #[test]
            fn says_the_same_again() {
                super::says_the_same_again(stringify!($name));
            }
        }
    )*};
}

on_every_model!(models);

struct Client(TcpStream);

impl Client {
    fn connect(address: std::net::SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(tcp::PATIENCE)).unwrap();
        Client(stream)
    }

    fn say(&mut self, octets: &[u8]) {
        self.0.write_all(octets).unwrap();
    }

    /// An answer that ends with these octets.
    fn hear(&mut self, end: &str) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            let mut octet = [0];
            assert_eq!(self.0.read(&mut octet).unwrap(), 1, "after {:?}", String::from_utf8_lossy(&heard));
            heard.push(octet[0]);
        }
        String::from_utf8(heard).unwrap()
    }

    /// Rings until as many have heard it.
    fn ring_for(&mut self, count: usize) {
        loop {
            self.say(&get("/ring"));
            let head = self.hear("\r\n\r\n");
            let length = head.split_once("Content-Length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).unwrap();
            if String::from_utf8(body).unwrap() == count.to_string() {
                return;
            }
        }
    }
}

fn tells_those_who_wait(name: &str, loops: usize) {
    let Some(model) = tcp::model(name, ServeLimits::default()) else { return };
    let tower = Arc::new(Tower::new());
    let server = tcp::Server::start(model, loops, Arc::clone(&tower));
    let mut clients: Vec<Client> = (0..10).map(|_| Client::connect(server.address)).collect();
    for client in &mut clients {
        client.say(&get("/stay"));
        client.hear(STAY);
        client.say(b"x");
        client.hear("x");
    }
    let mut ringer = Client::connect(server.address);
    ringer.ring_for(10);
    for client in &mut clients {
        client.hear("rung\n");
        client.0.shutdown(Half::Write).unwrap();
        client.0.read_to_end(&mut Vec::new()).unwrap();
    }
    ringer.ring_for(0);
    server.stop().unwrap();
    assert_eq!(tower.waiting(), 0);
}

fn notices_who_hangs_up(name: &str) {
    let Some(model) = tcp::model(name, ServeLimits::default()) else { return };
    let tower = Arc::new(Tower::new());
    let server = tcp::Server::start(model, 1, Arc::clone(&tower));
    let mut leaver = Client::connect(server.address);
    leaver.say(&get("/wait"));
    while tower.waiting() == 0 {
        thread::yield_now();
    }
    drop(leaver);
    let end = Instant::now() + tcp::PATIENCE;
    while tower.waiting() > 0 {
        assert!(Instant::now() < end, "who has hung up is still waited for");
        thread::yield_now();
    }
    server.stop().unwrap();
}

/// Dice and calendar stand still: the answers of two servers are the same octet by octet, though it is another day.
fn says_the_same_again(name: &str) {
    let Some(model) = tcp::model(name, ServeLimits::default()) else { return };
    let [one, same, other] = [7, 7, 8].map(|seed| {
        let tower = Tower::new();
        let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new().unwrap();
        thread::scope(|scope| {
            let server = scope.spawn(|| model.serve_reproducibly(listener, &tower, &shutdown, seed, 784_111_777).unwrap());
            let mut client = Client::connect(address);
            client.say(&get("/die"));
            client.0.shutdown(Half::Write).unwrap();
            let mut answer = String::new();
            client.0.read_to_string(&mut answer).unwrap();
            shutdown.begin();
            server.join().unwrap();
            answer
        })
    });
    assert!(one.starts_with("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{one}");
    assert_eq!(one, same);
    assert_ne!(one, other, "the dice do not follow from the seed");
}
