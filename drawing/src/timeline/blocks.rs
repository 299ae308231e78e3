//! One process of a picture: under what heading, on which strips.

use super::lanes::{self, Lane};
use super::strips::{self, Strip};
use super::trace::{Kind, Operation, Process, Span, Trace};
use super::window::{Part, Window};
use super::{WIDTH, duration};
use crate::frame::{MARGIN, paragraph};
use crate::number;
use crate::style::{self, Identity};
use crate::svg::{Anchor, Canvas, units};
use crate::text::{self, Letters, width};

/// The widest that the names of lanes may be: longer ones are broken.
const NAMES: f64 = 92.0;
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
    /// Only what belongs to one callback is drawn: little is said of it.
    is_brief: bool,
    busy: Vec<(i64, i64)>,
    /// In the order of their beginnings.
    waits: Vec<Wait>,
    /// What the kernel had in hand, no two of a row at once.
    rows: Vec<Vec<&'a Operation>>,
}

/// A thread sleeps, and the width of what it sleeps in, written down.
struct Wait {
    from: i64,
    to: i64,
    width: f64,
}

impl<'a> Block<'a> {
    /// None if it does nothing in that time.
    pub(super) fn of(process: &'a Process, trace: &Trace, window: &Window) -> Option<Block<'a>> {
        let (first, last) = process.extent()?;
        let Part { from, to, busy } = Part::of(process, window)?;
        let spans = || process.threads.iter().flat_map(|thread| &thread.spans);
        let (before, after) = (spans().filter(|span| span.to < from).count(), spans().filter(|span| span.from > to).count());
        let is_brief = window.from_last.is_some();
        let left_out = [(before, "before", from - first), (after, "after", last - to)];
        let left_out = left_out.into_iter().filter(|(spans, ..)| *spans > 0 && !is_brief);
        let left_out = left_out.map(|(spans, side, time)| {
            let what = if spans == 1 { "call or callback" } else { "calls and callbacks" };
            format!("{} {what} in {} {side} this", number::round(spans as f64), duration(time))
        });
        let (rows, no_row) = rows(&process.operations, from, to);
        let beyond = (no_row > 0).then(|| format!("{} beyond {MOST_OPERATIONS} at once", counted(no_row, "operation")));
        let not_drawn = left_out.chain(beyond).collect::<Vec<_>>();
        let noted = |key: &str| trace.notes.get(key).and_then(|count| count.parse().ok()).unwrap_or(0);
        let not_recorded = [(noted("missing_threads"), "thread"), (noted("dropped"), "event")];
        let not_recorded = not_recorded.into_iter().filter(|(count, _)| *count > 0);
        let not_recorded = not_recorded.map(|(count, what)| counted(count, what)).collect::<Vec<_>>();
        let left_out = [("Not drawn", not_drawn), ("Not in the recording", not_recorded)].into_iter();
        let left_out = left_out.filter(|(_, parts)| !parts.is_empty());
        let left_out = left_out.map(|(what, parts)| format!("{what}: {}.", parts.join(", "))).collect::<Vec<_>>().join(" ");
        let model = style::models().find(|model| {
            let is_word = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == *model);
            is_word(&process.name) || trace.notes.get("model").is_some_and(|noted| is_word(noted))
        });
        let identity = Identity::of(model.unwrap_or("other"));
        let spans = process.threads.iter().flat_map(|thread| &thread.spans);
        let waits = spans.filter(|span| span.is_wait() && span.from <= to && span.to >= from);
        let mut waits: Vec<_> =
            waits.map(|span| Wait { from: span.from, to: span.to, width: width(&span.name, Letters::Small) }).collect();
        waits.sort_by_key(|wait| wait.from);
        Some(Block { process, identity, from, to, left_out, is_brief, busy, waits, rows })
    }

    pub(super) fn name(&self) -> &str {
        &self.process.name
    }

    /// What happens in it, in a line.
    pub(super) fn summary(&self) -> String {
        let threads: Vec<Vec<&Span>> = self.process.threads.iter().map(|thread| self.seen(&thread.spans)).collect();
        let threads: Vec<_> = threads.into_iter().filter(|spans| !spans.is_empty()).collect();
        let all = || threads.iter().flatten();
        let calls = all().filter(|span| span.kind == Kind::Call);
        let asleep: i64 = all().filter(|span| span.is_wait()).map(|span| span.to.min(self.to) - span.from.max(self.from)).sum();
        let mut parts = vec![counted(threads.len(), "thread"), counted(calls.count(), "system call")];
        let operations = self.process.operations.iter().filter(|operation| self.has(operation.from, operation.to)).count();
        if operations > 0 {
            parts.push(counted(operations, "operation") + " in the kernel");
        }
        if self.is_brief {
            return format!("{}. {}", parts.join(", "), self.left_out).trim_end().to_owned();
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

    /// The calls in which threads are drawn as asleep.
    pub(super) fn sleeps(&self) -> impl Iterator<Item = &'a str> {
        let spans = self.process.threads.iter().flat_map(|thread| &thread.spans);
        let seen = spans.filter(|span| span.kind == Kind::Call && span.is_wait() && self.has(span.from, Some(span.to)));
        seen.map(|span| span.name.as_str())
    }

    /// The strips it takes at so many units a nanosecond, or only the first of them where they are more than so many.
    pub(super) fn strips(&self, scale: f64, most: usize) -> Vec<Strip> {
        let mut later = self.waits.iter().peekable();
        let mut waits: Vec<&Wait> = Vec::new();
        // The width of the longest name of a wait that goes on through a cut. Cuts come in the order of time.
        let names = |from: i64, to: i64| {
            waits.extend(std::iter::from_fn(|| later.next_if(|wait| wait.from <= from)));
            waits.retain(|wait| wait.to >= to);
            waits.iter().map(|wait| wait.width).fold(0.0, f64::max)
        };
        strips::strips(&self.busy, (self.from, self.to), scale, (self.field().1 - self.field().0, most), names)
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
        let behind = MARGIN + 22.0 + width(self.name(), Letters::Strong) + 12.0;
        let summary = self.summary();
        let fits_behind = !self.name().is_empty() && behind + width(&summary, Letters::Small) <= across.1;
        let below = paragraph(canvas, top, self.name(), Letters::Strong, (MARGIN + 22.0, text_right));
        let mut top = if self.is_brief && fits_behind {
            canvas.text((behind, top + 13.0), Anchor::Start, Letters::Small, &summary);
            below
        } else {
            paragraph(canvas, below, &summary, Letters::Small, across) + 4.0
        };
        let strips = self.strips(scale, usize::MAX);
        for (number, strip) in strips.iter().enumerate() {
            top = self.draw_strip(canvas, top, strip) + if number + 1 < strips.len() || !self.is_brief { 10.0 } else { 0.0 };
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

/// Operations in rows, no two of a row at once; and how many have found no row.
fn rows(operations: &[Operation], from: i64, to: i64) -> (Vec<Vec<&Operation>>, usize) {
    let mut rows: Vec<Vec<&Operation>> = Vec::new();
    let mut no_row = 0;
    for operation in operations.iter().filter(|operation| operation.from <= to && operation.to.is_none_or(|end| end >= from)) {
        let is_free = |row: &Vec<&Operation>| row.last().is_none_or(|last| last.to.is_some_and(|end| end <= operation.from));
        match rows.iter().position(is_free) {
            Some(row) => rows[row].push(operation),
            None if rows.len() < MOST_OPERATIONS => rows.push(vec![operation]),
            None => no_row += 1,
        }
    }
    (rows, no_row)
}

fn counted(count: usize, one: &str) -> String {
    format!("{} {one}{}", number::round(count as f64), if count == 1 { "" } else { "s" })
}
