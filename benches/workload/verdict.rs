//! Which model to pick for a workload, and why: a function of what was measured, and of nothing that is believed about the models
//! but the order in which they are simple.
//!
//! ```text
//! all that were measured
//!   keep those that keep up with the rate            if one was asked for
//!   keep those level with the best: first at what matters most, then at the next
//!       the user's rate:  p99 there, then CPU          no rate: peak, then p99 at each share of the best's peak
//!   of those that are left, the simplest
//! ```
//!
//! *Level* means that the interval of the paired ratio to the best reaches down to a difference that nobody would notice
//! ([`PEAK_LEVEL`], [`TAIL_LEVEL`]). What limits the workload is read off the shares of the cores used; what would change the answer
//! from the same figures, and each such sentence ends in the flags that try it.

use harness::statistics::{Estimate, ROUNDS_FOR_INTERVAL, median, ratio};
use harness::text::{grouped, short, time};
use serde::Serialize;

/// Peaks and CPU times closer than this are called the same.
pub const PEAK_LEVEL: f64 = 1.03;

/// The same of the 99th percentile.
pub const TAIL_LEVEL: f64 = 1.10;

/// A core of which so much is used is full.
const FULL: f64 = 0.90;

/// The load is at its end there.
const LOAD_FULL: f64 = 0.97;

/// A server that leaves more than this unasked does not keep up with a rate.
pub const BEHIND: f64 = 0.02;

/// Fewer stalls for each request than this are no pattern.
const STALLS: f64 = 0.01;

/// Where a difference begins to be worth some trouble.
const WORTH: f64 = 1.10;

/// Whoever is level with the others is picked in this order: a thread that calls and waits is the plainest program, a loop on
/// readiness has state machines, one on completions has buffers that are not its own beside them.
const SIMPLEST_FIRST: [&str; 4] = ["blocking", "pool", "epoll", "uring"];

/// What was described, as far as the verdict is about it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Case {
    pub cpu_us: f64,
    pub disk_reads: usize,
    pub cache_hits: u32,
    pub connections: usize,
    pub server_threads: usize,
    pub cores: usize,
    /// Requests a second that the user has, if that was said.
    pub rate: Option<f64>,
    /// The share of the cores that others took meanwhile, if the machine was not quiet.
    pub disturbed: Option<f64>,
}

/// One model, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Contender {
    pub model: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Measured(Figures),
    /// Why there is no figure.
    Absent(String),
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// By round, all contenders' in the same order: requests a second at the peak, and CPU µs for each.
    pub peak: Vec<f64>,
    pub cpu_us: Vec<f64>,
    /// At the peak: the share of the server's cores that was used, and of the load's.
    pub server_share: f64,
    pub load_share: f64,
    /// For each request.
    pub calls: Option<f64>,
    pub switches: Option<f64>,
    pub stalls: f64,
    /// At most.
    pub threads: usize,
    /// Octets, with all connections.
    pub memory: Option<u64>,
    /// At rates of their own.
    pub paced: Vec<Paced>,
}

/// What it did in an open loop.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Paced {
    pub rate: f64,
    /// In seconds, over all rounds; the last where there were enough requests to tell.
    pub p50: f64,
    pub p99: f64,
    pub p999: Option<f64>,
    /// By round.
    pub p99_by_round: Vec<f64>,
    /// Share of the requests that could not be asked, since no connection was free.
    pub unasked: f64,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    pub pick: Option<String>,
    pub headline: String,
    /// Why not to believe it yet.
    pub doubt: Option<String>,
    /// Why, one sentence each.
    pub because: Vec<String>,
    /// What the pick is worse at than another.
    pub price: Vec<String>,
    /// What limits this workload.
    pub bound: Vec<String>,
    /// What would change the answer.
    pub would_change: Vec<String>,
}

/// Judges.
pub fn verdict(case: &Case, contenders: &[Contender]) -> Verdict {
    let measured: Vec<Entry<'_>> = contenders.iter().filter_map(Entry::of).collect();
    let without = |headline: &str| Verdict { headline: headline.to_owned(), ..Verdict::default() };
    let [first, others @ ..] = &measured[..] else { return without("No model could be measured.") };
    if others.is_empty() {
        return without(&format!("Only {} was measured, so there is nothing to choose from.", first.name));
    }
    if first.figures.peak.len() < ROUNDS_FOR_INTERVAL {
        return without(&format!("Too few rounds to tell: it takes {ROUNDS_FOR_INTERVAL} at least."));
    }
    let mut because = Vec::new();
    let mut left = keep_up(case, &measured, &mut because);
    if left.is_empty() {
        let rate = grouped(case.rate.unwrap_or_default());
        return Verdict { because, ..without(&format!("No model keeps up with {rate} requests a second here.")) };
    }
    let criteria = criteria(case, &left);
    for criterion in &criteria {
        left = criterion.keep_level(&left, &mut because);
    }
    let pick = simplest(&left);
    Verdict {
        pick: Some(pick.name.to_owned()),
        headline: headline(pick, &left, &measured),
        doubt: case.disturbed.map(|share| {
            format!(
                "Measure again before you believe this: other programs or the hypervisor took {} of the cores.",
                percent(share)
            )
        }),
        because,
        price: criteria.iter().filter_map(|criterion| criterion.price(&pick, &measured)).collect(),
        bound: bound(case, &measured),
        would_change: would_change(case, pick, &measured),
    }
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    name: &'a str,
    figures: &'a Figures,
}

impl<'a> Entry<'a> {
    fn of(contender: &'a Contender) -> Option<Entry<'a>> {
        match &contender.outcome {
            Outcome::Measured(figures) => Some(Entry { name: &contender.model, figures }),
            Outcome::Absent(_) => None,
        }
    }

    fn peak(&self) -> f64 {
        median(&mut self.figures.peak.clone())
    }

    fn cpu(&self) -> f64 {
        median(&mut self.figures.cpu_us.clone())
    }

    fn is_load_bound(&self) -> bool {
        self.figures.load_share > LOAD_FULL && self.figures.server_share < LOAD_FULL
    }
}

/// The rate that the user has rules out whoever cannot serve it.
fn keep_up<'a>(case: &Case, measured: &[Entry<'a>], because: &mut Vec<String>) -> Vec<Entry<'a>> {
    if case.rate.is_none() {
        return measured.to_vec();
    }
    let keeps_up = |entry: &Entry<'_>| entry.figures.paced.iter().all(|paced| paced.unasked <= BEHIND);
    for entry in measured.iter().filter(|entry| !keeps_up(entry)) {
        let unasked = entry.figures.paced.iter().map(|paced| paced.unasked).fold(0.0, f64::max);
        because.push(format!(
            "{} does not keep up with that rate: {} of the requests found all connections waiting.",
            entry.name,
            percent(unasked)
        ));
    }
    measured.iter().copied().filter(keeps_up).collect()
}

/// Something the models are compared by. A cost: less is better.
struct Criterion {
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

fn criteria(case: &Case, entries: &[Entry<'_>]) -> Vec<Criterion> {
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

    fn keep_level<'a>(&self, entries: &[Entry<'a>], because: &mut Vec<String>) -> Vec<Entry<'a>> {
        let Some(best) = self.best(entries) else { return entries.to_vec() };
        let mut level = Vec::new();
        for entry in entries {
            let times = self.times(entry, &best);
            if entry.name == best.name || times.low <= self.level {
                level.push(*entry);
            } else {
                because.push(self.sentence(&best, entry, times));
            }
        }
        level
    }

    /// What the pick is worse at than any other.
    fn price(&self, pick: &Entry<'_>, all: &[Entry<'_>]) -> Option<String> {
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

fn simplest<'a>(entries: &[Entry<'a>]) -> Entry<'a> {
    let place = |entry: &Entry<'_>| SIMPLEST_FIRST.iter().position(|name| *name == entry.name);
    *entries.iter().min_by_key(|entry| place(entry).unwrap_or(usize::MAX)).expect("the best of each comparison is left")
}

fn headline(pick: Entry<'_>, left: &[Entry<'_>], measured: &[Entry<'_>]) -> String {
    let others: Vec<&str> = left.iter().map(|entry| entry.name).filter(|name| *name != pick.name).collect();
    let are = if others.len() == 1 { "is" } else { "are" };
    match others.len() {
        0 => format!("Pick {}.", pick.name),
        count if count + 1 == measured.len() => {
            format!("No difference was measured that matters: pick the simplest, {}.", pick.name)
        }
        _ => format!("Pick {}: {} {are} level with it, and it is the simplest of them.", pick.name, listed(&others)),
    }
}

/// What limits the workload, as the best at the peak shows it.
fn bound(case: &Case, measured: &[Entry<'_>]) -> Vec<String> {
    let Some(best) = measured.iter().max_by(|one, other| one.peak().total_cmp(&other.peak())) else { return Vec::new() };
    let (cpu, share) = (best.cpu(), best.figures.server_share);
    let cores = if case.cores == 1 { "its core".to_owned() } else { format!("its {} cores", case.cores) };
    let mut told = Vec::new();
    if best.is_load_bound() {
        told.push(format!(
            "The load generator: it was at the end of its core while {} used {} of {cores}. The peaks are what the servers can do at \
             least; CPU a request is what tells them apart.",
            best.name,
            percent(share)
        ));
    } else if share >= FULL {
        let own = (case.cpu_us / cpu).min(1.0);
        let most = 1e6 / case.cpu_us * case.cores as f64;
        let of_handler = if case.cpu_us > 0.0 {
            format!(
                " Of them {} µs ({}) are the handler's own, and no model can do more than {} requests a second with that.",
                short(case.cpu_us),
                percent(own),
                grouped(most)
            )
        } else {
            String::new()
        };
        told.push(format!(
            "CPU: {} used {} of {cores} at its peak, {} µs a request.{of_handler}",
            best.name,
            percent(share),
            short(cpu)
        ));
    } else if case.disk_reads > 0 && case.cache_hits < 100 {
        told.push(format!(
            "The disk: even at the best peak ({}'s) only {} of {cores} was used, while every request waited for its reads.",
            best.name,
            percent(share)
        ));
    } else {
        told.push(format!(
            "Neither side: at the best peak ({}'s) only {} of {cores} was used, and {} of the load's. Requests waited for something \
             else: too few connections ask at a time ({}), or other programs had the cores.",
            best.name,
            percent(share),
            percent(best.figures.load_share),
            case.connections,
        ));
    }
    for entry in measured.iter().filter(|entry| entry.figures.stalls > STALLS) {
        let idle = 1.0 - entry.figures.server_share;
        let consequence = if idle > 1.0 - FULL {
            format!("so {} of {cores} was idle at its peak while requests waited in line.", percent(idle))
        } else {
            "but the core was busy all the same: the reads were quick.".to_owned()
        };
        told.push(format!(
            "{} stalls: its loop sat in a file call {} times a request, and served nobody meanwhile, {consequence}",
            entry.name,
            short(entry.figures.stalls)
        ));
    }
    told
}

fn would_change(case: &Case, pick: Entry<'_>, measured: &[Entry<'_>]) -> Vec<String> {
    let mut told = Vec::new();
    let is_full = |entry: &Entry<'_>| entry.figures.server_share >= FULL;
    told.extend(less_or_more_cpu(case, pick, measured));
    if let Some(staller) = measured.iter().find(|entry| entry.figures.stalls > STALLS) {
        told.push(format!(
            "Reads that find everything in the page cache, where {} need not stall: --cache-hits 100.",
            staller.name
        ));
    } else if case.disk_reads > 0 && case.cache_hits == 100 {
        told.push("Reads that miss the page cache: --cache-hits 90, and look for stalls.".to_owned());
    }
    if case.cores == case.server_threads && case.connections > case.cores && is_full(&pick) {
        let many = case.server_threads + 1;
        let threaded: Vec<&str> =
            measured.iter().filter(|entry| entry.figures.threads > case.server_threads).map(|entry| entry.name).collect();
        let spread = if threaded.is_empty() {
            String::new()
        } else {
            format!(" {} would spread over them with one loop, having threads for it.", capital(&listed(&threaded)))
        };
        told.push(format!("More cores: --server-threads {many}.{spread}"));
    }
    told.extend(many_connections(case, measured));
    told
}

/// At which CPU time of the handler the pick would be another, if what the models add to it stays as it was measured.
fn less_or_more_cpu(case: &Case, pick: Entry<'_>, measured: &[Entry<'_>]) -> Option<String> {
    if measured.iter().any(|entry| entry.figures.server_share < FULL) {
        return None;
    }
    let added = |entry: &Entry<'_>| (entry.cpu() - case.cpu_us).max(0.0);
    let least = measured.iter().min_by(|one, other| added(one).total_cmp(&added(other)))?;
    let plainest = simplest(measured);
    // (x + added(other)) / (x + added(least)) = WORTH
    let even = |other: &Entry<'_>| (added(other) - WORTH * added(least)) / (WORTH - 1.0);
    let worth = percent(WORTH - 1.0);
    if added(&pick) > WORTH * added(least) && even(&pick) < case.cpu_us && pick.name != least.name {
        Some(format!(
            "Less CPU in the handler: {} adds {} µs to each request and {} {} µs, which is {worth} of it below about {} µs in the handler: \
             --cpu-us {:.0}.",
            pick.name,
            short(added(&pick)),
            least.name,
            short(added(least)),
            short(even(&pick)),
            (even(&pick) / 2.0).floor()
        ))
    } else if plainest.name != pick.name && even(&plainest) > case.cpu_us {
        Some(format!(
            "More CPU in the handler: {} adds {} µs to each request and {} {} µs; above about {} µs in the handler that is less than \
             {worth}, and the simpler one will do: --cpu-us {:.0}.",
            plainest.name,
            short(added(&plainest)),
            least.name,
            short(added(least)),
            short(even(&plainest)),
            (even(&plainest) * 2.0).ceil()
        ))
    } else {
        None
    }
}

/// What each connection holds, where the models differ in it.
fn many_connections(case: &Case, measured: &[Entry<'_>]) -> Option<String> {
    const MANY: usize = 10_000;
    let holds: Vec<(&Entry<'_>, u64)> = measured.iter().filter_map(|entry| Some((entry, entry.figures.memory?))).collect();
    let (most, of_most) = *holds.iter().max_by_key(|(_, memory)| *memory)?;
    let (least, of_least) = *holds.iter().min_by_key(|(_, memory)| *memory)?;
    let each = (of_most - of_least) as f64 / case.connections as f64;
    let differs = of_most as f64 > 1.5 * of_least as f64 && most.figures.threads >= case.connections;
    (differs && case.connections < MANY && case.connections >= 10).then(|| {
        format!(
            "Many more connections: {} holds {} and {} threads for these {}, {} {}; at {} that is {} more: --connections {MANY}.",
            most.name,
            mebibytes(of_most as f64),
            most.figures.threads,
            case.connections,
            least.name,
            mebibytes(of_least as f64),
            grouped(MANY as f64),
            mebibytes(each * MANY as f64)
        )
    })
}

pub fn mebibytes(octets: f64) -> String {
    format!("{} MiB", short(octets / f64::from(1 << 20)))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
