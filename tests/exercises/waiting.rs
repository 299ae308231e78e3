//! Of the chapter "Waiting"; and a server that is talked to and counted, for the chapters on the four models.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use iolab::models::{AnyModel, Epoll as EpollModel};
use iolab::{Context, Cost, Event, Interest, Model, Now, Peer, Protocol, Service, Shutdown, Unavailable, listen};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::{Pid, gettid};

use super::asleep::await_sleep;
use super::one_wait::Room;
use super::{check, skip};

/// Whatever takes longer than this hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a parrot says when it has begun, so that its client knows that it has.
pub const GREETING: u8 = b'!';

/// Greets, and then wants this of its peer: of who says something it repeats it.
#[derive(Clone, Copy)]
pub struct Parrots(pub Peer);

pub struct Parrot {
    wants: Peer,
    is_over: bool,
}

impl Service for Parrots {
    type Protocol = Parrot;

    fn accept(&self, _now: Now) -> Option<Parrot> {
        Some(Parrot { wants: self.0, is_over: false })
    }
}

impl Protocol for Parrot {
    type Message = Infallible;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Infallible>) -> usize {
        cx.write(input);
        input.len()
    }

    fn event(&mut self, event: Event, cx: &mut Context<'_, Infallible>) {
        match event {
            Event::Begun(_) => cx.write(&[GREETING]),
            Event::PeerFinished | Event::HangUp | Event::Stopping => self.is_over = true,
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest { peer: self.wants, ..Interest::default() })
    }
}

/// The model, unless this machine lacks what it needs: then that is said.
pub fn available(model: AnyModel) -> Option<AnyModel> {
    match model.available() {
        Ok(()) => Some(model),
        Err(error) => {
            skip::skipped(format_args!("{}", Unavailable::within(&error).unwrap_or_else(|| panic!("{error}"))));
            None
        }
    }
}

/// What it cost to serve while `talk` went on, which is told where, and which thread has the loop.
pub fn served<S: Service>(model: &AnyModel, service: &S, talk: impl FnOnce(SocketAddr, Pid)) -> Cost {
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new().unwrap();
    let (sender, threads) = channel();
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            sender.send(gettid()).unwrap();
            model.serve(listener, service, &shutdown).unwrap()
        });
        let end = Ending(&shutdown);
        talk(address, threads.recv().unwrap());
        drop(end);
        server.join().unwrap()
    })
}

/// A talk that fails leaves no server behind.
struct Ending<'a>(&'a Shutdown);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.begin();
    }
}

/// A connection whose parrot has greeted.
pub fn connected(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_nodelay(true).unwrap();
    assert_eq!(heard(&mut client), GREETING);
    client
}

pub fn heard(client: &mut TcpStream) -> u8 {
    let mut octet = [0];
    client.read_exact(&mut octet).unwrap();
    octet[0]
}

/// How many system calls one more of something takes, if so many of them take `calls` in all. How the end is heard of, in one turn or
/// in two, is no part of it.
fn for_one_more(calls: impl Fn(u64) -> u64) -> u64 {
    const MORE: u64 = 20;
    (calls(MORE + 10) - calls(10) + MORE / 2) / MORE
}

/// System calls that one more request takes, on a connection that asks only when the loop sleeps again.
pub fn calls_of_a_request(model: &AnyModel) -> u64 {
    for_one_more(|requests| {
        let cost = served(model, &Parrots(Peer::Bytes), |address, the_loop| {
            let mut client = connected(address);
            for _ in 0..requests {
                await_sleep(the_loop);
                client.write_all(b"?").unwrap();
                assert_eq!(heard(&mut client), b'?');
            }
            await_sleep(the_loop);
            drop(client);
        });
        cost.calls.total()
    })
}

/// System calls that one more word takes which one connection says and another is told.
fn calls_of_a_word(model: &AnyModel) -> u64 {
    for_one_more(|words| {
        let room: &'static Room = Box::leak(Box::default());
        let cost = served(model, &room, |address, the_loop| {
            let (mut speaker, mut listener) = (connected(address), connected(address));
            for _ in 0..words {
                await_sleep(the_loop);
                speaker.write_all(b"?").unwrap();
                assert_eq!(heard(&mut listener), b'?');
            }
            await_sleep(the_loop);
            // One after the other, so that the server hears of each end by itself.
            drop(speaker);
            listener.shutdown(Half::Write).unwrap();
            listener.read_to_end(&mut Vec::new()).unwrap();
        });
        cost.calls.total()
    })
}

/// The most threads that a server had while so many connections were there and nobody said anything.
pub fn threads_of(model: &AnyModel, connections: usize, wants: Peer) -> usize {
    let cost = served(model, &Parrots(wants), |address, _| {
        let clients: Vec<_> = (0..connections).map(|_| connected(address)).collect();
        // All have left before the server is stopped.
        for mut client in clients {
            client.shutdown(Half::Write).unwrap();
            client.read_to_end(&mut Vec::new()).unwrap();
        }
    });
    cost.threads_peak
}

#[test]
fn waiting_1() {
    let (listener, reads) = (TcpListener::bind("127.0.0.1:0").unwrap(), 10);
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(&vec![0; reads]).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.peek(&mut [0]).unwrap();
    let switches = || getrusage(UsageWho::RUSAGE_THREAD).unwrap().voluntary_context_switches();
    let slept = |server: &mut TcpStream| {
        let before = switches();
        server.read_exact(&mut [0]).unwrap();
        switches() > before
    };
    check("waiting-1", (0..reads).filter(|_| slept(&mut server)).count());
}

#[test]
fn waiting_2() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"hello").unwrap();
    drop(client);
    let (mut server, _) = listener.accept().unwrap();
    let mut octets = Vec::new();
    check("waiting-2", server.read_to_end(&mut octets).unwrap());
}

#[test]
fn waiting_3() {
    let models = AnyModel::all().into_iter().filter_map(available);
    let most = models.max_by_key(|model| threads_of(model, 50, Peer::Bytes)).unwrap();
    check("waiting-3", most.name());
}

#[test]
fn waiting_4() {
    let epoll = AnyModel::Epoll(EpollModel::default());
    check("waiting-4", calls_of_a_word(&epoll) - calls_of_a_request(&epoll));
}
