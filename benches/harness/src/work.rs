//! What is done in one row of a table, whoever does it.

use crate::load::{Kind, Pace, Question, Terms};

/// One workload.
#[derive(Clone, Debug)]
pub enum Work {
    /// Blocks of the data file are read.
    Read(Reads),
    /// Connections that are kept alive say the same request again and again.
    Steady(Steadily),
    /// The same in an open loop: at [`SHARES`] of the rate that was found just before.
    Open(Steadily),
    /// Any question is asked, at a pace of its own.
    Asked(Asking),
    /// Each request has a connection to itself.
    Churn { at_once: usize },
    /// A ping is answered while the server has something else to do.
    PingBeside(Busy),
}

/// The parts of its own peak at which a server is asked in an open loop.
pub const SHARES: [f64; 3] = [0.5, 0.8, 0.95];

#[derive(Clone, Copy, Debug)]
pub struct Reads {
    pub block: usize,
    pub in_flight: usize,
    pub random: bool,
    pub direct: bool,
}

#[derive(Clone, Debug)]
pub struct Steadily {
    pub connections: usize,
    pub pipelined: usize,
    /// Octets of the body that is posted and comes back; none is a GET.
    pub body: Option<usize>,
    /// Connections that say nothing meanwhile.
    pub idle: usize,
    /// How it is asked.
    pub load: Kind,
}

/// One question, asked again and again.
#[derive(Clone, Debug)]
pub struct Asking {
    pub question: Question,
    pub connections: usize,
    /// Whether the server is to keep connections; if not, the question asks it to close each of them after its answer.
    pub keep_alive: bool,
    /// Requests that a connection says before it waits for answers.
    pub pipelined: usize,
    /// How it is asked.
    pub load: Kind,
    pub pace: Pace,
}

/// One connection pings, the others ask for something that takes longer.
#[derive(Clone, Debug)]
pub struct Busy {
    pub ping: Question,
    pub other: Question,
    pub connections: usize,
    /// What one of the other requests is called.
    pub operation: &'static str,
    /// So many octets of the data file are dropped from the page cache before each of them; it then has the server to itself.
    pub evict: Option<u64>,
}

impl Work {
    /// What one operation is called; the other one, where the row is about a ping.
    pub fn operation(&self) -> &'static str {
        match self {
            Work::Read(_) => "read",
            Work::Steady(_) | Work::Open(_) | Work::Asked(_) => "request",
            Work::Churn { .. } => "connection",
            Work::PingBeside(busy) => busy.operation,
        }
    }
}

/// What rows of this kind are called, on the command line and for people.
pub struct Names {
    pub name: String,
    pub title: String,
}

impl Reads {
    pub fn names(&self) -> Names {
        let Reads { block, in_flight, random, direct } = *self;
        let order = if random { "random" } else { "sequential" };
        let way = if direct { "direct" } else { "cached" };
        let way_in_words = if direct { "O_DIRECT" } else { "from the page cache" };
        Names {
            name: format!("read-{}-{order}-{way}-{in_flight}", short(block)),
            title: format!("{} {order}, {way_in_words}, {in_flight} in flight", size(block)),
        }
    }
}

impl Steadily {
    pub fn names(&self) -> Names {
        let Steadily { connections, pipelined, body, load, .. } = *self;
        let (mut name, mut title) = match body {
            None => (format!("get-{connections}"), "GET".to_owned()),
            Some(octets) => (format!("post-{}-{connections}", short(octets)), format!("POST {}", size(octets))),
        };
        title += &if connections == 1 { ", 1 connection".to_owned() } else { format!(", {connections} connections") };
        if pipelined > 1 {
            name += &format!("-pipelined-{pipelined}");
            title += &format!(", {pipelined} requests at a time on each (pipelined)");
        }
        if load == Kind::Light {
            name += "-light";
            title += ", in light batches (as wrk asks)";
        }
        Names { name, title }
    }

    /// The same as a question.
    pub fn asking(&self, pace: Pace) -> Asking {
        let Steadily { connections, pipelined, load, .. } = *self;
        Asking { question: self.question(), connections, keep_alive: true, pipelined, load, pace }
    }

    pub fn question(&self) -> Question {
        match self.body {
            None => Question::get("/", Vec::new()),
            Some(octets) => Question::post((0..octets).map(|at| b'a' + (at % 23) as u8).collect()),
        }
    }
}

impl Asking {
    pub fn terms(&self) -> Terms {
        Terms { connections: self.connections, pipelined: self.pipelined, kind: self.load, pace: self.pace }
    }
}

fn size(octets: usize) -> String {
    if octets >= 1 << 20 { format!("{} MiB", octets >> 20) } else { format!("{} KiB", octets >> 10) }
}

fn short(octets: usize) -> String {
    if octets >= 1 << 20 { format!("{}m", octets >> 20) } else { format!("{}k", octets >> 10) }
}

/// Those of this name, or else those whose names contain it.
pub fn select<R>(rows: Vec<R>, pattern: Option<&str>, name: impl Fn(&R) -> &str) -> Vec<R> {
    let Some(pattern) = pattern else { return rows };
    let exact = rows.iter().any(|row| name(row) == pattern);
    rows.into_iter().filter(|row| if exact { name(row) == pattern } else { name(row).contains(pattern) }).collect()
}
