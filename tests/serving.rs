//! The conversations of `tests/scripts` over TCP, with each of the four models; and what takes more than one connection to see.

#[macro_use]
mod every_model;
mod scripts;
mod skip;
mod tcp;

use std::cell::OnceCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::limits::ServeLimits;
use iolab::models::uring::{Technique, Techniques};
use iolab::models::{AnyModel, Uring};
use iolab::patterns::Echo;
use iolab::{Cost, Model, Shutdown, listen};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use scripts::{Peer, Script, play};
use tcp::ready;

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Scripts at a time: most of the slow ones do nothing but wait.
const VOICES: usize = 8;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The tests of a model, each under its name.
macro_rules! models {
    ($($name:ident)*) => {$(
        mod $name {
            use super::*;

            fn model(limits: ServeLimits) -> Option<AnyModel> {
                tcp::model(stringify!($name), limits)
            }

            #[test]
            fn plays_every_script() {
                plays(&scripts::all(), model);
            }

            #[test]
            fn serves_with_several_threads() {
                super::serves_with_several_threads(model);
            }

            #[test]
            fn answers_whoever_is_in_the_queue_when_it_stops() {
                super::answers_whoever_is_in_the_queue_when_it_stops(model);
            }

            #[test]
            fn turns_away_whoever_is_too_many() {
                super::turns_away_whoever_is_too_many(model);
            }

            #[test]
            fn is_alone_on_its_address() {
                super::is_alone_on_its_address(model);
            }
        }
    )*};
}

on_every_model!(models);

/// The older paths of io_uring, which a kernel that lacks a technique would be left with. `IOLAB_DENY=multishot_recv,ext_arg`
/// lets the other tests that talk over TCP go them too.
mod uring_without {
    use super::*;

    fn plays_without(scripts: &[Script], techniques: Techniques) {
        plays(scripts, |limits| ready(AnyModel::Uring(Uring { techniques, ..Uring::default() }), limits));
    }

    #[test]
    fn anything_new_plays_every_script() {
        plays_without(&scripts::all(), Techniques::NONE);
    }

    /// One accept brings one of them, and the server stops before the next.
    #[test]
    fn anything_new_answers_whoever_is_in_the_queue_when_it_stops() {
        super::answers_whoever_is_in_the_queue_when_it_stops(|limits| {
            ready(AnyModel::Uring(Uring { techniques: Techniques::NONE, ..Uring::default() }), limits)
        });
    }

    #[test]
    fn one_technique_plays_what_is_said_and_how_much() {
        let scripts = scripts::without_waiting();
        for technique in Technique::ALL {
            println!("without {technique}:");
            plays_without(&scripts, Techniques::ALL.without(technique));
        }
    }
}

fn plays<M: Model + Send + 'static>(scripts: &[Script], model: impl Fn(ServeLimits) -> Option<M> + Sync) {
    if model(ServeLimits::default()).is_none() {
        return;
    }
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..VOICES {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(model) = model(script.serve)
                        && let Err(failure) = play_over_tcp(script, model)
                    {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), scripts.len(), failures.join("\n"));
}

fn play_over_tcp<M: Model + Send + 'static>(script: &Script, model: M) -> Result<(), String> {
    let server = Server::start(model, 1, script.http, script.time);
    let mut peer = Tcp::connect(&server);
    let outcome = play(script, &mut peer);
    drop(peer);
    let stopped = server.stop().map_err(|error| format!("{}, and then: {error}", script.name));
    outcome.and(stopped.map(drop))
}

fn serves_with_several_threads<M: Model + Send + 'static>(model: fn(ServeLimits) -> Option<M>) {
    const PEERS: u64 = 40;
    let Some(model) = model(ServeLimits::default()) else { return };
    let server = Server::start(model, 2, HttpLimits::default(), TimeLimits::default());
    let mut peers: Vec<_> = (0..PEERS).map(|_| Tcp::connect(&server)).collect();
    for _ in 0..3 {
        for peer in &mut peers {
            peer.say(GET);
        }
        for peer in &mut peers {
            peer.hear_ok().unwrap();
        }
    }
    drop(peers);
    let (cost, requests) = server.stop().unwrap();
    assert_eq!((cost.connections, requests), (PEERS, 3 * PEERS));
    assert!(cost.threads_peak >= 2, "{}", cost.threads_peak);
}

/// Closing a listener resets those it has not accepted; nobody must notice.
fn answers_whoever_is_in_the_queue_when_it_stops<M: Model + Send + 'static>(model: fn(ServeLimits) -> Option<M>) {
    for threads in [1, 2] {
        let Some(model) = model(ServeLimits::default()) else { return };
        let server = Server::start(model, threads, HttpLimits::default(), TimeLimits::default());
        let mut peers: Vec<_> = (0..60).map(|_| Tcp::connect(&server)).collect();
        for peer in &peers {
            (&peer.stream).write_all(GET).unwrap();
        }
        server.shutdown.begin();
        for (number, peer) in peers.iter_mut().enumerate() {
            peer.hear_ok().unwrap_or_else(|error| panic!("number {number} of those who had asked: {error}"));
            assert_eq!(peer.read(&mut [0]).unwrap(), 0, "and then the end");
        }
        let (cost, requests) = server.stop().unwrap();
        assert_eq!((cost.connections, requests), (60, 60));
    }
}

fn turns_away_whoever_is_too_many<M: Model + Send + 'static>(model: fn(ServeLimits) -> Option<M>) {
    let Some(model) = model(ServeLimits { connections: 1, ..ServeLimits::default() }) else { return };
    let server = Server::start(model, 1, HttpLimits::default(), TimeLimits::default());
    let mut first = Tcp::connect(&server);
    first.say(GET);
    first.hear_ok().unwrap();

    let mut second = Tcp::connect(&server);
    second.say(GET);
    let mut refusal = String::new();
    second.read_to_string(&mut refusal).expect("a refusal and an orderly end");
    assert!(refusal.starts_with("HTTP/1.1 503 Service Unavailable\r\nDate: "), "{refusal}");
    assert!(refusal.contains("\r\nConnection: close\r\n") && refusal.contains("\r\nRetry-After: 1\r\n"), "{refusal}");

    first.finish();
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
    // Its place is free a moment after its end was seen.
    let until = Instant::now() + PATIENCE;
    loop {
        let mut third = Tcp::connect(&server);
        third.say(GET);
        match third.hear_ok() {
            Ok(()) => break,
            Err(error) => assert!(Instant::now() < until, "nobody is let in any more: {error}"),
        }
    }
    let (cost, requests) = server.stop().unwrap();
    assert!(cost.refused >= 1, "{}", cost.refused);
    assert_eq!((cost.connections, requests), (2, 2));
}

fn is_alone_on_its_address<M: Model + Send + 'static>(model: fn(ServeLimits) -> Option<M>) {
    let Some(model) = model(ServeLimits::default()) else { return };
    let server = Server::start(model, 1, HttpLimits::default(), TimeLimits::default());
    let error = listen(server.address, 1).expect_err("a second server on the same address");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert_eq!(listen(server.address, 2).expect_err("nor two").kind(), io::ErrorKind::AddrInUse);
    server.stop().unwrap();
}

/// An echo server in a thread of its own.
struct Server {
    address: SocketAddr,
    shutdown: Arc<Shutdown>,
    report: Receiver<Outcome>,
    outcome: OnceCell<Outcome>,
}

/// What a server cost and how many requests it answered, or how it failed.
type Outcome = Result<(Cost, u64), String>;

impl Server {
    fn start<M: Model + Send + 'static>(model: M, threads: usize, http: HttpLimits, time: TimeLimits) -> Server {
        let listeners = listen("127.0.0.1:0".parse().unwrap(), threads).expect("a free port");
        let address = listeners[0].local_addr().unwrap();
        let shutdown = Arc::new(Shutdown::new().unwrap());
        let (reporter, report) = channel();
        let its = Arc::clone(&shutdown);
        thread::spawn(move || {
            let service = HttpService::new(http, time, Echo::default);
            let cost = model.serve_all(listeners, &service, &its);
            let outcome = cost.map(|cost| (cost, service.requests())).map_err(|error| format!("the server failed: {error}"));
            let _ = reporter.send(outcome);
        });
        Server { address, shutdown, report, outcome: OnceCell::new() }
    }

    fn stop(&self) -> Outcome {
        self.shutdown.begin();
        self.await_end()
    }

    fn await_end(&self) -> Outcome {
        let wait = || match self.report.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome,
            Err(error) => Err(format!("the server does not stop: {error}")),
        };
        self.outcome.get_or_init(wait).clone()
    }
}

/// A peer of a server. What it says is sent by another thread, so that it can listen meanwhile.
struct Tcp<'s> {
    server: &'s Server,
    stream: TcpStream,
    voice: Option<(Sender<Said>, JoinHandle<()>)>,
}

enum Said {
    Octets(Vec<u8>),
    Finished,
}

impl<'s> Tcp<'s> {
    fn connect(server: &'s Server) -> Tcp<'s> {
        let stream = TcpStream::connect(server.address).expect("a server that listens");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Tcp { server, stream, voice: None }
    }

    fn utter(&mut self, said: Said) {
        let stream = &self.stream;
        let (voice, _) = self.voice.get_or_insert_with(|| {
            let mut stream = stream.try_clone().unwrap();
            let (voice, words) = channel();
            let talker = thread::spawn(move || {
                for said in words {
                    // A server that has ended does not listen; what it said before is judged, not this.
                    let _ = match said {
                        Said::Octets(octets) => stream.write_all(&octets),
                        Said::Finished => stream.shutdown(Half::Write),
                    };
                }
            });
            (voice, talker)
        });
        voice.send(said).unwrap();
    }

    fn fall_silent(&mut self) {
        if let Some((voice, talker)) = self.voice.take() {
            drop(voice);
            talker.join().unwrap();
        }
    }

    /// A 200 without a body.
    fn hear_ok(&mut self) -> Result<(), String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            match self.read(&mut octet) {
                Ok(1) => head.push(octet[0]),
                Ok(_) => return Err(format!("the end came after \"{}\"", head.escape_ascii())),
                Err(error) => return Err(format!("after \"{}\": {error}", head.escape_ascii())),
            }
        }
        match head.starts_with(b"HTTP/1.1 200 OK\r\n") && head.windows(21).any(|part| part == b"\r\nContent-Length: 0\r\n") {
            true => Ok(()),
            false => Err(format!("instead of 200 came \"{}\"", head.escape_ascii())),
        }
    }
}

impl Drop for Tcp<'_> {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Half::Both);
        self.fall_silent();
    }
}

impl Read for Tcp<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Peer for Tcp<'_> {
    fn say(&mut self, octets: &[u8]) {
        self.utter(Said::Octets(octets.to_vec()));
    }

    fn finish(&mut self) {
        self.utter(Said::Finished);
    }

    fn reset(&mut self) {
        self.fall_silent();
        let fresh = Tcp::connect(self.server);
        let old = std::mem::replace(&mut self.stream, fresh.stream.try_clone().unwrap());
        socket2::SockRef::from(&old).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// The listener is closed when everyone is being told.
    fn stop(&mut self) {
        self.server.shutdown.begin();
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.server.address).is_ok() {
            assert!(Instant::now() < until, "a server that stops goes on listening");
            thread::yield_now();
        }
    }

    fn await_stopped(&mut self) -> Result<(), String> {
        self.server.await_end().map(drop)
    }

    fn pass(&mut self, span: Duration) -> bool {
        let mut fds = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::try_from(span).unwrap()).is_ok_and(|ready| ready > 0)
    }

    fn see_another_served(&mut self) -> Result<(), String> {
        let mut other = Tcp::connect(self.server);
        other.say(GET);
        other.hear_ok()
    }
}
