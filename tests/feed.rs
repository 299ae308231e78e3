//! The feed over TCP, with each of the four models, on one loop and on two; the same octets from all of them; and `curl -N`.

#[macro_use]
mod every_model;
mod examples;
mod listeners;
mod skip;
mod tcp;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::limits::ServeLimits;
use iolab::models::AnyModel;
use iolab::patterns::Notifications;
use iolab::patterns::feed::{Figures, Policy, Slow};
use iolab::patterns::notifications::{Naive, Settings};
use iolab::{Model, Shutdown, listen};

use examples::Example;
use listeners::{ALL_WAYS, Listener, STREAMS, Way, publish};
use tcp::{PATIENCE, Server, model};

macro_rules! models {
    ($($name:ident)*) => {$(
        mod $name {
            const MODEL: &str = stringify!($name);

            #[test]
            fn everybody_hears_everything() {
                super::everybody_hears_everything(MODEL, 1);
            }

            #[test]
            fn everybody_hears_everything_on_two_loops() {
                super::everybody_hears_everything(MODEL, 2);
            }

            #[test]
            fn who_leaves_is_forgotten() {
                super::who_leaves_is_forgotten(MODEL);
            }

            #[test]
            fn the_bound_of_a_slow_client_holds() {
                super::the_bound_of_a_slow_client_holds(MODEL);
            }

            #[test]
            fn the_bound_holds_for_polls() {
                super::the_bound_holds_for_polls(MODEL);
            }

            #[test]
            fn a_stop_is_orderly() {
                super::a_stop_is_orderly(MODEL);
            }

            #[test]
            fn serves_curl() {
                super::serves_curl(MODEL);
            }
        }
    )*};
}

on_every_model!(models);

fn service(settings: Settings) -> Arc<Notifications> {
    Arc::new(Notifications::new(Http::new(HttpLimits::default(), TimeLimits::default()), settings))
}

/// A listener on a connection.
struct Client {
    stream: TcpStream,
    listener: Listener,
}

impl Client {
    fn connect(address: SocketAddr, way: Way, after: &str) -> Client {
        let mut client = Client { stream: connect(address), listener: Listener::new(way, after) };
        client.ask();
        client
    }

    fn ask(&mut self) {
        self.stream.write_all(self.listener.request().as_bytes()).unwrap();
    }

    /// Something more; false if it was the end.
    fn hear(&mut self) -> bool {
        let mut octets = vec![0; 64 << 10];
        let count = read(&mut self.stream, &mut octets).unwrap_or_else(|error| panic!("{:?}: {error}", self.listener.way));
        if count == 0 {
            self.listener.hear_end().unwrap();
            return false;
        }
        let was_over = self.listener.is_over;
        let is_answered = self.listener.hear(&octets[..count]).unwrap();
        if self.listener.way == Way::Socket && self.listener.is_over && !was_over {
            self.stream.write_all(&listeners::frame(8, &1001_u16.to_be_bytes())).unwrap();
        }
        if is_answered && self.listener.statuses.last() < Some(&300) {
            self.ask();
        }
        true
    }

    fn hear_to(&mut self, number: u64) {
        while self.listener.numbers().last() < Some(&number) {
            assert!(self.hear(), "{:?} heard the end before {number}", self.listener.way);
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server that listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The kernel interrupts a thread on which a ring was dropped shortly before.
fn read(stream: &mut TcpStream, octets: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(octets) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// One who publishes on a connection, one event after the other.
struct Publisher(TcpStream);

impl Publisher {
    fn publish(&mut self, text: &str, topic: &str) -> u64 {
        self.0.write_all(publish(text, topic).as_bytes()).unwrap();
        let mut heard = String::new();
        while !heard.ends_with("\"}\n") {
            let mut octets = [0; 1000];
            match read(&mut self.0, &mut octets).expect("an answer") {
                0 => panic!("the end instead of an answer, after {heard:?}"),
                count => heard += std::str::from_utf8(&octets[..count]).unwrap(),
            }
        }
        assert!(heard.starts_with("HTTP/1.1 201 Created\r\n"), "{heard}");
        let id = heard.split("{\"id\":\"").nth(1).and_then(|rest| rest.strip_suffix("\"}\n"));
        listeners::number_of(id.expect(&heard))
    }
}

/// Waits for what no event tells of.
fn until(service: &Notifications, what: &str, is_so: impl Fn(Figures) -> bool) {
    let start = Instant::now();
    while !is_so(service.figures()) {
        assert!(start.elapsed() < PATIENCE, "this never came: {what}: {:?}", service.figures());
        thread::sleep(Duration::from_millis(1));
    }
}

fn everybody_hears_everything(name: &str, loops: usize) {
    const EVENTS: u64 = 60;
    let Some(model) = model(name, ServeLimits::default()) else { return };
    let service = service(Settings::default());
    let server = Server::start(model, loops, Arc::clone(&service));
    let address = server.address;
    let clients: Vec<_> = [0, EVENTS / 2]
        .into_iter()
        .flat_map(|before| ALL_WAYS.iter().flat_map(move |way| [(before, *way), (before, *way)]))
        .collect();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut publisher = Publisher(connect(address));
        let mut other = Publisher(connect(address));
        for number in 1..=EVENTS {
            for (_, way) in clients.iter().filter(|(before, _)| *before == number - 1) {
                let mut client = Client::connect(address, *way, "0");
                threads.push(scope.spawn(move || {
                    client.hear_to(EVENTS);
                    client.listener.expect(1, EVENTS).unwrap();
                }));
            }
            let publisher = if number % 3 == 0 { &mut other } else { &mut publisher };
            let text = if number % 10 == 0 { "long ".repeat(3000) } else { format!("number {number}") };
            assert_eq!(publisher.publish(&text, ""), number, "one after the other");
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    until(&service, "nobody follows any more", |figures| figures.followers + figures.parked == 0);
    let figures = service.figures();
    assert_eq!((figures.events, figures.dropped, figures.resyncs), (EVENTS, 0, 0), "{name}");
    server.stop().unwrap();
}

fn who_leaves_is_forgotten(name: &str) {
    for naive in [Naive::None, Naive::Hold] {
        let Some(model) = model(name, ServeLimits::default()) else { return };
        let service = service(Settings { naive, ..Settings::default() });
        let server = Server::start(model, 1, Arc::clone(&service));
        for is_reset in [false, true] {
            let waiting = [Way::LongPoll, Way::Events, Way::Lines, Way::Socket];
            let clients: Vec<_> = waiting.iter().map(|way| Client::connect(server.address, *way, "0")).collect();
            until(&service, "all wait", |figures| (figures.followers, figures.parked) == (3, 1));
            for client in &clients {
                if is_reset {
                    socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
                } else {
                    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
                }
            }
            if is_reset {
                drop(clients);
            }
            until(&service, "nobody waits any more", |figures| figures.followers + figures.parked == 0);
        }
        server.stop().unwrap();
    }
}

/// A client that reads nothing while far more is published than all buffers on the way hold.
fn the_bound_of_a_slow_client_holds(name: &str) {
    const BOUND: usize = 256 << 10;
    for policy in [Policy::DropOldest, Policy::Conflate, Policy::Disconnect] {
        let way = STREAMS[policy as usize % 3];
        let Some(model) = model(name, ServeLimits::default()) else { return };
        let service = service(Settings { slow: Slow { bound: BOUND, policy }, ..Settings::default() });
        let server = Server::start(model, 1, Arc::clone(&service));
        let mut client = Client::connect(server.address, way, "0");
        until(&service, "it follows", |figures| figures.followers == 1);
        let mut publisher = Publisher(connect(server.address));
        let text = "0123456789".repeat(6000);
        let mut published = 0;
        // ANCHOR: bound
        let goes_beyond = |figures: Figures| figures.dropped + figures.conflated + figures.disconnected > 20;
        while !goes_beyond(service.figures()) && (policy != Policy::Disconnect || service.figures().disconnected == 0) {
            published = publisher.publish(&text, ["a", "b"][published as usize % 2]);
            assert!(published < 2000, "{name}, {policy}: all of it went somewhere");
        }
        let figures = service.figures();
        assert!(figures.most_held as usize <= BOUND, "{name}, {policy}: {figures:?}");
        // ANCHOR_END: bound
        if policy == Policy::Disconnect {
            until(&service, "it is forgotten", |figures| figures.followers == 0);
            let mut octets = vec![0; 1 << 20];
            let end = std::iter::repeat_with(|| read(&mut client.stream, &mut octets)).find(|read| !matches!(read, Ok(1..)));
            assert_eq!(end.unwrap().map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset), "{name}");
            assert_eq!(figures.disconnected, 1, "{name}");
        } else {
            client.hear_to(published);
            let (numbers, figures) = (client.listener.numbers(), service.figures());
            let heard = numbers.len() as u64;
            assert!(
                numbers.is_sorted() && heard + figures.dropped + figures.conflated == published,
                "{figures:?}: {numbers:?}"
            );
        }
        server.stop().unwrap();
    }
}

/// A client that asks for everything, again and again, and reads nothing for a while.
fn the_bound_holds_for_polls(name: &str) {
    const BOUND: usize = 512 << 10;
    const POLLS: usize = 20;
    let Some(model) = model(name, ServeLimits::default()) else { return };
    let slow = Slow { bound: BOUND, ..Slow::default() };
    let service = service(Settings { slow, ..Settings::default() });
    let server = Server::start(model, 1, Arc::clone(&service));
    let mut publisher = Publisher(connect(server.address));
    (0..60).for_each(|_| _ = publisher.publish(&"0123456789".repeat(6000), ""));
    let mut client = Client { stream: connect(server.address), listener: Listener::new(Way::LongPoll, "0") };
    let request = client.listener.request().replace("min_bytes=1", "max_bytes=4194304");
    client.stream.write_all(request.repeat(POLLS).as_bytes()).unwrap();
    until(&service, "an answer is more than the kernel takes", |figures| figures.most_held > 64 << 10);
    let mut octets = vec![0; 64 << 10];
    while client.listener.statuses.len() < POLLS {
        let count = read(&mut client.stream, &mut octets).unwrap();
        assert!(count > 0, "{name}: the end");
        client.listener.hear(&octets[..count]).unwrap();
    }
    let figures = service.figures();
    assert!(figures.most_held as usize <= BOUND, "{name}: {figures:?}");
    server.stop().unwrap();
}

fn a_stop_is_orderly(name: &str) {
    let Some(model) = model(name, ServeLimits::default()) else { return };
    let service = service(Settings::default());
    let server = Server::start(model, 2, Arc::clone(&service));
    let waiting = [Way::LongPoll, Way::Events, Way::Lines, Way::Socket];
    let mut clients: Vec<_> = waiting.iter().map(|way| Client::connect(server.address, *way, "0")).collect();
    let mut old = Client { stream: connect(server.address), listener: Listener::new(Way::Lines, "0") };
    old.listener.is_old = true;
    old.ask();
    clients.push(old);
    until(&service, "all wait", |figures| (figures.followers, figures.parked) == (4, 1));
    server.shutdown.begin();
    for client in &mut clients {
        while client.hear() {}
        let expected: &[u16] = match client.listener.way {
            Way::LongPoll => &[204],
            Way::Socket => &[101, 1001],
            _ => &[200],
        };
        let statuses = match *client.listener.statuses {
            // The hub may hear of the stop first; what its poll asks next comes too late.
            [204, 503] if client.listener.way == Way::LongPoll => &[204],
            ref statuses => statuses,
        };
        assert_eq!(statuses, expected, "{name}, {:?}", client.listener.way);
        assert!(client.listener.is_over || client.listener.way == Way::LongPoll, "{name}, {:?}", client.listener.way);
    }
    drop(clients);
    server.await_end().unwrap();
}

fn serves_curl(name: &str) {
    if !examples::has_curl() {
        return;
    }
    let flags = ["--heartbeat", "200ms", "--history", "3"];
    let Some(server) = Example::start("notifications", name, &flags) else { return };
    let url = |path: &str| format!("http://{}{path}", server.address);
    let follow = |path: &str, options: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--noproxy", "*", "-sNf", "-m", "30"]).args(options).arg(url(path)).stdout(Stdio::piped());
        curl.spawn().unwrap()
    };
    let followers = [follow("/stream?after=0", &[]), follow("/lines?after=0", &[]), follow("/lines?after=0", &["--http1.0"])];
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    let ids: Vec<String> =
        ["one", "two", "three"].iter().map(|text_of| text(server.curl(&["-d", text_of], "/publish"))).collect();
    let id = ids[2].trim().strip_prefix("{\"id\":\"").and_then(|rest| rest.strip_suffix("\"}")).expect(&ids[2]);
    let epoch = id.split('-').next().unwrap();

    let all = text(server.curl(&[], "/events?after=0"));
    assert_eq!(all.matches("\"text\"").count(), 3, "{all}");
    assert!(all.ends_with(&format!("],\"next\":\"{id}\",\"resync\":false}}\n")), "{all}");
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    assert_eq!(server.curl(&code, &format!("/events?after={id}&wait=20")), b"204");
    assert_eq!(server.curl(&code, "/"), b"200");
    let refused = |options: &[&str], path: &str| text(server.run(&[&["-s"], &code[..], options].concat(), &[path]).stdout);
    assert_eq!(refused(&["-H", "Last-Event-ID: x"], "/stream"), "400");
    assert_eq!(refused(&["-d", ""], "/publish"), "400");
    assert_eq!(refused(&["-X", "DELETE"], "/stream"), "405");
    assert_eq!(refused(&[], "/ws"), "426");
    assert_eq!(refused(&[], "/nothing"), "404");
    let head = text(server.curl(&["-I"], "/stream"));
    assert!(head.contains("Content-Type: text/event-stream\r\n"), "{head}");
    server.curl(&["-d", "four"], "/publish");
    let late = text(server.curl(&[], "/events?after=0"));
    assert!(late.contains("\"resync\":true") && !late.contains("\"one\""), "{late}");
    // A heartbeat comes, by the clock, and then the end of the streams.
    thread::sleep(Duration::from_millis(500));
    let cost = server.stop();
    for (number, follower) in followers.into_iter().enumerate() {
        let output = follower.wait_with_output().unwrap();
        let heard = text(output.stdout);
        assert!(output.status.success(), "{name}: {number} ended with {}: {heard}", output.status);
        let is_said = |line: &&str| !matches!(*line, "" | ":" | "retry: 2000");
        let said: Vec<_> = heard.lines().filter(is_said).collect();
        let expected: Vec<String> = [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
            .iter()
            .flat_map(|(event, text)| {
                let json = format!("{{\"id\":\"{epoch}-{event}\",\"text\":\"{text}\"}}");
                if number == 0 { vec![format!("id: {epoch}-{event}"), format!("data: {json}")] } else { vec![json] }
            })
            .collect();
        assert_eq!(said, expected, "{name}: {number}");
        assert!(heard.ends_with(if number == 0 { "\n:\n" } else { "\n\n" }), "{name}: no heartbeat: {heard:?}");
    }
    assert!(cost.contains("\nevents                4, 1 of them forgotten\n"), "{cost}");
    // Three times four, and what was polled.
    assert!(cost.contains("\ndeliveries            18, 4.5 per event\n"), "{cost}");
}

/// What all clients of a server are told whose dice and date are fixed, with what they asked.
fn transcript(name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let model = model(name, ServeLimits::default())?;
    let service = service(Settings::default());
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let shutdown = Arc::new(Shutdown::new().unwrap());
    let its = (Arc::clone(&service), Arc::clone(&shutdown));
    let server = thread::spawn(move || model.serve_reproducibly(listener, &*its.0, &its.1, 7, EPOCH));
    let mut streams: Vec<(String, TcpStream)> = Vec::new();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let waiting = STREAMS.map(|way| Listener::new(way, "0").request()).into_iter().chain([
        get("/lines?after=0").replace("1.1", "1.0"),
        get("/stream?after=784111776-5"),
        get("/events?after=0&wait=60000&min_bytes=600"),
        get("/events?after=784111777-0&wait=60000"),
        get("/events?wait=60000&min_bytes=4000000"),
    ]);
    for (number, request) in waiting.enumerate() {
        streams.push(open(address, request));
        let number = number as u64 + 1;
        until(&service, "it waits", |figures| figures.followers + figures.parked == number);
    }
    let mut publisher = Publisher(connect(address));
    for number in 1..=20 {
        publisher.publish(&"0123456789".repeat(number * number), ["", "a+topic"][number % 2]);
    }
    // Of the two polls one is told the first event, and one as many as are 600 octets.
    until(&service, "it is told", |figures| figures.parked == 1 && figures.deliveries == 5 * 20 + 1 + 5);
    let polls =
        ["/events?after=0", "/events", "/events?after=784111777-20", "/events?after=0&max_bytes=2000", "/events?after=x"];
    for target in polls.into_iter().chain(["/stats", "/x", "/"]) {
        let (request, stream) = open(address, get(target).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
        let octets = read_all(name, (request.clone(), stream.try_clone().unwrap())).1;
        assert!(octets.starts_with(b"HTTP/1.1 "), "{request}");
        // Read to its end already: kept beside the others.
        streams.push((format!("{request}{}", String::from_utf8(octets).unwrap()), stream));
    }
    streams.push(open(address, get("/stream?after=784111777-18")));
    let last = &streams[streams.len() - 1].1;
    assert_eq!(last.peek(&mut [0]).unwrap(), 1, "what it follows from has come");
    shutdown.begin();
    let mut heard: Vec<_> = streams.into_iter().map(|stream| read_all(name, stream)).collect();
    // What was parked hears of the stop from the hub or by itself, whichever comes first, and only then says that it is the last.
    for (_, octets) in heard.iter_mut().filter(|(request, _)| request.contains("min_bytes=4000000")) {
        *octets = String::from_utf8_lossy(octets).replace("Connection: close\r\n", "").into_bytes();
    }
    drop(publisher);
    server.join().unwrap().unwrap();
    Some(heard)
}

const EPOCH: u64 = 784_111_777;

fn open(address: SocketAddr, request: String) -> (String, TcpStream) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    (request, stream)
}

fn read_all(name: &str, (request, mut stream): (String, TcpStream)) -> (String, Vec<u8>) {
    let mut octets = Vec::new();
    loop {
        let mut some = vec![0; 64 << 10];
        match read(&mut stream, &mut some) {
            Ok(0) => return (request, octets),
            Ok(count) => octets.extend_from_slice(&some[..count]),
            Err(error) => panic!("{name}: {error} after {} octets of the answer to {request}", octets.len()),
        }
        if request.contains("/ws") && octets.ends_with(b"the server is stopping") {
            stream.write_all(&listeners::frame(8, &1001_u16.to_be_bytes())).unwrap();
        }
    }
}

#[test]
fn all_models_say_the_same_octets() {
    let transcripts: Vec<_> =
        AnyModel::all().iter().filter_map(|model| Some((model.name(), transcript(model.name())?))).collect();
    let (first, expected) = &transcripts[0];
    for (name, heard) in &transcripts {
        assert_eq!(heard.len(), expected.len());
        for ((request, octets), (_, its)) in heard.iter().zip(expected) {
            let count = octets.iter().zip(its).take_while(|(one, other)| one == other).count();
            assert!(
                octets == its,
                "{name} and {first} differ after {count} octets of {} and {}: {request}",
                octets.len(),
                its.len()
            );
        }
    }
    let octets: usize = expected.iter().map(|(request, octets)| request.len() + octets.len()).sum();
    assert!(octets > 200_000, "the transcript has only {octets} octets");
}
