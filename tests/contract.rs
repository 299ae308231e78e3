//! The scripts of `tests/contract_scripts` over TCP, with each of the four models: with one loop, with two that tell each other
//! things, and behind a veil.

mod contract_scripts;
mod skip;
mod tcp;
mod verbs;

use std::cell::OnceCell;
use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use iolab::limits::ServeLimits;
use iolab::models::{AnyModel, Blocking, Epoll, Pool, Uring};
use iolab::{Model, Service, Shutdown, Unavailable, listen};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use contract_scripts::{Script, Stage, play};
use tcp::{PATIENCE, TcpPeer};
use verbs::{VeiledService, VerbsService};

/// Scripts at a time: most of the slow ones do nothing but wait.
const VOICES: usize = 8;

/// The tests of a model, each under its name.
macro_rules! models {
    ($($name:ident: $model:ident,)*) => {$(
        mod $name {
            use super::*;

            fn model(limits: ServeLimits) -> Option<AnyModel> {
                let mut model = AnyModel::$model($model::default());
                *model.limits_mut() = limits;
                match model.available() {
                    Ok(()) => Some(model),
                    Err(error) if Unavailable::within(&error).is_some() => {
                        skip::skipped(format_args!("the contract by {}: {error}", model.name()));
                        None
                    }
                    Err(error) => panic!("{} does not work here, and does not know why: {error}", model.name()),
                }
            }

            #[test]
            fn plays_every_script() {
                super::plays_every_script(model, 1, false);
            }

            #[test]
            fn plays_every_script_with_two_loops() {
                super::plays_every_script(model, 2, false);
            }

            #[test]
            fn plays_every_script_behind_a_veil() {
                super::plays_every_script(model, 1, true);
            }

            #[test]
            fn gives_up_connecting_in_time() {
                super::gives_up_connecting_in_time(model);
            }
        }
    )*};
}

models! {
    blocking: Blocking,
    epoll: Epoll,
    uring: Uring,
    pool: Pool,
}

fn plays_every_script(model: fn(ServeLimits) -> Option<AnyModel>, loops: usize, is_veiled: bool) {
    if model(ServeLimits::default()).is_none() {
        return;
    }
    let chosen = std::env::var("IOLAB_SCRIPT").ok();
    let mut scripts = contract_scripts::all();
    scripts.retain(|script| loops == 1 || !script.needs_one_loop);
    scripts.retain(|script| chosen.as_ref().is_none_or(|name| name == script.name));
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..VOICES {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(model) = model(script.limits)
                        && let Err(failure) = play_over_tcp(script, model, loops, is_veiled)
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

fn play_over_tcp(script: &Script, model: AnyModel, loops: usize, is_veiled: bool) -> Result<(), String> {
    let root = tempfile::tempdir().unwrap();
    for (path, octets) in &script.files {
        let path = root.path().join(path);
        match octets {
            Some(octets) => fs::write(path, octets).unwrap(),
            None => fs::create_dir(path).unwrap(),
        }
    }
    let service = VerbsService::new(Some(root.path())).unwrap();
    let server = match is_veiled {
        true => Server::start(model, loops, VeiledService(service)),
        false => Server::start(model, loops, service),
    };
    let mut stage = TcpStage::new(&server);
    let outcome = play(script, is_veiled, &mut stage);
    drop(stage);
    let stopped = server.stop().map_err(|error| format!("{}, and then: {error}", script.name));
    outcome.and(stopped)
}

/// Where nobody answers: the queue of a listener that accepts nobody is full, and further SYNs are dropped (listen(2)).
fn gives_up_connecting_in_time(model: fn(ServeLimits) -> Option<AnyModel>) {
    let Some(model) = model(ServeLimits::default()) else { return };
    let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    deaf.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    deaf.listen(0).unwrap();
    let address = deaf.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
    }
    let server = Server::start(model, 1, VerbsService::new(None).unwrap());
    let mut stage = TcpStage::new(&server);
    let peer = stage.connect();
    stage.say(peer, format!("connect {address} 100\n").as_bytes());
    let expected = b"cannot connect: TimedOut\n";
    let mut heard = vec![0; expected.len()];
    stage.peers[peer].read_exact(&mut heard).unwrap();
    assert_eq!(heard.escape_ascii().to_string(), expected.escape_ascii().to_string());
    // And one that is being connected when the server stops does not hold it up.
    stage.say(peer, format!("connect {address} 60000\nlisten\n").as_bytes());
    let mut heard = [0; 10];
    stage.peers[peer].read_exact(&mut heard).unwrap();
    drop(stage);
    server.stop().unwrap();
}

/// A server in threads of its own.
struct Server {
    address: SocketAddr,
    shutdown: Arc<Shutdown>,
    report: Receiver<Result<(), String>>,
    outcome: OnceCell<Result<(), String>>,
}

impl Server {
    fn start(model: AnyModel, loops: usize, service: impl Service + 'static) -> Server {
        let listeners = listen("127.0.0.1:0".parse().unwrap(), loops).expect("a free port");
        let address = listeners[0].local_addr().unwrap();
        let shutdown = Arc::new(Shutdown::new().unwrap());
        let (reporter, report) = channel();
        let its = Arc::clone(&shutdown);
        thread::spawn(move || {
            let served = model.serve_all(listeners, &service, &its);
            let _ = reporter.send(served.map(drop).map_err(|error| format!("the server failed: {error}")));
        });
        Server { address, shutdown, report, outcome: OnceCell::new() }
    }

    fn stop(&self) -> Result<(), String> {
        self.shutdown.begin();
        self.await_end()
    }

    fn await_end(&self) -> Result<(), String> {
        let wait = || match self.report.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome,
            Err(error) => Err(format!("the server does not stop: {error}")),
        };
        self.outcome.get_or_init(wait).clone()
    }
}

struct TcpStage<'s> {
    server: &'s Server,
    peers: Vec<TcpPeer>,
    listener: TcpListener,
    /// Bound, so that nobody else is given it, and not listened on.
    nobody: socket2::Socket,
}

impl<'s> TcpStage<'s> {
    fn new(server: &'s Server) -> Self {
        let free = "127.0.0.1:0".parse::<SocketAddr>().unwrap();
        let nobody = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        nobody.bind(&free.into()).unwrap();
        TcpStage { server, peers: Vec::new(), listener: TcpListener::bind(free).unwrap(), nobody }
    }

    fn add(&mut self, stream: TcpStream) -> usize {
        self.peers.push(TcpPeer::new(stream));
        self.peers.len() - 1
    }
}

impl Stage for TcpStage<'_> {
    fn connect(&mut self) -> usize {
        self.add(TcpStream::connect(self.server.address).expect("a server that listens"))
    }

    fn say(&mut self, peer: usize, octets: &[u8]) {
        self.peers[peer].say(octets);
    }

    fn read(&mut self, peer: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.peers[peer].read(buffer)
    }

    fn finish(&mut self, peer: usize) {
        self.peers[peer].finish();
    }

    fn reset(&mut self, peer: usize) {
        self.peers[peer].reset();
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn refused(&self) -> SocketAddr {
        self.nobody.local_addr().unwrap().as_socket().unwrap()
    }

    fn answer(&mut self) -> Option<usize> {
        let mut fds = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).ok().filter(|&ready| ready > 0)?;
        let (stream, _) = self.listener.accept().ok()?;
        Some(self.add(stream))
    }

    fn pass(&mut self, peer: usize, span: Duration) -> bool {
        self.peers[peer].pass(span)
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
        self.server.await_end()
    }
}
