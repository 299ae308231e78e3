//! Who is level with whom, and by what.

use harness::statistics::{Estimate, median, ratio};
use harness::text::{grouped, short, time};

use super::figures::{Case, Entry};

/// Peaks and CPU times closer than this are called the same.
const PEAK_LEVEL: f64 = 1.03;

/// The same of the 99th percentile.
const TAIL_LEVEL: f64 = 1.10;

/// Something the models are compared by. A cost: less is better.
pub struct Criterion {
    cost: fn(&Entry<'_>, usize) -> Vec<f64>,
    /// Which of the rates it is about.
    place: usize,
    level: f64,
    /// For a sentence: "uring", "does", "18,000", "requests a second at its peak", and "1.5 times", "as many".
    verb: &'static str,
    figure: fn(&Entry<'_>, usize) -> String,
    unit: String,
    as_much: &'static str,
}

/// In the order in which they matter.
pub fn criteria(case: &Case, entries: &[Entry<'_>]) -> Vec<Criterion> {
    let peak = Criterion {
        cost: |entry, _| entry.figures.peak.iter().map(|rate| 1.0 / rate).collect(),
        place: 0,
        level: PEAK_LEVEL,
        verb: "does",
        figure: |entry, _| grouped(entry.peak()),
        unit: "requests a second at its peak".to_owned(),
        as_much: "as many",
    };
    let cpu = Criterion {
        cost: |entry, _| entry.figures.cpu_us.clone(),
        place: 0,
        level: PEAK_LEVEL,
        verb: "takes",
        figure: |entry, _| short(entry.cpu()),
        unit: "µs of CPU a request".to_owned(),
        as_much: "as much",
    };
    let rates = entries.iter().map(|entry| entry.figures.paced.len()).min().unwrap_or(0);
    let tails =
        entries.iter().take(1).flat_map(|entry| &entry.figures.paced[..rates]).zip(0..).map(|(paced, place)| Criterion {
            cost: |entry, place| entry.figures.paced[place].p99_by_round.clone(),
            place,
            level: TAIL_LEVEL,
            verb: "has 99 % of its answers within",
            figure: |entry, place| time(entry.figures.paced[place].p99),
            unit: format!("at {} requests a second", grouped(paced.rate)),
            as_much: "as long",
        });
    match case.rate {
        Some(_) => tails.chain([cpu]).collect(),
        // Where the load was at its end before a server was, what the servers could do is not known.
        None if entries.iter().any(Entry::is_load_bound) => [cpu].into_iter().chain(tails).collect(),
        None => [peak].into_iter().chain(tails).collect(),
    }
}

impl Criterion {
    fn cost(&self, entry: &Entry<'_>) -> Vec<f64> {
        (self.cost)(entry, self.place)
    }

    fn best<'a>(&self, entries: &[Entry<'a>]) -> Option<Entry<'a>> {
        let middle = |entry: &Entry<'_>| median(&mut self.cost(entry));
        entries.iter().copied().min_by(|one, other| middle(one).total_cmp(&middle(other)))
    }

    /// How many times the best's cost this one's is.
    fn times(&self, entry: &Entry<'_>, best: &Entry<'_>) -> Estimate {
        ratio(&self.cost(entry), &self.cost(best))
    }

    /// Those that are level with the best, as far as can be told. Why the others are not goes to `because`, and to `unclear` who may
    /// be level only because the rounds differ so much.
    pub fn keep_level<'a>(
        &self,
        entries: &[Entry<'a>],
        because: &mut Vec<String>,
        unclear: &mut Vec<String>,
    ) -> Vec<Entry<'a>> {
        let Some(best) = self.best(entries) else { return entries.to_vec() };
        let mut level = Vec::new();
        for entry in entries {
            let times = self.times(entry, &best);
            if entry.name == best.name || times.low <= self.level {
                level.push(*entry);
                if times.median > self.level {
                    unclear.push(self.sentence(&best, entry, times));
                }
            } else {
                because.push(self.sentence(&best, entry, times));
            }
        }
        level
    }

    /// What the pick is worse at than any other.
    pub fn price(&self, pick: &Entry<'_>, all: &[Entry<'_>]) -> Option<String> {
        let best = self.best(all)?;
        let times = self.times(pick, &best);
        (best.name != pick.name && times.low > self.level).then(|| self.sentence(&best, pick, times))
    }

    fn sentence(&self, best: &Entry<'_>, other: &Entry<'_>, times: Estimate) -> String {
        let [of_best, of_other] = [best, other].map(|entry| (self.figure)(entry, self.place));
        let Criterion { verb, unit, as_much, .. } = self;
        let factor = format!("{:.2} times ({:.2}-{:.2})", times.median, times.low, times.high);
        format!("{} {verb} {of_best} {unit}, {} {of_other}: {factor} {as_much}.", best.name, other.name)
    }
}
