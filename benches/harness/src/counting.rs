//! What is counted, in passes of their own, so that no counting is timed.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::child::Spent;
use crate::cores;
use crate::data_file::DataFile;
use crate::kernel_counts::{Memory, Switches, reschedule_interrupts};
use crate::load::{Edge, Idle, Plan};
use crate::measure::{Contestant, Entrant, Settings, Stop, load, order};
use crate::work::{Steadily, Work};

/// What the kernel had to do for one operation.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub calls: Option<f64>,
    /// The same by name.
    pub calls_by_name: BTreeMap<String, f64>,
    /// Context switches of the server's threads, voluntary or not.
    pub switches: Option<f64>,
    /// Reschedule interrupts of the server's core, which others may have caused.
    pub interrupts: Option<f64>,
    /// How often a loop that must not wait was held up by a file.
    pub stalls: Option<f64>,
    /// The most threads that were at work at one time, for all operations together.
    pub threads: usize,
    /// Octets of memory that the process held at the end of the pass, with all connections.
    pub memory: Option<u64>,
}

/// What an idle connection costs, in octets.
#[derive(Clone, Copy, Debug)]
pub struct IdleMemory {
    /// Of the server's process.
    pub process: f64,
    /// Of the kernel, for both of its ends.
    pub kernel: f64,
}

/// Where the system calls of a slow row are counted, the pass is made no longer than this.
const LONGEST: Duration = Duration::from_millis(500);

/// Before the counting: connections are accepted, and whatever threads they need are there.
const WARM_UP: Duration = Duration::from_millis(10);

/// System calls per operation: a long pass less a short one, which takes away what is done once for each process and connection.
/// Switches and interrupts are those between the edges of the long one.
pub(crate) fn count(entrant: &Entrant<'_>, work: &Work, settings: &Settings, data: &DataFile) -> Result<Counts, Stop> {
    match work {
        // Two kinds of requests share the server there: a figure for each of them there is not.
        Work::PingBeside(_) => Ok(Counts::default()),
        Work::Read(reads) => {
            let mut reader = Contestant::start(entrant)?;
            longer_and_longer(settings.counting, |window| {
                let before = Marks::now(&reader);
                let done = reader.read(&order(reads, 1, window, true))?;
                let (switches, interrupts) = Marks::now(&reader).since(&before);
                let spent = done.spent;
                Ok(Pass { spent, in_all: done.reads, counted: done.reads, switches, interrupts, memory: None })
            })
        }
        _ => longer_and_longer(settings.counting, |window| {
            let server = Contestant::start(entrant)?;
            let plan = Plan { warm_up: WARM_UP, window };
            let mut marks = Vec::with_capacity(2);
            let mut memory = None;
            let mut mark = |edge: Edge| {
                marks.push(Marks::now(&server));
                if edge == Edge::End {
                    memory = Memory::now(server.pid()).map(|memory| memory.process);
                }
            };
            let loaded = load(server.address, work, plan, data, &mut mark)?;
            let (switches, interrupts) = match &marks[..] {
                [start, end] => end.since(start),
                _ => (None, None),
            };
            let (in_all, counted) = (loaded.sample.answers_in_all, loaded.sample.answers);
            Ok(Pass { spent: server.end()?, in_all, counted, switches, interrupts, memory })
        }),
    }
}

struct Pass {
    spent: Spent,
    /// Operations of the whole pass.
    in_all: u64,
    /// Those between the edges.
    counted: u64,
    switches: Option<u64>,
    interrupts: Option<u64>,
    memory: Option<u64>,
}

fn longer_and_longer(shortest: Duration, mut pass: impl FnMut(Duration) -> Result<Pass, Stop>) -> Result<Counts, Stop> {
    let short = pass(Duration::ZERO)?;
    let mut window = shortest;
    loop {
        let long = pass(window)?;
        let operations = long.in_all.saturating_sub(short.in_all);
        if operations > short.in_all || window > LONGEST {
            let per = |count: u64, operations: u64| (operations > 0).then(|| count as f64 / operations as f64);
            let calls = more_calls(&long.spent.calls, &short.spent.calls);
            return Ok(Counts {
                calls: per(calls.values().sum(), operations),
                calls_by_name: calls.into_iter().filter_map(|(name, calls)| Some((name, per(calls, operations)?))).collect(),
                switches: long.switches.and_then(|count| per(count, long.counted)),
                interrupts: long.interrupts.and_then(|count| per(count, long.counted)),
                stalls: per(long.spent.stalls.saturating_sub(short.spent.stalls), operations),
                threads: long.spent.threads_peak,
                memory: long.memory,
            });
        }
        window *= 2;
    }
}

/// By name, how many more the long pass made. What the short one made more of by chance takes nothing from the others, so their sum is
/// the total.
fn more_calls(long: &BTreeMap<String, u64>, short: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let more = |(name, calls): (&String, &u64)| {
        let more = calls.saturating_sub(short.get(name).copied().unwrap_or(0));
        (more > 0).then(|| (name.clone(), more))
    };
    long.iter().filter_map(more).collect()
}

struct Marks {
    switches: Option<Switches>,
    interrupts: Option<u64>,
}

impl Marks {
    fn now(contestant: &Contestant) -> Marks {
        // On a core that the load shares, the interrupts are both sides'.
        let interrupts = cores::server().and_then(reschedule_interrupts);
        Marks { switches: Switches::of(contestant.pid()), interrupts }
    }

    fn since(&self, before: &Marks) -> (Option<u64>, Option<u64>) {
        let switches = self.switches.as_ref().zip(before.switches.as_ref());
        let interrupts = self.interrupts.zip(before.interrupts);
        (switches.and_then(|(now, before)| now.since(before)), interrupts.map(|(now, before)| now.saturating_sub(before)))
    }
}

/// What one more idle connection costs that has been asked once, of as many as the row has, after a tenth as many before them.
pub(crate) fn idle_memory(entrant: &Entrant<'_>, steadily: &Steadily) -> Result<Option<IdleMemory>, Stop> {
    let server = Contestant::start(entrant)?;
    let to = server.address.ok_or_else(|| io::Error::other("nobody listens"))?;
    let question = steadily.question();
    // What is set up at the first connections, like buffers that all of them share, is not the price of each.
    let mut first = Idle::open(to, (steadily.idle / 10).max(1), &question)?;
    first.ask_each(&question)?;
    let before = Memory::now(server.pid());
    let mut idle = Idle::open(to, steadily.idle, &question)?;
    if idle.held() < steadily.idle {
        return Err(Stop::Limit(idle.held()));
    }
    idle.ask_each(&question)?;
    let after = Memory::now(server.pid());
    let each =
        |of: fn(&Memory) -> u64, before: &Memory, after: &Memory| (of(after) as f64 - of(before) as f64) / steadily.idle as f64;
    Ok(before.zip(after).map(|(before, after)| IdleMemory {
        process: each(|memory| memory.process, &before, &after),
        kernel: each(|memory| memory.kernel, &before, &after),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_what_is_counted_by_name() {
        let spent = |calls: [(&str, u64); 2]| {
            let calls = calls.map(|(name, calls)| (name.to_owned(), calls)).into();
            Spent { calls, ..Spent::default() }
        };
        // One more connection was waited for in the short pass, by chance.
        let (short, long) = (spent([("epoll_wait", 7), ("recvfrom", 10)]), spent([("epoll_wait", 4), ("recvfrom", 110)]));
        let passes = [(short, 10), (long, 110)];
        let mut passes = passes.into_iter().map(|(spent, operations)| Pass {
            spent,
            in_all: operations,
            counted: operations,
            switches: None,
            interrupts: None,
            memory: None,
        });
        let counts =
            longer_and_longer(Duration::from_millis(1), |_| Ok(passes.next().expect("two passes are enough"))).ok().unwrap();
        assert_eq!(counts.calls_by_name, BTreeMap::from([("recvfrom".to_owned(), 1.0)]));
        assert_eq!(counts.calls, Some(counts.calls_by_name.values().sum()));
    }
}
