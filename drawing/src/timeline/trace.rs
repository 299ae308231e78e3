//! Reading what was recorded: the Chrome trace format, as far as `--trace` writes it.
//!
//! | `ph` | `cat` | becomes |
//! |---|---|---|
//! | `M` | | the name of a process or a thread |
//! | `X` | `call`, `wait`, `callback` | a [`Span`] of its thread |
//! | `b`, `n`, `e` | `operation` | an [`Operation`] of its process, by `id`: begun, a completion after which it goes on, ended |
//!
//! Other events are passed over, so a trace that another program wrote can be drawn as far as it has the same.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// A recording: what some processes did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// In the order of their numbers.
    pub processes: Vec<Process>,
    /// What the recording says of itself (`otherData`).
    pub notes: BTreeMap<String, String>,
}

/// A server or reader that was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// In the order of their numbers.
    pub threads: Vec<Thread>,
    /// What the kernel had in hand, in the order of the beginnings.
    pub operations: Vec<Operation>,
}

/// What one thread did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thread {
    /// Its name.
    pub name: String,
    /// In the order of their beginnings; of those that begin together, the longest first.
    pub spans: Vec<Span>,
}

/// Something that a thread did for a while. Times are nanoseconds of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub from: i64,
    /// When it was over.
    pub to: i64,
    /// What it was.
    pub kind: Kind,
    /// The name of the system call or callback.
    pub name: String,
    /// The name of an error, if it ended in one.
    pub error: Option<String>,
    /// What it returned: for many, a count of octets.
    pub result: u64,
}

/// What a thread can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A system call.
    Call,
    /// Sleep in something that is no call of the program's own.
    Wait,
    /// A protocol is told something.
    Callback,
}

/// Something that the kernel was given to do. Times are nanoseconds of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// When it was given.
    pub from: i64,
    /// When its last completion was seen, if it was.
    pub to: Option<i64>,
    /// When completions were seen after which it went on.
    pub completions: Vec<i64>,
    /// What it is.
    pub name: String,
}

/// Calls in which a thread can sleep, and how long one of them takes, in nanoseconds, before it is taken for sleep: those that do
/// little else, and those that also move octets, which may take longer for each of them.
const SLEEPS: &[(&str, i64)] = &[
    ("epoll_wait", 8_000),
    ("poll", 8_000),
    ("futex", 8_000),
    ("io_getevents", 8_000),
    ("accept4", 40_000),
    ("connect", 100_000),
    ("io_uring_enter", 40_000),
    ("recvfrom", 40_000),
    ("read", 40_000),
    ("pread64", 12_000),
    ("preadv2", 12_000),
    ("fsync", 60_000),
    ("fdatasync", 60_000),
    ("io_destroy", 60_000),
];

impl Span {
    /// Whether the thread slept. A trace does not say how much of a call was work, so a long call of a kind that sleeps is sleep.
    pub fn is_wait(&self) -> bool {
        let sleeps =
            || SLEEPS.iter().find(|(name, _)| *name == self.name).is_some_and(|(_, long)| self.to - self.from >= *long);
        self.kind == Kind::Wait || (self.kind == Kind::Call && sleeps())
    }
}

impl Process {
    /// The time from the first to the last thing that is known of it.
    pub fn extent(&self) -> Option<(i64, i64)> {
        let spans = self.threads.iter().flat_map(|thread| &thread.spans).map(|span| (span.from, span.to));
        let operations = self.operations.iter().map(|operation| (operation.from, operation.to.unwrap_or(operation.from)));
        spans.chain(operations).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
    #[serde(rename = "otherData", default)]
    other: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Event {
    ph: String,
    #[serde(default)]
    pid: u64,
    #[serde(default)]
    tid: u64,
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    args: Args,
}

#[derive(Default, Deserialize)]
struct Args {
    #[serde(default)]
    name: String,
    #[serde(default)]
    result: Value,
}

#[derive(Default)]
struct Gathering {
    name: String,
    threads: BTreeMap<u64, Thread>,
    operations: Vec<Operation>,
    /// Where among the operations those are that have not ended.
    open: BTreeMap<String, usize>,
}

impl Trace {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Trace, TraceError> {
        let file: File = serde_json::from_str(text).map_err(|error| TraceError(error.to_string()))?;
        let mut processes = BTreeMap::<u64, Gathering>::new();
        for event in file.events {
            processes.entry(event.pid).or_default().take(event);
        }
        let notes = file.other.into_iter().map(|(key, value)| (key, value.as_str().map_or(value.to_string(), str::to_owned)));
        Ok(Trace { processes: processes.into_values().map(Gathering::done).collect(), notes: notes.collect() })
    }
}

impl Gathering {
    fn take(&mut self, event: Event) {
        let nanoseconds = |micros: f64| (micros * 1000.0).round() as i64;
        let at = nanoseconds(event.ts);
        let kind = match event.cat.as_str() {
            "wait" => Kind::Wait,
            "callback" => Kind::Callback,
            _ => Kind::Call,
        };
        match event.ph.as_str() {
            "M" if event.name == "process_name" => self.name = event.args.name,
            "M" if event.name == "thread_name" => self.threads.entry(event.tid).or_default().name = event.args.name,
            "X" => {
                let error = event.args.result.as_str().map(str::to_owned);
                let result = event.args.result.as_u64().unwrap_or(0);
                let span = Span { from: at, to: at + nanoseconds(event.dur).max(0), kind, name: event.name, error, result };
                self.threads.entry(event.tid).or_default().spans.push(span);
            }
            "b" => {
                self.open.insert(event.id.to_string(), self.operations.len());
                self.operations.push(Operation { from: at, to: None, completions: Vec::new(), name: event.name });
            }
            "n" => {
                if let Some(&open) = self.open.get(&event.id.to_string()) {
                    self.operations[open].completions.push(at);
                }
            }
            "e" => {
                if let Some(open) = self.open.remove(&event.id.to_string()) {
                    self.operations[open].to = Some(at);
                }
            }
            _ => {}
        }
    }

    fn done(mut self) -> Process {
        for thread in self.threads.values_mut() {
            thread.spans.sort_by_key(|span| (span.from, std::cmp::Reverse(span.to)));
        }
        self.operations.sort_by_key(|operation| operation.from);
        Process { name: self.name, threads: self.threads.into_values().collect(), operations: self.operations }
    }
}

/// A file that is no trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError(String);

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no trace as `--trace FILE` writes it: {}", self.0)
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read() {
        let text = r#"{"traceEvents":[
            {"ph":"M","pid":1,"name":"process_name","args":{"name":"echo, uring"}},
            {"ph":"M","pid":1,"tid":2,"name":"thread_name","args":{"name":"loop"}},
            {"ph":"b","pid":1,"tid":2,"cat":"operation","name":"recv","id":7,"ts":1.5},
            {"ph":"X","pid":1,"tid":2,"cat":"call","name":"io_uring_enter","ts":2,"dur":100.25,"args":{"fd":3,"result":1}},
            {"ph":"n","pid":1,"tid":2,"cat":"operation","name":"recv","id":7,"ts":102.5},
            {"ph":"e","pid":1,"tid":2,"cat":"operation","name":"recv","id":7,"ts":103},
            {"ph":"X","pid":1,"tid":2,"cat":"call","name":"close","ts":104,"dur":1,"args":{"result":"EBADF"}}
        ],"otherData":{"model":"uring","dropped":0}}"#;
        let trace = Trace::parse(text).unwrap();
        let process = &trace.processes[0];
        let operation = Operation { from: 1500, to: Some(103_000), completions: vec![102_500], name: String::from("recv") };
        assert_eq!(process.operations, [operation]);
        assert_eq!(process.threads[0].name, "loop");
        let spans = &process.threads[0].spans;
        assert_eq!((spans[0].to, spans[0].is_wait(), spans[1].is_wait()), (102_250, true, false));
        assert_eq!(spans[1].error.as_deref(), Some("EBADF"));
        assert_eq!((trace.notes["model"].as_str(), trace.notes["dropped"].as_str()), ("uring", "0"));
        assert!(Trace::parse("[1]").unwrap_err().to_string().starts_with("this is no trace"));
    }
}
