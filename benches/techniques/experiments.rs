//! What is compared with what, and on which workloads.

use harness::work::{Names, Work};

/// Ways of doing the same beside each other.
pub struct Experiment<W> {
    /// For the command line.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The first is what the others are compared with.
    pub ways: Vec<Variant<W>>,
    pub works: Vec<Work>,
}

/// One of the ways.
pub struct Variant<W> {
    pub name: String,
    pub way: W,
    /// The library's model does it so, unless it is told otherwise.
    pub is_default: bool,
}

impl<W> Variant<W> {
    pub fn new(name: impl Into<String>, way: W) -> Variant<W> {
        Variant { name: name.into(), way, is_default: false }
    }

    /// The same; and the library's model does it so.
    pub fn by_default(self) -> Variant<W> {
        Variant { is_default: true, ..self }
    }
}

/// What a workload is called on the command line.
pub fn name(work: &Work) -> String {
    names(work).name
}

/// What it is called for people.
pub fn title(work: &Work) -> String {
    names(work).title
}

fn names(work: &Work) -> Names {
    match work {
        Work::Steady(steadily) | Work::Open(steadily) => steadily.names(),
        Work::Read(reads) => reads.names(),
        Work::Churn { at_once } => {
            Names { name: format!("churn-{at_once}"), title: format!("a connection for each GET, {at_once} at a time") }
        }
        Work::Asked(_) => Names { name: "asked".to_owned(), title: "a question".to_owned() },
        Work::PingBeside(_) => Names { name: "ping".to_owned(), title: "a ping beside others".to_owned() },
    }
}
