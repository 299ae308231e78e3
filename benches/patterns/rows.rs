//! The ways that are compared.

use std::time::Duration;

use clap::ValueEnum;
use harness::listeners::Way;
use iolab::patterns::long_polling::RECHECK;

/// One way to hear of an event, and how the server does its part.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    /// In the words of a table.
    pub title: &'static str,
    pub way: Way,
    pub served: Served,
}

/// How a server serves those who poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Served {
    /// A poll that waits is answered by the event, and costs the model nothing but memory.
    Well,
    /// A poll that waits looks for events once a second.
    Recheck,
    /// A poll that waits keeps whatever the model spends on a connection that is served: a worker, in the pool.
    Hold,
}

impl Served {
    /// For the command line.
    pub fn name(self) -> &'static str {
        match self {
            Served::Well => "well",
            Served::Recheck => "recheck",
            Served::Hold => "hold",
        }
    }
}

pub const NAMES: [&str; 7] = ["short-poll", "long-poll", "sse", "lines", "websocket", "recheck", "hold"];

/// How long a long poll waits for an event: longer than anything here takes.
const WAIT: Duration = Duration::from_secs(50);

/// All of them; whoever polls in short does so `every` so long.
pub fn all(every: Duration) -> Vec<Row> {
    let [short_poll, long_poll, sse, lines, websocket, recheck, hold] = NAMES;
    let (polled, well) = (Way::LongPoll { wait: WAIT }, Served::Well);
    vec![
        Row { name: short_poll, title: "short poll", way: Way::ShortPoll { every }, served: well },
        Row { name: long_poll, title: "long poll", way: polled, served: well },
        Row { name: sse, title: "server-sent events", way: Way::Stream, served: well },
        Row { name: lines, title: "chunked lines", way: Way::Lines, served: well },
        Row { name: websocket, title: "WebSocket", way: Way::WebSocket, served: well },
        Row { name: recheck, title: "naive long poll: rechecks", way: polled, served: Served::Recheck },
        Row { name: hold, title: "naive long poll: holds", way: polled, served: Served::Hold },
    ]
}

impl Row {
    /// What everything else is compared with.
    pub fn is_base(&self) -> bool {
        self.way == Way::Stream
    }

    /// After so long, what is published has arrived if nothing is wrong: the time between two looks, if anybody looks.
    pub fn interval(&self) -> Duration {
        match (self.way, self.served) {
            (Way::ShortPoll { every }, _) => every,
            (_, Served::Recheck) => RECHECK,
            _ => Duration::ZERO,
        }
    }
}
