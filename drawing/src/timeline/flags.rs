//! Names for bars that are too short to have them inside: each hangs on a line that stands on its bar's left edge, like a flag, in one
//! of a few levels.
//!
//! A name flies to the right of its pole, so going from right to left each finds the lowest level at which it covers no other and no
//! pole runs through it.

/// A name that wants a place.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Where its pole stands.
    pub(super) x: f64,
    /// Which texts will do, the best first, and their widths.
    pub(super) texts: Vec<(String, f64)>,
}

/// A name that has one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flag {
    pub(super) pole: f64,
    pub(super) left: f64,
    pub(super) width: f64,
    /// 0 is beside the bars.
    pub(super) level: usize,
    pub(super) text: String,
}

/// Between two names, and between a name and another's pole.
const APART: f64 = 5.0;
/// Between a pole and its name.
const BESIDE: f64 = 3.0;

/// Places on so many levels between `left` and `right`. Who finds none goes without.
pub(super) fn place(wishes: &[Wish], levels: usize, (left, right): (f64, f64)) -> Vec<Flag> {
    let mut order: Vec<_> = wishes.iter().collect();
    order.sort_by(|one, other| other.x.total_cmp(&one.x));
    let mut placed: Vec<Flag> = Vec::new();
    for wish in order {
        let candidates = wish.texts.iter().flat_map(|(text, width)| {
            // At the paper's edge it flies to the left.
            let begin = if wish.x + BESIDE + width <= right { wish.x + BESIDE } else { wish.x - BESIDE - width };
            let flag = move |level| Flag { pole: wish.x, left: begin, width: *width, level, text: text.clone() };
            (0..levels).map(flag).filter(move |flag| flag.left >= left)
        });
        let fits = |flag: &Flag| placed.iter().all(|other| !flag.collides(other));
        placed.extend(candidates.into_iter().find(fits));
    }
    placed.reverse();
    placed
}

impl Flag {
    fn collides(&self, other: &Flag) -> bool {
        let covers = self.level == other.level
            && self.left < other.left + other.width + APART
            && other.left < self.left + self.width + APART;
        covers || self.is_crossed_by(other) || other.is_crossed_by(self)
    }

    /// Whether the other's pole goes through this name.
    fn is_crossed_by(&self, other: &Flag) -> bool {
        other.level > self.level && other.pole > self.left - APART && other.pole < self.left + self.width + APART
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_staircase() {
        let wish = |x: f64| Wish { x, texts: vec![(format!("at {x}"), 50.0)] };
        let flags = place(&[wish(10.0), wish(20.0), wish(30.0), wish(200.0)], 3, (0.0, 300.0));
        let levels: Vec<_> = flags.iter().map(|flag| (flag.pole, flag.level)).collect();
        assert_eq!(levels, [(10.0, 2), (20.0, 1), (30.0, 0), (200.0, 0)]);
    }

    #[test]
    fn whatever_is_placed_collides_with_nothing() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as f64
        };
        for _ in 0..200 {
            let wishes: Vec<_> =
                (0..30).map(|_| Wish { x: random(500), texts: vec![(String::new(), 20.0 + random(80))] }).collect();
            let flags = place(&wishes, 4, (0.0, 520.0));
            assert!(!flags.is_empty());
            for (at, flag) in flags.iter().enumerate() {
                assert!(flag.left >= 0.0 && flag.left + flag.width <= 520.0);
                assert!(flags[at + 1..].iter().all(|other| !flag.collides(other)));
            }
        }
    }
}
