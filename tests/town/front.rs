//! The one who speaks with a peer.

use std::io;

use bytes::Bytes;
use iolab::{ConnectionId, Context, Event, FileDone, FileId, FileOp, Interest, OpenMode, Peer, Why};

use super::{Care, NOBODY, Note, Shared, UPSTREAM, address};

const STATE: &str = "state";
const FRESH: &str = "state.new";

pub struct Front {
    care: Care,
    shared: Shared,
    room: Option<ConnectionId>,
    jobs: usize,
    flood: Option<Flood>,
    relay: Option<Relay>,
    save: Option<Save>,
    is_loading: bool,
    later: Option<Later>,
    burst: usize,
    is_watching: bool,
    is_stuck: bool,
    is_peer_done: bool,
    is_stopping: bool,
    is_over: bool,
}

/// It waits for a file, then for a word of its own, and only then for its peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Later {
    File,
    Word,
}

/// Messages to one who sleeps.
struct Flood {
    sleeper: ConnectionId,
    left: usize,
    heard: usize,
    full: usize,
}

struct Relay {
    line: ConnectionId,
    is_line_done: bool,
}

struct Save {
    octets: Bytes,
    file: Option<FileId>,
    next: Next,
}

/// What the operation under way was for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Unlinked,
    Opened,
    Written,
    Synced,
    Closed,
    Renamed,
    Done,
}

impl Front {
    pub fn new(care: Care, shared: Shared) -> Front {
        Front {
            care,
            shared,
            room: None,
            jobs: 0,
            flood: None,
            relay: None,
            save: None,
            is_loading: false,
            later: None,
            burst: 0,
            is_watching: false,
            is_stuck: false,
            is_peer_done: false,
            is_stopping: false,
            is_over: false,
        }
    }

    pub fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Note>) -> usize {
        if let Some(relay) = &self.relay {
            cx.message(relay.line, Note::Octets(Bytes::copy_from_slice(input)));
            return input.len();
        }
        let Some(end) = input.iter().position(|octet| *octet == b'\n') else { return 0 };
        let line = String::from_utf8_lossy(&input[..end]).into_owned();
        let (verb, text) = line.split_once(' ').unwrap_or((&line, ""));
        self.obey(verb, text, cx);
        end + 1
    }

    fn obey(&mut self, verb: &str, text: &str, cx: &mut Context<'_, Note>) {
        let number = text.parse().unwrap_or(0);
        match verb {
            "echo" => answer(text, cx),
            "pour" => cx.append(vec![b'x'; number as usize]),
            "join" => self.join(cx),
            "say" => {
                if let Some(room) = self.room {
                    cx.message(room, Note::Say(Bytes::copy_from_slice(text.as_bytes())));
                }
            }
            "job" => {
                self.jobs += 1;
                cx.spawn(Note::Job(cx.me(), number));
            }
            "flood" => {
                let sleeper = cx.spawn(Note::Sleeper);
                self.flood = Some(Flood { sleeper, left: number as usize, heard: 0, full: 0 });
                (0..number).for_each(|_| cx.message(sleeper, Note::Knock));
            }
            "dial" | "misdial" => {
                let to = address(if verb == "dial" { UPSTREAM } else { NOBODY });
                self.relay = Some(Relay { line: cx.connect(to, Note::Dial(cx.me())), is_line_done: false });
            }
            "save" => {
                self.save = Some(Save { octets: Bytes::copy_from_slice(text.as_bytes()), file: None, next: Next::Unlinked });
                cx.file(FileOp::Unlink { path: FRESH.into() });
            }
            "load" => {
                self.is_loading = true;
                cx.open(STATE, OpenMode::Read);
            }
            "later" => {
                self.later = Some(Later::File);
                cx.message(cx.me(), Note::Later(number));
                cx.open("nothing", OpenMode::Read);
            }
            "burst" => {
                self.burst = number as usize;
                (0..number).for_each(|_| _ = cx.open("nothing", OpenMode::Read));
            }
            "forget" => {
                cx.file(FileOp::Unlink { path: STATE.into() });
                self.is_over = true;
            }
            "stick" => self.is_stuck = true,
            "watch" => self.is_watching = true,
            "finish" => cx.finish(),
            "abort" => cx.abort(),
            "panic" => panic!("on purpose"),
            _ => answer("what?", cx),
        }
    }

    fn join(&mut self, cx: &mut Context<'_, Note>) {
        let room = *self.shared.lock().unwrap().get_or_insert_with(|| cx.spawn(Note::Hub));
        self.room = Some(room);
        cx.message(room, Note::Join);
        cx.message(room, Note::Say(Bytes::from_static(b"joined")));
    }

    pub fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::PeerFinished => {
                self.is_peer_done = true;
                if let Some(relay) = &self.relay {
                    cx.message(relay.line, Note::Done);
                }
                self.hang_up_if_done();
            }
            Event::HangUp => {
                if let Some(room) = self.room {
                    cx.message(room, Note::Say(Bytes::from_static(b"hung up")));
                }
                self.is_peer_done = true;
            }
            Event::Message(_, note) => self.hear(note, cx),
            Event::Returned(whom, note, why) => self.take_back(whom, note, why, cx),
            Event::File(_, result) => self.file(result, cx),
            Event::Stopping => self.is_stopping = true,
            Event::Closed(_) => {
                if let Some(room) = self.room.filter(|_| !self.is_over) {
                    cx.message(room, Note::Leave);
                }
                if let Some(relay) = &self.relay {
                    cx.message(relay.line, Note::Gone);
                }
                if let Some(flood) = &self.flood {
                    cx.message(flood.sleeper, Note::Done);
                }
                return;
            }
            Event::Begun(_) | Event::Room | Event::Deadline => {}
        }
        if (self.is_peer_done || self.is_stopping) && !self.is_busy() {
            self.is_over = true;
            if let Some(room) = self.room {
                cx.message(room, Note::Leave);
            }
        }
    }

    fn hear(&mut self, note: Note, cx: &mut Context<'_, Note>) {
        match note {
            Note::Say(text) => answer(&String::from_utf8_lossy(&text), cx),
            Note::Result(result) => {
                self.jobs -= 1;
                answer(&result.to_string(), cx);
            }
            Note::Later(number) => {
                self.later = None;
                answer(&number.to_string(), cx);
            }
            Note::Awake => self.count(true, cx),
            Note::Dialed(false) => {
                self.relay = None;
                answer("nobody is there", cx);
            }
            Note::Octets(octets) => cx.send(octets),
            Note::Done => {
                cx.finish();
                if let Some(relay) = &mut self.relay {
                    relay.is_line_done = true;
                }
                self.hang_up_if_done();
            }
            Note::Gone => cx.abort(),
            _ => {}
        }
    }

    fn take_back(&mut self, whom: ConnectionId, note: Note, why: Why, cx: &mut Context<'_, Note>) {
        match note {
            Note::Job(..) => {
                self.jobs -= 1;
                answer("nothing grows out of it", cx);
            }
            Note::Knock if why == Why::Full => self.count(false, cx),
            // The room has ended since: there is a new one.
            Note::Join if self.room == Some(whom) => {
                let mut shared = self.shared.lock().unwrap();
                *shared = shared.filter(|room| *room != whom);
                drop(shared);
                self.join(cx);
            }
            Note::Octets(_) | Note::Done if self.relay.as_ref().is_some_and(|relay| relay.line == whom) => cx.abort(),
            _ => {}
        }
    }

    fn hang_up_if_done(&mut self) {
        self.relay = self.relay.take().filter(|relay| !(relay.is_line_done && self.is_peer_done));
    }

    fn count(&mut self, was_heard: bool, cx: &mut Context<'_, Note>) {
        let Some(flood) = &mut self.flood else { return };
        *if was_heard { &mut flood.heard } else { &mut flood.full } += 1;
        flood.left -= 1;
        if flood.left == 0 {
            answer(&format!("{} heard, {} came back", flood.heard, flood.full), cx);
            cx.message(flood.sleeper, Note::Done);
            self.flood = None;
        }
    }

    fn file(&mut self, result: io::Result<FileDone>, cx: &mut Context<'_, Note>) {
        if self.burst > 0 {
            self.burst -= 1;
            if self.burst == 0 {
                answer("all came back", cx);
            }
            return;
        }
        if self.later == Some(Later::File) {
            self.later = Some(Later::Word);
            return;
        }
        if self.is_loading {
            return self.load(result, cx);
        }
        let Some(save) = &mut self.save else { return };
        let is_careful = self.care != Care::NoSync;
        if let (Err(error), true) = (&result, save.next != Next::Unlinked) {
            answer(&format!("not saved: {error}"), cx);
            self.save = None;
            return;
        }
        if let Ok(FileDone::Opened(file, _)) = result {
            save.file = Some(file);
        }
        let (octets, file) = (save.octets.clone(), save.file);
        save.next = match (save.next, file) {
            (Next::Unlinked, _) => {
                cx.open(FRESH, OpenMode::CreateNew);
                Next::Opened
            }
            (Next::Opened, Some(file)) => {
                cx.write_file(file, 0, octets);
                Next::Written
            }
            (Next::Written, Some(file)) if is_careful => {
                cx.file(FileOp::Sync { file });
                Next::Synced
            }
            (Next::Written | Next::Synced, Some(file)) => {
                cx.file(FileOp::Close { file });
                Next::Closed
            }
            (Next::Closed, _) => {
                cx.file(FileOp::Rename { from: FRESH.into(), to: STATE.into() });
                Next::Renamed
            }
            (Next::Renamed, _) if self.care == Care::Full => {
                cx.file(FileOp::SyncDirectory { path: "".into() });
                Next::Done
            }
            _ => {
                answer("saved", cx);
                self.save = None;
                return;
            }
        };
    }

    fn load(&mut self, result: io::Result<FileDone>, cx: &mut Context<'_, Note>) {
        match result {
            Ok(FileDone::Opened(file, length)) => _ = cx.file(FileOp::Read { file, range: 0..length }),
            Ok(FileDone::Read(octets)) => {
                answer(&String::from_utf8_lossy(&octets), cx);
                self.is_loading = false;
            }
            Ok(FileDone::Done) => {}
            Err(error) => {
                answer(&format!("not loaded: {error}"), cx);
                self.is_loading = false;
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.jobs > 0
            || self.flood.is_some()
            || self.relay.is_some()
            || self.save.is_some()
            || self.is_loading
            || self.later.is_some()
            || self.burst > 0
    }

    pub fn interest(&self) -> Option<Interest> {
        if self.is_over {
            return None;
        }
        if self.is_stuck {
            return Some(Interest::default());
        }
        let is_deaf = self.is_peer_done || self.save.is_some() || self.is_loading || self.later.is_some() || self.burst > 0;
        let peer = match self.is_watching {
            _ if is_deaf => Peer::Ignore,
            true => Peer::HangUp,
            false => Peer::Bytes,
        };
        let is_told = self.room.is_some() || self.jobs > 0 || self.flood.is_some() || self.relay.is_some();
        let messages = match self.later {
            Some(later) => later == Later::Word,
            None => is_told,
        };
        Some(Interest { peer, messages, ..Interest::default() })
    }
}

fn answer(text: &str, cx: &mut Context<'_, Note>) {
    cx.write_with(|out| {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    });
}
