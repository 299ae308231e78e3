//! The chat: with every seed all guests hear the same in the same order, whoever leaves how and when; a guest that does not listen is
//! shown out; and the four models say the same octets.

mod seeds;
mod skip;
mod tcp;
mod websocket_support;

use std::io::{self, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::limits::{LINGER, ServeLimits};
use iolab::models::AnyModel;
use iolab::models::simulated::World;
use iolab::patterns::{Chat, ChatSettings};
use iolab::{Model, Shutdown, listen};

use seeds::{Outcome, Play, play_all};
use websocket_support::{CLOSE, TEXT, client};

/// In a plain `cargo test`.
const SEEDS: u64 = 2000;

/// How many octets may wait for a guest here.
const BOUND: usize = 2000;

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn join(name: &str) -> Vec<u8> {
    let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    format!("GET /ws?name={name} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
}

fn say(text: &str) -> Vec<u8> {
    client(TEXT, text)
}

fn told(kind: &str, name: &str) -> String {
    format!(r#"{{"type":"{kind}","name":"{name}"}}"#)
}

fn said(name: &str, text: &str) -> String {
    format!(r#"{{"type":"said","name":"{name}","text":"{text}"}}"#)
}

fn welcome(members: &[&str]) -> String {
    let members: Vec<String> = members.iter().map(|name| format!("\"{name}\"")).collect();
    format!(r#"{{"type":"welcome","members":[{}]}}"#, members.join(","))
}

/// What is left once a whole answer of 101 is taken away, as frames: texts, and of a close frame the code.
fn frames(octets: &[u8]) -> Vec<String> {
    let mut rest = octets.strip_prefix(ACCEPTED.as_bytes()).unwrap_or_default();
    let mut frames = Vec::new();
    while let [first, length, ..] = *rest {
        let (length, head) = match (length, rest) {
            (126, &[_, _, high, low, ..]) => (usize::from(u16::from_be_bytes([high, low])), 4),
            (126, _) => break,
            (length, _) => (usize::from(length), 2),
        };
        let Some(payload) = rest.get(head..head + length) else { break };
        frames.push(match first {
            CLOSE => format!("close {}", u16::from_be_bytes([payload[0], payload[1]])),
            _ => String::from_utf8(payload.to_vec()).unwrap(),
        });
        rest = &rest[head + length..];
    }
    frames
}

// With every seed.

type Hold = fn(&mut Street<'_>) -> Result<(), String>;

#[test]
fn all_hear_the_same_with_every_seed() {
    let scenes: [(&str, Hold); 8] = [
        ("two talk", two_talk),
        ("one says all it has to say at once, and hangs up", one_says_all_at_once),
        ("one leaves in the middle", one_leaves),
        ("a name is taken", a_name_is_taken),
        ("two want one name at once", two_want_one_name),
        ("one does not listen", one_does_not_listen),
        ("the server stops", the_server_stops),
        ("who is here", who_is_here),
    ];
    let plays = scenes.map(|(name, hold)| Play {
        name: name.into(),
        is_long: false,
        play: Box::new(move |seed, is_told| play(hold, seed, is_told)),
    });
    play_all(&plays, SEEDS);
}

fn chat() -> Chat {
    let settings = ChatSettings { bound: BOUND, ping_every: Duration::from_secs(1000) };
    Chat::new(Http::new(HttpLimits::default(), TimeLimits::default()), settings)
}

fn play(hold: Hold, seed: Option<u64>, is_told: bool) -> Outcome {
    let chat = chat();
    let world = seed.map_or_else(|| World::whole(&chat), |seed| World::seeded(&chat, seed));
    let mut street = Street { world, chat: &chat, heard: Vec::new() };
    let verdict = hold(&mut street).and_then(|()| street.check());
    let story = if is_told { street.world.story() } else { String::new() };
    Outcome { verdict, story }
}

struct Street<'s> {
    world: World<'s, Chat>,
    chat: &'s Chat,
    /// Of each peer.
    heard: Vec<Vec<u8>>,
}

impl Street<'_> {
    fn guest(&mut self, name: &str) -> usize {
        let guest = self.world.connect();
        self.heard.resize(guest + 1, Vec::new());
        self.world.say(guest, &join(name));
        guest
    }

    fn say(&mut self, guest: usize, text: &str) {
        self.world.say(guest, &say(text));
    }

    /// Everything until this; of nothing, until there is an answer, and a frame if it is 101.
    fn reads(&mut self, guest: usize, end: &str) -> Result<String, String> {
        loop {
            let heard = String::from_utf8_lossy(&self.heard[guest]).into_owned();
            let is_whole = heard.contains("\r\n\r\n") && (!heard.contains(" 101 ") || !frames(&self.heard[guest]).is_empty());
            if is_whole && heard.ends_with(end) {
                return Ok(heard);
            }
            let mut buffer = [0; 500];
            match self.world.read(guest, &mut buffer) {
                Ok(count @ 1..) => self.heard[guest].extend_from_slice(&buffer[..count]),
                other => return Err(format!("guest {guest}: {other:?} after {heard}")),
            }
        }
    }

    /// Exactly this next, and for now nothing more.
    fn hears(&mut self, guest: usize, expected: &[String]) -> Result<(), String> {
        while frames(&self.heard[guest]).len() < expected.len() {
            let mut buffer = [0; 500];
            let count = self.world.read(guest, &mut buffer).map_err(|error| format!("guest {guest}: {error}"))?;
            if count == 0 {
                return Err(format!("guest {guest} heard the end after {:?}", frames(&self.heard[guest])));
            }
            self.heard[guest].extend_from_slice(&buffer[..count]);
        }
        let heard = frames(&std::mem::replace(&mut self.heard[guest], ACCEPTED.into()));
        demand(heard == expected, || format!("guest {guest} heard {heard:?} and not {expected:?}"))
    }

    fn check(&mut self) -> Result<(), String> {
        self.world.stop(Duration::from_secs(10));
        self.world.pass(LINGER * 30);
        match self.world.connections() {
            0 => self.world.check(),
            some => Err(format!("{some} are left")),
        }
    }
}

fn demand(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

fn two_talk(street: &mut Street<'_>) -> Result<(), String> {
    let ada = street.guest("ada");
    street.hears(ada, &[welcome(&["ada"])])?;
    let bob = street.guest("bob");
    street.hears(bob, &[welcome(&["ada", "bob"])])?;
    street.hears(ada, &[told("joined", "bob")])?;
    for number in 0..5 {
        street.say(ada, &format!("a{number}"));
        street.say(bob, &format!("b{number}"));
    }
    let mut orders = Vec::new();
    for guest in [ada, bob] {
        while frames(&street.heard[guest]).len() < 10 {
            let mut buffer = [0; 500];
            let count = street.world.read(guest, &mut buffer).map_err(|error| error.to_string())?;
            street.heard[guest].extend_from_slice(&buffer[..count]);
        }
        orders.push(frames(&street.heard[guest]));
    }
    demand(orders[0] == orders[1], || format!("they heard {orders:?}"))?;
    for name in ["ada", "bob"] {
        let its: Vec<_> = orders[0].iter().filter(|said| said.contains(name)).cloned().collect();
        let expected: Vec<_> = (0..5).map(|number| said(name, &format!("{}{number}", &name[..1]))).collect();
        demand(its == expected, || format!("{name} was heard to say {its:?}"))?;
    }
    demand((street.chat.said(), street.chat.joined()) == (10, 2), || "the figures are wrong".into())
}

fn one_leaves(street: &mut Street<'_>) -> Result<(), String> {
    let ada = street.guest("ada");
    street.hears(ada, &[welcome(&["ada"])])?;
    let leave: [fn(&mut Street<'_>, usize); 3] = [
        |street, bob| street.world.finish(bob),
        |street, bob| street.world.reset(bob),
        |street, bob| street.world.say(bob, &client(CLOSE, 1000_u16.to_be_bytes())),
    ];
    for leave in leave {
        let bob = street.guest("bob");
        street.hears(bob, &[welcome(&["ada", "bob"])])?;
        street.hears(ada, &[told("joined", "bob")])?;
        street.say(bob, "hello");
        street.hears(ada, &[said("bob", "hello")])?;
        leave(street, bob);
        street.hears(ada, &[told("left", "bob")])?;
    }
    Ok(())
}

fn one_says_all_at_once(street: &mut Street<'_>) -> Result<(), String> {
    let ada = street.guest("ada");
    street.hears(ada, &[welcome(&["ada"])])?;
    let bob = street.guest("bob");
    street.hears(bob, &[welcome(&["ada", "bob"])])?;
    street.hears(ada, &[told("joined", "bob")])?;
    let texts = ["one", "two", "three"];
    let all = [texts.map(say).concat(), client(CLOSE, 1000_u16.to_be_bytes())].concat();
    street.world.say(bob, &all);
    street.world.finish(bob);
    let words = texts.map(|text| said("bob", text));
    street.hears(ada, &[&words[..], &[told("left", "bob")]].concat())?;
    street.hears(bob, &[&words[..], &["close 1000".into()]].concat())
}

fn a_name_is_taken(street: &mut Street<'_>) -> Result<(), String> {
    let ada = street.guest("ada");
    street.hears(ada, &[welcome(&["ada"])])?;
    let other = street.guest("ada");
    let answer = street.reads(other, "name\n")?;
    demand(answer.starts_with("HTTP/1.1 409 "), || format!("it is told {answer}"))?;
    // The end of who was not let in is not told.
    street.world.finish(other);
    let bob = street.guest("bob");
    street.hears(bob, &[welcome(&["ada", "bob"])])?;
    street.hears(ada, &[told("joined", "bob")])?;
    // Who left without a word is noticed at the latest when somebody asks for the name.
    street.world.reset(bob);
    street.hears(ada, &[told("left", "bob")])?;
    let bob = street.guest("bob");
    street.hears(bob, &[welcome(&["ada", "bob"])])
}

/// Both may be told that it is free; one of them is let in.
fn two_want_one_name(street: &mut Street<'_>) -> Result<(), String> {
    let both = [street.guest("ada"), street.guest("ada")];
    let mut welcomed = 0;
    for guest in both {
        let heard = street.reads(guest, "")?;
        let frames = frames(&street.heard[guest]);
        match frames.first() {
            Some(first) if *first == welcome(&["ada"]) => welcomed += 1,
            Some(first) => demand(first == "close 4009", || format!("it hears {frames:?}"))?,
            None => demand(heard.starts_with("HTTP/1.1 409 "), || format!("it is told {heard}"))?,
        }
    }
    demand(welcomed == 1, || format!("{welcomed} were let in"))
}

fn one_does_not_listen(street: &mut Street<'_>) -> Result<(), String> {
    let ada = street.guest("ada");
    street.hears(ada, &[welcome(&["ada"])])?;
    let deaf = street.guest("deaf");
    street.hears(ada, &[told("joined", "deaf")])?;
    let long = "x".repeat(BOUND / 2);
    for number in 1..=20 {
        street.say(ada, &long);
        let is_heard = |frame: &&String| frame.contains("said");
        while frames(&street.heard[ada]).iter().filter(is_heard).count() < number {
            let mut buffer = [0; 5000];
            let count = street.world.read(ada, &mut buffer).map_err(|error| error.to_string())?;
            street.heard[ada].extend_from_slice(&buffer[..count]);
        }
    }
    street.world.pass(Duration::ZERO);
    // How much the kernel takes of what nobody reads, the dice say.
    let (shown_out, most) = (street.chat.shown_out(), street.world.most_unsent());
    demand(most <= BOUND + 100, || format!("{most} octets waited for one who does not listen"))?;
    let mut last = Vec::new();
    let mut buffer = [0; 5000];
    if shown_out > 0 {
        while let Ok(count @ 1..) = street.world.read(deaf, &mut buffer) {
            last.extend_from_slice(&buffer[..count]);
        }
    }
    let last = frames(&last).pop();
    demand(shown_out == 0 || last.as_deref() == Some("close 1013"), || format!("it was shown out with {last:?}"))
}

fn the_server_stops(street: &mut Street<'_>) -> Result<(), String> {
    let (ada, bob) = (street.guest("ada"), street.guest("bob"));
    street.world.pass(Duration::ZERO);
    street.world.stop(Duration::from_secs(10));
    for guest in [ada, bob] {
        let mut buffer = [0; 500];
        while let Ok(count @ 1..) = street.world.read(guest, &mut buffer) {
            street.heard[guest].extend_from_slice(&buffer[..count]);
        }
        let heard = frames(&street.heard[guest]);
        demand(heard.last().is_some_and(|last| last == "close 1001"), || format!("guest {guest} heard {heard:?}"))?;
    }
    Ok(())
}

fn who_is_here(street: &mut Street<'_>) -> Result<(), String> {
    for name in ["ada", "bob"] {
        let guest = street.guest(name);
        street.hears(guest, &[if name == "ada" { welcome(&["ada"]) } else { welcome(&["ada", "bob"]) }])?;
    }
    let asker = street.world.connect();
    street.world.say(asker, b"GET /members HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (mut answer, mut buffer) = (Vec::new(), [0; 500]);
    while let Ok(count @ 1..) = street.world.read(asker, &mut buffer) {
        answer.extend_from_slice(&buffer[..count]);
    }
    demand(answer.ends_with(b"\r\n\r\n{\"members\":[\"ada\",\"bob\"]}\n"), || String::from_utf8_lossy(&answer).into_owned())
}

// With each model.

/// Dice and calendar stand still, and each word waits for the one before.
#[test]
fn the_four_models_say_the_same_octets() {
    let transcripts: Vec<_> = AnyModel::all()
        .into_iter()
        .filter_map(|model| Some((model.name(), transcript(tcp::ready(model, ServeLimits::default())?))))
        .collect();
    for (name, transcript) in &transcripts {
        assert_eq!(transcript, &transcripts[0].1, "{name} says something else than {}", transcripts[0].0);
    }
    let heard = frames(&transcripts[0].1[0]);
    assert_eq!(heard[..2], [welcome(&["ada"]), told("joined", "bob")]);
    assert_eq!(heard.len(), 2 + 10 + 1 + 1, "{heard:?}");
}

fn transcript(model: impl Model) -> Vec<Vec<u8>> {
    let chat = chat();
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| model.serve_reproducibly(listener, &chat, &shutdown, 7, 784_111_777).unwrap());
        let mut ada = Guest::enter(address, "ada", 1);
        let mut bob = Guest::enter(address, "bob", 1);
        ada.hear(2);
        for number in 0..5 {
            ada.0.write_all(&say(&format!("{number}"))).unwrap();
            ada.hear(2 + 2 * number + 1);
            bob.hear(1 + 2 * number + 1);
            bob.0.write_all(&say(&format!("{number}"))).unwrap();
            ada.hear(2 + 2 * number + 2);
            bob.hear(1 + 2 * number + 2);
        }
        let mut other = Guest::enter(address, "bob", 0);
        other.0.shutdown(Half::Write).unwrap();
        other.hear_out();
        let mut unfit = Guest(TcpStream::connect(address).unwrap(), Vec::new());
        unfit.0.write_all(b"GET /ws?name= HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        unfit.hear_out();
        bob.0.write_all(&client(CLOSE, 1000_u16.to_be_bytes())).unwrap();
        bob.hear_out();
        ada.hear(13);
        shutdown.begin();
        ada.hear(14);
        ada.0.write_all(&client(CLOSE, 1001_u16.to_be_bytes())).unwrap();
        ada.hear_out();
        server.join().unwrap();
        vec![ada.1, bob.1, other.1, unfit.1]
    })
}

// With two loops: the room lives in one, and the guests in both.

#[test]
fn all_hear_the_same_on_two_loops() {
    for model in AnyModel::all() {
        all_hear_all(model.name(), 16, 20);
    }
}

/// What is said to so many at once finds no place in the inbox of the other loop.
#[test]
fn nobody_is_lost_when_an_inbox_is_full() {
    all_hear_all("epoll", 450, 6);
}

fn all_hear_all(model: &str, guests: usize, things: usize) {
    let Some(model) = tcp::model(model, ServeLimits::default()) else { return };
    let name = model.to_string();
    let settings = ChatSettings { bound: 64 << 20, ping_every: Duration::from_secs(1000) };
    let chat = Arc::new(Chat::new(Http::new(HttpLimits::default(), TimeLimits::default()), settings));
    let server = tcp::Server::start(model, 2, Arc::clone(&chat));
    let mut guests: Vec<_> = (0..guests).map(|number| Guest::enter(server.address, &format!("g{number}"), 1)).collect();
    let words: Vec<u8> = (0..things).flat_map(|number| say(&number.to_string())).collect();
    guests.iter_mut().for_each(|guest| guest.0.write_all(&words).unwrap());
    let everything = things * guests.len();
    let mut first = Vec::new();
    let count = guests.len();
    for (number, guest) in guests.iter_mut().enumerate() {
        // A welcome, and everybody who came later.
        guest.hear(count - number + everything);
        let said: Vec<_> = frames(&guest.1).into_iter().filter(|frame| frame.contains("said")).collect();
        assert_eq!(said.len(), everything, "{name}: guest {number}");
        if number == 0 {
            first = said;
        } else {
            assert!(said == first, "{name}: guest {number} hears another order than the first");
        }
    }
    let mut asker = Guest(TcpStream::connect(server.address).unwrap(), Vec::new());
    asker.0.write_all(b"GET /members HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    asker.hear_out();
    assert_eq!(String::from_utf8(asker.1).unwrap().matches("\"g").count(), count, "{name}: all are still in the room");
    assert_eq!((chat.said(), chat.shown_out()), (everything as u64, 0), "{name}");
    drop(guests);
    server.stop().unwrap();
}

struct Guest(TcpStream, Vec<u8>);

impl Guest {
    fn enter(address: SocketAddr, name: &str, count: usize) -> Guest {
        let mut guest = Guest(TcpStream::connect(address).unwrap(), Vec::new());
        guest.0.set_read_timeout(Some(tcp::PATIENCE)).unwrap();
        guest.0.write_all(&join(name)).unwrap();
        guest.hear(count);
        guest
    }

    /// Until it has heard so many frames since it came.
    fn hear(&mut self, count: usize) {
        while frames(&self.1).len() < count {
            let mut buffer = [0; 64 << 10];
            let octets = match self.0.read(&mut buffer) {
                // By the work of io_uring for this thread.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.unwrap(),
            };
            assert!(octets > 0, "the end came after {:?}", frames(&self.1));
            self.1.extend_from_slice(&buffer[..octets]);
        }
    }

    fn hear_out(&mut self) {
        self.0.read_to_end(&mut self.1).unwrap();
    }
}
