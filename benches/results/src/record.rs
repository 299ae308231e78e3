//! From what the harness has measured to what is kept.

use std::collections::BTreeMap;

use harness::counting;
use harness::measure::{self, Cell, Round};
use harness::statistics::{Comparison, Estimate, ROUNDS_FOR_INTERVAL, compare, median, ratio};
use harness::work::{SHARES, Work};
use harness::{cores, load};
use hdrhistogram::Histogram;

use crate::schema::{
    Contestant, Cores, Counts, Figure, Interval, Latency, Limit, Load, Measured, Outcome, Percentile, Row, Settings, Times,
    Verdict,
};

/// What a row is called.
#[derive(Clone, Debug)]
pub struct About {
    pub name: String,
    pub title: String,
    pub chapter: String,
    pub command: String,
}

/// Who is compared with whom.
pub enum Compared<'a> {
    /// Everybody with the best of each round.
    WithTheBest,
    /// These with those, by their places.
    Pairs(&'a [(usize, usize)]),
    Nobody,
}

/// What a round tells, in the order in which it matters.
struct Kind {
    name: &'static str,
    unit: &'static str,
    of: fn(&Round) -> f64,
    more_is_better: bool,
}

const RATE: Kind = Kind { name: "rate", unit: "operations a second", of: |round| round.rate, more_is_better: true };
const CPU: Kind = Kind { name: "cpu", unit: "s of CPU an operation", of: |round| round.cpu, more_is_better: false };
const P50: Kind = Kind { name: "p50", unit: "s", of: |round| round.p50, more_is_better: false };
const P99: Kind = Kind { name: "p99", unit: "s", of: |round| round.p99, more_is_better: false };
const UNASKED: Kind = Kind { name: "unasked", unit: "share of the requests", of: |round| round.unasked, more_is_better: false };

/// The figures that a row of such work has. CPU beside a ping is of two kinds of requests, and of neither.
fn kinds(work: &Work) -> &'static [Kind] {
    match work {
        Work::Read(_) => &[RATE, CPU],
        Work::Steady(_) | Work::Churn { .. } | Work::Open(_) => &[RATE, CPU, P50, P99],
        Work::Asked(_) => &[RATE, CPU, P50, P99, UNASKED],
        Work::PingBeside(_) => &[P99, P50, RATE],
    }
}

/// A row of the harness.
pub fn row(about: About, work: &Work, names: &[&str], cells: &[Cell], compared: &Compared<'_>) -> Row {
    let kinds = kinds(work);
    let contestants = names.iter().zip(cells).map(|(name, cell)| {
        let outcome = match cell {
            Cell::Measured(found) => Outcome::Measured(measured(found, work, kinds)),
            Cell::Limit(connections) => Outcome::Limit { connections: *connections },
            Cell::Unavailable(why) => Outcome::Unavailable { why: why.clone() },
            Cell::Failed(why) => Outcome::Failed { why: why.clone() },
        };
        Contestant { name: (*name).to_owned(), outcome }
    });
    let operation = work.operation().to_owned();
    let About { name, title, chapter, command } = about;
    let contestants = contestants.collect();
    let mut row = Row { name, title, chapter, operation, command, contestants, verdicts: BTreeMap::new() };
    // At a given rate, all who keep up do as much.
    let is_paced = matches!(work, Work::Asked(asking) if matches!(asking.pace, load::Pace::Open { .. }));
    for kind in kinds.iter().filter(|kind| !(is_paced && kind.name == RATE.name)) {
        match compared {
            Compared::WithTheBest => row.compare(kind.name, kind.more_is_better),
            Compared::Pairs(pairs) => pairs.iter().for_each(|&(of, over)| row.relate(kind.name, of, over)),
            Compared::Nobody => {}
        }
    }
    row
}

fn measured(found: &measure::Measured, work: &Work, kinds: &[Kind]) -> Measured {
    let figures = kinds.iter().map(|kind| {
        let rounds = found.rounds.iter().map(kind.of).collect();
        (kind.name.to_owned(), Figure::of(kind.unit, rounds))
    });
    Measured {
        figures: figures.collect(),
        latencies: latencies(found, work),
        counts: counts(&found.counts, found.idle.as_ref()),
        load: found.generator.as_ref().map(|generator| Load {
            server_share: rounded(found.middle(|round| round.server_share)),
            load_share: rounded(found.middle(|round| round.load_share)),
            limit: limit(found),
            asked: generator.to_string(),
        }),
    }
}

fn limit(found: &measure::Measured) -> Limit {
    match () {
        () if found.is_load_bound() => Limit::Load,
        () if found.is_server_bound() => Limit::Server,
        () => Limit::Neither,
    }
}

fn latencies(found: &measure::Measured, work: &Work) -> Vec<Latency> {
    let pace = |place: usize| match work {
        Work::Asked(asking) => match asking.pace {
            load::Pace::Open { rate } => format!("{} requests a second", harness::text::grouped(rate)),
            load::Pace::Closed => "as fast as it can".to_owned(),
        },
        _ => SHARES.get(place).map_or(String::new(), |share| format!("{:.0} % of its peak", 100.0 * share)),
    };
    let of = |(place, histogram)| latency(pace(place), histogram);
    found.open.iter().enumerate().map(of).collect()
}

/// The percentiles of a histogram of nanoseconds, as far as it has requests enough to tell them: ten beyond each.
pub fn latency(at: String, histogram: &Histogram<u64>) -> Latency {
    const SHARES: [f64; 8] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999];
    let count = histogram.len();
    let percentiles = SHARES
        .into_iter()
        .filter(|share| *share <= 0.5 || (1.0 - share) * count as f64 >= 10.0)
        .map(|share| Percentile { share, seconds: rounded(histogram.value_at_quantile(share) as f64 / 1e9) })
        .collect();
    Latency { at, count, percentiles }
}

fn counts(counts: &counting::Counts, idle: Option<&counting::IdleMemory>) -> Counts {
    Counts {
        system_calls: counts.calls.map(rounded),
        calls: counts.calls_by_name.iter().map(|(name, each)| (name.clone(), rounded(*each))).collect(),
        context_switches: counts.switches.map(rounded),
        interrupts: counts.interrupts.map(rounded),
        stalls: counts.stalls.map(rounded),
        threads: (counts.threads > 0).then_some(counts.threads),
        memory: counts.memory.map(|octets| octets as f64),
        idle_memory: idle.map(|idle| rounded(idle.process)),
        idle_memory_kernel: idle.map(|idle| rounded(idle.kernel)),
    }
}

impl Figure {
    /// Of what each round told.
    pub fn of(unit: &str, rounds: Vec<f64>) -> Figure {
        let median = rounded(median(&mut rounds.clone()));
        let rounds = rounds.into_iter().map(rounded).collect();
        Figure { unit: unit.to_owned(), median, rounds, times_the_best: None, times: Vec::new() }
    }
}

impl Row {
    /// Compares all who have this figure with the best of each round, and says who that may be.
    pub fn compare(&mut self, figure: &str, more_is_better: bool) {
        let (mut names, mut rounds) = (Vec::new(), Vec::new());
        for (name, measured) in self.measured() {
            let Some(found) = measured.figures.get(figure) else { continue };
            let cost = |round: &f64| if more_is_better { 1.0 / round } else { *round };
            names.push(name.to_owned());
            rounds.push(found.rounds.iter().map(cost).collect::<Vec<f64>>());
        }
        if names.is_empty() || rounds.iter().flatten().any(|cost| !cost.is_finite() || *cost <= 0.0) {
            return;
        }
        let comparison = compare(&rounds.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>());
        let is_bound = |place: &usize| self.measured_as(&names[*place]).is_some_and(Measured::is_load_bound);
        let verdict = if figure == "rate" && comparison.leaders.iter().any(is_bound) {
            let leaders = comparison.leaders.iter().map(|&place| names[place].clone()).collect();
            Verdict { best: None, leaders, says: "the load was the limit".to_owned() }
        } else {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Verdict::of(&comparison, &names, self.contestants.len(), rounds[0].len())
        };
        for (name, times) in names.iter().zip(&comparison.times_worse) {
            if let Some(found) = self.figure_mut(name, figure) {
                found.times_the_best = (names.len() > 1).then(|| Interval::of(*times));
            }
        }
        self.verdicts.insert(figure.to_owned(), verdict);
    }

    /// How many times the one's figure is the other's.
    pub fn relate(&mut self, figure: &str, of: usize, over: usize) {
        let names = [of, over].map(|place| self.contestants[place].name.clone());
        let rounds = |name: &str| Some(self.measured_as(name)?.figures.get(figure)?.rounds.clone());
        let [Some(rounds_of), Some(rounds_over)] = [rounds(&names[0]), rounds(&names[1])] else { return };
        if rounds_over.iter().any(|round| *round <= 0.0) {
            return;
        }
        let interval = Interval::of(ratio(&rounds_of, &rounds_over));
        let [name, over] = names;
        if let Some(found) = self.figure_mut(&name, figure) {
            found.times.push(Times { over, interval });
        }
    }

    fn figure_mut(&mut self, name: &str, figure: &str) -> Option<&mut Figure> {
        let contestant = self.contestants.iter_mut().find(|contestant| contestant.name == name)?;
        let Outcome::Measured(measured) = &mut contestant.outcome else { return None };
        measured.figures.get_mut(figure)
    }
}

impl Verdict {
    /// Of `contestants`, those who were measured are compared; `names` are theirs.
    pub fn of(comparison: &Comparison, names: &[&str], contestants: usize, rounds: usize) -> Verdict {
        let leaders: Vec<&str> = comparison.leaders.iter().map(|&place| names[place]).collect();
        let (best, says) = match leaders[..] {
            _ if names.len() < 2 => (None, String::new()),
            _ if rounds < ROUNDS_FOR_INTERVAL => (None, "too few rounds to tell".to_owned()),
            [name] => (Some(name.to_owned()), format!("best: {name}")),
            _ if leaders.len() == contestants => (None, "no difference".to_owned()),
            _ => (None, format!("no difference: {}", leaders.join(", "))),
        };
        Verdict { best, leaders: leaders.into_iter().map(str::to_owned).collect(), says }
    }
}

impl Interval {
    pub fn of(estimate: Estimate) -> Interval {
        let Estimate { low, median, high } = estimate;
        Interval { low: rounded(low), median: rounded(median), high: rounded(high) }
    }

    pub fn estimate(self) -> Estimate {
        let Interval { low, median, high } = self;
        Estimate { low, median, high }
    }
}

impl From<cores::Cores> for Cores {
    fn from(cores: cores::Cores) -> Cores {
        Cores { server: cores.server, load: cores.load, siblings: cores.siblings }
    }
}

impl From<&measure::Settings> for Settings {
    fn from(settings: &measure::Settings) -> Settings {
        Settings {
            rounds: settings.rounds,
            warm_up: settings.plan.warm_up.as_secs_f64(),
            window: settings.plan.window.as_secs_f64(),
            counting: settings.counting.as_secs_f64(),
        }
    }
}

/// To six digits that count: more than a round can tell, and so few that reading what was written gives the same number.
pub fn rounded(figure: f64) -> f64 {
    format!("{figure:.5e}").parse().unwrap_or(figure)
}
