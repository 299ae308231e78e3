//! Values in rows: a block for each row, in it a line for each model with its name, its mark, its interval and its number.

use super::axis::{Ruler, Scale};
use super::{Axis, Heading, MARGIN, Row, Value, WIDTH, empty, extent, finish, headline};
use crate::style::Identity;
use crate::svg::{Anchor, Canvas, Picture};
use crate::text::{Letters, width};

/// The height of a model's line.
const LINE: f64 = 22.0;
/// Between two rows.
const GAP: f64 = 12.0;

/// A dot for each value, on its interval.
pub fn dots(heading: &Heading, rows: &[Row], axis: &Axis) -> Picture {
    categories(heading, rows, axis, Shape::Dot)
}

/// A bar for each value, from nought, with its interval as a whisker. The scale of the axis must be linear: a length on a log axis
/// says nothing, so what comes with one is drawn as [`dots`].
pub fn bars(heading: &Heading, rows: &[Row], axis: &Axis) -> Picture {
    let shape = if axis.scale == Scale::Linear { Shape::Bar } else { Shape::Dot };
    categories(heading, rows, axis, shape)
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Dot,
    Bar,
}

/// Where things are across the paper.
struct Columns {
    left: f64,
    right: f64,
    ruler: Ruler,
}

impl Columns {
    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.ruler.at(value)
    }
}

fn categories(heading: &Heading, rows: &[Row], axis: &Axis, shape: Shape) -> Picture {
    let values = || rows.iter().flat_map(|row| &row.values);
    let reference = axis.reference.as_ref().map(|(value, _)| *value);
    let Some(extent) = extent(values().map(|value| (value.median, value.spread)), reference, axis.scale) else {
        return empty(heading);
    };
    let widest = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| width(&text, Letters::Plain)).fold(0.0, f64::max);
    let names = widest(&mut values().map(|value| value.who.clone()));
    let numbers = widest(&mut values().filter(|value| value.median.is_some()).map(Value::written));
    let columns = Columns {
        left: MARGIN + names + 18.0,
        right: WIDTH - MARGIN - numbers - 14.0,
        ruler: Ruler::over(extent, axis.scale, shape == Shape::Bar),
    };

    let mut canvas = Canvas::new(&heading.name);
    let mut top = headline(&mut canvas, &heading.title, axis);
    if let Some((value, name)) = &axis.reference {
        let half = width(name, Letters::Small) / 2.0;
        let middle = columns.x(*value).clamp(MARGIN + half, WIDTH - MARGIN - half);
        canvas.text((middle, top + 12.0), Anchor::Middle, Letters::Small, name);
        top += 20.0;
    }
    // The grid lies below everything, so the height is known before anything is drawn.
    let heights: Vec<_> = rows.iter().map(height).collect();
    let bottom = top + heights.iter().sum::<f64>() + GAP * (rows.len() - 1) as f64;
    let marks = columns.ruler.marks(columns.right - columns.left, false);
    for (value, name) in &marks {
        let x = columns.x(*value);
        canvas.line((x, top), (x, bottom + 5.0), "d-grid");
        canvas.text((x, bottom + 20.0), Anchor::Middle, Letters::Small, name);
    }
    if let Some((value, _)) = axis.reference {
        let x = columns.x(value);
        canvas.line((x, top - 3.0), (x, bottom + 5.0), "d-target");
    }
    let mut row_top = top;
    for (row, height) in rows.iter().zip(heights) {
        draw(&mut canvas, row, row_top, &columns, shape);
        row_top += height + GAP;
    }
    canvas.line((columns.left, bottom + 5.0), (columns.right, bottom + 5.0), "d-axis");
    finish(canvas, heading, bottom + 24.0, &in_words(rows))
}

fn height(row: &Row) -> f64 {
    label_lines(row).len() as f64 * Letters::Strong.line() + 2.0 + LINE * row.values.len() as f64
}

fn label_lines(row: &Row) -> Vec<String> {
    crate::text::wrap(&row.label, Letters::Strong, WIDTH - 2.0 * MARGIN)
}

fn draw(canvas: &mut Canvas, row: &Row, top: f64, columns: &Columns, shape: Shape) {
    let mut top = top;
    for line in label_lines(row) {
        canvas.text_of_class((MARGIN, top + 0.8 * Letters::Strong.size()), Anchor::Start, Letters::Strong, "d-halo", &line);
        top += Letters::Strong.line();
    }
    top += 2.0;
    for value in &row.values {
        let (middle, baseline) = (top + LINE / 2.0, top + LINE / 2.0 + 5.0);
        canvas.text((MARGIN, baseline), Anchor::Start, Letters::Plain, &value.who);
        match value.median {
            Some(median) => {
                mark(canvas, value, median, middle, columns, shape);
                canvas.text((WIDTH - MARGIN, baseline), Anchor::End, Letters::Plain, &value.written());
            }
            None => canvas.text_of_class((columns.left + 8.0, baseline), Anchor::Start, Letters::Small, "d-halo", &value.note),
        }
        top += LINE;
    }
}

fn mark(canvas: &mut Canvas, value: &Value, median: f64, y: f64, columns: &Columns, shape: Shape) {
    let identity = Identity::of(&value.who);
    let x = columns.x(median);
    canvas.open(identity.class);
    if shape == Shape::Bar {
        let left = columns.x(0.0);
        canvas.filled((left.min(x), y - 7.0), ((x - left).abs().max(0.5), 14.0), identity);
    }
    if let Some((low, high)) = value.spread {
        let (low, high) = (columns.x(low), columns.x(high));
        // The ends of an interval that is narrower than the dot stand out above and below it.
        let (class, end_class, half) =
            if shape == Shape::Bar { ("d-whisker", "d-whisker", 4.0) } else { ("d-spread", "d-edge", 8.0) };
        canvas.line((low, y), (high, y), class);
        for end in [low, high] {
            canvas.line((end, y - half), (end, y + half), end_class);
        }
    }
    if shape == Shape::Dot {
        canvas.marker((x, y), identity);
    }
    canvas.close();
}

fn in_words(rows: &[Row]) -> Vec<(String, String)> {
    let value = |value: &Value| match value.spread {
        Some((low, high)) => {
            let (low, high) = (crate::number::short(low), crate::number::short(high));
            format!("{} {} ({low} to {high})", value.who, value.written())
        }
        None => format!("{} {}", value.who, value.written()),
    };
    let row = |row: &Row| (row.label.clone(), row.values.iter().map(value).collect::<Vec<_>>().join(", "));
    rows.iter().map(row).collect()
}
