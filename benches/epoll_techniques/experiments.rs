//! What is compared with what.

use crate::techniques::workloads::{get, lightly, pipelined, post};
use crate::techniques::{Experiment, Variant};
use crate::ways::{Switches, Way};

const KIB: usize = 1 << 10;

pub fn all() -> Vec<Experiment<Way>> {
    vec![trigger(), drain(), buffer(), events(), mio()]
}

fn trigger() -> Experiment<Way> {
    Experiment {
        name: "edges",
        title: "Level- or edge-triggered",
        ways: vec![raw("level-triggered", |switches| switches.edges = false), raw("edge-triggered", |_| {}).by_default()],
        works: vec![get(64), get(512), lightly(64), post(64 * KIB, 64)],
    }
}

fn drain() -> Experiment<Way> {
    Experiment {
        name: "drain",
        title: "When a socket counts as drained",
        ways: vec![
            raw("once a read finds nothing", |switches| switches.drains = true),
            raw("once a read is short", |_| {}).by_default(),
        ],
        works: vec![get(64), get(512), lightly(64), pipelined(64, 16), post(64 * KIB, 64)],
    }
}

fn buffer() -> Experiment<Way> {
    let of = |kib: usize| raw(&format!("{kib} KiB"), move |switches| switches.buffer = kib << 10);
    Experiment {
        name: "buffer",
        title: "How much a read can take",
        ways: vec![of(4), of(16), of(64), of(68).by_default()],
        works: vec![get(64), post(KIB, 64), post(64 * KIB, 64)],
    }
}

fn events() -> Experiment<Way> {
    let of = |name: &str, events| raw(name, move |switches| switches.events = events);
    Experiment {
        name: "events",
        title: "How many events a wait can bring",
        ways: vec![of("one", 1), of("16", 16), of("128", 128), of("1024", 1024).by_default()],
        works: vec![get(64), get(512), lightly(64)],
    }
}

fn mio() -> Experiment<Way> {
    Experiment {
        name: "mio",
        title: "Raw epoll or the mio crate",
        ways: vec![
            Variant::new("mio, drained once a read is short", Way::Mio { drains: false }),
            Variant::new("mio, drained once a read finds nothing, as it asks for", Way::Mio { drains: true }),
            raw("raw epoll, drained once a read is short", |_| {}).by_default(),
        ],
        works: vec![get(64), get(512), lightly(64)],
    }
}

fn raw(name: &str, set: impl FnOnce(&mut Switches)) -> Variant<Way> {
    let mut switches = Switches::default();
    set(&mut switches);
    Variant::new(name, Way::Raw(switches))
}
