//! One process of a picture: which part of it is drawn, under what heading, on which strips.

use super::lanes::{self, Lane};
use super::strips::{self, Strip};
use super::trace::{Kind, Operation, Process, Span, Trace};
use super::{MOST_SPANS, WIDTH, Window, duration};
use crate::frame::{MARGIN, paragraph};
use crate::number;
use crate::style::{self, Identity};
use crate::svg::{Anchor, Canvas, units};
use crate::text::{self, Letters, width};

/// The widest that the names of lanes may be: longer ones are broken.
const NAMES: f64 = 92.0;
/// What begins so soon after something else, in nanoseconds, belongs to it.
const SAME_BURST: i64 = 10_000;
/// More operations at once are not drawn, but counted.
const MOST_OPERATIONS: usize = 8;

/// A process, and the part of it that is drawn.
pub(super) struct Block<'a> {
    process: &'a Process,
    identity: Identity,
    from: i64,
    to: i64,
    /// What is not drawn, in words.
    left_out: String,
    busy: Vec<(i64, i64)>,
    /// What the kernel had in hand, no two of a row at once.
    rows: Vec<Vec<&'a Operation>>,
}

impl<'a> Block<'a> {
    /// None if it does nothing in that time.
    pub(super) fn of(process: &'a Process, trace: &Trace, window: &Window) -> Option<Block<'a>> {
        let (first, last) = process.extent()?;
        let nanoseconds = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        let mut busy = moments(process);
        busy.sort();
        let from = window.from.map_or_else(|| begin(process, &busy), |from| first.saturating_add(nanoseconds(from)));
        let to = window
            .to
            .map_or_else(|| end(process, &busy, from, window.before), |to| first.saturating_add(nanoseconds(to)).min(last));
        busy.retain(|(begun, ended)| *ended >= from && *begun <= to);
        busy.first()?;
        let spans = || process.threads.iter().flat_map(|thread| &thread.spans);
        let (before, after) = (spans().filter(|span| span.to < from).count(), spans().filter(|span| span.from > to).count());
        let left_out =
            [(before, "before", from - first), (after, "after", last - to)].into_iter().filter(|(spans, ..)| *spans > 0);
        let left_out = left_out.map(|(spans, side, time)| {
            let what = if spans == 1 { "call or callback" } else { "calls and callbacks" };
            format!("{} {what} in {} {side} this", number::round(spans as f64), duration(time))
        });
        let left_out = left_out.collect::<Vec<_>>().join(", ");
        let left_out = if left_out.is_empty() { left_out } else { format!("Not drawn: {left_out}.") };
        let model = style::models().find(|model| {
            let is_word = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == *model);
            is_word(&process.name) || trace.notes.get("model").is_some_and(|noted| is_word(noted))
        });
        let rows = rows(&process.operations, from, to);
        let identity = Identity::of(model.unwrap_or("other"));
        Some(Block { process, identity, from, to, left_out, busy, rows })
    }

    pub(super) fn name(&self) -> &str {
        &self.process.name
    }

    /// What happens in it, in a line.
    pub(super) fn summary(&self) -> String {
        let threads: Vec<Vec<&Span>> = self.process.threads.iter().map(|thread| self.seen(&thread.spans)).collect();
        let threads: Vec<_> = threads.into_iter().filter(|spans| !spans.is_empty()).collect();
        let all = || threads.iter().flatten();
        let counted =
            |count: usize, one: &str| format!("{} {one}{}", number::round(count as f64), if count == 1 { "" } else { "s" });
        let calls = all().filter(|span| span.kind == Kind::Call);
        let asleep: i64 = all().filter(|span| span.is_wait()).map(|span| span.to.min(self.to) - span.from.max(self.from)).sum();
        let mut parts = vec![counted(threads.len(), "thread"), counted(calls.count(), "system call")];
        let operations = self.process.operations.iter().filter(|operation| self.has(operation.from, operation.to)).count();
        if operations > 0 {
            parts.push(counted(operations, "operation") + " in the kernel");
        }
        let over = if threads.len() > 1 { ", all threads together" } else { "" };
        format!(
            "{} in {}; asleep for {}{over}. {}",
            parts.join(", "),
            duration(self.to - self.from),
            duration(asleep),
            self.left_out
        )
        .trim_end()
        .to_owned()
    }

    fn has(&self, from: i64, to: Option<i64>) -> bool {
        from <= self.to && to.is_none_or(|to| to >= self.from)
    }

    fn seen(&self, spans: &'a [Span]) -> Vec<&'a Span> {
        spans.iter().filter(|span| self.has(span.from, Some(span.to))).collect()
    }

    /// The strips it takes at so many units a nanosecond.
    pub(super) fn strips(&self, scale: f64) -> Vec<Strip> {
        strips::strips(&self.busy, (self.from, self.to), scale, self.field().1 - self.field().0, |from, to| {
            self.names(from, to)
        })
    }

    /// The width of the longest name of a wait that goes on from one time to the other.
    fn names(&self, from: i64, to: i64) -> f64 {
        let spans = self.process.threads.iter().flat_map(|thread| &thread.spans);
        let waits = spans.filter(|span| span.from <= from && span.to >= to);
        waits.map(|span| width(&span.name, Letters::Small)).fold(0.0, f64::max)
    }

    /// From where to where time runs on the paper.
    fn field(&self) -> (f64, f64) {
        let names = self.process.threads.iter().flat_map(|thread| lane_name(&thread.name));
        let kernel = if self.rows.is_empty() { Vec::new() } else { lane_name(lanes::KERNEL) };
        let names = names.chain(kernel).map(|line| width(&line, Letters::Small)).fold(0.0, f64::max);
        (MARGIN + names + 10.0, WIDTH - MARGIN)
    }

    /// Draws it below `top`, and says where it ends.
    pub(super) fn draw(&self, canvas: &mut Canvas, top: f64, scale: f64) -> f64 {
        let across = (MARGIN, WIDTH - MARGIN);
        canvas.open(self.identity.class);
        let text_right = across.1 - 22.0;
        canvas.marker((MARGIN + 7.0, top + 8.0), self.identity);
        let mut top = paragraph(canvas, top, self.name(), Letters::Strong, (MARGIN + 22.0, text_right));
        top = paragraph(canvas, top, &self.summary(), Letters::Small, across) + 4.0;
        for strip in self.strips(scale) {
            top = self.draw_strip(canvas, top, &strip) + 10.0;
        }
        canvas.close();
        top
    }

    fn draw_strip(&self, canvas: &mut Canvas, top: f64, strip: &Strip) -> f64 {
        let (left, right) = self.field();
        let threads = self
            .process
            .threads
            .iter()
            .map(|thread| (thread.name.as_str(), Lane::of_thread(&self.seen(&thread.spans), strip, right - left)));
        let (quiet, rows): (Vec<&Vec<_>>, Vec<_>) = self.rows.iter().partition(|row| is_quiet(row, strip));
        // Where nothing happens to them, they are in one lane.
        let quiet = together(&quiet.into_iter().flatten().copied().collect::<Vec<_>>(), strip);
        let rows = rows.into_iter().map(Vec::as_slice).collect::<Vec<_>>();
        let of_quiet = quiet.iter().map(|operation| (lanes::KERNEL, Lane::of_operations(&[operation], strip, right - left)));
        let rows = rows.into_iter().map(|row| (lanes::KERNEL, Lane::of_operations(row, strip, right - left)));
        let rows = of_quiet.chain(rows);
        let seen = |(name, lane): (&'a str, Option<Lane>)| Some((name, lane?));
        let lanes: Vec<_> = threads.chain(rows).filter_map(seen).collect();

        // First what lies below: the shade of the lanes, torn where time is left out. Texts lie on top of everything.
        let axis = top;
        let first = top + 20.0;
        let mut top = first;
        let mut placed = Vec::new();
        let mut last_name = "";
        for (name, lane) in &lanes {
            // The kernel's lanes are one below the other, and named once.
            let lines = if *name == last_name && *name == lanes::KERNEL { Vec::new() } else { lane_name(name) };
            last_name = name;
            let height = lane.height().max(lines.len() as f64 * Letters::Small.line() + 4.0);
            canvas.rect((left, top), (right - left, height), 0.0, "d-band", None);
            placed.push((lane, lines, lane.middle(top, height)));
            top += height + 3.0;
        }
        let bottom = top - 3.0;
        for cut in &strip.breaks {
            tear(canvas, left + cut.x, cut.width, (first, bottom));
            canvas.text((left + cut.x + cut.width / 2.0, axis + 13.0), Anchor::Middle, Letters::Small, &cut.label);
        }
        self.axis(canvas, axis, strip, left, right);
        for (lane, lines, middle) in placed {
            let mut baseline = middle + 5.0 - (lines.len().saturating_sub(1)) as f64 * Letters::Small.line() / 2.0;
            for line in &lines {
                canvas.text_of_class((MARGIN, baseline), Anchor::Start, Letters::Small, "d-text", line);
                baseline += Letters::Small.line();
            }
            lane.draw(canvas, left, middle);
        }
        bottom
    }

    /// Times above the lanes, where there is room between the marks of what was cut out.
    fn axis(&self, canvas: &mut Canvas, top: f64, strip: &Strip, left: f64, right: f64) {
        let mut taken: Vec<(f64, f64)> = strip.breaks.iter().map(|cut| (left + cut.x, left + cut.x + cut.width)).collect();
        let mut write = |canvas: &mut Canvas, x: f64, at: i64, is_first: bool| {
            let micros = at as f64 / 1000.0;
            let label = format!("{} µs", if is_first { number::with_decimals(micros, 0) } else { number::round(micros) });
            let length = width(&label, Letters::Small);
            let begin = if is_first { x } else { x - length / 2.0 };
            let is_free = taken.iter().all(|(from, to)| begin + length + 6.0 < *from || *to + 6.0 < begin);
            let is_free = is_free && begin + length <= right && begin >= left;
            if is_free {
                taken.push((begin, begin + length));
                canvas.text((begin, top + 13.0), Anchor::Start, Letters::Small, &label);
                canvas.line((x, top + 16.0), (x, top + 20.0), "d-axis");
            }
        };
        for (at, segment) in strip.segments.iter().enumerate() {
            let per_unit = (segment.to - segment.from) as f64 / (segment.x(segment.to) - segment.x).max(1e-9);
            let step = round_step(per_unit * 80.0);
            let since = segment.from - self.from;
            if at == 0 {
                write(canvas, left + segment.x, since, true);
            }
            let mut mark = (since + step - 1).div_euclid(step) * step;
            while mark <= segment.to - self.from {
                write(canvas, left + segment.x(mark + self.from), mark, false);
                mark += step;
            }
        }
    }
}

/// The shade is torn where time is left out.
fn tear(canvas: &mut Canvas, left: f64, width: f64, (top, bottom): (f64, f64)) {
    let teeth = ((bottom - top) / 6.0).ceil() as usize;
    let edge = |x: f64| {
        (0..=teeth).map(move |tooth| (x + if tooth % 2 == 0 { -2.0 } else { 2.0 }, (top + 6.0 * tooth as f64).min(bottom)))
    };
    let (begin, end) = (edge(left + 4.0).collect::<Vec<_>>(), edge(left + width - 4.0).collect::<Vec<_>>());
    let corners = begin.iter().chain(end.iter().rev()).map(|(x, y)| format!("{} {}", units(*x), units(*y)));
    canvas.path(&format!("M{}Z", corners.collect::<Vec<_>>().join("L")), "d-cut");
    for side in [begin, end] {
        canvas.polyline(&side, "d-tear", "none");
    }
}

fn lane_name(name: &str) -> Vec<String> {
    text::wrap(name, Letters::Small, NAMES)
}

/// 1, 2 or 5 of a decade of nanoseconds, not below what is given.
fn round_step(least: f64) -> i64 {
    let steps = (2..15).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
    steps.into_iter().find(|step| *step as f64 >= least).unwrap_or(i64::MAX / 4)
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

/// Calls by which a model gets ready, if they are made before anything else.
const SET_UP: &[&str] =
    &["io_uring_setup", "io_uring_register", "mmap", "io_setup", "epoll_create1", "eventfd2", "ioctl", "clone3"];

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

/// Whether nothing of this row begins, ends or completes on a strip.
fn is_quiet(row: &[&Operation], strip: &Strip) -> bool {
    let is_shown = |at: &i64| strip.at(*at).is_some();
    !row.iter().any(|operation| {
        is_shown(&operation.from) || operation.to.iter().any(is_shown) || operation.completions.iter().any(is_shown)
    })
}

/// Those that are under way on a strip, as if they were one: `2 poll_add, accept`.
fn together(quiet: &[&Operation], strip: &Strip) -> Option<Operation> {
    let (first, last) = (strip.segments.first()?.from, strip.segments.last()?.to);
    let mut names: Vec<(&str, usize)> = Vec::new();
    for operation in quiet.iter().filter(|operation| operation.from <= first && operation.to.is_none_or(|end| end >= last)) {
        match names.iter_mut().find(|(name, _)| *name == operation.name) {
            Some((_, count)) => *count += 1,
            None => names.push((&operation.name, 1)),
        }
    }
    let name = |(name, count): &(&str, usize)| if *count == 1 { (*name).to_owned() } else { format!("{count} {name}") };
    let name = names.iter().map(name).collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then_some(Operation { from: i64::MIN, to: None, completions: Vec::new(), name })
}

/// Operations in rows, no two of a row at once.
fn rows(operations: &[Operation], from: i64, to: i64) -> Vec<Vec<&Operation>> {
    let mut rows: Vec<Vec<&Operation>> = Vec::new();
    for operation in operations.iter().filter(|operation| operation.from <= to && operation.to.is_none_or(|end| end >= from)) {
        let is_free = |row: &Vec<&Operation>| row.last().is_none_or(|last| last.to.is_some_and(|end| end <= operation.from));
        match rows.iter().position(is_free) {
            Some(row) => rows[row].push(operation),
            None if rows.len() < MOST_OPERATIONS => rows.push(vec![operation]),
            None => {}
        }
    }
    rows
}
