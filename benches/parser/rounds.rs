//! Rounds: everyone in turn, for a moment each, many times over. What disturbs the machine disturbs neighbours alike, so ratios
//! within a round can be believed where times cannot.

use std::time::{Duration, Instant};

use harness::statistics::{Estimate, estimate, median};

use crate::contenders::Contender;

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    /// How long each goes before it is measured in a round: some processors slow down for wide vectors and stay slow for the
    /// better part of a millisecond, which is not to be the next one's.
    pub warm_up: Duration,
    /// How long each is measured in a round.
    pub moment: Duration,
}

/// Times of several contenders on one input, a column each, in ns per head.
pub struct Times(Vec<Vec<f64>>);

impl Times {
    /// Lets everyone parse an input of so many heads.
    pub fn of(contenders: &mut [Contender], input: &[u8], heads: usize, plan: Plan) -> Times {
        let times: Vec<usize> = contenders.iter_mut().map(|contender| calibrate(contender, input, plan.moment)).collect();
        let mut columns = vec![Vec::with_capacity(plan.rounds); contenders.len()];
        for round in 0..plan.rounds {
            for turn in 0..contenders.len() {
                // Nobody is always the first, nor always behind the same one's caches.
                let turn = if round % 2 == 0 { turn } else { contenders.len() - 1 - turn };
                let who = (turn + round) % contenders.len();
                let begun = Instant::now();
                while begun.elapsed() < plan.warm_up {
                    contenders[who](input, times[who].div_ceil(8));
                }
                let took = contenders[who](input, times[who]);
                columns[who].push(took.as_nanos() as f64 / (times[who] * heads) as f64);
            }
        }
        Times(columns)
    }

    /// The times of one.
    pub fn rounds(&self, who: usize) -> &[f64] {
        &self.0[who]
    }

    /// The median time of one.
    pub fn median(&self, who: usize) -> f64 {
        median(&mut self.0[who].clone())
    }

    /// How many times longer one takes than another.
    pub fn ratio(&self, longer: usize, shorter: usize) -> Estimate {
        let ratios: Vec<f64> = self.0[longer].iter().zip(&self.0[shorter]).map(|(longer, shorter)| longer / shorter).collect();
        estimate(&ratios)
    }
}

/// How many times fit into a moment.
fn calibrate(contender: &mut Contender, input: &[u8], moment: Duration) -> usize {
    let mut times = 1;
    loop {
        let took = contender(input, times);
        if took >= moment {
            return times;
        }
        times *= 2;
    }
}
