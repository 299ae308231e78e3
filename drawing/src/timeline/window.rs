//! Which part of a recording is drawn.

use std::time::Duration;

use super::trace::{Kind, Process, Span};

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
    /// The name of a callback: from shortly before its last one, when all sleep, until all sleep again, unless `from` and `to` say
    /// otherwise. Then each process has one strip.
    pub from_last: Option<&'static str>,
}

impl Default for Window {
    fn default() -> Window {
        Window { from: None, to: None, before: "stopping", from_last: None }
    }
}

/// How many spans of a process are drawn if nobody says until when.
pub const MOST_SPANS: usize = 150;

/// What begins so soon after something else, in nanoseconds, belongs to it.
const SAME_BURST: i64 = 10_000;

/// So much of the sleep around the last callback is drawn, in nanoseconds.
const AROUND: i64 = 150_000;

/// Calls by which a model gets ready, if they are made before anything else.
const SET_UP: &[&str] =
    &["io_uring_setup", "io_uring_register", "mmap", "io_setup", "epoll_create1", "eventfd2", "ioctl", "clone3"];

/// The part of a process that is drawn.
pub(super) struct Part {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Where something happens in it, in order.
    pub(super) busy: Vec<(i64, i64)>,
}

impl Part {
    /// None if the process does nothing in that time.
    pub(super) fn of(process: &Process, window: &Window) -> Option<Part> {
        let (first, last) = process.extent()?;
        let nanoseconds = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        let mut busy = moments(process);
        busy.sort();
        let around = window.from_last.and_then(|name| around_last(process, &busy, name));
        let from = match (window.from, around) {
            (Some(from), _) => first.saturating_add(nanoseconds(from)),
            (None, Some((from, _))) => from.max(first),
            (None, None) => begin(process, &busy),
        };
        let to = match (window.to, around) {
            (Some(to), _) => first.saturating_add(nanoseconds(to)).min(last),
            (None, Some((_, to))) => to.min(last),
            (None, None) => end(process, &busy, from, window.before),
        };
        busy.retain(|(begun, ended)| *ended >= from && *begun <= to);
        if busy.is_empty() || from > to {
            return None;
        }
        if around.is_some() {
            // The sleep is seen, and not only what is between.
            busy.insert(0, (from, from));
            busy.push((to, to));
        }
        Some(Part { from, to, busy })
    }
}

/// Where something happens: all the time of what works, and both ends of what waits.
fn moments(process: &Process) -> Vec<(i64, i64)> {
    let mut moments = Vec::new();
    for span in process.threads.iter().flat_map(|thread| &thread.spans) {
        if span.is_wait() {
            moments.extend([(span.from, span.from), (span.to, span.to)]);
        } else {
            moments.push((span.from, span.to));
        }
    }
    for operation in &process.operations {
        moments.extend([Some(operation.from), operation.to].into_iter().flatten().map(|at| (at, at)));
        moments.extend(operation.completions.iter().map(|at| (*at, *at)));
    }
    moments
}

/// The burst in which a protocol is told that for the last time, and some of the sleep on each side of it.
fn around_last(process: &Process, busy: &[(i64, i64)], name: &str) -> Option<(i64, i64)> {
    let spans = process.threads.iter().flat_map(|thread| &thread.spans);
    let last = spans.filter(|span| span.kind == Kind::Callback && span.name == name).max_by_key(|span| span.from)?;
    let mut end = last.to;
    for (from, to) in busy.iter().filter(|(from, _)| *from >= last.from) {
        if from - end > SAME_BURST {
            return Some((burst(busy, last.from) - AROUND, (end + AROUND).min(from - 1)));
        }
        end = end.max(*to);
    }
    Some((burst(busy, last.from) - AROUND, end + AROUND))
}

/// Where a picture begins if nobody says: with the burst that the first callback, operation or read is in, or else at once.
fn begin(process: &Process, busy: &[(i64, i64)]) -> i64 {
    let spans = process.threads.iter().flat_map(|thread| &thread.spans);
    let work = spans.filter(|span| span.kind == Kind::Callback || is_read(span)).map(|span| span.from);
    let first = work.chain(process.operations.iter().map(|operation| operation.from)).min();
    let Some(first) = first else { return busy.first().map_or(0, |(from, _)| *from) };
    let spans = process.threads.iter().flat_map(|thread| &thread.spans);
    let set_up = spans.filter(|span| span.to <= first && SET_UP.contains(&span.name.as_str())).map(|span| span.to).max();
    burst(busy, first).max(set_up.map_or(i64::MIN, |set_up| set_up + 1))
}

fn is_read(span: &Span) -> bool {
    matches!(span.name.as_str(), "pread64" | "preadv2")
}

/// Where what happens at that time begins, with all that came shortly before it.
fn burst(busy: &[(i64, i64)], at: i64) -> i64 {
    let mut begin = at;
    for (from, to) in busy.iter().rev().filter(|(from, _)| *from <= at) {
        if begin - to > SAME_BURST {
            break;
        }
        begin = begin.min(*from);
    }
    begin
}

/// Where it ends: before the burst in which protocols are told that; or with the last operation or read, where there are no
/// protocols; or when enough has been drawn.
fn end(process: &Process, busy: &[(i64, i64)], from: i64, before: &str) -> i64 {
    let spans = || process.threads.iter().flat_map(|thread| &thread.spans).filter(|span| span.to >= from);
    let callbacks = || spans().filter(|span| span.kind == Kind::Callback);
    let mut ends: Vec<_> = spans().filter(|span| !span.is_wait()).map(|span| span.to).collect();
    ends.sort();
    let last = process.extent().map_or(from, |(_, last)| last);
    let enough = ends.get(MOST_SPANS).copied().unwrap_or(last);
    let until = if callbacks().next().is_none() {
        let operations = process.operations.iter().filter_map(|operation| operation.to);
        operations.chain(spans().filter(|span| is_read(span)).map(|span| span.to)).max().map(|done| done + 1)
    } else {
        callbacks().filter(|span| span.name == before).map(|span| burst(busy, span.from)).min()
    };
    let Some(until) = until.filter(|until| *until < enough) else { return enough };
    // The sleep before it is seen to begin.
    let shown = busy.iter().map(|(_, to)| *to).filter(|to| *to < until).max().unwrap_or(from);
    if callbacks().next().is_none() { shown + SAME_BURST } else { until.min(shown + SAME_BURST) }
}
