//! A service for the simulator's own tests: all that protocols can do to each other, in lines of text.
//!
//! | a peer says | and hears |
//! |---|---|
//! | `echo TEXT` | TEXT |
//! | `pour N` | N octets |
//! | `join`, `say TEXT` | what is said in the room, its own words among it |
//! | `job N` | N squared, ten milliseconds later; nothing grows out of job 0 |
//! | `flood N` | how many of N messages to one who sleeps were heard, and how many came back |
//! | `dial`, `misdial` | the upstream from then on, or that nobody is there |
//! | `save TEXT`, `load` | what came of it |
//! | `burst N` | that N file operations came back |
//! | `forget` | the end; the file is unlinked meanwhile |
//! | `later N` | N, after a file and a word to itself |
//! | `watch` | nothing; when it hangs up, the room is told |
//! | `stick` | a reset: it waits for nothing |
//! | `finish`, `abort`, `panic` | FIN; a reset; a reset |

mod front;
mod others;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use iolab::{ConnectionId, Context, Event, Interest, Now, Protocol, Service};

use front::Front;
use others::{Hub, Job, Line, Sleeper};

/// Where the upstream is, and where nobody is.
pub const UPSTREAM: &str = "192.0.2.1:7";
pub const NOBODY: &str = "192.0.2.1:9";

/// How carefully a file is saved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Care {
    Full,
    NoSync,
    NoSyncOfTheDirectory,
}

/// The server.
pub struct Town {
    pub care: Care,
    shared: Shared,
}

/// The room, if there is one.
type Shared = Arc<Mutex<Option<ConnectionId>>>;

/// What its protocols tell each other, and what they grow out of.
#[derive(Debug)]
pub enum Note {
    Hub,
    Join,
    Leave,
    Say(Bytes),
    Job(ConnectionId, u64),
    Result(u64),
    Dial(ConnectionId),
    Dialed(bool),
    Octets(Bytes),
    Done,
    Gone,
    Later(u64),
    Sleeper,
    Knock,
    Awake,
}

impl Town {
    pub fn new(care: Care) -> Town {
        Town { care, shared: Shared::default() }
    }
}

impl Service for Town {
    type Protocol = Citizen;

    fn accept(&self, _: Now) -> Option<Citizen> {
        Some(Citizen::Front(Front::new(self.care, Arc::clone(&self.shared))))
    }

    fn grow(&self, seed: Note, _: Now) -> Result<Citizen, Note> {
        match seed {
            Note::Hub => Ok(Citizen::Hub(Hub::new(Arc::clone(&self.shared)))),
            Note::Job(parent, number) if number > 0 => Ok(Citizen::Job(Job::new(parent, number))),
            Note::Dial(parent) => Ok(Citizen::Line(Line::new(parent))),
            Note::Sleeper => Ok(Citizen::Sleeper(Sleeper::default())),
            other => Err(other),
        }
    }
}

pub enum Citizen {
    Front(Front),
    Hub(Hub),
    Job(Job),
    Line(Line),
    Sleeper(Sleeper),
}

impl Protocol for Citizen {
    type Message = Note;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Note>) -> usize {
        match self {
            Citizen::Front(front) => front.receive(input, cx),
            Citizen::Line(line) => line.receive(input, cx),
            Citizen::Hub(_) | Citizen::Job(_) | Citizen::Sleeper(_) => unreachable!("they have no peer"),
        }
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match self {
            Citizen::Front(front) => front.event(event, cx),
            Citizen::Hub(hub) => hub.event(event, cx),
            Citizen::Job(job) => job.event(event, cx),
            Citizen::Line(line) => line.event(event, cx),
            Citizen::Sleeper(sleeper) => sleeper.event(event, cx),
        }
    }

    fn interest(&self) -> Option<Interest> {
        match self {
            Citizen::Front(front) => front.interest(),
            Citizen::Hub(hub) => hub.interest(),
            Citizen::Job(job) => job.interest(),
            Citizen::Line(line) => line.interest(),
            Citizen::Sleeper(sleeper) => sleeper.interest(),
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
