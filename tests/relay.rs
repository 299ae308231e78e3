//! The relay between peers of every temper, with each of the four models; and `curl` through the examples.

#[macro_use]
mod every_model;
mod examples;
mod skip;
mod tcp;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use iolab::limits::ServeLimits;
use iolab::patterns::Relay;
use iolab::patterns::relay::HELD_OCTETS;

use examples::Example;
use tcp::{PATIENCE, Server, Silence, TcpPeer, model};

/// More than fits into all buffers on the way.
const MUCH: usize = 64 << 20;

macro_rules! models {
    ($($name:ident)*) => {$(
        mod $name {
            const MODEL: &str = stringify!($name);

            #[test]
            fn passes_on_half_closes() {
                super::passes_on_half_closes(MODEL);
            }

            #[test]
            fn waits_for_a_slow_reader_on_either_side() {
                super::waits_for_a_slow_reader_on_either_side(MODEL);
            }

            #[test]
            fn one_direction_does_not_hold_up_the_other() {
                super::one_direction_does_not_hold_up_the_other(MODEL);
            }

            #[test]
            fn passes_on_resets() {
                super::passes_on_resets(MODEL);
            }

            #[test]
            fn resets_whom_it_cannot_serve() {
                super::resets_whom_it_cannot_serve(MODEL);
            }

            #[test]
            fn goes_on_when_the_server_stops_but_not_for_ever() {
                super::goes_on_when_the_server_stops_but_not_for_ever(MODEL);
            }

            #[test]
            fn many_single_octets_pass() {
                super::many_single_octets_pass(MODEL);
            }

            #[test]
            fn serves_curl() {
                super::serves_curl(MODEL);
            }
        }
    )*};
}

on_every_model!(models);

/// A relay, and where it leads to.
struct Way {
    relay: Arc<Relay>,
    server: Server,
    upstream: TcpListener,
}

impl Way {
    fn new(name: &str, limits: ServeLimits) -> Option<Way> {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Arc::new(Relay::new(upstream.local_addr().unwrap(), PATIENCE));
        let server = Server::start(model(name, limits)?, 1, Arc::clone(&relay));
        Some(Way { relay, server, upstream })
    }

    /// A client, and the upstream's end of its connection.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = connect(self.server.address);
        let (upstream, _) = self.upstream.accept().unwrap();
        upstream.set_read_timeout(Some(PATIENCE)).unwrap();
        (client, upstream)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a relay that listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn passes_on_half_closes(name: &str) {
    let Some(way) = Way::new(name, ServeLimits::default()) else { return };
    for client_is_first in [true, false] {
        let (client, upstream) = way.connect();
        let (mut first, mut second) = if client_is_first { (client, upstream) } else { (upstream, client) };
        first.write_all(b"all I have to say").unwrap();
        first.shutdown(Half::Write).unwrap();
        assert_eq!(whole(&mut second), b"all I have to say");
        second.write_all(b"that was not much").unwrap();
        let mut heard = [0; 17];
        first.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"that was not much");
        second.shutdown(Half::Write).unwrap();
        assert_eq!(whole(&mut first), b"");
    }
    let cost = way.server.stop().unwrap();
    assert_eq!((cost.connections, way.relay.accepted(), way.relay.broken()), (2, 2, 0));
}

fn waits_for_a_slow_reader_on_either_side(name: &str) {
    let Some(way) = Way::new(name, ServeLimits::default()) else { return };
    for client_is_slow in [true, false] {
        let (client, upstream) = way.connect();
        let (mut slow, quick) = if client_is_slow { (client, upstream) } else { (upstream, client) };
        let mut speaker = TcpPeer::new(quick);
        speaker.say(noise(MUCH));
        speaker.finish();
        let seen = (speaker.await_blocked(MUCH), way.relay.most_held());
        assert!(seen.0 < MUCH && seen.1 <= HELD_OCTETS, "{seen:?} octets said, and held");
        assert!(whole(&mut slow) == noise(MUCH), "{name}: {MUCH} octets came changed");
        drop(slow);
    }
    assert!(way.relay.most_held() <= HELD_OCTETS, "{}", way.relay.most_held());
    let cost = way.server.stop().unwrap();
    assert_eq!((cost.octets_in, cost.octets_out), (2 * MUCH as u64, 2 * MUCH as u64));
}

/// The client reads nothing until it has said all, and the upstream speaks all the while.
fn one_direction_does_not_hold_up_the_other(name: &str) {
    let Some(way) = Way::new(name, ServeLimits::default()) else { return };
    let (mut client, mut upstream) = way.connect();
    let mut speaker = TcpPeer::new(upstream.try_clone().unwrap());
    speaker.say(noise(MUCH));
    speaker.finish();
    speaker.await_blocked(MUCH);
    let listener = thread::spawn(move || whole(&mut upstream) == noise(MUCH));
    client.write_all(noise(MUCH)).unwrap();
    client.shutdown(Half::Write).unwrap();
    assert!(listener.join().unwrap(), "{name}: what the client said came changed");
    assert!(whole(&mut client) == noise(MUCH), "{name}: what the upstream said came changed");
    drop(speaker);
    way.server.stop().unwrap();
    assert!(way.relay.most_held() <= HELD_OCTETS, "{}", way.relay.most_held());
}

fn passes_on_resets(name: &str) {
    let Some(way) = Way::new(name, ServeLimits::default()) else { return };
    for client_is_first in [true, false] {
        let (client, upstream) = way.connect();
        let (mut first, mut second) = if client_is_first { (client, upstream) } else { (upstream, client) };
        first.write_all(b"hello").unwrap();
        second.read_exact(&mut [0; 5]).unwrap();
        socket2::SockRef::from(&first).set_linger(Some(Duration::ZERO)).unwrap();
        drop(first);
        assert_eq!(read_one(&mut second), Err(ErrorKind::ConnectionReset), "{name}");
    }
    way.server.stop().unwrap();
}

fn resets_whom_it_cannot_serve(name: &str) {
    // Bound, so that nobody else is given it, and not listened on.
    let nobody = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    nobody.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let refused = nobody.local_addr().unwrap().as_socket().unwrap();
    let silence = Silence::new();
    for (address, timeout) in [(refused, PATIENCE), (silence.address, Duration::from_millis(100))] {
        let Some(model) = model(name, ServeLimits::default()) else { return };
        let relay = Arc::new(Relay::new(address, timeout));
        let server = Server::start(model, 1, Arc::clone(&relay));
        let mut client = connect(server.address);
        assert_eq!(read_one(&mut client), Err(ErrorKind::ConnectionReset), "{name}, within {timeout:?}");
        server.stop().unwrap();
        assert_eq!((relay.accepted(), relay.unreachable()), (1, 1), "{name}");
    }
}

fn goes_on_when_the_server_stops_but_not_for_ever(name: &str) {
    let drain = Duration::from_millis(400);
    let Some(way) = Way::new(name, ServeLimits { drain, ..ServeLimits::default() }) else { return };
    let (mut done, mut its) = way.connect();
    let (mut stuck, _silent) = way.connect();
    way.server.shutdown.begin();
    done.write_all(b"a last question").unwrap();
    done.shutdown(Half::Write).unwrap();
    assert_eq!(whole(&mut its), b"a last question");
    its.write_all(b"a last answer").unwrap();
    drop(its);
    assert_eq!(whole(&mut done), b"a last answer");
    way.server.await_end().unwrap();
    assert_eq!(read_one(&mut stuck), Err(ErrorKind::ConnectionReset), "{name}");
}

fn many_single_octets_pass(name: &str) {
    let Some(way) = Way::new(name, ServeLimits::default()) else { return };
    let (mut client, mut upstream) = way.connect();
    let listener = thread::spawn(move || whole(&mut upstream));
    let octets = noise(20_000);
    octets.iter().for_each(|octet| client.write_all(&[*octet]).unwrap());
    client.shutdown(Half::Write).unwrap();
    assert!(listener.join().unwrap() == octets, "{name}");
    assert_eq!(whole(&mut client), b"");
    way.server.stop().unwrap();
}

fn serves_curl(name: &str) {
    if !examples::has_curl() {
        return;
    }
    let Some(echo) = Example::start("echo", name, &[]) else { return };
    let Some(relay) = Example::start("relay", name, &["--to", &echo.address, "--connect-timeout", "5s"]) else { return };
    assert_eq!(relay.curl(&["-d", "hello"], "/"), b"hello");
    assert_eq!(relay.curl(&[], "/bytes/3000000").len(), 3_000_000);
    let folder = tempfile::tempdir().unwrap();
    let (large, back) = (folder.path().join("large"), folder.path().join("back"));
    std::fs::write(&large, noise(5_000_000)).unwrap();
    relay.curl(&["-T", large.to_str().unwrap(), "-o", back.to_str().unwrap()], "/");
    assert!(std::fs::read(&back).unwrap() == noise(5_000_000), "an upload came back changed");
    echo.stop();
    let cost = relay.stop();
    assert!(cost.contains("\nrelays                3\n"), "{cost}");
    assert!(cost.contains(" 0 could not reach ") && cost.contains("0 sides ended early"), "{cost}");
}

fn whole(stream: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    let end: io::Result<usize> = stream.read_to_end(&mut octets);
    end.unwrap_or_else(|error| panic!("after {} octets: {error}", octets.len()));
    octets
}

/// `Ok(0)` is FIN.
fn read_one(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    loop {
        match stream.read(&mut [0]).map_err(|error| error.kind()) {
            Err(ErrorKind::Interrupted) => {}
            other => return other,
        }
    }
}

fn noise(count: usize) -> &'static [u8] {
    static NOISE: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..MUCH as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect());
    &NOISE[..count]
}
