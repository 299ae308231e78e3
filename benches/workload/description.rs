//! One request of somebody's server, as far as a way of waiting can tell it from another.

use std::path::PathBuf;

use harness::load::{Expected, Question};
use serde::{Deserialize, Serialize};

/// What a request takes, and how it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// CPU time burnt in the handler, in µs, and how many steps of [`burn`](crate::burn) that is here.
    pub cpu_us: f64,
    pub burn_steps: u64,
    /// Reads from the data file, and octets of each.
    pub disk_reads: usize,
    pub read_octets: usize,
    /// Of a hundred reads, so many find what they want in the page cache; the others go around it, to the disk.
    pub cache_hits: u32,
    /// All reads are asked for at once, and not each when the one before has come.
    pub reads_at_once: bool,
    /// Octets of the request's body, and of the answer's.
    pub body: usize,
    pub response: usize,
    pub connections: usize,
    pub keep_alive: bool,
    /// Loops of a server, each with a listener of its own, and the cores they run on.
    pub server_threads: usize,
    pub cores: Vec<usize>,
    /// What is read.
    pub data: PathBuf,
    pub data_octets: u64,
}

impl Description {
    /// How it is asked, and what is right.
    pub fn question(&self) -> Question {
        let close = if self.keep_alive { "" } else { "Connection: close\r\n" };
        let head = match self.body {
            0 => format!("GET / HTTP/1.1\r\nHost: localhost\r\n{close}\r\n"),
            octets => format!("POST / HTTP/1.1\r\nHost: localhost\r\n{close}Content-Length: {octets}\r\n\r\n"),
        };
        let request = [head.as_bytes(), &text(self.body)].concat();
        Question { request, answer: Expected::Body(text(self.response)) }
    }

    /// For people.
    pub fn in_words(&self) -> String {
        let asks = match self.body {
            0 => "GET".to_owned(),
            octets => format!("POST {octets} octets"),
        };
        let reads = match self.disk_reads {
            0 => "no file reads".to_owned(),
            count => {
                let order = match (count, self.reads_at_once) {
                    (1, _) => "",
                    (_, true) => ", all at once",
                    (_, false) => ", one after the other",
                };
                let from = match self.cache_hits {
                    0 => "from the disk (O_DIRECT)".to_owned(),
                    100 => "from the page cache".to_owned(),
                    hits => format!("{hits} % from the page cache and the rest from the disk (O_DIRECT)"),
                };
                format!("{count} random {} of {} octets {from}{order}", plural(count, "read"), self.read_octets)
            }
        };
        let connections = format!("{} {}", self.connections, plural(self.connections, "connection"));
        let kept = if self.keep_alive { "kept alive" } else { "each closed after one answer" };
        format!(
            "{asks}; {reads}; {} µs of CPU in the handler; an answer of {} octets; {connections}, {kept}; {} server {} on {} {}",
            self.cpu_us,
            self.response,
            self.server_threads,
            plural(self.server_threads, "loop"),
            self.cores.len(),
            plural(self.cores.len(), "core"),
        )
    }
}

/// So many octets of it.
pub fn text(octets: usize) -> Vec<u8> {
    (0..octets).map(|at| b'a' + (at % 23) as u8).collect()
}

pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
