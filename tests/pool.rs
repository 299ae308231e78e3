//! What only the pool can get wrong: who sits in which call while a protocol changes its mind. The scripts that all models play
//! are elsewhere.

mod skip;

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use iolab::limits::ServeLimits;
use iolab::models::Pool;
use iolab::{
    Call, ConnectionId, Context, Cost, Directory, Event, FileDone, FileId, FileOp, Interest, Model, Now, OpenMode, Peer,
    Protocol, Service, Shutdown, Time, listen,
};
use nix::sys::resource::{Resource, setrlimit};

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

const CRUMBS: usize = 20;

/// Does what its peer says, line by line, and tells the test what it hears beside octets.
struct Puppet {
    news: Sender<String>,
    present: Arc<Mutex<Vec<ConnectionId>>>,
    peer: Peer,
    deadline: Option<Time>,
    /// Watches from the deadline on, instead of listening.
    naps: bool,
    is_over: bool,
    parent: Option<ConnectionId>,
    file: Option<FileId>,
}

struct Puppets {
    news: Mutex<Sender<String>>,
    /// All there ever were.
    present: Arc<Mutex<Vec<ConnectionId>>>,
    directory: Option<Directory>,
}

enum Message {
    /// To be connected, and to give up at this time.
    Connect { parent: ConnectionId, until: Time },
    /// What came of it.
    Connected(Result<(), ErrorKind>),
    /// To be said.
    Words(String),
    /// To listen again.
    Wake,
    /// So much to be said, whoever listens.
    Pour(usize),
}

impl Service for Puppets {
    type Protocol = Puppet;

    fn accept(&self, _: Now) -> Option<Puppet> {
        let news = self.news.lock().unwrap().clone();
        let present = Arc::clone(&self.present);
        Some(Puppet { news, present, peer: Peer::Bytes, deadline: None, naps: false, is_over: false, parent: None, file: None })
    }

    fn grow(&self, seed: Message, now: Now) -> Result<Puppet, Message> {
        let Message::Connect { parent, until } = seed else { return Err(seed) };
        let puppet = self.accept(now).unwrap();
        Ok(Puppet { parent: Some(parent), deadline: Some(until), ..puppet })
    }

    fn directory(&self) -> Option<&Directory> {
        self.directory.as_ref()
    }
}

impl Puppet {
    fn obey(&mut self, line: &str, cx: &mut Context<'_, Message>) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u64>().unwrap();
        match verb {
            "echo" => cx.write(format!("{rest}\n").as_bytes()),
            // Only wants to know if it is left alone, until it is woken.
            "park" => {
                self.peer = Peer::HangUp;
                cx.write(b"parked\n");
            }
            // Waits for the same in the naive way: whoever goes is noticed by listening.
            "stay" => cx.write(b"parked\n"),
            "wake" => self.present.lock().unwrap().iter().for_each(|&to| cx.message(to, Message::Wake)),
            "pour" => self.present.lock().unwrap().iter().for_each(|&to| cx.message(to, Message::Pour(number() as usize))),
            // Does not listen for so many milliseconds, but wants to know if it is left alone.
            "watch" => (self.peer, self.deadline) = (Peer::HangUp, Some(cx.now() + Duration::from_millis(number()))),
            // Listens for so long, and then only wants to know if it is left alone.
            "nap" => (self.naps, self.deadline) = (true, Some(cx.now() + Duration::from_millis(number()))),
            "flood" => cx.send(Bytes::from(vec![b'x'; number() as usize])),
            // The same, and then more pieces than go at once: while they go, it listens.
            "crumble" => {
                cx.send(Bytes::from(vec![b'x'; number() as usize]));
                (0..CRUMBS).for_each(|_| cx.send(Bytes::from_static(&[b'x'; 3000])));
            }
            "connect" => {
                let (address, millis) = rest.split_once(' ').unwrap();
                let until = cx.now() + Duration::from_millis(millis.parse().unwrap());
                cx.connect(address.parse().unwrap(), Message::Connect { parent: cx.me(), until });
            }
            "all" => {
                self.present.lock().unwrap().iter().for_each(|&to| cx.message(to, Message::Words(format!("{rest}\n"))));
            }
            "files" => _ = cx.open("new", OpenMode::CreateNew),
            "finish" => cx.finish(),
            "end" => self.is_over = true,
            _ => panic!("{line:?}?"),
        }
    }

    fn tell(&self, news: impl ToString) {
        let _ = self.news.send(news.to_string());
    }

    /// From one file operation to the next.
    fn go_on(&mut self, done: io::Result<FileDone>, cx: &mut Context<'_, Message>) {
        match (done, self.file) {
            (Ok(FileDone::Opened(file, 0)), None) => {
                self.file = Some(file);
                (0..40).for_each(|at| _ = cx.write_file(file, at * 3, Bytes::from_static(b"abc")));
                cx.file(FileOp::Rename { from: "new".into(), to: "nowhere/old".into() });
            }
            (Ok(FileDone::Done), Some(_)) => cx.write(b"written\n"),
            (Err(error), Some(file)) if error.kind() == ErrorKind::NotFound => {
                cx.file(FileOp::Read { file, range: 0..200 });
            }
            (Ok(FileDone::Read(octets)), Some(_)) => cx.write(format!("read {}\n", octets.len()).as_bytes()),
            (done, _) => cx.write(format!("{done:?}\n").as_bytes()),
        }
    }
}

impl Protocol for Puppet {
    type Message = Message;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Message>) -> usize {
        let Some(end) = input.iter().position(|&octet| octet == b'\n') else { return 0 };
        self.obey(std::str::from_utf8(&input[..end]).unwrap(), cx);
        end + 1
    }

    fn event(&mut self, event: Event<Message>, cx: &mut Context<'_, Message>) {
        match event {
            Event::Begun(result) => {
                self.present.lock().unwrap().push(cx.me());
                if let Some(parent) = self.parent {
                    cx.write(b"hello\n");
                    self.is_over = result.is_err();
                    self.deadline = None;
                    cx.message(parent, Message::Connected(result.map_err(|error| error.kind())));
                }
            }
            Event::Deadline => {
                self.deadline = None;
                if self.parent.is_some() {
                    self.is_over = true;
                } else if self.naps {
                    self.peer = Peer::HangUp;
                    cx.write(b"napping\n");
                } else {
                    self.peer = Peer::Bytes;
                    cx.write(b"awake\n");
                }
            }
            Event::Message(_, Message::Connected(result)) => cx.write(format!("{result:?}\n").as_bytes()),
            Event::Message(_, Message::Words(words)) => cx.write(words.as_bytes()),
            Event::Message(_, Message::Pour(octets)) => cx.send(Bytes::from(vec![b'x'; octets])),
            Event::Message(_, Message::Wake) if self.peer == Peer::HangUp => {
                self.peer = Peer::Bytes;
                cx.write(b"awake\n");
            }
            Event::File(_, done) => self.go_on(done, cx),
            Event::HangUp => {
                self.tell("hang-up");
                self.is_over = true;
            }
            Event::PeerFinished => {
                self.tell("finished");
                self.is_over = true;
            }
            Event::Closed(close) => self.tell(format!("{close:?}")),
            Event::Stopping => self.is_over = true,
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        let interest = Interest { peer: self.peer, messages: true, room: false, deadline: self.deadline };
        (!self.is_over).then_some(interest)
    }
}

/// A server of puppets, for as long as `converse` takes.
fn serve(limits: ServeLimits, converse: impl FnOnce(SocketAddr, &Receiver<String>)) -> Cost {
    serve_all(1, limits, converse)
}

fn serve_all(loops: usize, limits: ServeLimits, converse: impl FnOnce(SocketAddr, &Receiver<String>)) -> Cost {
    let files = tempfile::tempdir().unwrap();
    let (news, heard) = channel();
    let directory = Some(Directory::open(files.path()).unwrap());
    let puppets = Puppets { news: Mutex::new(news), present: Arc::default(), directory };
    let shutdown = Shutdown::new().unwrap();
    let listeners = listen("127.0.0.1:0".parse().unwrap(), loops).unwrap();
    let address = listeners[0].local_addr().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| Pool { limits }.serve_all(listeners, &puppets, &shutdown));
        /// Also if the conversation fails.
        struct Stop<'a>(&'a Shutdown);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.begin();
            }
        }
        let stop = Stop(&shutdown);
        converse(address, &heard);
        drop(stop);
        server.join().unwrap().unwrap()
    })
}

fn dial(address: SocketAddr) -> TcpStream {
    let peer = TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

fn reset(peer: TcpStream) {
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
}

fn say(peer: &mut TcpStream, line: &str) {
    peer.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn hear(peer: &mut TcpStream, expected: &str) {
    let mut heard = vec![0; expected.len()];
    peer.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), expected);
}

fn news(heard: &Receiver<String>) -> String {
    heard.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn reading_and_watching_take_turns() {
    serve(ServeLimits::default(), |address, heard| {
        let mut peer = dial(address);
        for round in 0..20 {
            say(&mut peer, "watch 3");
            if round % 2 == 0 {
                say(&mut peer, "echo while it is watching");
                hear(&mut peer, "awake\nwhile it is watching\n");
            } else {
                hear(&mut peer, "awake\n");
            }
            say(&mut peer, "echo and now");
            hear(&mut peer, "and now\n");
        }
        say(&mut peer, "watch 1000000");
        say(&mut peer, "nobody reads this");
        drop(peer);
        assert_eq!(news(heard), "hang-up");
        assert_eq!(news(heard), "Done");

        // A peer that goes while it is read, and has been watched before, has finished and not hung up.
        let mut peer = dial(address);
        say(&mut peer, "watch 1");
        hear(&mut peer, "awake\n");
        drop(peer);
        assert_eq!(news(heard), "finished");
        assert_eq!(news(heard), "Done");

        // One that resets is noticed too.
        let mut peer = dial(address);
        say(&mut peer, "watch 1000000");
        reset(peer);
        assert_eq!(news(heard), "hang-up");
    });
}

#[test]
fn a_hang_up_is_noticed_by_one_who_still_reads() {
    serve(ServeLimits::default(), |address, heard| {
        let mut peers: Vec<_> = (0..3).map(|_| dial(address)).collect();
        for peer in &mut peers {
            say(peer, "nap 1");
            hear(peer, "napping\n");
        }
        // Octets bring the reader back, but are no news.
        say(&mut peers[0], "z");
        for leave in [drop, drop, reset] {
            leave(peers.remove(0));
            assert_eq!(news(heard), "hang-up");
            news(heard);
        }
    });
}

/// So many, each of whom says this and is answered before the next comes.
fn parked(address: SocketAddr, count: usize, how: &str) -> Vec<TcpStream> {
    let park = |_| {
        let mut peer = dial(address);
        say(&mut peer, how);
        hear(&mut peer, "parked\n");
        peer
    };
    (0..count).map(park).collect()
}

/// How often this is among the next so many news.
fn count_news(heard: &Receiver<String>, among: usize, wanted: &str) -> usize {
    (0..among).filter(|_| news(heard) == wanted).count()
}

const PARKED: usize = 300;

#[test]
fn those_who_are_parked_share_one_thread() {
    let cost = serve(ServeLimits::default(), |address, heard| {
        let mut peers = parked(address, PARKED, "park");
        let mut other = dial(address);
        say(&mut other, "all hello");
        for peer in peers.iter_mut().chain([&mut other]) {
            hear(peer, "hello\n");
        }
        // Who hangs up is told of, once, and so is who does it together with all others.
        drop(peers.split_off(PARKED - 1));
        assert_eq!((news(heard), news(heard)), ("hang-up".into(), "Done".into()));
        say(&mut peers[0], "this is unread");
        drop(peers);
        let rest = PARKED - 1;
        assert_eq!(count_news(heard, 2 * rest, "hang-up"), rest);
        say(&mut other, "echo and nobody else is there");
        hear(&mut other, "and nobody else is there\n");
        assert!(heard.try_recv().is_err(), "all had been told");
    });
    eprintln!("{PARKED} parked with Peer::HangUp: {} threads", cost.threads_peak);
    assert!(cost.threads_peak < 20, "{} threads for {PARKED} who wait for nothing but their peers' end", cost.threads_peak);
    assert_eq!((cost.refused, cost.calls.of(Call::EpollCreate1)), (0, 1));
}

/// The bad example: a long poll that listens while it has nothing to hear.
#[test]
fn those_who_listen_keep_a_thread_each() {
    let cost = serve(ServeLimits::default(), |address, heard| {
        drop(parked(address, PARKED, "stay"));
        assert_eq!(count_news(heard, 2 * PARKED, "finished"), PARKED);
    });
    eprintln!("{PARKED} parked with Peer::Bytes: {} threads", cost.threads_peak);
    assert!((PARKED..PARKED + 20).contains(&cost.threads_peak), "{} threads", cost.threads_peak);
    assert_eq!(cost.calls.of(Call::EpollCreate1), 0, "nobody asked to be watched");
}

#[test]
fn who_is_parked_reads_on_when_it_is_woken() {
    const PEERS: usize = 20;
    serve(ServeLimits::default(), |address, heard| {
        let mut other = dial(address);
        let mut peers = parked(address, PEERS, "park");
        for round in 0..10 {
            say(&mut peers[round], "echo said while it was parked");
            say(&mut other, "wake");
            for (number, peer) in peers.iter_mut().enumerate() {
                hear(peer, "awake\n");
                if number == round {
                    hear(peer, "said while it was parked\n");
                }
                say(peer, "park");
                hear(peer, "parked\n");
            }
        }
        // The news of one who has gone while it was read is late, and its own word for it is another.
        say(&mut other, "wake");
        peers.iter_mut().for_each(|peer| hear(peer, "awake\n"));
        drop(peers);
        assert_eq!(count_news(heard, 2 * PEERS, "finished"), PEERS);
        say(&mut other, "echo and on");
        hear(&mut other, "and on\n");
        assert!(heard.try_recv().is_err(), "all had been told");
    });
}

/// Set for the process in which threads are few.
const FEW: &str = "IOLAB_TEST_FEW_THREADS";

/// The limit counts a user's threads, so the server is another user, and one who runs nothing else: by chance nobody's number.
const NOBODY: u32 = 30_000;

#[test]
fn with_few_threads_it_parks_many_and_says_no_to_who_needs_one() {
    if std::env::var_os(FEW).is_some() {
        return with_few_threads();
    }
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return skip::skipped(format_args!("a pool with few threads: only root can start a server as another user"));
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = place.path().join("pool");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let user = NOBODY + std::process::id() % 10_000;
    let ended = Command::new(&copy)
        .args(["--exact", "with_few_threads_it_parks_many_and_says_no_to_who_needs_one"])
        .env(FEW, "1")
        .current_dir(place.path())
        .uid(user)
        .gid(user)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
}

fn with_few_threads() {
    const THREADS: u64 = 20;
    const PARKED: usize = 50;
    const NEWCOMERS: usize = 50;
    const POURED: usize = 30_000_000;
    setrlimit(Resource::RLIMIT_NPROC, THREADS, THREADS).unwrap();
    let mut cut_short = 0;
    let cost = serve(ServeLimits::default(), |address, heard| {
        let mut sleepers = parked(address, PARKED, "park");
        let mut listeners = Vec::new();
        let is_in = |peer: &mut TcpStream| {
            say(peer, "echo here");
            peer.read_exact(&mut [0; 5]).is_ok()
        };
        loop {
            let mut peer = dial(address);
            if !is_in(&mut peer) {
                break;
            }
            listeners.push(peer);
        }
        assert!((5..THREADS as usize).contains(&listeners.len()), "{} listen", listeners.len());
        // Nobody who comes takes the thread of one who is in, not even between two calls.
        for _ in 0..NEWCOMERS {
            listeners.iter_mut().for_each(|peer| say(peer, "echo here"));
            let mut newcomer = dial(address);
            listeners.iter_mut().for_each(|peer| hear(peer, "here\n"));
            assert_eq!(newcomer.read(&mut [0]).unwrap(), 0);
        }
        // Who wants to listen now, after all, is told what it waited for. Others do not lose their threads by that.
        say(&mut listeners[0], "wake");
        for peer in &mut sleepers {
            hear(peer, "awake\n");
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        }
        assert_eq!(count_news(heard, PARKED, "Failed"), PARKED);
        assert!(listeners.iter_mut().all(is_in));
        // Who is answered more than the kernel takes makes do with one, and is not heard until it has taken that.
        say(&mut listeners[0], &format!("crumble {POURED}"));
        listeners[0].read_exact(&mut vec![0; POURED + 3000 * CRUMBS]).unwrap();
        assert!(listeners.iter_mut().all(is_in));
        // Who is told more, unasked, while a thread reads what it has to say, needs two. Half of it never looks like all.
        say(&mut listeners[0], &format!("pour {POURED}"));
        listeners.retain_mut(|peer| match peer.read_exact(&mut vec![0; POURED]) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                false
            }
        });
        let failed = news_there(heard);
        cut_short = failed.len();
        assert!(cut_short > 0 && failed.iter().all(|news| news == "Failed"), "{failed:?}");
        // And whoever comes now finds what they have left.
        let (mut sleeper, mut listener) = (parked(address, 1, "park").remove(0), dial(address));
        say(&mut listener, "wake");
        hear(&mut sleeper, "awake\n");
        assert!([sleeper, listener].iter_mut().chain(&mut listeners).all(is_in));
    });
    assert_eq!(cost.refused as usize, 1 + NEWCOMERS + PARKED + cut_short, "turned away, and given up");
    assert!(cost.threads_peak < THREADS as usize);
}

/// What has been told and not been heard yet.
fn news_there(heard: &Receiver<String>) -> Vec<String> {
    heard.try_iter().collect()
}

/// Meets the first with a puppet, and panics at the second.
struct Doomed(Puppets, AtomicBool);

impl Service for Doomed {
    type Protocol = Puppet;

    fn accept(&self, now: Now) -> Option<Puppet> {
        assert!(!self.1.swap(true, Ordering::SeqCst), "as the test wants it");
        self.0.accept(now)
    }
}

#[test]
fn a_server_that_panics_ends_though_somebody_is_watched() {
    let (news, _heard) = channel();
    let doomed = Doomed(Puppets { news: Mutex::new(news), present: Arc::default(), directory: None }, AtomicBool::default());
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let (end, ended) = channel::<()>();
    thread::spawn(move || {
        let _end = end;
        Pool::default().serve(listener, &doomed, &Shutdown::new().unwrap())
    });
    let _sleeper = parked(address, 1, "park");
    let _second = dial(address);
    assert_eq!(ended.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "it ends");
}

#[test]
fn a_server_ends_while_somebody_is_watched() {
    let mut peers = Vec::new();
    serve(ServeLimits::default(), |address, _| {
        for _ in 0..10 {
            let mut peer = dial(address);
            say(&mut peer, "watch 1");
            hear(&mut peer, "awake\n");
            say(&mut peer, "watch 1000000");
            peers.push(peer);
        }
    });
    for mut peer in peers {
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the end is orderly, and not that of the drain limit");
    }
}

#[test]
fn a_connect_is_told_and_can_be_taken_back() {
    serve(ServeLimits { send_grace: Duration::from_millis(400), ..ServeLimits::default() }, |address, heard| {
        let mut peer = dial(address);
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        say(&mut peer, &format!("connect {} 1000000", upstream.local_addr().unwrap()));
        hear(&mut peer, "Ok(())\n");
        let mut other = upstream.accept().unwrap().0;
        hear(&mut other, "hello\n");
        drop(other);
        assert_eq!((news(heard), news(heard)), ("finished".into(), "Done".into()));

        let nobody = upstream.local_addr().unwrap();
        drop(upstream);
        say(&mut peer, &format!("connect {nobody} 1000000"));
        hear(&mut peer, "Err(ConnectionRefused)\n");
        assert_eq!(news(heard), "Done");

        // Who does not take connections off a queue of one answers no second one.
        let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        deaf.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        deaf.listen(0).unwrap();
        let deaf_address = deaf.local_addr().unwrap().as_socket().unwrap();
        let _in_the_queue = TcpStream::connect(deaf_address).unwrap();
        for millis in [0, 1, 10, 500] {
            say(&mut peer, &format!("connect {deaf_address} {millis}"));
            assert_eq!(news(heard), "Done", "it gave up before it was connected");
        }
        say(&mut peer, &format!("connect {deaf_address} 1000000"));
        say(&mut peer, "echo and nobody waits for it");
        hear(&mut peer, "and nobody waits for it\n");
    });
}

#[test]
fn a_send_comes_back_and_who_takes_nothing_is_cut() {
    let limits = ServeLimits { send_grace: Duration::from_secs(1), send_rate: 1 << 16, ..ServeLimits::default() };
    let cost = serve(limits, |address, heard| {
        let (mut slow, mut stuck) = (dial(address), dial(address));
        say(&mut stuck, "flood 30000000");
        say(&mut slow, "flood 30000000");
        // It pauses for longer than a send may wait, but keeps the rate.
        let (mut got, mut buffer) = (0, vec![0; 1 << 20]);
        while got < 30_000_000 {
            if got < 3_000_000 {
                thread::sleep(Duration::from_millis(150));
            }
            let count = slow.read(&mut buffer).unwrap();
            assert!(count > 0 && buffer[..count].iter().all(|&octet| octet == b'x'), "at {got}");
            got += count;
        }
        assert_eq!(got, 30_000_000);
        assert_eq!(news(heard), "Unheard", "the one who took nothing");
        let error = io::copy(&mut stuck, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
    // One each to limit the sends, one to reset.
    assert_eq!(cost.calls.of(Call::Setsockopt), 3, "{:?}", cost.calls);
}

#[test]
fn short_answers_are_given_up_too() {
    let limits = ServeLimits { send_grace: Duration::from_millis(300), ..ServeLimits::default() };
    serve(limits, |address, heard| {
        let mut peer = dial(address);
        socket2::SockRef::from(&peer).set_recv_buffer_size(4096).unwrap();
        peer.set_nonblocking(true).unwrap();
        let line = format!("echo {}\n", "x".repeat(1000)).repeat(100);
        let until = Instant::now() + PATIENCE;
        let close = loop {
            match peer.write(line.as_bytes()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                Err(_) => break news(heard),
            }
            assert!(Instant::now() < until, "it is served for ever");
            if let Ok(close) = heard.try_recv() {
                break close;
            }
        };
        assert_eq!(close, "Unheard");
    });
}

#[test]
fn more_file_operations_than_may_be_under_way_are_all_done() {
    let cost = serve(ServeLimits::default(), |address, _| {
        let mut peer = dial(address);
        say(&mut peer, "files");
        let mut heard = String::new();
        while heard.lines().count() < 41 {
            let mut buffer = [0; 1000];
            let count = peer.read(&mut buffer).unwrap();
            heard.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        let written = heard.lines().filter(|line| *line == "written").count();
        let read = heard.lines().filter(|line| line.starts_with("read ")).count();
        assert_eq!((written, read), (40, 1), "{heard}");
    });
    assert_eq!(cost.calls.of(Call::Pwrite64), 40);
}

#[test]
fn who_has_finished_still_listens() {
    serve(ServeLimits::default(), |address, heard| {
        let mut peer = dial(address);
        say(&mut peer, "echo last word\nfinish");
        hear(&mut peer, "last word\n");
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        say(&mut peer, "echo lost");
        drop(peer);
        assert_eq!((news(heard), news(heard)), ("finished".into(), "Done".into()));
    });
}

#[test]
fn messages_cross_from_loop_to_loop() {
    const PEERS: usize = 32;
    let mut those_who_stay = Vec::new();
    serve_all(2, ServeLimits::default(), |address, _| {
        let mut peers: Vec<_> = (0..PEERS).map(|_| dial(address)).collect();
        for peer in &mut peers {
            say(peer, "echo here");
            hear(peer, "here\n");
        }
        for round in 0..20 {
            say(&mut peers[round], "all hello");
            peers.iter_mut().for_each(|peer| hear(peer, "hello\n"));
        }
        say(&mut peers[0], "all goodbye");
        those_who_stay = peers;
    });
    for mut peer in those_who_stay {
        let mut rest = String::new();
        peer.read_to_string(&mut rest).unwrap();
        assert!(rest.is_empty() || rest == "goodbye\n", "{rest:?}");
    }
}
