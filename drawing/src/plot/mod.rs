//! Plots of what was measured. Every one has its axis with a unit, names beside what they name, the spread of each value, and a line
//! below that says where the values are from.
//!
//! | form | for |
//! |---|---|
//! | [`dots`] | values with intervals, in rows, one line for each model; on a log axis too, and beside a reference |
//! | [`bars`] | the same where the length counts: the axis begins at nought |
//! | [`lines`] | what depends on something, in panels one below the other; percentiles on an axis of nines |

mod axis;
mod categories;
mod lines;

pub use axis::Scale;
pub use categories::{bars, dots};
pub use lines::{Curve, Panel, Point, lines, percentiles_of};

pub use crate::frame::Heading;
use crate::frame::{self, MARGIN};
use crate::number;
use crate::svg::{Canvas, Picture};
use crate::table::{Cell, Table};
use crate::text::Letters;

/// The width of every plot.
const WIDTH: f64 = 560.0;
/// An axis of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it shows, and in which unit: `CPU µs a request`.
    pub label: String,
    /// How values are spread over it.
    pub scale: Scale,
    /// A line across it, and what it stands for: `(1.0, "bare loop")`.
    pub reference: Option<(f64, String)>,
}

/// What one model took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// Which model.
    pub who: String,
    /// Nothing, if there is a note instead.
    pub median: Option<f64>,
    /// The interval, if there is one.
    pub spread: Option<(f64, f64)>,
    /// Why there is no value.
    pub note: String,
}

/// Several models at one thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// At which.
    pub label: String,
    /// What each took.
    pub values: Vec<Value>,
}

impl Value {
    fn of(cell: &Cell) -> Value {
        let Cell { model, median, low, high, note, .. } = cell;
        let note = if median.is_some() { String::new() } else { note.clone() };
        Value { who: model.clone(), median: *median, spread: low.zip(*high), note }
    }

    fn written(&self) -> String {
        self.median.map_or_else(|| self.note.clone(), number::short)
    }
}

/// The rows of a table that have this measure, each with the models that have a value there or a note.
pub fn rows_of(table: &Table, measure: &str) -> Vec<Row> {
    let row = |label: &str| {
        let cells = table.cells.iter().filter(|cell| cell.row == label && cell.measure == measure);
        let values: Vec<_> = cells.filter(|cell| cell.median.is_some() || !cell.note.is_empty()).map(Value::of).collect();
        Row { label: table.title(label).to_owned(), values }
    };
    let has_values = |row: &Row| row.values.iter().any(|value| value.median.is_some());
    table.rows().into_iter().map(row).filter(has_values).collect()
}

/// The least and the greatest of what a plot has to show on that scale.
fn extent(
    values: impl Iterator<Item = (Option<f64>, Option<(f64, f64)>)>,
    reference: Option<f64>,
    scale: Scale,
) -> Option<(f64, f64)> {
    let of_values = values.flat_map(|(median, spread)| {
        let (low, high) = spread.unzip();
        [median, low, high].into_iter().flatten()
    });
    let all: Vec<f64> = of_values.chain(reference).collect();
    if all.is_empty() {
        return None;
    }
    let mut shown = all.into_iter().filter(|value| scale != Scale::Log || *value > 0.0);
    let first = shown.next().unwrap_or(1.0);
    Some(shown.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
}

/// Writes the title and what the axis of values shows, and says where what follows begins.
fn headline(canvas: &mut Canvas, title: &str, axis: &Axis) -> f64 {
    let top = paragraph(canvas, MARGIN, title, Letters::Title, MARGIN);
    let label = if axis.scale == Scale::Log { format!("{} (log axis)", axis.label) } else { axis.label.clone() };
    paragraph(canvas, top, &label, Letters::Plain, MARGIN) + 8.0
}

fn paragraph(canvas: &mut Canvas, top: f64, words: &str, letters: Letters, left: f64) -> f64 {
    frame::paragraph(canvas, top, words, letters, (left, WIDTH - MARGIN))
}

/// Writes the source and ends the picture. What the values say is said in words too.
fn finish(mut canvas: Canvas, heading: &Heading, bottom: f64, rows: &[(String, String)]) -> Picture {
    let mut bottom = bottom;
    if !heading.source.is_empty() {
        bottom = paragraph(&mut canvas, bottom + 10.0, &heading.source, Letters::Small, MARGIN);
    }
    let values: Vec<_> = rows.iter().map(|(row, values)| format!("{row}: {values}")).collect();
    let description = [heading.description.as_str(), &values.join("; ")].join(" ");
    canvas.finish(&heading.title, description.trim(), WIDTH, (bottom + MARGIN - 4.0).ceil())
}

/// A picture that says that there is nothing to show.
fn empty(heading: &Heading) -> Picture {
    let mut canvas = Canvas::new(&heading.name);
    let top = headline(&mut canvas, &heading.title, &Axis::default());
    let bottom = paragraph(&mut canvas, top, "nothing was measured", Letters::Plain, MARGIN);
    finish(canvas, heading, bottom, &[])
}
