//! A client that nobody here wrote, tungstenite, with each of the four models: behind the handshake of HTTP, and without it.

mod skip;
mod tcp;
mod websocket_support;

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use iolab::Close;
use iolab::http1::{Exchange, Handler, Head, HttpLimits, HttpService, TimeLimits, Trailers};
use iolab::limits::ServeLimits;
use iolab::models::AnyModel;
use iolab::websocket::{WebSocket, WebSocketLimits, accept};
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, Utf8Bytes};

use tcp::{PATIENCE, Server, ready};
use websocket_support::{Echo, Echoes, Log};

type Client = tungstenite::WebSocket<Stream>;

/// A stream that reads on when a signal, or the kernel's work for io_uring, has interrupted it.
struct Stream(TcpStream);

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A server of HTTP, at whose every path an echo answers.
#[derive(Default)]
struct Door {
    log: Log,
    limits: WebSocketLimits,
    is_open: bool,
}

impl Handler for Door {
    type Message = Infallible;
    type Upgraded = WebSocket<Echo>;

    fn request(&mut self, head: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        match accept(head) {
            Ok(accepted) => {
                self.is_open = true;
                exchange.upgrade(&accepted.fields());
            }
            Err(refusal) => exchange.answer_whole(refusal.status(), refusal.fields(), refusal.to_string().as_bytes()),
        }
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Exchange<'_, '_>) {}

    fn upgraded(&mut self) -> Option<WebSocket<Echo>> {
        self.is_open.then(|| WebSocket::new(Echo { log: self.log.clone() }, self.limits))
    }
}

fn connect(server: &Server) -> Stream {
    let stream = TcpStream::connect(server.address).expect("a server that listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Stream(stream)
}

/// A client past the handshake.
fn client(stream: Stream) -> Client {
    let config = WebSocketConfig::default().write_buffer_size(0);
    Client::from_raw_socket(stream, Role::Client, Some(config))
}

/// Speaks with a server of each model that this machine can run, with all of them at a time: much of it is waiting.
fn with_every_model(talk: impl Fn(AnyModel) + Sync) {
    thread::scope(|scope| {
        for model in AnyModel::all().into_iter().filter_map(|model| ready(model, ServeLimits::default())) {
            let talk = &talk;
            scope.spawn(move || talk(model));
        }
    });
}

/// The same without the handshake.
fn with_every_echo(limits: WebSocketLimits, talk: impl Fn(&Server, &Log) + Sync) {
    with_every_model(|model| {
        let log = Log::default();
        let server = Server::start(model, 1, Arc::new(Echoes { log: log.clone(), limits }));
        talk(&server, &log);
        server.stop().unwrap();
    });
}

#[test]
fn messages_of_all_sizes_come_back() {
    with_every_echo(WebSocketLimits::default(), |server, log| {
        let mut client = client(connect(server));
        for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            let octets: Bytes = (0..length).map(|at| (at * 7) as u8).collect::<Vec<_>>().into();
            let text: Utf8Bytes = "äöü€😀 "[..].chars().cycle().take(length / 4).collect::<String>().into();
            for message in [Message::Binary(octets), Message::Text(text)] {
                client.send(message.clone()).unwrap();
                assert_eq!(client.read().unwrap(), message);
            }
        }
        client.close(Some(CloseFrame { code: CloseCode::Library(4009), reason: "späte".into() })).unwrap();
        match client.read().unwrap() {
            Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Library(4009)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(client.read(), Err(Error::ConnectionClosed)), "the server closes first, and in order");
        server.stop().unwrap();
        let heard = log.take();
        assert_eq!(heard[heard.len() - 2..], ["closing 4009 späte".into(), format!("Closed({:?})", Close::Done)]);
    });
}

#[test]
fn fragments_and_pings_between_them() {
    let fragment = |first: bool, octets: &[u8], is_final| {
        let opcode = OpCode::Data(if first { Data::Text } else { Data::Continue });
        Message::Frame(Frame::message(octets.to_vec(), opcode, is_final))
    };
    with_every_echo(WebSocketLimits::default(), |server, _| {
        let mut client = client(connect(server));
        // The euro sign is cut in the middle.
        client.send(fragment(true, b"5 \xe2", false)).unwrap();
        client.send(Message::Ping("are you there?".into())).unwrap();
        assert_eq!(client.read().unwrap(), Message::Pong("are you there?".into()));
        client.send(fragment(false, b"\x82\xac", false)).unwrap();
        client.send(fragment(false, b"", true)).unwrap();
        assert_eq!(client.read().unwrap(), Message::Text("5 €".into()));
    });
}

#[test]
fn what_is_not_allowed_is_closed_with_its_code() {
    let cases: [(OpCode, &[u8], CloseCode); 3] = [
        (OpCode::Data(Data::Text), b"\xff", CloseCode::Invalid),
        (OpCode::Data(Data::Continue), b"x", CloseCode::Protocol),
        (OpCode::Data(Data::Binary), &[0; 1001], CloseCode::Size),
    ];
    with_every_echo(WebSocketLimits { message: 1000, ..WebSocketLimits::default() }, |server, _| {
        for (opcode, octets, code) in cases {
            let mut client = client(connect(server));
            client.send(Message::Frame(Frame::message(octets.to_vec(), opcode, true))).unwrap();
            match client.read().unwrap() {
                Message::Close(Some(frame)) => assert_eq!(frame.code, code),
                other => panic!("{other:?} instead of {code}"),
            }
            assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
        }
    });
}

#[test]
fn a_peer_that_has_gone_is_pinged_and_forgotten() {
    let limits = WebSocketLimits { ping_every: Some(Duration::from_millis(300)), ..WebSocketLimits::default() };
    with_every_echo(limits, |server, _| {
        // tungstenite answers pings whenever it reads; who reads the socket itself answers none.
        let mut silent = connect(server);
        let mut octets = Vec::new();
        let error = silent.read_to_end(&mut octets).expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(!octets.is_empty() && octets.chunks(2).all(|frame| frame == [0x89, 0]), "{octets:x?}");

        let mut alive = client(connect(server));
        for _ in 0..5 {
            assert_eq!(alive.read().unwrap(), Message::Ping(Bytes::new()));
        }
        alive.send("still here".into()).unwrap();
        let answer = std::iter::from_fn(|| alive.read().ok()).find(|message| !message.is_ping());
        assert_eq!(answer, Some("still here".into()));
    });
}

#[test]
fn a_server_that_stops_says_that_it_goes_away() {
    with_every_echo(WebSocketLimits::default(), |server, log| {
        let mut clients: Vec<Client> = (0..20).map(|_| client(connect(server))).collect();
        for client in &mut clients {
            client.send("hello".into()).unwrap();
            assert_eq!(client.read().unwrap(), "hello".into());
        }
        server.shutdown.begin();
        for client in &mut clients {
            match client.read().unwrap() {
                Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Away),
                other => panic!("{other:?}"),
            }
            assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
        }
        server.stop().unwrap();
        let heard = log.take();
        assert_eq!(heard.iter().filter(|entry| *entry == "closing 1001 the server is stopping").count(), 20, "{heard:?}");
    });
}

#[test]
fn through_the_handshake_of_http() {
    let good = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    with_every_model(|model| {
        let log = Log::default();
        let its = log.clone();
        let handler = move || Door { log: its.clone(), ..Door::default() };
        let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), handler);
        let server = Server::start(model, 1, Arc::new(service));

        // A refusal first: the connection goes on in HTTP. The first frame comes with the handshake.
        let mut stream = connect(&server);
        stream.write_all(good.replace("Version: 13", "Version: 8").as_bytes()).unwrap();
        let mut refusal = vec![0; 4096];
        let count = stream.read(&mut refusal).unwrap();
        let refusal = String::from_utf8_lossy(&refusal[..count]);
        assert!(refusal.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{refusal}");
        assert!(refusal.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{refusal}");

        let first = websocket_support::client(websocket_support::TEXT, "first");
        stream.write_all(&[good.as_bytes(), &first].concat()).unwrap();
        let mut head = vec![0; answer.len()];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(String::from_utf8_lossy(&head), answer);
        let mut client = client(stream);
        assert_eq!(client.read().unwrap(), "first".into());
        client.send("close 4000 bye".into()).unwrap();
        match client.read().unwrap() {
            Message::Close(Some(frame)) => assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4000, "bye")),
            other => panic!("{other:?}"),
        }
        assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
        let error = client.send("too late".into()).expect_err("it is closed");
        assert!(matches!(error, Error::AlreadyClosed | Error::Protocol(ProtocolError::SendAfterClosing)), "{error:?}");
        server.stop().unwrap();
        assert_eq!(log.take(), ["Begun(Ok(()))", "text first", "text close 4000 bye", "closing 4000 bye", "Closed(Done)"]);
    });
}
