//! Where a value is on an axis, and which values are written at it.

use crate::number;
use crate::text::{Letters, width};

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// The same distance for the same ratio. What is not above nought has no place on it.
    Log,
    /// For percentiles: 90, 99, 99.9 are one step apart each, since 1 in 10, 1 in 100, 1 in 1,000 are beyond them.
    Nines,
}

/// An axis of a length, from one value to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Ruler {
    /// One that has room for these two, and ends at round values.
    pub(super) fn over((low, high): (f64, f64), scale: Scale, from_nought: bool) -> Ruler {
        match scale {
            Scale::Linear => {
                let low = if from_nought || (low > 0.0 && low < 0.5 * high) { low.min(0.0) } else { low };
                let step = step(high - low, 10.0, high);
                Ruler {
                    scale,
                    low: (low / step).floor() * step,
                    high: (high / step).ceil().max((low / step).floor() + 1.0) * step,
                }
            }
            Scale::Log => {
                let (low, high) = (low.max(f64::MIN_POSITIVE), high.max(f64::MIN_POSITIVE));
                let below = one_two_five(low).rfind(|mark| *mark <= low * 1.000_001).unwrap_or(low);
                let above = one_two_five(high).find(|mark| *mark >= high * 0.999_999 && *mark > below).unwrap_or(high);
                Ruler { scale, low: below, high: above.max(below * 2.0) }
            }
            Scale::Nines => Ruler { scale, low, high: high.max(low + 0.001) },
        }
    }

    fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(self.low).log10(),
            Scale::Nines => -(1.0 - value.min(99.999_999) / 100.0).log10(),
        }
    }

    /// Where a value is: from 0.0 at the low end to 1.0 at the high end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let (low, high) = (self.place(self.low), self.place(self.high));
        ((self.place(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The values that are written at an axis on paper: as many as have room beside each other.
    pub(super) fn marks(&self, length: f64, is_upright: bool) -> Vec<(f64, String)> {
        let candidates = self.candidates();
        let have_room = |marks: &&Vec<(f64, String)>| {
            marks.windows(2).all(|pair| {
                let ([(one, name), (other, next)], apart) = (pair, 12.0) else { return true };
                let needed = if is_upright { 1.4 * Letters::Small.size() } else { (half(name) + half(next)) + apart };
                (self.at(*other) - self.at(*one)) * length >= needed
            })
        };
        let widest = candidates.iter().find(have_room).or(candidates.last());
        widest.cloned().unwrap_or_default()
    }

    /// Sets of marks, the densest first.
    fn candidates(&self) -> Vec<Vec<(f64, String)>> {
        let is_inside = |value: &f64| *value >= self.low * 0.999_999 - 1e-12 && *value <= self.high * 1.000_001 + 1e-12;
        let named = |values: Vec<f64>| -> Vec<(f64, String)> {
            values.into_iter().filter(is_inside).map(|value| (value, number::round(value))).collect()
        };
        match self.scale {
            Scale::Linear => {
                let steps = [10.0, 5.0, 2.0, 1.0].map(|parts| step(self.high - self.low, parts, self.high));
                let along = |step: f64| {
                    let first = (self.low / step - 1e-9).ceil();
                    named((0..=20).map(|at| (first + f64::from(at)) * step).collect())
                };
                steps.into_iter().map(along).collect()
            }
            Scale::Log => {
                let decades: Vec<f64> = (-12..=15).map(|power| 10_f64.powi(power)).collect();
                let with =
                    |digits: &[f64]| named(decades.iter().flat_map(|decade| digits.iter().map(move |d| d * decade)).collect());
                let mut sets = vec![with(&[1.0, 2.0, 5.0]), with(&[1.0, 3.0]), with(&[1.0])];
                sets.extend((2..6).map(|every| named(decades.iter().copied().step_by(every).collect())));
                // Marks of single decades say nothing where fewer than two are in sight.
                let (first, rest) = sets.split_first().expect("there are seven");
                let rest = rest.iter().filter(|set| set.len() > 1);
                std::iter::once(first).chain(rest).cloned().collect()
            }
            Scale::Nines => {
                let all = vec![50.0, 90.0, 99.0, 99.9, 99.99, 99.999];
                let mut fewer = all.clone();
                fewer.retain(|value| *value != 90.0);
                vec![named(all), named(fewer)]
            }
        }
    }
}

fn half(name: &str) -> f64 {
    width(name, Letters::Small) / 2.0
}

/// A round distance by which a length is cut into about so many parts.
fn step(length: f64, parts: f64, largest: f64) -> f64 {
    let length = if length > 0.0 { length } else { largest.abs().max(1.0) };
    let raw = length / parts;
    let decade = 10_f64.powf(raw.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * decade >= raw * 0.999_999);
    digit.unwrap_or(10.0) * decade
}

/// 1, 2 and 5 of the decades around a value, in order.
fn one_two_five(value: f64) -> impl DoubleEndedIterator<Item = f64> {
    let decade = value.log10().floor() as i32;
    [-1, 0, 1].into_iter().flat_map(move |power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade + power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_further() {
        let extents = [(0.8, 1.7), (3.3, 120.0), (0.02, 4.0), (7.0, 7.0), (1.0, 5_000_000.0), (25.0, 8960.0)];
        for scale in [Scale::Linear, Scale::Log] {
            for (low, high) in extents {
                for from_nought in [false, true] {
                    let ruler = Ruler::over((low, high), scale, from_nought);
                    let places: Vec<_> = (0..=10).map(|at| ruler.at(low + (high - low) * f64::from(at) / 10.0)).collect();
                    assert!(low == high || places.is_sorted_by(|a, b| a < b), "{scale:?} {low} {high}: {places:?}");
                    let marks = ruler.marks(380.0, false);
                    assert!(marks.len() >= 2, "{scale:?} {low} {high}: {marks:?}");
                    assert!(marks.is_sorted_by(|a, b| ruler.at(a.0) < ruler.at(b.0)), "{marks:?}");
                }
            }
        }
    }

    #[test]
    fn nines_are_even() {
        let ruler = Ruler::over((90.0, 99.99), Scale::Nines, false);
        let places = [90.0, 99.0, 99.9, 99.99].map(|value| (ruler.at(value) * 300.0).round());
        assert_eq!(places, [0.0, 100.0, 200.0, 300.0]);
    }

    #[test]
    fn round_values_are_written() {
        let names = |ruler: Ruler| ruler.marks(380.0, false).into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ");
        assert_eq!(names(Ruler::over((3.4, 17.1), Scale::Linear, true)), "0 2 4 6 8 10 12 14 16 18");
        assert_eq!(names(Ruler::over((3.4, 1710.0), Scale::Log, true)), "3 10 30 100 300 1,000");
        assert_eq!(names(Ruler::over((0.73, 1.69), Scale::Linear, false)), "0 0.2 0.4 0.6 0.8 1 1.2 1.4 1.6 1.8");
    }
}
