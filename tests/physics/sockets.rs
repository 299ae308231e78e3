//! Facts about sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use socket2::{Domain, SockRef, Socket, Type};

pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// The events that are there now, waiting for the first for as long as it takes.
fn events(epoll: &Epoll) -> EpollFlags {
    let mut events = [EpollEvent::empty(); 4];
    let count = epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
    events[..count].iter().fold(EpollFlags::empty(), |all, event| all | event.events())
}

fn has_no_event(epoll: &Epoll) -> bool {
    epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::ZERO).unwrap() == 0
}

#[test]
fn an_accepted_connection_inherits_tcp_nodelay_from_its_listener() {
    for nodelay in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        SockRef::from(&listener).set_tcp_nodelay(nodelay).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(listener.accept().unwrap().0.nodelay().unwrap(), nodelay);
    }
}

#[test]
fn a_read_ends_in_front_of_an_urgent_octet_and_epoll_tells_of_it() {
    let (mut client, mut server) = pair();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    client.write_all(b"in front").unwrap();
    SockRef::from(&client).send_out_of_band(b"!").unwrap();
    client.write_all(b"behind").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    // When the end has come, all has come.
    epoll.add(&server, EpollEvent::new(EpollFlags::EPOLLRDHUP, 0)).unwrap();
    assert_eq!(events(&epoll), EpollFlags::EPOLLRDHUP);
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI;
    epoll.modify(&server, &mut EpollEvent::new(flags, 0)).unwrap();
    assert_eq!(events(&epoll), flags);
    let mut octets = [0; 64];
    assert_eq!(server.read(&mut octets).unwrap(), 8, "though there is more");
    assert_eq!((server.read(&mut octets).unwrap(), &octets[..6]), (6, &b"behind"[..]));
}

#[test]
fn an_accepted_connection_does_not_inherit_o_nonblock() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let flags = nix::fcntl::fcntl(&accepted, nix::fcntl::FcntlArg::F_GETFL).unwrap();
    assert_eq!(flags & nix::fcntl::OFlag::O_NONBLOCK.bits(), 0);
}

// ANCHOR: edge-once
#[test]
fn an_edge_is_told_once_and_new_octets_make_a_new_one() {
    let (mut client, mut server) = pair();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
    client.write_all(b"first").unwrap();
    epoll.add(&server, EpollEvent::new(flags, 0)).unwrap();
    assert!(events(&epoll).contains(EpollFlags::EPOLLIN), "what was there before is told");
    assert!(has_no_event(&epoll), "once, read or not");

    // A read that finds less than it asked for has emptied the socket: there is no need to ask again.
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 5);
    client.write_all(b"second").unwrap();
    assert!(events(&epoll).contains(EpollFlags::EPOLLIN));

    // A FIN that comes with octets makes one edge with them, which says so: then a short read is not the last one.
    client.write_all(b"third").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut seen = EpollFlags::empty();
    while !seen.contains(EpollFlags::EPOLLRDHUP) {
        seen |= events(&epoll);
    }
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 11);
    assert!(has_no_event(&epoll));
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 0);
}
// ANCHOR_END: edge-once

#[test]
fn a_level_is_told_again_and_again_until_all_is_read() {
    let (mut client, mut server) = pair();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&server, EpollEvent::new(EpollFlags::EPOLLIN, 0)).unwrap();
    client.write_all(b"octets").unwrap();
    for _ in 0..3 {
        assert_eq!(events(&epoll), EpollFlags::EPOLLIN);
    }
    assert_eq!(server.read(&mut [0; 2]).unwrap(), 2);
    assert_eq!(events(&epoll), EpollFlags::EPOLLIN, "there are some left");
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 4);
    assert!(has_no_event(&epoll));
}

#[test]
fn what_an_edge_told_of_and_nobody_read_is_not_told_again_and_not_lost() {
    let (mut client, mut server) = pair();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
    epoll.add(&server, EpollEvent::new(flags, 0)).unwrap();
    client.write_all(b"octets").unwrap();
    assert_eq!(events(&epoll), EpollFlags::EPOLLIN);
    assert_eq!(server.read(&mut [0; 2]).unwrap(), 2);
    assert!(has_no_event(&epoll), "though four octets are there");
    epoll.modify(&server, &mut EpollEvent::new(flags, 0)).unwrap();
    assert_eq!(events(&epoll), EpollFlags::EPOLLIN, "who registers anew is told anew");
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 4);
}

#[test]
fn one_wait_tells_of_all_who_are_ready() {
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let pairs: Vec<_> = (0..8).map(|_| pair()).collect();
    for ((client, server), number) in pairs.iter().zip(0..) {
        epoll.add(server, EpollEvent::new(EpollFlags::EPOLLIN, number)).unwrap();
        if number % 2 == 0 {
            let mut client = client;
            client.write_all(b"?").unwrap();
            server.peek(&mut [0]).unwrap();
        }
    }
    let mut events = [EpollEvent::empty(); 16];
    let count = epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
    let mut told: Vec<_> = events[..count].iter().map(EpollEvent::data).collect();
    told.sort();
    assert_eq!(told, [0, 2, 4, 6]);
}

#[test]
fn a_full_socket_becomes_writable_when_its_peer_has_read() {
    let (client, mut server) = pair();
    server.set_nonblocking(true).unwrap();
    let octets = vec![0; 1 << 20];
    let mut taken = 0;
    while let Ok(count) = server.write(&octets) {
        taken += count;
    }
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&server, EpollEvent::new(EpollFlags::EPOLLOUT | EpollFlags::EPOLLET, 0)).unwrap();
    assert!(has_no_event(&epoll), "there is no room");
    let mut client = &client;
    let mut buffer = vec![0; 1 << 20];
    while taken > 0 {
        taken -= client.read(&mut buffer).unwrap();
    }
    assert_eq!(events(&epoll), EpollFlags::EPOLLOUT);
}

#[test]
fn an_eventfd_is_writable_before_it_is_readable() {
    let (epoll, event) = (Epoll::new(EpollCreateFlags::empty()).unwrap(), EventFd::new().unwrap());
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
    epoll.add(&event, EpollEvent::new(flags, 0)).unwrap();
    assert_eq!(events(&epoll), EpollFlags::EPOLLOUT);
    event.write(1).unwrap();
    assert!(events(&epoll).contains(EpollFlags::EPOLLIN));
}

#[test]
fn shutting_a_socket_down_ends_the_read_another_thread_sits_in() {
    let (_client, server) = pair();
    let mut reader = server.try_clone().unwrap();
    let entered = Barrier::new(2);
    thread::scope(|scope| {
        let read = scope.spawn(|| {
            entered.wait();
            reader.read(&mut [0])
        });
        entered.wait();
        // Before or after the other has entered the read: it ends either way.
        server.shutdown(Shutdown::Read).unwrap();
        assert_eq!(read.join().unwrap().unwrap(), 0);
    });
}

#[test]
fn closing_a_listener_resets_those_in_its_queue() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(listener);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn closing_with_unread_octets_resets_and_finishing_first_does_not() {
    for lingers in [false, true] {
        let (mut client, mut server) = pair();
        client.write_all(b"a request nobody reads").unwrap();
        // Waits until it is there.
        server.peek(&mut [0]).unwrap();
        server.write_all(b"the last answer").unwrap();
        if lingers {
            server.shutdown(Shutdown::Write).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            while server.read(&mut [0; 64]).unwrap() > 0 {}
        }
        drop(server);
        let mut answer = Vec::new();
        let outcome = client.read_to_end(&mut answer);
        if lingers {
            assert_eq!((outcome.unwrap(), &answer[..]), (15, &b"the last answer"[..]));
        } else {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn listeners_of_one_group_share_an_address_and_a_stranger_may_not() {
    let bind = |address: std::net::SocketAddr, shared: bool| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(shared).unwrap();
        socket.bind(&address.into()).and_then(|()| socket.listen(1)).map(|()| socket)
    };
    let first = bind("127.0.0.1:0".parse().unwrap(), true).unwrap();
    let address = first.local_addr().unwrap().as_socket().unwrap();
    assert!(bind(address, true).is_ok());
    assert_eq!(bind(address, false).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_hang_up_is_told_once_before_or_after_it_was_asked_for_and_then_no_read_waits() {
    for comes_first in [true, false] {
        for is_reset in [true, false] {
            let (mut client, mut server) = pair();
            let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
            let add = || {
                let flags = EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLONESHOT;
                epoll.add(&server, EpollEvent::new(flags, 7)).unwrap();
            };
            client.write_all(b"unread").unwrap();
            if !comes_first {
                add();
                assert!(has_no_event(&epoll), "octets are no news");
            }
            if is_reset {
                SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(client);
            if comes_first {
                // Once a look shows the end behind the octets, it has come.
                let probe = Epoll::new(EpollCreateFlags::empty()).unwrap();
                probe.add(&server, EpollEvent::new(EpollFlags::EPOLLRDHUP, 0)).unwrap();
                events(&probe);
                add();
            }
            assert!(events(&epoll).contains(EpollFlags::EPOLLRDHUP));
            assert!(has_no_event(&epoll), "it was told");
            SockRef::from(&server).set_nonblocking(true).unwrap();
            let waits = |read: std::io::Result<usize>| read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            assert!((0..3).all(|_| !waits(server.read(&mut [0; 4]))), "first: {comes_first}, reset: {is_reset}");
            assert!(has_no_event(&epoll), "nor is it news that all has been read");
        }
    }
}

#[test]
fn a_socket_that_is_closed_leaves_the_set_and_one_can_be_added_while_another_thread_waits() {
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let flags = EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLONESHOT;
    let (left, gone) = pair();
    epoll.add(&gone, EpollEvent::new(flags, 1)).unwrap();
    drop((gone, left));
    thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let mut events = [EpollEvent::empty(); 4];
            let count = epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
            events[..count].iter().map(|event| event.data()).collect::<Vec<_>>()
        });
        let (client, server) = pair();
        epoll.add(&server, EpollEvent::new(flags, 2)).unwrap();
        drop(client);
        assert_eq!(waits.join().unwrap(), [2]);
    });
}
