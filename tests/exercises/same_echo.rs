//! Of the chapter "The same echo, four times".

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::models::{Epoll, Pool};
use iolab::patterns::Echo;
use iolab::{Cost, Model, Shutdown, listen};

use crate::check;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";

/// What it takes a model to serve echo while somebody talks to it.
fn cost_of(model: &impl Model, talk: impl FnOnce(SocketAddr)) -> Cost {
    let listeners = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), Echo::default);
    let shutdown = Shutdown::new().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| model.serve_all(listeners, &service, &shutdown).unwrap());
        talk(address);
        shutdown.begin();
        server.join().unwrap()
    })
}

fn connect(address: SocketAddr) -> TcpStream {
    let peer = TcpStream::connect(address).unwrap();
    peer.set_nodelay(true).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    peer
}

/// Reads until what has been heard since ends like this, so many times.
fn hear(peer: &mut TcpStream, end: &[u8], times: usize) {
    let (mut heard, mut octets) = (Vec::new(), [0; 4096]);
    while heard.windows(end.len()).filter(|window| window == &end).count() < times {
        let count = peer.read(&mut octets).unwrap();
        assert!(count > 0, "it hung up: {}", String::from_utf8_lossy(&heard));
        heard.extend(&octets[..count]);
    }
}

/// One connection to epoll's echo, on which a request is made so many times by `ask`.
fn calls_of_epoll(times: usize, ask: impl Fn(&mut TcpStream)) -> u64 {
    let cost = cost_of(&Epoll::default(), |address| {
        let mut peer = connect(address);
        (0..times).for_each(|_| ask(&mut peer));
    });
    cost.calls.total()
}

/// System calls that one more `ask` takes. The beginning and the end of a connection, which are in both counts, may take one more
/// or less.
fn calls_of_one_more(ask: impl Fn(&mut TcpStream)) -> u64 {
    let (few, many) = (calls_of_epoll(4, &ask), calls_of_epoll(36, &ask));
    (many - few + 16) / 32
}

#[test]
fn same_echo_1() {
    check(
        "same-echo-1",
        calls_of_one_more(|peer| {
            peer.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").unwrap();
            hear(peer, b"100 Continue\r\n\r\n", 1);
            peer.write_all(b"hello").unwrap();
            hear(peer, b"\r\n\r\nhello", 1);
        }),
    );
}

#[test]
fn same_echo_2() {
    let sixteen = [HEAD, b"hello"].concat().repeat(16);
    check(
        "same-echo-2",
        calls_of_one_more(|peer| {
            peer.write_all(&sixteen).unwrap();
            hear(peer, b"\r\n\r\nhello", 16);
        }),
    );
}

#[test]
fn same_echo_3() {
    let cost = cost_of(&Pool::default(), |address| {
        let peers: Vec<_> = (0..10)
            .map(|_| {
                let mut peer = connect(address);
                peer.write_all(&[HEAD, b"hello"].concat()).unwrap();
                hear(&mut peer, b"\r\n\r\nhello", 1);
                peer
            })
            .collect();
        drop(peers);
    });
    check("same-echo-3", cost.threads_peak);
}
