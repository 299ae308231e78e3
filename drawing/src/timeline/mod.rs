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
mod window;

pub use trace::{Kind, Operation, Process, Span, Thread, Trace, TraceError};
pub use window::{MOST_SPANS, Window};

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
    let most = match blocks.len() {
        blocks if window.from_last.is_some() => blocks,
        0 | 1 => STRIPS.0,
        blocks => STRIPS.1 * blocks,
    };
    let smaller = std::iter::successors(Some(SCALES[SCALES.len() - 1] / 10.0), |scale| Some(scale / 10.0));
    let mut scales = SCALES.into_iter().chain(smaller).map(|scale| scale / 1000.0);
    // No time is so long that it would not fit in the end.
    let fits = |scale: &f64| blocks.iter().map(|block| block.strips(*scale, most).len()).sum::<usize>() <= most;
    let scale = scales.by_ref().take(30).find(fits).unwrap_or(1e-30);
    for block in &blocks {
        top = block.draw(&mut canvas, top, scale) + 8.0;
    }
    let asleep = trace::taken_for_sleep(blocks.iter().flat_map(Block::sleeps));
    if !asleep.is_empty() {
        top = paragraph(&mut canvas, top, &asleep, Letters::Small, right);
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
        let values = traces.iter().filter_map(|trace| trace.notes.get(key)).map(String::as_str);
        // Of the time, the day.
        let mut values: Vec<_> =
            values.map(|value| if key == "date" { value.split('T').next().unwrap_or(value) } else { value }).collect();
        values.dedup();
        values.join("; ")
    };
    let commit = of("commit");
    let commit = if commit.is_empty() { commit } else { format!("commit {commit}") };
    let parts = [of("CPU"), of("kernel"), of("date"), commit, of("command"), of("chosen")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A length of time as people say it.
fn duration(nanoseconds: i64) -> String {
    number::time(nanoseconds as f64 / 1e3)
}
