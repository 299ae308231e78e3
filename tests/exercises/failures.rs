//! Of the chapter "What goes wrong".

use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::limits::ServeLimits;
use iolab::patterns::Echo;
use iolab::{Close, Common, Connection, Now, Service, Time};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::check;

/// Lets a connection to the echo hear something, at the first instant, and then does with it what `then` does.
fn echo<R>(
    limits: ServeLimits,
    octets: &[u8],
    then: impl FnOnce(&mut Connection<<EchoService as Service>::Protocol>) -> R,
) -> R {
    let now = Now { at: Time::from_nanos(0), unix_seconds: 7 };
    let service: EchoService = HttpService::new(HttpLimits::default(), TimeLimits::default(), Echo::default);
    let protocol = service.accept(now).expect("an echo turns nobody away");
    let mut connection = Connection::accepted(protocol, &Common::new(0, limits, 0), now);
    connection.received(octets, now);
    then(&mut connection)
}

type EchoService = HttpService<fn() -> Echo>;

/// The status of each answer that waits to be sent, none of which is.
fn statuses<P: iolab::Protocol>(connection: &mut Connection<P>) -> Vec<String> {
    let mut slices = [IoSlice::new(&[]); 1024];
    let filled = connection.queue().slices(&mut slices);
    let said: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    String::from_utf8_lossy(&said).split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect()
}

#[test]
fn failures_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"a body that nobody reads").unwrap();
    server.peek(&mut [0]).unwrap();
    server.write_all(b"the last answer").unwrap();
    drop(server);
    let mut heard = Vec::new();
    let end = client.read_to_end(&mut heard).expect_err("a close with unread octets resets");
    assert_eq!(end.raw_os_error(), Some(nix::errno::Errno::ECONNRESET as i32));
    check("failures-1", heard.len());
}

#[test]
fn failures_2() {
    let body = "x".repeat(10_000);
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n{body}");
    let answered = echo(ServeLimits::default(), request.repeat(100).as_bytes(), |connection| statuses(connection).len());
    check("failures-2", answered);
}

#[test]
fn failures_3() {
    let limits = ServeLimits { send_grace: Duration::from_secs(10), send_rate: 1000, ..ServeLimits::default() };
    let cut = echo(limits, b"GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n", |connection| {
        let second = |connection: &mut Connection<_>, number: u64| {
            let now = Now { at: Time::default() + Duration::from_secs(number), unix_seconds: 7 + number };
            connection.queue().sent(500);
            connection.sent(now);
            connection.time(now);
            connection.close()
        };
        (1..100).find(|&number| second(connection, number) == Some(Close::Unheard))
    });
    check("failures-3", cut.expect("it is too slow"));
}

#[test]
fn failures_4() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&server, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0)).unwrap();
    client.write_all(&[b'x'; 100]).unwrap();
    let mut events = [EpollEvent::empty(); 4];
    assert_eq!(epoll.wait(&mut events, EpollTimeout::NONE), Ok(1));
    assert_eq!(server.read(&mut [0; 10]).unwrap(), 10);
    check("failures-4", epoll.wait(&mut events, EpollTimeout::ZERO).unwrap());
}

#[test]
fn failures_5() {
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n\
                   0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = echo(ServeLimits::default(), request.as_bytes(), |connection| statuses(connection).join(" "));
    check("failures-5", answers);
}
