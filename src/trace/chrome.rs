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
use std::fs;
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
    let mut without_beginning = 0;
    for (track, event) in in_order(tracks) {
        let Some(operation) = operations.of(track.number, event.what) else {
            without_beginning += 1;
            continue;
        };
        write!(out, ",\n{{")?;
        write_event(out, begun, track, event, operation)?;
        write!(out, "}}")?;
    }
    let notes = about(recording, recording.dropped() + without_beginning);
    writeln!(out, "\n],\n\"displayTimeUnit\":\"ns\",\n\"otherData\":{{\n{}\n}}}}", notes.join(",\n"))
}

/// What it says of itself, each thing once.
fn about(recording: &Recording, dropped: u64) -> Vec<String> {
    let unasked = [
        ("CPU", text(&cpu())),
        ("kernel", text(&kernel())),
        ("date", text(&date(recording.unix_seconds))),
        ("missing_threads", recording.missing().to_string()),
        ("dropped", dropped.to_string()),
    ];
    let is_noted = |key: &str| recording.notes.iter().any(|(noted, _)| noted == key);
    let noted = recording.notes.iter().map(|(key, value)| (key.as_str(), text(value)));
    let all = noted.chain(unasked.into_iter().filter(|(key, _)| !is_noted(key)));
    all.map(|(key, value)| format!("{}:{value}", text(key))).collect()
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

fn write_event(out: &mut impl Write, begun: u64, track: &Track, event: &Event, (id, operation): (u64, &str)) -> io::Result<()> {
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
        What::Started { fd, .. } => {
            write!(out, "\"ph\":\"b\",{place},\"cat\":\"operation\",\"name\":\"{operation}\",\"id\":{id}")?;
            args.number("fd", fd);
        }
        What::WentOn { outcome, .. } | What::Ended { outcome, .. } => {
            let phase = if matches!(event.what, What::Ended { .. }) { "e" } else { "n" };
            write!(out, "\"ph\":\"{phase}\",{place},\"cat\":\"operation\",\"name\":\"{operation}\",\"id\":{id}")?;
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
    /// Number and name of the operation that an event is about, if it is about one. None if its beginning was not recorded: a ring that
    /// is older than the track.
    fn of(&mut self, track: u32, what: What) -> Option<(u64, &'static str)> {
        match what {
            What::Started { operation, name, .. } => {
                self.started += 1;
                self.in_flight.insert((track, operation), (self.started, name));
                Some((self.started, name))
            }
            What::WentOn { operation, .. } => self.in_flight.get(&(track, operation)).copied(),
            What::Ended { operation, .. } => self.in_flight.remove(&(track, operation)),
            _ => Some((0, "")),
        }
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

/// As proc_cpuinfo(5) names the first; not all architectures have names there.
fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown".into(), |(_, name)| name.trim().to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorder::Recorded;

    fn written(events: Vec<What>, notes: &[(&str, &str)]) -> serde_json::Value {
        let event = |(at, what)| Event { at, until: at, what };
        let chunks = vec![(1..).zip(events).map(event).collect()];
        let track = Track { serial: 1, process: 0, number: 1, name: "loop".into(), chunks, dropped: 0 };
        let recorded = Recorded { processes: vec!["test".into()], tracks: vec![track], missing: 0 };
        let mut recording = Recording { unix_seconds: 0, recorded, notes: Vec::new() };
        notes.iter().for_each(|(key, value)| recording.note(*key, *value));
        let mut text = Vec::new();
        write(&recording, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(notes.iter().all(|(key, _)| text.matches(&format!("\"{key}\":")).count() == 1), "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_has_no_beginning_is_left_out_and_counted() {
        let begun = What::Started { operation: 7, name: "recv", fd: None };
        let ended = |operation| What::Ended { operation, outcome: Ok(1) };
        let trace = written(vec![ended(3), begun, ended(7), What::WentOn { operation: 7, outcome: Ok(1) }], &[]);
        let phases: Vec<_> =
            trace["traceEvents"].as_array().unwrap().iter().map(|event| event["ph"].as_str().unwrap()).collect();
        assert_eq!(phases, ["M", "M", "b", "e"]);
        assert_eq!(trace["otherData"]["dropped"], 2);
    }

    #[test]
    fn each_thing_is_said_once() {
        let trace = written(Vec::new(), &[("kernel", "mine"), ("command", "one"), ("command", "two")]);
        assert_eq!((&trace["otherData"]["kernel"], &trace["otherData"]["command"]), (&"mine".into(), &"two".into()));
        assert_eq!(trace["otherData"]["date"], "1970-01-01T00:00:00Z");
    }
}
