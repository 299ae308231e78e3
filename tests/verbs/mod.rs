//! A service that does what it is told, line by line, and so uses every verb of the contract.
//!
//! | a line | what comes of it |
//! |---|---|
//! | `name X` | `I am X`; from then on others know it as X |
//! | `tell X text` | X prints `ME says: text`; or `returned X text gone`, `returned X text full`, `nobody is X` |
//! | `flood X N` | `tell X 0` to `tell X N-1` |
//! | `ping X` | X answers: `X is there`; or `returned ping X gone` |
//! | `deaf`, `listen` | it wants no messages, or wants them again: `deaf`, `listening` |
//! | `will X` | X is told when it hears of a hang-up, and how it was closed |
//! | `spawn J MS text` | a job without a peer, which tells `J done: text` so much later; whom it cannot tell, it tells `heir` |
//! | `cancel J` | `J cancelled` |
//! | `spawn-nothing` | a seed nothing grows from: `returned seed gone` |
//! | `connect ADDRESS MS` | `connected`, or `cannot connect: KIND`; then `upstream says: line`, `upstream finished`, `upstream closed: CLOSE` |
//! | `up text`, `up-finish`, `up-abort` | says a line to it, or FIN, or resets it |
//! | `finish`, `abort`, `quit` | FIN and goes on listening, a reset, or `bye` and the end |
//! | `outlive` | when the peer finishes it does not end, but goes on waiting for messages |
//! | `ignore`, `hang-up` | `ignoring`, `watching`: from then on it does not read, or waits for the hang-up alone and then reads the rest |
//! | `tell X !wake`, `tell X !quit`, `tell X !nap` | X reads again; X quits; X is `awake` a little later |
//! | `big N`, `much`, `stuck`, `panic`, `panic-asked` | N octets, more than may be unsent, a wait for nothing, two panics |
//! | `sleep MS` | `awake` |
//! | `stay`, `stay loudly` | it does not end when the server stops; it says so |
//!
//! Of files there is [`files`]. A name stays with whom it was given to, also when it has ended.

mod files;
mod job;
mod upstream;
mod veiled;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use iolab::limits::{SEND_HIGH_OCTETS, SEND_LIMIT_OCTETS};
use iolab::patterns::LINE;
use iolab::{ConnectionId, Context, Directory, Event, Interest, Now, Peer, Protocol, Service, Time, Why};

use files::Files;
use job::Job;
use upstream::Upstream;

pub use veiled::{LAST_WORD, VEIL, VeiledService};

/// Meets peers that command it.
pub struct VerbsService {
    names: Names,
    directory: Option<Directory>,
}

/// Who is called what.
type Names = Arc<Mutex<HashMap<String, ConnectionId>>>;

impl VerbsService {
    /// One whose files lie beneath `root`.
    pub fn new(root: Option<&Path>) -> io::Result<VerbsService> {
        Ok(VerbsService { names: Names::default(), directory: root.map(Directory::open).transpose()? })
    }
}

/// How long somebody sleeps who is told to.
const NAP: Duration = Duration::from_millis(50);

/// How long a job waits for its last word to come back.
const RETURNS_WITHIN: Duration = Duration::from_secs(60);

impl Service for VerbsService {
    type Protocol = Verbs;

    fn accept(&self, _: Now) -> Option<Verbs> {
        Some(Verbs::Commanded(Box::new(Commanded::new(&self.names))))
    }

    fn grow(&self, seed: Message, now: Now) -> Result<Verbs, Message> {
        match seed {
            Message::Job { name, parent, after, text } => {
                Ok(Verbs::Job(Job::new(name, parent, now.at + after, text, &self.names)))
            }
            Message::Upstream { owner, limit } => Ok(Verbs::Upstream(Upstream::new(owner, now.at + limit))),
            other => Err(other),
        }
    }

    fn directory(&self) -> Option<&Directory> {
        self.directory.as_ref()
    }
}

/// What they tell each other, and what they grow out of.
#[derive(Debug)]
pub enum Message {
    // Between those who are commanded.
    Tell {
        from: String,
        to: String,
        text: String,
    },
    Ping {
        to: String,
    },
    Pong {
        name: String,
    },
    // Seeds.
    Nothing,
    Job {
        name: String,
        parent: ConnectionId,
        after: Duration,
        text: String,
    },
    Upstream {
        owner: ConnectionId,
        limit: Duration,
    },
    /// To be printed by whom it is told.
    Print(String),
    // To a job.
    Cancel,
    // To an upstream.
    Up(Up),
}

/// What an upstream is to do.
#[derive(Debug)]
pub enum Up {
    Say(String),
    Finish,
    Abort,
}

/// One of the three kinds there are.
pub enum Verbs {
    Commanded(Box<Commanded>),
    Job(Job),
    Upstream(Upstream),
}

type Cx<'a> = Context<'a, Message>;

impl Protocol for Verbs {
    type Message = Message;

    fn receive(&mut self, input: &[u8], cx: &mut Cx<'_>) -> usize {
        match self {
            Verbs::Commanded(commanded) => commanded.receive(input, cx),
            Verbs::Job(_) => unreachable!("a job has no peer"),
            Verbs::Upstream(upstream) => upstream.receive(input, cx),
        }
    }

    fn event(&mut self, event: Event<Message>, cx: &mut Cx<'_>) {
        match self {
            Verbs::Commanded(commanded) => commanded.event(event, cx),
            Verbs::Job(job) => job.event(event, cx),
            Verbs::Upstream(upstream) => upstream.event(event, cx),
        }
    }

    fn interest(&self) -> Option<Interest> {
        match self {
            Verbs::Commanded(commanded) => commanded.interest(),
            Verbs::Job(job) => job.interest(),
            Verbs::Upstream(upstream) => upstream.interest(),
        }
    }
}

/// One that is commanded by its peer.
pub struct Commanded {
    names: Names,
    name: String,
    will: Option<String>,
    upstream: Option<ConnectionId>,
    files: Files,
    wants: Peer,
    is_listening: bool,
    wakes_at: Option<Time>,
    /// Octets of `big` that are not said yet, and how many it was told to say.
    big: (usize, usize),
    outlives: bool,
    stays: bool,
    is_loud: bool,
    is_over: bool,
    panics_when_asked: bool,
}

impl Commanded {
    fn new(names: &Names) -> Commanded {
        Commanded {
            names: Arc::clone(names),
            name: "somebody".into(),
            will: None,
            upstream: None,
            files: Files::default(),
            wants: Peer::Bytes,
            is_listening: true,
            wakes_at: None,
            big: (0, 0),
            outlives: false,
            stays: false,
            is_loud: false,
            is_over: false,
            panics_when_asked: false,
        }
    }

    fn receive(&mut self, input: &[u8], cx: &mut Cx<'_>) -> usize {
        let Some(length) = input.iter().position(|&octet| octet == b'\n') else { return 0 };
        let line = String::from_utf8_lossy(&input[..length]).into_owned();
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        if self.obey(word, rest, cx).is_none() {
            print(cx, format_args!("what is \"{line}\"?"));
        }
        length + 1
    }

    fn interest(&self) -> Option<Interest> {
        assert!(!self.panics_when_asked, "as it was told");
        let is_speaking = self.big.0 > 0;
        if self.is_over && !is_speaking {
            return None;
        }
        let is_busy = is_speaking || self.files.are_awaited() || self.wakes_at.is_some();
        let peer = if is_busy { Peer::Ignore } else { self.wants };
        Some(Interest { peer, messages: self.is_listening, room: is_speaking, deadline: self.wakes_at })
    }

    /// `None` if it does not understand.
    fn obey(&mut self, word: &str, rest: &str, cx: &mut Cx<'_>) -> Option<()> {
        match word {
            "name" => {
                self.name = rest.into();
                self.names.lock().unwrap().insert(rest.into(), cx.me());
                print(cx, format_args!("I am {rest}"));
            }
            "tell" => {
                let (to, text) = rest.split_once(' ')?;
                self.tell(to, text, cx);
            }
            "flood" => {
                let (to, count) = rest.split_once(' ')?;
                (0..count.parse().ok()?).for_each(|number: u32| self.tell(to, &number.to_string(), cx));
            }
            "ping" => {
                if let Some(id) = self.who_is(rest, cx) {
                    cx.message(id, Message::Ping { to: rest.into() });
                }
            }
            "deaf" | "listen" => {
                self.is_listening = word == "listen";
                print(cx, if self.is_listening { "listening" } else { "deaf" });
            }
            "will" => self.will = Some(rest.into()),
            "spawn" => self.spawn(rest, cx)?,
            "spawn-nothing" => _ = cx.spawn(Message::Nothing),
            "cancel" => {
                if let Some(job) = self.who_is(rest, cx) {
                    cx.message(job, Message::Cancel);
                }
            }
            "connect" => {
                let (address, limit) = rest.split_once(' ')?;
                let address: SocketAddr = address.parse().ok()?;
                self.upstream = Some(cx.connect(address, Message::Upstream { owner: cx.me(), limit: millis(limit)? }));
            }
            "up" => cx.message(self.upstream?, Message::Up(Up::Say(format!("{rest}\n")))),
            "up-finish" => cx.message(self.upstream?, Message::Up(Up::Finish)),
            "up-abort" => cx.message(self.upstream?, Message::Up(Up::Abort)),
            "finish" => cx.finish(),
            "abort" => cx.abort(),
            "quit" => self.quit(cx),
            "put-and-quit" => {
                self.files.obey("put", rest, cx)?;
                self.quit(cx);
            }
            "outlive" => self.outlives = true,
            "ignore" => {
                self.wants = Peer::Ignore;
                print(cx, "ignoring");
            }
            "hang-up" => {
                self.wants = Peer::HangUp;
                print(cx, "watching");
            }
            "big" => {
                let count = rest.parse().ok()?;
                self.big = (count, count);
                self.say_big(cx);
            }
            "much" => cx.send(Bytes::from(vec![0; SEND_LIMIT_OCTETS + 1])),
            "stuck" => (self.wants, self.is_listening) = (Peer::Ignore, false),
            "panic" => panic!("as it was told"),
            "panic-asked" => self.panics_when_asked = true,
            "sleep" => self.wakes_at = Some(cx.now() + millis(rest)?),
            "stay" => (self.stays, self.is_loud) = (true, rest == "loudly"),
            _ => return self.files.obey(word, rest, cx),
        }
        Some(())
    }

    fn event(&mut self, event: Event<Message>, cx: &mut Cx<'_>) {
        match event {
            Event::Begun(result) => result.expect("it was accepted"),
            Event::PeerFinished => self.is_over = !self.outlives,
            Event::HangUp => {
                self.bequeath("was hung up on", cx);
                self.wants = Peer::Bytes;
            }
            Event::Room => self.say_big(cx),
            Event::Deadline => {
                self.wakes_at = None;
                print(cx, "awake");
            }
            Event::Message(from, message) => self.hear(from, message, cx),
            Event::Returned(_, message, why) => print_returned(message, why, cx),
            Event::File(ticket, result) => self.files.done(ticket, result, cx),
            Event::Stopping => {
                if self.is_loud {
                    print(cx, "stopping");
                }
                self.is_over |= !self.stays;
            }
            Event::Closed(close) => {
                self.bequeath(&format!("closed: {close:?}"), cx);
                if let Some(upstream) = self.upstream {
                    cx.message(upstream, Message::Up(Up::Abort));
                }
            }
        }
    }

    fn hear(&mut self, from: ConnectionId, message: Message, cx: &mut Cx<'_>) {
        match message {
            Message::Tell { text, .. } if text == "!wake" => self.wants = Peer::Bytes,
            Message::Tell { text, .. } if text == "!quit" => self.quit(cx),
            Message::Tell { text, .. } if text == "!nap" => self.wakes_at = Some(cx.now() + NAP),
            Message::Tell { from, text, .. } => print(cx, format_args!("{from} says: {text}")),
            Message::Ping { to } => cx.message(from, Message::Pong { name: to }),
            Message::Pong { name } => print(cx, format_args!("{name} is there")),
            Message::Print(text) => print(cx, text),
            other => panic!("nobody should have told it {other:?}"),
        }
    }

    fn tell(&mut self, to: &str, text: &str, cx: &mut Cx<'_>) {
        if let Some(id) = self.who_is(to, cx) {
            cx.message(id, Message::Tell { from: self.name.clone(), to: to.into(), text: text.into() });
        }
    }

    fn who_is(&self, name: &str, cx: &mut Cx<'_>) -> Option<ConnectionId> {
        let id = self.names.lock().unwrap().get(name).copied();
        if id.is_none() {
            print(cx, format_args!("nobody is {name}"));
        }
        id
    }

    fn spawn(&mut self, rest: &str, cx: &mut Cx<'_>) -> Option<()> {
        let (name, rest) = rest.split_once(' ')?;
        let (after, text) = rest.split_once(' ')?;
        let (name, text, after) = (name.to_string(), text.to_string(), millis(after)?);
        let job = cx.spawn(Message::Job { name: name.clone(), parent: cx.me(), after, text });
        self.names.lock().unwrap().insert(name, job);
        Some(())
    }

    fn quit(&mut self, cx: &mut Cx<'_>) {
        print(cx, "bye");
        self.is_over = true;
    }

    fn bequeath(&mut self, text: &str, cx: &mut Cx<'_>) {
        let Some(heir) = &self.will else { return };
        let heir = self.names.lock().unwrap().get(heir).copied();
        if let Some(heir) = heir {
            cx.message(heir, Message::Print(format!("{} {text}", self.name)));
        }
    }

    fn say_big(&mut self, cx: &mut Cx<'_>) {
        let (left, count) = &mut self.big;
        while *left > 0 && cx.unsent() < SEND_HIGH_OCTETS {
            // Now a copy, now none.
            let at = (*count - *left) % LINE.len();
            let portion = if *left % 3 == 0 { LINE[at..].to_vec() } else { [&LINE[at..], &LINE.repeat(100)].concat() };
            let portion = &portion[..portion.len().min(*left)];
            if *left % 2 == 0 {
                cx.write(portion)
            } else {
                cx.send(Bytes::copy_from_slice(portion))
            }
            *left -= portion.len();
        }
    }
}

/// What `big` says.
pub fn big(count: usize) -> Vec<u8> {
    LINE.iter().copied().cycle().take(count).collect()
}

fn print_returned(message: Message, why: Why, cx: &mut Cx<'_>) {
    let why = match why {
        Why::Gone => "gone",
        Why::Full => "full",
    };
    match message {
        Message::Tell { to, text, .. } => print(cx, format_args!("returned {to} {text} {why}")),
        Message::Ping { to } => print(cx, format_args!("returned ping {to} {why}")),
        Message::Job { name, .. } => print(cx, format_args!("returned job {name} {why}")),
        Message::Cancel => print(cx, format_args!("returned cancel {why}")),
        Message::Nothing => print(cx, format_args!("returned seed {why}")),
        Message::Upstream { .. } => print(cx, format_args!("returned upstream {why}")),
        Message::Up(Up::Say(_)) => print(cx, format_args!("returned line {why}")),
        _ => {}
    }
}

fn print(cx: &mut Cx<'_>, line: impl std::fmt::Display) {
    cx.write(format!("{line}\n").as_bytes());
}

fn millis(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}
