//! Of the chapter "Ready".

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use iolab::models::{AnyModel, Epoll as EpollModel};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::check;
use super::waiting::calls_of_a_request;

const EDGES: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLET);

/// A set in which one end of a pair is registered, and both ends.
fn registered() -> (Epoll, UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&ours, EpollEvent::new(EDGES, 0)).unwrap();
    (epoll, ours, theirs)
}

/// How many events there are now.
fn told(epoll: &Epoll) -> usize {
    epoll.wait(&mut [EpollEvent::empty(); 4], EpollTimeout::ZERO).unwrap()
}

#[test]
fn ready_1() {
    check("ready-1", calls_of_a_request(&AnyModel::Epoll(EpollModel::default())));
}

#[test]
fn ready_2() {
    let (epoll, mut ours, mut theirs) = registered();
    theirs.write_all(b"hello").unwrap();
    assert_eq!(told(&epoll), 1);
    ours.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(told(&epoll), 0);
    theirs.write_all(b"!").unwrap();
    assert_eq!(told(&epoll), 1);
    check("ready-2", ours.read(&mut [0; 64]).unwrap());
}

#[test]
fn ready_3() {
    let (epoll, ours, mut theirs) = registered();
    theirs.write_all(b"hello").unwrap();
    let mut events = told(&epoll);
    events += told(&epoll);
    epoll.modify(&ours, &mut EpollEvent::new(EDGES, 0)).unwrap();
    events += told(&epoll);
    check("ready-3", events);
}

#[test]
fn ready_4() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&ours, EpollEvent::new(EDGES | EpollFlags::EPOLLOUT, 0)).unwrap();
    let next = || {
        let mut event = [EpollEvent::empty()];
        assert_eq!(epoll.wait(&mut event, EpollTimeout::from(20_000u16)).unwrap(), 1, "it is told of");
        event[0].events()
    };
    theirs.write_all(b"hello").unwrap();
    while !next().contains(EpollFlags::EPOLLIN) {}
    let (mut octets, mut taken) = (vec![0; 1 << 20], 0);
    while let Ok(count) = ours.write(&octets) {
        taken += count;
    }
    assert_eq!(told(&epoll), 0, "nobody has read, and nothing has come");
    let mut read = 0;
    while read < taken {
        read += theirs.read(&mut octets).unwrap();
    }
    let names = next().iter_names().map(|(name, _)| name).collect::<Vec<_>>();
    check("ready-4", names.join(" | "));
}
