//! Timelines: who waits where, drawn from a recording.
//!
//! ```text
//!   epoll                                   a process
//!   loop      ──epoll_wait──█recvfrom▓█sendto──epoll_wait──     a lane for each thread: what it does, and what it sleeps in
//!   kernel    ▐recv ▼          ▌                              lanes for what the kernel has in hand meanwhile
//! ```
//!
//! Names of calls stand above their bars and those of callbacks below. All processes of a picture have the same scale. The time in
//! which nothing begins or ends is cut out, since the work between two waits takes microseconds and a wait can take seconds; what is
//! left is broken into strips, as a text is into lines.

mod blocks;
mod flags;
mod lanes;
mod strips;
mod trace;

use std::time::Duration;

pub use trace::{Kind, Operation, Process, Span, Thread, Trace, TraceError};

use crate::frame::{Heading, MARGIN, paragraph};
use crate::number;
use crate::svg::{Canvas, Picture};
use crate::text::Letters;
use blocks::Block;

/// The width of every timeline.
const WIDTH: f64 = 560.0;

/// So many strips are aimed at for a process alone, and for each of several.
const STRIPS: (usize, usize) = (3, 2);

/// Units of the paper for a microsecond, the widest first.
const SCALES: [f64; 13] = [8.0, 5.0, 3.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.002, 0.0002];

/// Which part of a recording is drawn. Times are since the first thing that is known of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From then on. If it is not said: from when the first callback, operation or read is at hand, without the setting-up before it.
    pub from: Option<Duration>,
    /// Until then. If it is not said: until a protocol is told what is `before`, or the last operation or read is done where there is
    /// no protocol, and no further than [`MOST_SPANS`].
    pub to: Option<Duration>,
    /// The name of a callback.
    pub before: &'static str,
}

impl Default for Window {
    fn default() -> Window {
        Window { from: None, to: None, before: "stopping" }
    }
}

/// How many spans of a process are drawn if nobody says until when.
pub const MOST_SPANS: usize = 150;

/// Draws the processes of all traces, one below the other, on one scale.
pub fn draw(heading: &Heading, traces: &[Trace], window: &Window) -> Picture {
    let blocks: Vec<_> =
        traces.iter().flat_map(|trace| trace.processes.iter().filter_map(|p| Block::of(p, trace, window))).collect();
    let right = (MARGIN, WIDTH - MARGIN);
    let mut canvas = Canvas::new(&heading.name);
    let mut top = paragraph(&mut canvas, MARGIN, &heading.title, Letters::Title, right) + 4.0;
    if blocks.is_empty() {
        top = paragraph(&mut canvas, top, "nothing was recorded in this time", Letters::Plain, right);
    } else {
        top = lanes::legend(&mut canvas, top) + 6.0;
    }
    // In nanoseconds.
    let scale = SCALES.map(|scale| scale / 1000.0).into_iter().find(|scale| {
        let strips = blocks.iter().map(|block| block.strips(*scale).len()).sum::<usize>();
        strips <= if blocks.len() == 1 { STRIPS.0 } else { STRIPS.1 * blocks.len() }
    });
    let scale = scale.unwrap_or(SCALES[SCALES.len() - 1] / 1000.0);
    for block in &blocks {
        top = block.draw(&mut canvas, top, scale) + 8.0;
    }
    if !heading.source.is_empty() {
        top = paragraph(&mut canvas, top, &heading.source, Letters::Small, right);
    }
    let summaries: Vec<_> = blocks.iter().map(|block| format!("{}: {}", block.name(), block.summary())).collect();
    let description = format!("{} {}", heading.description, summaries.join(" "));
    canvas.finish(&heading.title, description.trim(), WIDTH, (top + MARGIN - 4.0).ceil())
}

/// The line below a picture of these: what they say of themselves, each thing once.
pub fn source(traces: &[Trace]) -> String {
    let of = |key: &str| {
        let mut values: Vec<&str> = traces.iter().filter_map(|trace| trace.notes.get(key)).map(String::as_str).collect();
        values.dedup();
        values.join("; ")
    };
    let parts = ["CPU", "kernel", "date", "command"].map(of);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A length of time as people say it.
fn duration(nanoseconds: i64) -> String {
    number::time(nanoseconds as f64 / 1e3)
}
