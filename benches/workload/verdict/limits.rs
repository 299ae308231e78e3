//! What limits a workload, and what would change the answer.

use harness::text::{grouped, short};

use super::figures::{Case, Entry};
use super::{capital, listed, percent, simplest};

/// A core of which so much is used is full.
const FULL: f64 = 0.90;

/// Fewer stalls for each request than this are no pattern.
const STALLS: f64 = 0.01;

/// Where a difference begins to be worth some trouble.
const WORTH: f64 = 1.10;

/// What limits the workload, as the best at the peak shows it.
pub fn bound(case: &Case, measured: &[Entry<'_>]) -> Vec<String> {
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
    } else if let Some(others) = case.disturbed {
        told.push(format!(
            "Not to be told: at the best peak ({}'s) {} of {cores} was used, but other programs or the hypervisor took {} meanwhile.",
            best.name,
            percent(share),
            percent(others)
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

/// What to try, and what it may change.
pub fn would_change(case: &Case, pick: Entry<'_>, measured: &[Entry<'_>]) -> Vec<String> {
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
