//! Reading what was recorded: the Chrome trace format, as far as `--trace` writes it.
//!
//! | `ph` | `cat` | becomes |
//! |---|---|---|
//! | `M` | | the name of a process or a thread |
//! | `X` | `call`, `wait`, `callback` | a [`Span`] of its thread |
//! | `b`, `n`, `e` | `operation` | an [`Operation`] of its process, by `id`: begun, a completion after which it goes on, ended |
//!
//! Other events are passed over, and so is what is missing or of another type, so a trace that another program wrote can be drawn as far
//! as it has the same. The format's other form, a list of events and nothing around it, is read as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::duration;

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
    /// Which of the call's operations it is: of futex(2), `wait` or `wake`.
    pub op: Option<String>,
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
    ("pread64", 12_000),
    ("accept4", 40_000),
    ("io_uring_enter", 40_000),
    ("recvfrom", 40_000),
    ("read", 40_000),
    ("fsync", 60_000),
    ("fdatasync", 60_000),
    ("io_destroy", 60_000),
    ("connect", 100_000),
];

impl Span {
    /// Whether the thread slept. A trace does not say how much of a call was work, so a long call of a kind that sleeps is sleep; to
    /// wake others never is.
    pub fn is_wait(&self) -> bool {
        let can_sleep = self.kind == Kind::Call && self.op.as_deref() != Some("wake");
        let long = if can_sleep { SLEEPS.iter().find(|(name, _)| *name == self.name) } else { None };
        self.kind == Kind::Wait || long.is_some_and(|(_, long)| self.to - self.from >= *long)
    }
}

/// From when on these calls are taken for sleep, in a sentence.
pub(super) fn taken_for_sleep<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: BTreeSet<_> = names.collect();
    let mut limits: Vec<(i64, Vec<&str>)> = Vec::new();
    for (name, long) in SLEEPS.iter().filter(|(name, _)| names.contains(name)) {
        match limits.last_mut() {
            Some((limit, names)) if limit == long => names.push(name),
            _ => limits.push((*long, vec![name])),
        }
    }
    let parts = limits.into_iter().map(|(long, names)| format!("{} or more in {}", duration(long), names.join(", ")));
    let parts = parts.collect::<Vec<_>>().join("; ");
    if parts.is_empty() { parts } else { format!("Drawn as sleep: {parts}.") }
}

impl Process {
    /// The time from the first to the last thing that is known of it.
    pub fn extent(&self) -> Option<(i64, i64)> {
        let spans = self.threads.iter().flat_map(|thread| &thread.spans).map(|span| (span.from, span.to));
        let operations = self.operations.iter().map(|operation| (operation.from, operation.to.unwrap_or(operation.from)));
        spans.chain(operations).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }
}

/// No time is longer, in microseconds: sixty years, so that those are in it that some count from 1970 on, and all sums fit.
const LONGEST: f64 = 2e15;

/// By their numbers; whoever has a name instead comes behind these.
type Key = (u64, String);

#[derive(Default)]
struct Gathering {
    name: String,
    threads: BTreeMap<Key, Thread>,
    operations: Vec<Operation>,
    /// Where among the operations those are that have not ended.
    open: BTreeMap<String, usize>,
}

impl Trace {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Trace, TraceError> {
        let (events, other) = match serde_json::from_str(text).map_err(|error| TraceError(error.to_string()))? {
            Value::Array(events) => (events, Value::Null),
            Value::Object(mut file) => match file.remove("traceEvents") {
                Some(Value::Array(events)) => (events, file.remove("otherData").unwrap_or_default()),
                _ => return Err(TraceError(String::from("it has no list of `traceEvents`"))),
            },
            _ => return Err(TraceError(String::from("it is neither an object nor a list"))),
        };
        let mut processes = BTreeMap::<Key, Gathering>::new();
        for event in &events {
            let event = Event(event.as_object().ok_or_else(|| TraceError(format!("`{event}` is no event")))?);
            processes.entry(event.key("pid")).or_default().take(&event)?;
        }
        let notes = other.as_object().into_iter().flatten();
        let notes = notes.map(|(key, value)| (key.clone(), value.as_str().map_or(value.to_string(), str::to_owned)));
        Ok(Trace { notes: notes.collect(), processes: processes.into_values().map(Gathering::done).collect() })
    }
}

struct Event<'v>(&'v Map<String, Value>);

impl Event<'_> {
    /// Nothing, if it is no text.
    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn key(&self, field: &str) -> Key {
        match self.0.get(field) {
            Some(Value::String(name)) => (u64::MAX, name.clone()),
            number => (number.and_then(Value::as_u64).unwrap_or(0), String::new()),
        }
    }

    /// In nanoseconds; 0 if it is no number.
    fn time(&self, field: &str) -> Result<i64, TraceError> {
        let micros = self.0.get(field).and_then(Value::as_f64).unwrap_or(0.0);
        if micros.abs() > LONGEST {
            return Err(TraceError(format!("no `{field}` of {micros} µs can be drawn")));
        }
        Ok((micros * 1000.0).round() as i64)
    }

    fn arg(&self, name: &str) -> Option<&Value> {
        self.0.get("args")?.get(name)
    }

    fn text_arg(&self, name: &str) -> Option<String> {
        self.arg(name).and_then(Value::as_str).map(str::to_owned)
    }
}

impl Gathering {
    fn take(&mut self, event: &Event) -> Result<(), TraceError> {
        let at = event.time("ts")?;
        let kind = match event.text("cat") {
            "wait" => Kind::Wait,
            "callback" => Kind::Callback,
            _ => Kind::Call,
        };
        let name = event.text("name").to_owned();
        let id = event.0.get("id").map(Value::to_string).unwrap_or_default();
        match event.text("ph") {
            "M" if name == "process_name" => self.name = event.text_arg("name").unwrap_or_default(),
            "M" if name == "thread_name" => {
                self.threads.entry(event.key("tid")).or_default().name = event.text_arg("name").unwrap_or_default();
            }
            "X" => {
                let result = event.arg("result").and_then(Value::as_u64).unwrap_or(0);
                let (error, op) = (event.text_arg("result"), event.text_arg("op"));
                let span = Span { from: at, to: at + event.time("dur")?.max(0), kind, name, error, result, op };
                self.threads.entry(event.key("tid")).or_default().spans.push(span);
            }
            "b" => {
                self.open.insert(id, self.operations.len());
                self.operations.push(Operation { from: at, to: None, completions: Vec::new(), name });
            }
            "n" => {
                if let Some(&open) = self.open.get(&id) {
                    self.operations[open].completions.push(at);
                }
            }
            "e" => {
                if let Some(open) = self.open.remove(&id) {
                    let operation = &mut self.operations[open];
                    operation.to = Some(at.max(operation.from));
                }
            }
            _ => {}
        }
        Ok(())
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

    /// As many events as there are, each of a process.
    fn parsed(events: &str) -> Result<Trace, TraceError> {
        Trace::parse(&format!(r#"{{"traceEvents":[{events}]}}"#))
    }

    #[test]
    fn only_what_can_sleep_is_taken_for_sleep() {
        let asleep = |name: &str, dur: i64, args: &str| {
            let event = format!(r#"{{"ph":"X","cat":"call","name":"{name}","ts":0,"dur":{dur},"args":{{{args}}}}}"#);
            parsed(&event).unwrap().processes[0].threads[0].spans[0].is_wait()
        };
        assert!(asleep("futex", 500, r#""op":"wait""#) && !asleep("futex", 500, r#""op":"wake""#));
        assert!(asleep("pread64", 12, "") && !asleep("pread64", 11, "") && !asleep("preadv2", 500, ""));
        let said = taken_for_sleep(["recvfrom", "futex", "poll", "sendto"].into_iter());
        assert_eq!(said, "Drawn as sleep: 8.00 µs or more in poll, futex; 40.0 µs or more in recvfrom.");
    }

    #[test]
    fn what_others_write_is_read_as_far_as_it_goes() {
        let event = r#"{"ph":"X","pid":"a","tid":"b","name":7,"ts":1,"dur":2,"args":null},{"ph":1},{"name":"process_name","ph":"M","pid":1,"args":{"name":3}}"#;
        for trace in [parsed(event).unwrap(), Trace::parse(&format!("[{event}]")).unwrap()] {
            assert_eq!(trace.processes.len(), 3);
            let spans = &trace.processes[2].threads[0].spans;
            assert_eq!((spans[0].from, spans[0].to, spans[0].name.as_str()), (1000, 3000, ""));
        }
        for (events, why) in [
            (r#"{"ph":"X","ts":1e300}"#, "no `ts` of"),
            (r#"{"ph":"X","ts":1,"dur":-1e300}"#, "no `dur` of"),
            ("1", "`1` is no event"),
        ] {
            assert!(parsed(events).unwrap_err().to_string().contains(why), "{events}");
        }
    }
}
