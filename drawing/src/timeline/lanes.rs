//! One lane on one strip: bars, lines, and their names.
//!
//! | what | looks like | its name |
//! |---|---|---|
//! | a system call | a bar in the model's colour | in it, or above |
//! | a callback | a dark bar | in it, or below |
//! | a thread that sleeps | a thin line | on it |
//! | an operation in the kernel's hands | an empty bar, with a mark for each completion | in it, or above |

use super::WIDTH;
use super::duration;
use super::flags::{self, Flag, Wish};
use super::strips::Strip;
use super::trace::{Kind, Operation, Span};
use crate::frame::MARGIN;
use crate::style::Identity;
use crate::svg::{Anchor, Canvas, units};
use crate::text::{Letters, width};

/// What the lanes of operations are called.
pub(super) const KERNEL: &str = "in the kernel";

/// The height of a bar.
const BAR: f64 = 18.0;
/// The height of a level of names.
const LEVEL: f64 = 17.0;
/// How many levels of names there may be above, and below.
const LEVELS: usize = 4;
/// No bar is narrower.
const NARROWEST: f64 = 3.0;

/// A lane, laid out: heights are relative to the middle of its bars.
pub(super) struct Lane {
    shapes: Vec<Shape>,
    above: Vec<Flag>,
    below: Vec<Flag>,
}

struct Shape {
    look: Look,
    from: f64,
    to: f64,
    /// How deep it is inside of others.
    depth: usize,
    /// Whether it begins and ends here, and does not go on beside what is shown.
    ends: (bool, bool),
    /// Its name, where it is inside.
    name: Option<(f64, String)>,
    tip: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Look {
    Call,
    Callback,
    Wait,
    /// Sleep that goes on while time is left out.
    Beyond,
    Flight,
    Completion,
}

impl Lane {
    /// None if the thread does not exist on this strip, as far as one knows.
    pub(super) fn of_thread(spans: &[&Span], strip: &Strip, right: f64) -> Option<Lane> {
        let mut lane = Lane { shapes: Vec::new(), above: Vec::new(), below: Vec::new() };
        let (mut above, mut below) = (Vec::new(), Vec::new());
        // The ends of the spans that the next one may be in.
        let mut around: Vec<i64> = Vec::new();
        let mut drawn_until = f64::MIN;
        for span in spans {
            around.retain(|end| *end > span.from || (*end == span.from && span.to == span.from));
            let depth = around.len();
            around.push(span.to);
            let pieces = strip.pieces(span.from, span.to);
            let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { continue };
            let look = match span.kind {
                _ if span.is_wait() => Look::Wait,
                Kind::Callback => Look::Callback,
                _ => Look::Call,
            };
            let mut name = span.name.clone();
            if let Some(error) = &span.error {
                name = format!("{name} {error}");
            }
            let tip = format!("{name}, {}", duration(span.to - span.from));
            if look == Look::Wait {
                let from = first.0.max(drawn_until);
                drawn_until = drawn_until.max(last.1);
                if !lane.push_wait(span, &pieces, from, strip, depth) && last.1 > from {
                    above.push(wish(from, vec![span.name.clone()]));
                }
                continue;
            }
            let from = if depth == 0 { first.0.max(drawn_until) } else { first.0 }.min(right - NARROWEST);
            let to = last.1.max(from + NARROWEST);
            drawn_until = drawn_until.max(to);
            let texts = if name == span.name { vec![name] } else { vec![name, span.name.clone()] };
            let within = if depth == 0 { inside(&texts, from, to, 4.0) } else { None };
            if within.is_none() {
                let wish = wish(from, texts);
                if look == Look::Callback { below.push(wish) } else { above.push(wish) }
            }
            lane.push(look, (from, to), depth, within, &tip);
        }
        lane.above = flags::place(&above, LEVELS, (0.0, right));
        lane.below = flags::place(&below, LEVELS, (0.0, right));
        (!lane.shapes.is_empty()).then_some(lane)
    }

    /// A thin line, with a name across each cut that it goes on through, or else where it is longest. Says whether it got one.
    fn push_wait(&mut self, span: &Span, pieces: &[(f64, f64)], from: f64, strip: &Strip, depth: usize) -> bool {
        let tip = format!("{}, {}", span.name, duration(span.to - span.from));
        let mut is_named = false;
        for cut in strip.breaks.iter().filter(|cut| span.from <= cut.from && span.to >= cut.to) {
            let beside = (cut.width - width(&span.name, Letters::Small)) / 2.0;
            let name = Some((cut.x + beside, span.name.clone()));
            self.push(Look::Beyond, (cut.x, cut.x + cut.width), depth, name, "");
            is_named = true;
        }
        let visible: Vec<_> =
            pieces.iter().map(|(begin, end)| (begin.max(from), *end)).filter(|(begin, end)| begin < end).collect();
        let longest = visible.iter().max_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)));
        let texts = [format!("{} {}", span.name, duration(span.to - span.from)), span.name.clone()];
        let mut name = longest.filter(|_| !is_named).and_then(|(begin, end)| inside(&texts, *begin, *end, 10.0));
        for (begin, end) in &visible {
            let is_here = name.as_ref().is_some_and(|(x, _)| *x >= *begin && *x <= *end);
            let name = if is_here { name.take() } else { None };
            is_named |= name.is_some();
            self.push(Look::Wait, (*begin, *end), depth, name, &tip);
            let is_at = |at: i64, x: f64| strip.at(at).is_some_and(|seen| (seen - x).abs() < NARROWEST + 1.0);
            if let Some(shape) = self.shapes.last_mut() {
                shape.ends = (is_at(span.from, *begin), is_at(span.to, *end));
            }
        }
        is_named
    }

    /// None if there are none on this strip.
    pub(super) fn of_operations(operations: &[&Operation], strip: &Strip, right: f64) -> Option<Lane> {
        let mut lane = Lane { shapes: Vec::new(), above: Vec::new(), below: Vec::new() };
        let mut above = Vec::new();
        let mut drawn_until = f64::MIN;
        let begin_of =
            |operation: &Operation| strip.pieces(operation.from, operation.to.unwrap_or(i64::MAX)).first().map(|piece| piece.0);
        for (at, operation) in operations.iter().enumerate() {
            let end = operation.to.unwrap_or(i64::MAX);
            let pieces = strip.pieces(operation.from, end);
            let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { continue };
            // It goes on while time is left out.
            let cuts = strip.breaks.iter().filter(|cut| operation.from <= cut.from && end >= cut.to);
            let (begun, ended) = cuts.fold((first.0, last.1), |(from, to), cut| (from.min(cut.x), to.max(cut.x + cut.width)));
            let from = begun.max(drawn_until).min(right - NARROWEST);
            let to = ended.max(from + NARROWEST);
            drawn_until = to;
            let texts = vec![operation.name.clone()];
            let seen = operation.completions.iter().copied().chain(operation.to).filter_map(|at| strip.at(at));
            let completions: Vec<_> = seen.collect();
            let name = beside_marks(&texts, from, to, &completions);
            // Or behind it, if nothing follows so soon.
            let behind = to.max(completions.last().copied().unwrap_or(to) + 5.0) + 5.0;
            let next = operations[at + 1..].iter().find_map(|next| begin_of(next)).unwrap_or(right);
            let name = name.or_else(|| inside(&texts, behind, next.min(right), 0.0));
            if name.is_none() {
                above.push(wish(from, texts));
            }
            lane.push(Look::Flight, (from, to), 0, name, &operation.name);
            for x in completions {
                lane.push(Look::Completion, (x, x), 0, None, "");
            }
        }
        lane.above = flags::place(&above, LEVELS, (0.0, right));
        (!lane.shapes.is_empty()).then_some(lane)
    }

    fn push(&mut self, look: Look, (from, to): (f64, f64), depth: usize, name: Option<(f64, String)>, tip: &str) {
        self.shapes.push(Shape { look, from, to, depth, ends: (true, true), name, tip: tip.to_owned() });
    }

    pub(super) fn height(&self) -> f64 {
        self.up() + self.down()
    }

    fn up(&self) -> f64 {
        levels(&self.above) * LEVEL + BAR / 2.0 + 5.0
    }

    fn down(&self) -> f64 {
        levels(&self.below) * LEVEL + BAR / 2.0 + 5.0
    }

    /// Where the middle of its bars is, if it is given that height.
    pub(super) fn middle(&self, top: f64, height: f64) -> f64 {
        top + self.up() + (height - self.height()) / 2.0
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, left: f64, middle: f64) {
        let beside = BAR / 2.0;
        for (flags, side) in [(&self.above, -1.0), (&self.below, 1.0)] {
            for flag in flags {
                let end = middle + side * (beside + (flag.level as f64 + 0.85) * LEVEL);
                canvas.line((left + flag.pole + 0.5, middle), (left + flag.pole + 0.5, end), "d-pole");
            }
        }
        for shape in &self.shapes {
            shape.draw(canvas, left, middle);
        }
        for (flags, side, below) in [(&self.above, -1.0, -4.0), (&self.below, 1.0, 13.0)] {
            for flag in flags {
                let baseline = middle + side * (beside + flag.level as f64 * LEVEL) + below;
                canvas.text_of_class((left + flag.left, baseline), Anchor::Start, Letters::Small, "d-text", &flag.text);
            }
        }
    }
}

fn levels(flags: &[Flag]) -> f64 {
    flags.iter().map(|flag| flag.level + 1).max().unwrap_or(0) as f64
}

fn wish(x: f64, texts: Vec<String>) -> Wish {
    Wish { x, texts: texts.into_iter().map(|text| (text.clone(), width(&text, Letters::Small))).collect() }
}

/// The first of these texts that has room between two places, and where it begins.
fn inside(texts: &[String], from: f64, to: f64, around: f64) -> Option<(f64, String)> {
    let fits = |text: &&String| width(text, Letters::Small) + 2.0 * around <= to - from;
    texts.iter().find(fits).map(|text| (from + around, text.clone()))
}

/// The same beside marks: behind the first after which there is room.
fn beside_marks(texts: &[String], from: f64, to: f64, marks: &[f64]) -> Option<(f64, String)> {
    let ends = marks.iter().copied().chain([to]);
    std::iter::once(from).chain(marks.iter().copied()).zip(ends).find_map(|(from, to)| inside(texts, from, to, 9.0))
}

impl Shape {
    fn draw(&self, canvas: &mut Canvas, left: f64, middle: f64) {
        let (from, to) = (left + self.from, left + self.to);
        let half = (BAR / 2.0 - 2.0 * self.depth as f64).max(3.0);
        let (at, size) = ((from, middle - half), (to - from, 2.0 * half));
        let class = match self.look {
            Look::Call => {
                canvas.rect(at, size, 0.0, "d-mark", Some(&self.tip));
                "d-on"
            }
            Look::Callback => {
                canvas.rect(at, size, 0.0, "d-told", Some(&self.tip));
                "d-on"
            }
            Look::Wait => {
                canvas.line((from, middle), (to, middle), "d-wait");
                for (end, _) in [(from, self.ends.0), (to, self.ends.1)].into_iter().filter(|(_, is_end)| *is_end) {
                    canvas.line((end, middle - 4.0), (end, middle + 4.0), "d-wait");
                }
                "d-text d-on-line"
            }
            Look::Beyond => {
                canvas.polyline(&[(from, middle), (to, middle)], "d-wait", "2 4");
                "d-text d-on-cut"
            }
            Look::Flight => {
                canvas.rect((at.0, at.1 + 1.0), (size.0, size.1 - 2.0), 4.0, "d-flight", Some(&self.tip));
                "d-text"
            }
            Look::Completion => {
                completion(canvas, from, middle);
                ""
            }
        };
        if let Some((x, name)) = &self.name {
            canvas.text_of_class((left + x, middle + 5.0), Anchor::Start, Letters::Small, class, name);
        }
    }
}

/// A flag at the lower edge of an operation's bar.
fn completion(canvas: &mut Canvas, x: f64, middle: f64) {
    let (edge, tip) = (middle + BAR / 2.0 + 3.0, middle + 1.0);
    let d = format!("M{} {}L{} {}L{} {}Z", units(x - 5.0), units(edge), units(x + 5.0), units(edge), units(x), units(tip));
    canvas.path(&d, "d-told");
}

/// What the shapes mean, in lines below `top`. Says where they end.
pub(super) fn legend(canvas: &mut Canvas, top: f64) -> f64 {
    const SAMPLE: f64 = 26.0;
    let entries = [
        (Look::Call, "system call"),
        (Look::Wait, "asleep in it"),
        (Look::Callback, "the protocol is told"),
        (Look::Flight, "in the kernel"),
        (Look::Completion, "completion"),
    ];
    canvas.open(Identity::of("other").class);
    let (mut x, mut middle) = (MARGIN, top + 10.0);
    for (look, words) in entries {
        let sample = if look == Look::Completion { 10.0 } else { SAMPLE };
        let length = sample + 6.0 + width(words, Letters::Small);
        if x + length > WIDTH - MARGIN {
            (x, middle) = (MARGIN, middle + 22.0);
        }
        let from = if look == Look::Completion { x + 5.0 } else { x };
        let shape = Shape { look, from, to: x + sample, depth: 1, ends: (true, true), name: None, tip: words.to_owned() };
        shape.draw(canvas, 0.0, middle);
        canvas.text((x + sample + 6.0, middle + 5.0), Anchor::Start, Letters::Small, words);
        x += length + 16.0;
    }
    canvas.close();
    middle + 14.0
}
