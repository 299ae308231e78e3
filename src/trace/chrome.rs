//! The Chrome trace format: one JSON object, an event on each line.
//!
//! | `ph` | what | fields beside `pid` and `tid` |
//! |---|---|---|
//! | `M` | the name of a process or a thread | `name`, `args.name` |
//! | `X` | a span | `cat` (`call`, `wait`, `callback`), `name`, `ts`, `dur`, `args` |
//! | `b` `n` `e` | an operation begins, has brought something and goes on, ends | `cat` (`operation`), `name`, `id`, `ts`, `args` |
//!
//! Times are microseconds with three decimals, so nothing of a nanosecond is lost. Events are in the order of their times, and of two
//! spans that begin together the longer comes first: so a reader can stack the spans of a thread as it goes.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};

use nix::errno::Errno;
use nix::sys::utsname::uname;

use super::Recording;
use crate::identity::ConnectionId;
use crate::sys::recorder::{Event, Outcome, Track, What};
use crate::time::civil;

pub(super) fn write(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{{\"traceEvents\":[")?;
    let mut separator = "";
    for (number, name) in (1..).zip(&recording.recorded.processes) {
        write!(
            out,
            "{separator}{{\"ph\":\"M\",\"pid\":{number},\"name\":\"process_name\",\"args\":{{\"name\":{}}}}}",
            text(name)
        )?;
        separator = ",\n";
    }
    let tracks = &recording.recorded.tracks;
    for track in tracks {
        let (pid, tid, name) = (pid(track), track.number, text(&track.name));
        write!(out, ",\n{{\"ph\":\"M\",\"pid\":{pid},\"tid\":{tid},\"name\":\"thread_name\",\"args\":{{\"name\":{name}}}}}")?;
    }
    let begun = recording.begun();
    let mut operations = Operations::default();
    for (track, event) in in_order(tracks) {
        write!(out, ",\n{{")?;
        write_event(out, begun, track, event, &mut operations)?;
        write!(out, "}}")?;
    }
    writeln!(out, "\n],\n\"displayTimeUnit\":\"ns\",\n\"otherData\":{{")?;
    for (key, value) in &recording.notes {
        writeln!(out, "{}:{},", text(key), text(value))?;
    }
    writeln!(out, "\"kernel\":{},", text(&kernel()))?;
    writeln!(out, "\"date\":{},", text(&date(recording.unix_seconds)))?;
    writeln!(out, "\"missing_threads\":{},", recording.missing())?;
    writeln!(out, "\"dropped\":{}\n}}}}", recording.dropped())
}

/// By time. Within a track an event is noted when it is over, so of two spans that begin together the later one is around the other.
fn in_order(tracks: &[Track]) -> Vec<(&Track, &Event)> {
    let mut all = Vec::new();
    for track in tracks {
        all.extend((0_i64..).zip(track.chunks.iter().flatten()).map(|(place, event)| (track, event, place)));
    }
    all.sort_by_key(|&(_, event, place)| (event.at, Reverse(event.until), if event.until > event.at { -place } else { place }));
    all.into_iter().map(|(track, event, _)| (track, event)).collect()
}

fn write_event(out: &mut impl Write, begun: u64, track: &Track, event: &Event, operations: &mut Operations) -> io::Result<()> {
    let (pid, tid) = (pid(track), track.number);
    let (at, took) = (micros(event.at - begun), micros(event.until - event.at));
    let place = format_args!("\"pid\":{pid},\"tid\":{tid},\"ts\":{at}");
    let mut args = Args(Vec::new());
    match event.what {
        What::Call { call, fd, about, outcome } => {
            write!(out, "\"ph\":\"X\",{place},\"dur\":{took},\"cat\":\"call\",\"name\":\"{}\"", call.name())?;
            args.number("fd", fd);
            args.text("op", about);
            args.outcome(outcome);
        }
        What::Wait(name) => write!(out, "\"ph\":\"X\",{place},\"dur\":{took},\"cat\":\"wait\",\"name\":\"{name}\"")?,
        What::Callback { name, whose, octets } => {
            write!(out, "\"ph\":\"X\",{place},\"dur\":{took},\"cat\":\"callback\",\"name\":\"{name}\"")?;
            let whose = whose.map(ConnectionId::from_bits);
            args.number("connection", whose.map(ConnectionId::number));
            args.number("loop", whose.map(ConnectionId::shard).filter(|&shard| shard > 0).map(|shard| shard + 1));
            args.number("octets", octets);
        }
        What::Started { operation, name, fd } => {
            let id = operations.start(track.number, operation, name);
            write!(out, "\"ph\":\"b\",{place},\"cat\":\"operation\",\"name\":\"{name}\",\"id\":{id}")?;
            args.number("fd", fd);
        }
        What::WentOn { operation, outcome } | What::Ended { operation, outcome } => {
            let ends = matches!(event.what, What::Ended { .. });
            let (id, name) = operations.find(track.number, operation, ends);
            let phase = if ends { "e" } else { "n" };
            write!(out, "\"ph\":\"{phase}\",{place},\"cat\":\"operation\",\"name\":\"{name}\",\"id\":{id}")?;
            args.outcome(Some(outcome));
        }
    }
    match args.0.as_slice() {
        [] => Ok(()),
        args => write!(out, ",\"args\":{{{}}}", args.join(",")),
    }
}

/// What an event says beside its name and time.
struct Args(Vec<String>);

impl Args {
    fn number(&mut self, name: &str, value: Option<impl Display>) {
        self.0.extend(value.map(|value| format!("\"{name}\":{value}")));
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        self.0.extend(value.map(|value| format!("\"{name}\":{}", text(value))));
    }

    /// An error by its name.
    fn outcome(&mut self, outcome: Option<Outcome>) {
        self.0.extend(outcome.map(|outcome| match outcome {
            Ok(value) => format!("\"result\":{value}"),
            Err(error) => format!("\"result\":\"{:?}\"", Errno::from_raw(error)),
        }));
    }
}

/// Operations in flight, numbered through all tracks: a ring uses its own numbers again.
#[derive(Default)]
struct Operations {
    in_flight: HashMap<(u32, u64), (u64, &'static str)>,
    started: u64,
}

impl Operations {
    fn start(&mut self, track: u32, operation: u64, name: &'static str) -> u64 {
        self.started += 1;
        self.in_flight.insert((track, operation), (self.started, name));
        self.started
    }

    fn find(&mut self, track: u32, operation: u64, ends: bool) -> (u64, &'static str) {
        let key = (track, operation);
        let found = if ends { self.in_flight.remove(&key) } else { self.in_flight.get(&key).copied() };
        // Each has a beginning: a track that is full stays full.
        found.unwrap_or((0, "operation"))
    }
}

fn pid(track: &Track) -> usize {
    track.process + 1
}

/// Microseconds, of nanoseconds.
fn micros(nanos: u64) -> impl Display {
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

/// As a string of JSON.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn kernel() -> String {
    uname().map_or_else(
        |_| "unknown".into(),
        |name| format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy()),
    )
}

/// RFC 3339.
fn date(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}
