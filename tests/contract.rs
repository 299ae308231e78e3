//! The scripts of `tests/contract_scripts` over TCP, with each of the four models: with one loop, with two that tell each other
//! things, and behind a veil.

#[macro_use]
mod every_model;
mod contract_scripts;
mod skip;
mod tcp;
mod verbs;

use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use iolab::limits::ServeLimits;
use iolab::models::uring::Techniques;
use iolab::models::{AnyModel, Uring};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use contract_scripts::{Script, Stage, play};
use tcp::{PATIENCE, Server, Silence, TcpPeer};
use verbs::{VeiledService, VerbsService};

/// Scripts at a time: most of the slow ones do nothing but wait.
const VOICES: usize = 8;

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

on_every_model!(models);

/// With nothing that a kernel from before the techniques would lack.
mod uring_without {
    use super::*;

    #[test]
    fn anything_new_plays_every_script() {
        let model = |limits| tcp::ready(AnyModel::Uring(Uring { techniques: Techniques::NONE, ..Uring::default() }), limits);
        plays_every_script(model, 1, false);
    }
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
        true => Server::start(model, loops, Arc::new(VeiledService(service))),
        false => Server::start(model, loops, Arc::new(service)),
    };
    let mut stage = TcpStage::new(&server);
    let outcome = play(script, is_veiled, &mut stage);
    drop(stage);
    let stopped = server.stop().map_err(|error| format!("{}, and then: {error}", script.name));
    outcome.and(stopped.map(drop))
}

fn gives_up_connecting_in_time(model: fn(ServeLimits) -> Option<AnyModel>) {
    let soon = ServeLimits { drain: Duration::from_millis(150), ..ServeLimits::default() };
    let Some(model) = model(soon) else { return };
    let silence = Silence::new();
    let address = silence.address;
    let server = Server::start(model, 1, Arc::new(VerbsService::new(None).unwrap()));
    let mut stage = TcpStage::new(&server);
    let peer = stage.connect();
    stage.say(peer, format!("connect {address} 100\n").as_bytes());
    let expected = b"cannot connect: TimedOut\n";
    let mut heard = vec![0; expected.len()];
    stage.peers[peer].read_exact(&mut heard).unwrap();
    assert_eq!(heard.escape_ascii().to_string(), expected.escape_ascii().to_string());
    // And one that is being connected when the server stops, and hears no messages yet, does not hold it up beyond the limit.
    stage.say(peer, format!("connect {address} 60000\nlisten\n").as_bytes());
    let mut heard = [0; 10];
    stage.peers[peer].read_exact(&mut heard).unwrap();
    drop(stage);
    server.stop().unwrap();
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
        self.server.await_end().map(drop)
    }
}
