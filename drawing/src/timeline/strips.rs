//! Where a time is on paper: the time in which nothing happens is cut out, and what is left is broken into strips, as a text is into
//! lines.

use super::duration;
use crate::text::{Letters, width};

/// Around everything that happens, so much of its surroundings is shown, in units of the paper.
const SURROUNDINGS: f64 = 9.0;
/// Shorter cuts than this, in units of the paper, are not worth their mark.
const SHORTEST_CUT: f64 = 170.0;

/// A strip: some time, without what was cut out of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Strip {
    pub(super) segments: Vec<Segment>,
    pub(super) breaks: Vec<Break>,
    /// How much of the paper it takes.
    pub(super) width: f64,
}

/// Time that is shown, in nanoseconds, and where it begins on the strip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) x: f64,
    scale: f64,
}

/// Where time was cut out.
#[derive(Clone, Debug)]
pub(super) struct Break {
    /// The time that is left out.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) x: f64,
    pub(super) width: f64,
    /// How much, in words.
    pub(super) label: String,
}

impl Segment {
    pub(super) fn x(&self, at: i64) -> f64 {
        self.x + (at - self.from) as f64 * self.scale
    }
}

impl Strip {
    /// Where on this strip a span is seen: from where to where, for each segment that it has part in.
    pub(super) fn pieces(&self, from: i64, to: i64) -> Vec<(f64, f64)> {
        let seen = self.segments.iter().filter(|segment| from <= segment.to && to >= segment.from);
        // What ends as a segment begins, or begins as it ends, is in the neighbour that has more of it.
        let seen = seen.filter(|segment| from == to || (from < segment.to && to > segment.from));
        seen.map(|segment| (segment.x(from.max(segment.from)), segment.x(to.min(segment.to)))).collect()
    }

    pub(super) fn at(&self, moment: i64) -> Option<f64> {
        self.segments.iter().find(|segment| segment.from <= moment && moment < segment.to).map(|segment| segment.x(moment))
    }
}

/// Cuts the time between `from` and `to` to what lies around `busy` (from, to), and lays it on strips of that width, at so many units
/// a nanosecond. A cut is as wide as what `names` says will be written across it. There is no end to strips of long times: who has seen
/// more than `most` need not see the others.
pub(super) fn strips(
    busy: &[(i64, i64)],
    (from, to): (i64, i64),
    scale: f64,
    (widest, most): (f64, usize),
    mut names: impl FnMut(i64, i64) -> f64,
) -> Vec<Strip> {
    let mut strips = vec![Strip::default()];
    let mut shown_until = None;
    for (from, to) in shown(busy, (from, to), scale) {
        let cut = shown_until.map(|until| {
            let label = format!("… {} …", duration(from - until));
            let width = width(&label, Letters::Small).max(names(until, from)) + 16.0;
            Break { from: until, to: from, x: 0.0, width, label }
        });
        let gap = cut.as_ref().map_or(0.0, |cut| cut.width);
        let needed = gap + (to - from) as f64 * scale;
        let left = widest - strips.last().map_or(0.0, |strip| strip.width);
        if needed > left && (needed <= widest || left < 0.4 * widest) && left < widest {
            strips.push(Strip::default());
        }
        let mut strip = strips.last_mut().expect("there is one at least");
        if let Some(cut) = cut {
            strip.breaks.push(Break { x: strip.width, ..cut });
            strip.width += gap;
        }
        let mut from = from;
        loop {
            let room = ((widest - strip.width) / scale) as i64;
            let until = to.min(from + room.max(1));
            strip.segments.push(Segment { from, to: until, x: strip.width, scale });
            strip.width += (until - from) as f64 * scale;
            if until == to {
                break;
            }
            if strips.len() > most {
                return strips;
            }
            from = until;
            strips.push(Strip::default());
            strip = strips.last_mut().expect("it was pushed");
        }
        shown_until = Some(to);
    }
    strips
}

/// The time that is shown, in order.
fn shown(busy: &[(i64, i64)], (from, to): (i64, i64), scale: f64) -> Vec<(i64, i64)> {
    let around = (SURROUNDINGS / scale) as i64;
    let cut = (SHORTEST_CUT / scale) as i64;
    let mut busy: Vec<_> = busy.iter().filter(|(begun, ended)| *ended >= from && *begun <= to).collect();
    busy.sort();
    let mut shown: Vec<(i64, i64)> = Vec::new();
    for (begun, ended) in busy {
        let (begun, ended) = ((begun - around).max(from), (ended + around).min(to).max(begun - around + 1));
        match shown.last_mut() {
            Some(last) if begun - last.1 < cut => last.1 = last.1.max(ended),
            _ => shown.push((begun, ended)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_idle_time_is_cut_out() {
        let busy = [(0, 10_000), (12_000, 40_000), (5_000_000, 5_020_000), (9_000_000, 9_300_000)];
        let strips = strips(&busy, (0, 9_300_000), 0.003, (500.0, usize::MAX), |_, _| 50.0);
        let mut last = -1;
        for strip in &strips {
            assert!(strip.width <= 500.5, "{strip:?}");
            let mut x = 0.0;
            for segment in &strip.segments {
                assert!(segment.from >= last && segment.x >= x && segment.to > segment.from);
                (last, x) = (segment.to, segment.x(segment.to));
            }
        }
        assert_eq!(super::strips(&busy, (0, 9_300_000), 3.0, (500.0, 4), |_, _| 50.0).len(), 5);
        let breaks: Vec<_> = strips.iter().flat_map(|strip| &strip.breaks).map(|cut| cut.label.as_str()).collect();
        assert_eq!(breaks, ["… 4.95 ms …", "… 3.97 ms …"]);
        for (from, to) in busy {
            let seen: f64 = strips.iter().flat_map(|strip| strip.pieces(from, to)).map(|(from, to)| to - from).sum();
            assert!((seen - (to - from) as f64 * 0.003).abs() < 0.01, "{from} {to}: {seen}");
        }
    }
}
