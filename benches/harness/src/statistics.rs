//! What a few rounds can tell: medians, how sure they are, and whether one model is better than another.

/// A median of rounds, and the interval it lies in with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// Fewer rounds than this cannot bear such an interval: the median of what is measured lies outside of all of five rounds once
/// in 16 times, outside of six once in 32.
pub const ROUNDS_FOR_INTERVAL: usize = 6;

/// The samples drawn for an interval.
const RESAMPLES: usize = 2000;

/// A percentile bootstrap: the rounds are drawn again and again with replacement, and the middle 95 % of the medians of those
/// samples are the interval (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13). The dice are seeded,
/// so the same rounds give the same interval.
pub fn estimate(rounds: &[f64]) -> Estimate {
    let mut dice = Dice(0x10_1AB);
    let mut sample = vec![0.0; rounds.len()];
    let medians = (0..RESAMPLES).map(|_| median_of_sample(rounds, &mut sample, &mut dice)).collect();
    middle(medians, median(&mut rounds.to_vec()))
}

/// The median of rounds drawn with replacement.
fn median_of_sample(rounds: &[f64], sample: &mut [f64], dice: &mut Dice) -> f64 {
    sample.fill_with(|| rounds[dice.below(rounds.len())]);
    median(sample)
}

/// The middle 95 % of what samples said.
fn middle(mut of_samples: Vec<f64>, median: f64) -> Estimate {
    of_samples.sort_by(f64::total_cmp);
    let at = |share: f64| of_samples[(share * (RESAMPLES - 1) as f64).round() as usize];
    Estimate { low: at(0.025), median, high: at(0.975) }
}

/// The median; it sorts the values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// How many times the one's figure the other's is, round by round: what disturbs a whole round disturbs no ratio.
pub fn ratio(of: &[f64], over: &[f64]) -> Estimate {
    estimate(&of.iter().zip(over).map(|(of, over)| of / over).collect::<Vec<f64>>())
}

/// How many times the one's median the other's is, where their rounds were not the same: each run's rounds are drawn on their own. The
/// interval knows how much rounds of one run differ, and not what was different all through a run.
pub fn ratio_of_runs(of: &[f64], over: &[f64]) -> Estimate {
    let mut dice = Dice(0x10_1AB);
    let (mut sample_of, mut sample_over) = (vec![0.0; of.len()], vec![0.0; over.len()]);
    let mut draw = |_| median_of_sample(of, &mut sample_of, &mut dice) / median_of_sample(over, &mut sample_over, &mut dice);
    let ratios = (0..RESAMPLES).map(&mut draw).collect();
    middle(ratios, median(&mut of.to_vec()) / median(&mut over.to_vec()))
}

/// How the models compare in one figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// For each model that was measured, how many times worse than the best one *of the same round* it was: 1 is the best.
    /// What disturbs a whole round disturbs no ratio.
    pub times_worse: Vec<Estimate>,
    /// The models that may be the best: that with the best median, and those whose intervals overlap its own.
    pub leaders: Vec<usize>,
}

// ANCHOR: compare
/// Compares models by their rounds; `rounds[model][round]`, all of one length. A lower figure is better.
pub fn compare(rounds: &[&[f64]]) -> Comparison {
    let best_of = |round: usize| rounds.iter().map(|of_model| of_model[round]).fold(f64::INFINITY, f64::min);
    let times_worse: Vec<Estimate> = rounds
        .iter()
        .map(|of_model| {
            let ratios: Vec<f64> = of_model.iter().enumerate().map(|(round, figure)| figure / best_of(round)).collect();
            estimate(&ratios)
        })
        .collect();
    let Some(first) = times_worse.iter().copied().min_by(|a, b| a.median.total_cmp(&b.median)) else {
        return Comparison { times_worse, leaders: Vec::new() };
    };
    let leaders = (0..times_worse.len()).filter(|&model| times_worse[model].low <= first.high).collect();
    Comparison { times_worse, leaders }
}
// ANCHOR_END: compare

/// Numbers that look random and are the same every time (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// Below `bound`, nearly evenly.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.throw()) * bound as u128) >> 64) as usize
    }
}
