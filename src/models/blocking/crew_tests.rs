//! How many threads a connection has, and that nobody notices.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::Blocking;
use crate::sys::calls::Call;
use crate::{ConnectionId, Context, Cost, Event, Interest, Model, Now, Peer, Protocol, Service, Shutdown, listen};

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Enough that it takes a while to deliver them.
const BURST: u32 = 100;

/// Introduces newcomers by number, and does what a line asks for: `tell N`, `abort N`, `burst N M` (N tells M [`BURST`] numbers).
#[derive(Default)]
struct Exchange {
    names: Mutex<Vec<ConnectionId>>,
}

/// Passes numbers on, and tells its peer those that come to it.
struct Talker<'a> {
    names: &'a Mutex<Vec<ConnectionId>>,
    sent: u32,
}

enum Word {
    Number(u32),
    Abort,
    Burst(ConnectionId),
}

impl Service for &'static Exchange {
    type Protocol = Talker<'static>;

    fn accept(&self, _now: Now) -> Option<Talker<'static>> {
        Some(Talker { names: &self.names, sent: 0 })
    }
}

impl Talker<'_> {
    fn tell(&mut self, to: ConnectionId, cx: &mut Context<'_, Word>) {
        cx.message(to, Word::Number(self.sent));
        self.sent += 1;
    }
}

impl Protocol for Talker<'static> {
    type Message = Word;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Word>) -> usize {
        let Some(end) = input.iter().position(|&octet| octet == b'\n') else { return 0 };
        let line = String::from_utf8_lossy(&input[..end]);
        let mut words = line.split(' ');
        let verb = words.next();
        let names = self.names;
        let mut name = || names.lock().unwrap()[words.next().unwrap().parse::<usize>().unwrap()];
        let to = name();
        match verb {
            Some("tell") => self.tell(to, cx),
            Some("abort") => cx.message(to, Word::Abort),
            _ => cx.message(to, Word::Burst(name())),
        }
        end + 1
    }

    fn event(&mut self, event: Event<Word>, cx: &mut Context<'_, Word>) {
        match event {
            Event::Begun(_) => {
                let mut names = self.names.lock().unwrap();
                cx.write(format!("{}\n", names.len()).as_bytes());
                names.push(cx.me());
            }
            Event::Message(_, Word::Number(number)) => cx.write(format!("{number}\n").as_bytes()),
            Event::Message(_, Word::Abort) => cx.abort(),
            Event::Message(_, Word::Burst(to)) => (0..BURST).for_each(|_| self.tell(to, cx)),
            Event::PeerFinished | Event::Stopping => self.sent = u32::MAX,
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        (self.sent < u32::MAX).then_some(Interest { peer: Peer::Bytes, messages: true, ..Interest::default() })
    }
}

/// Serves while `talk` goes on.
fn serving(talk: impl FnOnce(SocketAddr)) -> Cost {
    let service: &'static Exchange = Box::leak(Box::default());
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| Blocking::default().serve(listener, &service, &shutdown).unwrap());
        let end = Ending(&shutdown);
        talk(address);
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

struct Client {
    reader: BufReader<TcpStream>,
    number: usize,
}

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { reader: BufReader::new(stream), number: 0 };
        client.number = client.hear().unwrap() as usize;
        client
    }

    fn say(&mut self, line: &str) {
        self.reader.get_mut().write_all(line.as_bytes()).unwrap();
    }

    fn hear(&mut self) -> io::Result<u32> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        line.trim().parse().map_err(io::Error::other)
    }
}

#[test]
fn who_is_told_something_while_it_listens_has_two_threads_and_nobody_else() {
    let cost = serving(|address| {
        let mut idle: Vec<_> = (0..10).map(|_| Client::connect(address)).collect();
        let mut told = Client::connect(address);
        for number in 0..100 {
            idle[0].say(&format!("tell {}\n", told.number));
            assert_eq!(told.hear().unwrap(), number);
        }
        // What it hears meanwhile it hears as before.
        told.say(&format!("tell {}\n", told.number));
        assert_eq!(told.hear().unwrap(), 0);
        // Their clients are there when the shutdown finds them: ending needs no threads either.
        thread::spawn(move || {
            for client in &mut idle {
                let _ = client.hear();
            }
        });
    });
    assert_eq!((cost.connections, cost.calls.of(Call::Clone3)), (11, 12));
}

#[test]
fn letters_keep_their_order_whichever_thread_they_come_from() {
    const TIMES: u32 = 300;
    serving(|address| {
        let (mut one, mut other, mut to) = (Client::connect(address), Client::connect(address), Client::connect(address));
        let (own, foreign) = (format!("tell {}\n", to.number).repeat(10), format!("burst {} {}\n", one.number, to.number));
        let talking = thread::spawn(move || {
            (0..TIMES).for_each(|_| other.say(&foreign));
            other
        });
        let listening =
            thread::spawn(move || (0..TIMES * (10 + BURST)).for_each(|number| assert_eq!(to.hear().unwrap(), number)));
        (0..TIMES).for_each(|_| one.say(&own));
        listening.join().unwrap();
        drop(talking.join().unwrap());
    });
}

#[test]
fn an_abort_from_elsewhere_is_a_reset_whatever_its_threads_are_at() {
    serving(|address| {
        let mut one = Client::connect(address);
        for _ in 0..300 {
            let mut other = Client::connect(address);
            one.say(&format!("abort {}\n", other.number));
            assert_eq!(other.hear().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        }
    });
}
