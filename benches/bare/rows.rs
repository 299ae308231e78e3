//! What is measured, and what the price may be.

use harness::load::Kind;
use harness::work::{Names, Reads, Steadily, Work};
use iolab::models::AnyModel;

use crate::contestants::{Contestant, Loop};
use crate::files::Way;

/// One workload, and who is compared with whom on it.
pub struct Row {
    /// For the command line.
    pub name: String,
    /// For people.
    pub title: String,
    pub work: Work,
    pub pairs: Vec<Pair>,
}

/// A model and the bare loop that waits as it does.
pub struct Pair {
    pub model: AnyModel,
    pub bare: Contestant,
    /// What its CPU time may be, in times that of the bare loop, where that has been agreed on.
    pub target: Option<f64>,
}

impl Row {
    /// Everyone in it, each once.
    pub fn contestants(&self) -> Vec<Contestant> {
        let mut all = Vec::new();
        for contestant in self.pairs.iter().flat_map(|pair| [Contestant::Model(pair.model), pair.bare]) {
            if !all.contains(&contestant) {
                all.push(contestant);
            }
        }
        all
    }
}

/// All rows, as far as they are about these models.
pub fn rows(models: &[AnyModel]) -> Vec<Row> {
    let rows = [
        echo(models, bursty(64, 1, None), Targets { blocking: Some(1.08), loops: 1.08, pool: Some(1.10) }),
        echo(models, bursty(512, 1, None), Targets { blocking: Some(1.10), loops: 1.08, pool: None }),
        echo(models, bursty(64, 16, None), Targets { blocking: Some(1.25), loops: 1.25, pool: None }),
        echo(models, bursty(64, 1, Some(1 << 10)), Targets { blocking: Some(1.08), loops: 1.08, pool: Some(1.10) }),
        echo(models, bursty(64, 1, Some(64 << 10)), Targets { blocking: Some(1.10), loops: 1.10, pool: None }),
        echo(
            models,
            Steadily { load: Kind::Light, ..bursty(64, 1, None) },
            Targets { blocking: None, loops: 1.08, pool: None },
        ),
        read(models, Reads { block: 4 << 10, in_flight: 64, random: true, direct: true }),
        read(models, Reads { block: 4 << 10, in_flight: 1, random: true, direct: false }),
        read(models, Reads { block: 4 << 10, in_flight: 64, random: true, direct: false }),
        read(models, Reads { block: 1 << 20, in_flight: 4, random: false, direct: true }),
    ];
    rows.into_iter().filter(|row| !row.pairs.is_empty()).collect()
}

struct Targets {
    blocking: Option<f64>,
    /// Of epoll and io_uring.
    loops: f64,
    pool: Option<f64>,
}

fn bursty(connections: usize, pipelined: usize, body: Option<usize>) -> Steadily {
    Steadily { connections, pipelined, body, idle: 0, load: Kind::Bursty }
}

fn echo(models: &[AnyModel], work: Steadily, targets: Targets) -> Row {
    let Names { name, title } = work.names();
    let pairs = pairs(models, |model| match model {
        AnyModel::Blocking(_) => vec![(Contestant::Serving(Loop::Threads), targets.blocking)],
        AnyModel::Epoll(_) => vec![(Contestant::Serving(Loop::Epoll), Some(targets.loops))],
        AnyModel::Uring(_) => vec![(Contestant::Serving(Loop::Uring), Some(targets.loops))],
        // The model is of the second form, so that is its price; the first shows what the form costs.
        AnyModel::Pool(_) => {
            vec![(Contestant::Serving(Loop::PoolOfCalls), targets.pool), (Contestant::Serving(Loop::Pool), None)]
        }
    });
    Row { name, title, work: Work::Steady(work), pairs }
}

/// From the page cache a read needs nobody to wait for it, so there `pread` is the bound for all who have one thread.
fn read(models: &[AnyModel], reads: Reads) -> Row {
    let Names { name, title } = reads.names();
    let (pread, ring) = (Contestant::Reading(Way::Pread), Contestant::Reading(Way::Ring));
    let cached = Some(1.1);
    let pairs = pairs(models, |model| match model {
        AnyModel::Pool(_) => vec![(Contestant::Reading(Way::Preads), None)],
        AnyModel::Blocking(_) | AnyModel::Epoll(_) if !reads.direct => vec![(pread, cached)],
        AnyModel::Blocking(_) => vec![(pread, None)],
        AnyModel::Epoll(_) => vec![(Contestant::Reading(Way::Aio), None)],
        AnyModel::Uring(_) if !reads.direct => vec![(pread, cached), (ring, None)],
        AnyModel::Uring(_) => vec![(ring, None)],
    });
    Row { name, title, work: Work::Read(reads), pairs }
}

fn pairs(models: &[AnyModel], with: impl Fn(&AnyModel) -> Vec<(Contestant, Option<f64>)>) -> Vec<Pair> {
    let of_model = |&model: &AnyModel| {
        let pair = move |(bare, target)| Pair { model, bare, target };
        with(&model).into_iter().map(pair)
    };
    models.iter().flat_map(of_model).collect()
}
