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
//! ([`race`]). What limits the workload is read off the shares of the cores used; what would change the answer
//! from the same figures, and each such sentence ends in the flags that try it.
//!
//! - [`figures`]: what is judged, [`race`]: who is level with whom, [`limits`]: what limits the workload and what would change it.

mod figures;
mod limits;
mod race;

use harness::statistics::ROUNDS_FOR_INTERVAL;
use harness::text::grouped;

use figures::Entry;
pub use figures::{Case, Contender, Figures, Outcome, Paced, Verdict};
pub use limits::mebibytes;
use limits::{bound, would_change};
use race::criteria;
use results::advice::simplicity;

/// A server that leaves more than this unasked does not keep up with a rate.
pub const BEHIND: f64 = 0.02;

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
    let (mut because, mut unclear) = (Vec::new(), Vec::new());
    let mut left = keep_up(case, &measured, &mut because);
    if left.is_empty() {
        let rate = grouped(case.rate.unwrap_or_default());
        return Verdict { because, ..without(&format!("No model keeps up with {rate} requests a second here.")) };
    }
    // ANCHOR: race
    let criteria = criteria(case, &left);
    for criterion in &criteria {
        left = criterion.keep_level(&left, &mut because, &mut unclear);
    }
    let pick = simplest(&left);
    // ANCHOR_END: race
    Verdict {
        pick: Some(pick.name.to_owned()),
        headline: headline(pick, &left, &measured, unclear.is_empty()),
        doubt: case.disturbed.map(|share| {
            format!(
                "Measure again before you believe this: other programs or the hypervisor took {} of the cores.",
                percent(share)
            )
        }),
        because,
        unclear,
        price: criteria.iter().filter_map(|criterion| criterion.price(&pick, &measured)).collect(),
        bound: bound(case, &measured),
        would_change: would_change(case, pick, &measured),
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

fn simplest<'a>(entries: &[Entry<'a>]) -> Entry<'a> {
    *entries.iter().min_by_key(|entry| simplicity(entry.name)).expect("the best of each comparison is left")
}

fn headline(pick: Entry<'_>, left: &[Entry<'_>], measured: &[Entry<'_>], is_clear: bool) -> String {
    let others: Vec<&str> = left.iter().map(|entry| entry.name).filter(|name| *name != pick.name).collect();
    let are = if others.len() == 1 { "is" } else { "are" };
    match others.len() {
        0 => format!("Pick {}.", pick.name),
        _ if !is_clear => {
            let with = listed(&others);
            format!(
                "Pick {} until more rounds tell: it was not told apart from {with}, and it is the simplest of them.",
                pick.name
            )
        }
        count if count + 1 == measured.len() => {
            format!("No difference was measured that matters: pick the simplest, {}.", pick.name)
        }
        _ => format!("Pick {}: {} {are} level with it, and it is the simplest of them.", pick.name, listed(&others)),
    }
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
