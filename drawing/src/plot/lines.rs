//! Lines in panels, one panel below the other on the same axes: what depends on something, under several loads.

use super::axis::{Ruler, Scale};
use super::{Axis, Heading, MARGIN, WIDTH, empty, extent, finish, headline, paragraph};
use crate::number;
use crate::style::Identity;
use crate::svg::{Anchor, Canvas, Picture};
use crate::table::Table;
use crate::text::{Letters, width};

/// The height of a panel's field.
const FIELD: f64 = 190.0;
/// The least distance between two names at the lines' ends.
const NAME: f64 = 18.0;

/// Several models under one load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Which load.
    pub label: String,
    /// A line for each model.
    pub curves: Vec<Curve>,
}

/// One model's line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Which model.
    pub who: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// A value over what it depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// What it depends on.
    pub x: f64,
    /// The value.
    pub median: f64,
    /// Its interval, if there is one.
    pub spread: Option<(f64, f64)>,
}

/// Panels of latency percentiles from a table: a panel for each row, a point for each measure of the form `p50`, `p99.9`. Where
/// the table has other measures as well, or percentiles below the median, they are left out.
pub fn percentiles_of(table: &Table) -> Vec<Panel> {
    let panel = |row: &str| {
        let curve = |who: &str| {
            let cells = table.cells.iter().filter(|cell| cell.row == row && cell.model == who);
            let mut points: Vec<_> = cells
                .filter_map(|cell| {
                    let x = cell.measure.strip_prefix('p')?.parse().ok().filter(|x| (50.0..100.0).contains(x))?;
                    Some(Point { x, median: cell.median?, spread: cell.low.zip(cell.high) })
                })
                .collect();
            points.sort_by(|one, other| one.x.total_cmp(&other.x));
            Curve { who: who.to_owned(), points }
        };
        let curves = table.models().into_iter().map(curve).filter(|curve| !curve.points.is_empty()).collect();
        Panel { label: table.title(row).to_owned(), curves }
    };
    table.rows().into_iter().map(panel).filter(|panel: &Panel| !panel.curves.is_empty()).collect()
}

/// Lines through points with their intervals, each with its name at its end. Both axes are the same in all panels.
pub fn lines(heading: &Heading, panels: &[Panel], across: &Axis, up: &Axis) -> Picture {
    let points = || panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
    let reference = up.reference.as_ref().map(|(value, _)| *value);
    let wide = extent(points().map(|point| (Some(point.x), None)), None, across.scale);
    let high = extent(points().map(|point| (Some(point.median), point.spread)), reference, up.scale);
    let (Some(wide), Some(high)) = (wide, high) else { return empty(heading) };
    let (across_ruler, up_ruler) = (Ruler::over(wide, across.scale, false), Ruler::over(high, up.scale, false));
    let marks = up_ruler.marks(FIELD, true);
    let mark_width = marks.iter().map(|(_, name)| width(name, Letters::Small)).fold(0.0, f64::max);
    let names =
        panels.iter().flat_map(|panel| &panel.curves).map(|curve| width(&curve.who, Letters::Plain)).fold(0.0, f64::max);
    let mut field = Field {
        left: MARGIN + mark_width + 8.0,
        right: WIDTH - MARGIN - names - 20.0,
        top: 0.0,
        across: across_ruler,
        up: up_ruler,
    };

    let mut canvas = Canvas::new(&heading.name);
    let mut top = headline(&mut canvas, &heading.title, up);
    for panel in panels {
        top = paragraph(&mut canvas, top, &panel.label, Letters::Strong, MARGIN);
        top += 8.0;
        field.top = top;
        field.axes(&mut canvas, across, up, &marks);
        for (at, curve) in panel.curves.iter().enumerate() {
            // Side by side, so that one interval does not hide the other.
            let aside = (at as f64 - (panel.curves.len() - 1) as f64 / 2.0) * 4.0;
            field.curve(&mut canvas, curve, aside);
        }
        field.names(&mut canvas, &panel.curves);
        top += FIELD + 32.0;
    }
    let bottom = paragraph(&mut canvas, top - 4.0, &across.label, Letters::Plain, field.left);
    finish(canvas, heading, bottom, &in_words(panels, across))
}

/// Where a panel's lines are.
struct Field {
    left: f64,
    right: f64,
    top: f64,
    across: Ruler,
    up: Ruler,
}

impl Field {
    fn x(&self, value: f64) -> f64 {
        // A little inside, so that the first and last marks have room for their shapes.
        self.left + 12.0 + (self.right - self.left - 24.0) * self.across.at(value)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + FIELD * (1.0 - self.up.at(value))
    }

    fn axes(&self, canvas: &mut Canvas, across: &Axis, up: &Axis, marks: &[(f64, String)]) {
        let bottom = self.top + FIELD;
        for (value, name) in marks {
            let y = self.y(*value);
            canvas.line((self.left, y), (self.right, y), "d-grid");
            canvas.text((self.left - 6.0, y + 5.0), Anchor::End, Letters::Small, name);
        }
        for (value, name) in self.across.marks(self.right - self.left - 24.0, false) {
            let x = self.x(value);
            let name = if across.scale == Scale::Nines { format!("{name} %") } else { name };
            canvas.line((x, self.top), (x, bottom + 5.0), "d-grid");
            canvas.text((x, bottom + 20.0), Anchor::Middle, Letters::Small, &name);
        }
        canvas.line((self.left, bottom), (self.right, bottom), "d-axis");
        if let Some((value, name)) = &up.reference {
            let y = self.y(*value);
            canvas.line((self.left, y), (self.right, y), "d-target");
            canvas.text_of_class((self.left + 6.0, y - 5.0), Anchor::Start, Letters::Small, "d-halo", name);
        }
    }

    fn curve(&self, canvas: &mut Canvas, curve: &Curve, aside: f64) {
        let identity = Identity::of(&curve.who);
        canvas.open(identity.class);
        let points: Vec<_> = curve.points.iter().map(|point| (self.x(point.x) + aside, self.y(point.median))).collect();
        canvas.polyline(&points, "d-line", identity.dash);
        for (point, at) in curve.points.iter().zip(&points) {
            if let Some((low, high)) = point.spread {
                let ends = [self.y(low), self.y(high)];
                canvas.line((at.0, ends[0]), (at.0, ends[1]), "d-edge");
                for end in ends {
                    canvas.line((at.0 - 3.0, end), (at.0 + 3.0, end), "d-edge");
                }
            }
            canvas.marker(*at, identity);
        }
        canvas.close();
    }

    /// The names at the right, each as near to its line's end as the others let it.
    fn names(&self, canvas: &mut Canvas, curves: &[Curve]) {
        let ends = curves.iter().filter_map(|curve| Some((curve.points.last()?, curve)));
        let mut ends: Vec<_> = ends.map(|(last, curve)| ((self.x(last.x), self.y(last.median)), curve)).collect();
        ends.sort_by(|(one, _), (other, _)| one.1.total_cmp(&other.1));
        let wanted: Vec<_> = ends.iter().map(|((_, y), _)| *y).collect();
        for (((x, y), curve), place) in ends.iter().zip(spread_out(&wanted, NAME, self.top, self.top + FIELD)) {
            canvas.open(Identity::of(&curve.who).class);
            canvas.line((x + 9.0, *y), (self.right + 8.0, place), "d-leader");
            canvas.text_of_class((self.right + 12.0, place + 5.0), Anchor::Start, Letters::Plain, "d-named", &curve.who);
            canvas.close();
        }
    }
}

/// Places as near to those wanted (in order) as can be, with so much between two of them, within bounds if they have room there.
fn spread_out(wanted: &[f64], apart: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut places = wanted.to_vec();
    let mut least = top;
    for place in &mut places {
        *place = place.max(least);
        least = *place + apart;
    }
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - apart;
    }
    places
}

fn in_words(panels: &[Panel], across: &Axis) -> Vec<(String, String)> {
    let unit = if across.scale == Scale::Nines { " %" } else { "" };
    let curve = |curve: &Curve| {
        let points = curve.points.iter().map(|p| format!("{} at {}{unit}", number::short(p.median), number::round(p.x)));
        format!("{} {}", curve.who, points.collect::<Vec<_>>().join(", "))
    };
    let panel = |panel: &Panel| (panel.label.clone(), panel.curves.iter().map(curve).collect::<Vec<_>>().join("; "));
    panels.iter().map(panel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_distance_and_their_order() {
        let places = spread_out(&[10.0, 11.0, 12.0, 100.0], 18.0, 0.0, 100.0);
        assert_eq!(places, [10.0, 28.0, 46.0, 100.0]);
        let places = spread_out(&[90.0, 95.0, 99.0], 18.0, 0.0, 100.0);
        assert_eq!(places, [64.0, 82.0, 100.0]);
    }
}
