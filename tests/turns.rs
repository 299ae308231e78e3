//! Nobody keeps the others waiting, whatever it asks for, and nothing that was asked for at the end is lost: on every model.

mod skip;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use iolab::limits::{SEND_HIGH_OCTETS, ServeLimits};
use iolab::models::AnyModel;
use iolab::{Context, Event, Interest, Model, Now, Peer, Protocol, ReadFile, Service, Shutdown, Time, Unavailable, listen};

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(10);

const LIMITS: ServeLimits =
    ServeLimits { connections: 100, drain: PATIENCE, send_grace: Duration::from_secs(30), send_rate: 1024 };

/// How long somebody says more than its peer takes.
const FLOOD: Duration = Duration::from_millis(600);

/// More than the kernel takes from who does not wait for the peer.
const LONG: usize = 64 << 20;

/// More of a murmur than goes by while a word travels.
const ENDLESS: u64 = 64 << 20;

struct Town {
    file: Arc<ReadFile>,
    begun: Arc<AtomicUsize>,
}

/// Does what its peer says, line by line.
struct Talker {
    file: Arc<ReadFile>,
    /// Reads again as soon as it has read.
    is_busy: bool,
    /// Who is to follow when it ends.
    heir: Option<Seed>,
    is_over: bool,
    /// Until then it says whatever is taken.
    floods_until: Option<Time>,
    /// A line was heard before that time.
    has_heard: bool,
    /// It says a little whenever all it said before has been taken.
    murmurs: bool,
}

#[derive(Clone, Copy)]
enum Seed {
    /// Is there and goes.
    Mortal,
    /// Stays until the server stops.
    Patient,
    /// Its last wish is another one like it.
    Immortal,
}

impl Town {
    fn new() -> Town {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"x").unwrap();
        let file = Arc::new(ReadFile::open_buffered(file.path()).unwrap());
        Town { file, begun: Arc::default() }
    }

    fn talker(&self) -> Talker {
        Talker {
            file: Arc::clone(&self.file),
            is_busy: false,
            heir: None,
            is_over: false,
            floods_until: None,
            has_heard: false,
            murmurs: false,
        }
    }
}

impl Service for Town {
    type Protocol = Talker;

    fn accept(&self, _: Now) -> Option<Talker> {
        Some(self.talker())
    }

    fn refusal(&self, _: Now) -> Vec<u8> {
        vec![b'~'; LONG]
    }

    fn grow(&self, seed: Seed, _: Now) -> Result<Talker, Seed> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let heir = matches!(seed, Seed::Immortal).then_some(seed);
        Ok(Talker { heir, is_over: !matches!(seed, Seed::Patient), ..self.talker() })
    }
}

impl Protocol for Talker {
    type Message = Seed;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Seed>) -> usize {
        let Some(end) = input.iter().position(|&octet| octet == b'\n') else { return 0 };
        match &input[..end] {
            b"hi" => cx.write(b"hi\n"),
            b"read on" => {
                self.is_busy = true;
                cx.read_file(Arc::clone(&self.file), 0..1);
                cx.write(b"reading\n");
            }
            b"enough" => {
                self.is_busy = false;
                cx.write(b"read\n");
            }
            b"spawn two" => (0..2).for_each(|_| _ = cx.spawn(Seed::Patient)),
            b"mortal" => self.heir = Some(Seed::Mortal),
            b"immortal" => self.heir = Some(Seed::Immortal),
            b"flood" => {
                self.floods_until = Some(cx.now() + FLOOD);
                cx.append(vec![b'~'; SEND_HIGH_OCTETS - 1]);
            }
            b"murmur" => self.murmurs = true,
            b"hush" => {
                self.murmurs = false;
                cx.write(b"\nhushed\n");
            }
            b"are you there" => self.has_heard = self.floods_until.is_some(),
            b"lie" => return input.len() + 1,
            line => panic!("{}", String::from_utf8_lossy(line)),
        }
        end + 1
    }

    fn event(&mut self, event: Event<Seed>, cx: &mut Context<'_, Seed>) {
        match event {
            Event::File(_, read) => {
                read.unwrap();
                if self.is_busy {
                    cx.read_file(Arc::clone(&self.file), 0..1);
                }
            }
            Event::Room if self.murmurs => cx.write(b"~"),
            Event::Room => cx.append(vec![b'~'; SEND_HIGH_OCTETS - 1]),
            Event::Deadline => {
                self.floods_until = None;
                cx.write(if self.has_heard { b"\nheard\n" } else { b"\nnot heard\n" });
            }
            Event::Returned(_, _, why) => cx.write(format!("{why:?}\n").as_bytes()),
            Event::Stopping | Event::PeerFinished => self.is_over = true,
            Event::Closed(_) => _ = self.heir.map(|heir| cx.spawn(heir)),
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest {
            peer: Peer::Bytes,
            messages: true,
            room: self.floods_until.is_some() || self.murmurs,
            deadline: self.floods_until,
        })
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(line.as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(_) => line,
            Err(error) if error.kind() == ErrorKind::WouldBlock => "silence".into(),
            Err(error) => error.to_string(),
        }
    }

    fn asks(&mut self, line: &str) -> String {
        self.say(&format!("{line}\n"));
        self.hear()
    }
}

/// Those that work here.
fn models(what: &str) -> impl Iterator<Item = AnyModel> {
    AnyModel::all().into_iter().filter(move |model| match model.available() {
        Err(error) if Unavailable::within(&error).is_some() => {
            skip::skipped(format_args!("{what} on {model}: {error}"));
            false
        }
        available => available.is_ok(),
    })
}

/// Lets `talk` talk to a server of each model, and then stops it, while those that `talk` leaves are still there. Answers how many protocols were spawned in each.
fn with_each<R>(limits: ServeLimits, talk: impl Fn(&str, SocketAddr) -> R) -> Vec<(&'static str, usize)> {
    let one = |mut model: AnyModel| {
        *model.limits_mut() = limits;
        let town = Town::new();
        let begun = Arc::clone(&town.begun);
        let shutdown = Arc::new(Shutdown::new().unwrap());
        let listener: TcpListener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let (end, ended) = channel();
        let its = Arc::clone(&shutdown);
        thread::spawn(move || drop(end.send(model.serve(listener, &town, &its))));
        let still_there = talk(model.name(), address);
        shutdown.begin();
        let ended = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{model} does not end"));
        ended.unwrap_or_else(|error| panic!("{model}: {error}"));
        drop(still_there);
        (model.name(), begun.load(Ordering::Relaxed))
    };
    models("turns").map(one).collect()
}

#[test]
fn who_reads_files_without_end_keeps_nobody_waiting() {
    with_each(LIMITS, |model, address| {
        let (mut reader, mut other) = (Client::connect(address), Client::connect(address));
        assert_eq!(reader.asks("read on"), "reading\n", "{model}: what is said before the file is read");
        assert_eq!(other.asks("hi"), "hi\n", "{model}: another");
        assert_eq!(reader.asks("hi"), "hi\n", "{model}: its own peer");
        assert_eq!(reader.asks("enough"), "read\n", "{model}: its own peer");
    });
}

#[test]
fn who_is_held_in_saying_hears_what_has_come_before_its_deadline() {
    with_each(LIMITS, |model, address| {
        let mut client = Client::connect(address);
        client.say("flood\n");
        // Long enough that nobody is left who is not held.
        thread::sleep(FLOOD / 2);
        client.say("are you there\n");
        thread::sleep(FLOOD);
        assert!(client.hear().starts_with('~'), "{model}");
        assert_eq!(client.hear(), "heard\n", "{model}");
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
    });
}

#[test]
fn who_never_stops_saying_is_not_deaf() {
    with_each(LIMITS, |model, address| {
        let mut client = Client::connect(address);
        client.say("murmur\n");
        client.0.read_exact(&mut [0; 1000]).unwrap();
        client.say("hush\n");
        let mut murmur = Vec::new();
        client.0.by_ref().take(ENDLESS).read_until(b'\n', &mut murmur).unwrap();
        assert!(murmur.ends_with(b"~\n"), "{model} does not hear");
        assert_eq!(client.hear(), "hushed\n", "{model}");
    });
}

#[test]
fn a_server_stops_that_reads_files_without_end() {
    with_each(ServeLimits { drain: Duration::from_millis(100), ..LIMITS }, |model, address| {
        let mut reader = Client::connect(address);
        assert_eq!(reader.asks("read on"), "reading\n", "{model}");
        reader
    });
}

#[test]
fn who_consumes_more_than_there_is_ends_alone() {
    with_each(LIMITS, |model, address| {
        let (mut liar, mut other) = (Client::connect(address), Client::connect(address));
        assert_eq!(other.asks("hi"), "hi\n", "{model}");
        let end = liar.asks("lie");
        assert!(end != "silence" && !end.ends_with('\n'), "{model}: {end}");
        assert_eq!(other.asks("hi"), "hi\n", "{model}");
    });
}

#[test]
fn beyond_the_limit_nobody_is_born_and_nobody_minds() {
    with_each(ServeLimits { connections: 1, ..LIMITS }, |model, address| {
        let mut client = Client::connect(address);
        assert_eq!(client.asks("spawn two"), "Full\n", "{model}");
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
        client
    });
}

#[test]
fn who_is_turned_away_and_does_not_listen_keeps_nobody_waiting() {
    with_each(ServeLimits { connections: 1, ..LIMITS }, |model, address| {
        let mut client = Client::connect(address);
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
        let [_deaf, mut other] = [(); 2].map(|()| Client::connect(address));
        let end = std::io::copy(&mut other.0, &mut std::io::sink()).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset, "{model}: half a refusal does not look like a whole one");
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
    });
}

#[test]
fn who_ends_with_the_server_has_an_heir() {
    let spawned = with_each(LIMITS, |model, address| {
        let mut client = Client::connect(address);
        client.say("mortal\n");
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
        client
    });
    assert!(spawned.iter().all(|&(_, count)| count == 1), "{spawned:?}");
}

#[test]
fn nobody_outlives_the_drain_limit_in_its_heirs() {
    with_each(ServeLimits { drain: Duration::from_millis(100), ..LIMITS }, |model, address| {
        let mut client = Client::connect(address);
        client.say("immortal\n");
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
        client
    });
}

/// Panics where one should not.
struct Broken;

impl Service for Broken {
    type Protocol = Talker;

    fn accept(&self, _: Now) -> Option<Talker> {
        panic!("as the test wants it");
    }
}

#[test]
fn a_loop_that_panics_ends_the_others() {
    for model in models("a service that panics") {
        let shutdown = Arc::new(Shutdown::new().unwrap());
        let listeners = listen("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let (end, ended) = channel();
        let its = Arc::clone(&shutdown);
        thread::spawn(move || drop(end.send(model.serve_all(listeners, &Broken, &its))));
        let _client = Client::connect(address);
        let ended = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{model} does not end"));
        assert!(ended.is_err() && shutdown.begun(), "{model}");
    }
}

/// `shutdown(2)` on a listener: accepting from it fails from then on, and no waiting helps.
#[test]
fn a_listener_that_breaks_ends_the_server_whoever_is_there() {
    for mut model in models("a listener that breaks") {
        *model.limits_mut() = ServeLimits { drain: Duration::from_millis(100), ..LIMITS };
        let town = Town::new();
        let shutdown = Shutdown::new().unwrap();
        let listener: TcpListener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let (address, its) = (listener.local_addr().unwrap(), listener.try_clone().unwrap());
        let (end, ended) = channel();
        thread::spawn(move || drop(end.send(model.serve(listener, &town, &shutdown))));
        let mut client = Client::connect(address);
        assert_eq!(client.asks("hi"), "hi\n", "{model}");
        socket2::SockRef::from(&its).shutdown(std::net::Shutdown::Both).unwrap();
        let ended = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{model} does not end"));
        assert!(ended.is_err(), "{model}");
    }
}
