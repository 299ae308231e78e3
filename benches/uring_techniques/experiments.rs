//! What is compared with what.

use harness::work::Work;

use crate::ring::Registered;
use crate::switches::{Reading, Receive, Send, Switches, Taskrun};
use crate::techniques::workloads::{churn, get, lightly, pipelined, post, read};
use crate::techniques::{Experiment, Variant};
use crate::told::Told;
use crate::ways::Way;

const KIB: usize = 1 << 10;

pub fn all() -> Vec<Experiment<Way>> {
    let bare =
        [control(), receive(), provided(), long_arrivals(), taskrun(), indices(), direct(), receive_bundles(), send_bundles()];
    let bare = bare.into_iter().chain([zero_copy(), poller(), registered(), polled_disk()]);
    bare.chain(model()).collect()
}

fn control() -> Experiment<Way> {
    Experiment {
        name: "switches",
        title: "The switches themselves",
        ways: vec![Variant::new("the bare loop without any", Way::Bare), bare("with all at their defaults", |_| {})],
        works: vec![get(64)],
    }
}

fn receive() -> Experiment<Way> {
    Experiment {
        name: "multishot-recv",
        title: "Multishot receive",
        ways: vec![
            bare("each arrival asked for", |switches| switches.receive = Receive::Single),
            bare("the same, polled first", |switches| switches.receive = Receive::SinglePolledFirst),
            bare("multishot", |_| {}).by_default(),
        ],
        works: vec![get(64), get(512), lightly(64)],
    }
}

fn provided() -> Experiment<Way> {
    Experiment {
        name: "provided-buffers",
        title: "Provided buffers, each arrival asked for",
        ways: vec![
            bare("own buffers", |switches| switches.receive = Receive::Own),
            bare("provided buffers", |switches| switches.receive = Receive::Single).by_default(),
        ],
        works: vec![get(64), get(512), post(64 * KIB, 64)],
    }
}

fn long_arrivals() -> Experiment<Way> {
    let of = |name, receive, count, kib: u32| {
        bare(name, move |switches| (switches.receive, switches.buffers) = (receive, Some((count, kib << 10))))
    };
    Experiment {
        name: "long-arrivals",
        title: "How long bodies are received, and into how many buffers",
        ways: vec![
            of("each arrival asked for, 4 of 68 KiB", Receive::Single, 4, 68).by_default(),
            of("each arrival asked for, 32 of 68 KiB", Receive::Single, 32, 68),
            of("multishot, 4 of 68 KiB", Receive::Multishot, 4, 68),
            of("multishot, 32 of 68 KiB", Receive::Multishot, 32, 68),
            of("multishot, 64 of 16 KiB", Receive::Multishot, 64, 16),
            of("multishot, 256 of 4 KiB", Receive::Multishot, 256, 4),
            of("bundles, 256 of 4 KiB", Receive::Bundles, 256, 4),
        ],
        works: vec![post(64 * KIB, 64)],
    }
}

fn taskrun() -> Experiment<Way> {
    Experiment {
        name: "taskrun",
        title: "When the kernel does the work of a completion",
        ways: vec![
            bare("at once", |switches| switches.taskrun = Taskrun::Interrupt),
            bare("COOP_TASKRUN", |switches| switches.taskrun = Taskrun::Coop),
            bare("DEFER_TASKRUN", |_| {}).by_default(),
        ],
        works: vec![get(64), get(512), lightly(64)],
    }
}

fn indices() -> Experiment<Way> {
    Experiment {
        name: "sqarray",
        title: "A submission queue without an array of indices",
        ways: vec![bare("with it", |_| {}).by_default(), bare("NO_SQARRAY", |switches| switches.no_indices = true)],
        works: vec![get(64), lightly(64)],
    }
}

fn direct() -> Experiment<Way> {
    Experiment {
        name: "direct",
        title: "Direct descriptors",
        ways: vec![
            bare("plain descriptors", |_| {}).by_default(),
            bare("direct descriptors", |switches| switches.direct = true),
        ],
        works: vec![get(64), lightly(64), post(64 * KIB, 64)],
    }
}

fn receive_bundles() -> Experiment<Way> {
    Experiment {
        name: "recv-bundles",
        title: "Bundles to receive",
        ways: vec![
            bare("a completion for each buffer", |_| {}).by_default(),
            bare("bundles", |switches| switches.receive = Receive::Bundles),
        ],
        works: vec![get(64), post(KIB, 64)],
    }
}

fn send_bundles() -> Experiment<Way> {
    Experiment {
        name: "send-bundles",
        title: "Bundles to send 16 answers",
        ways: vec![
            bare("one send, side by side", |_| {}).by_default(),
            bare("gathered by sendmsg", |switches| switches.send = Send::Gathered),
            bare("a bundle", |switches| switches.send = Send::Bundles),
        ],
        works: vec![pipelined(64, 16)],
    }
}

fn zero_copy() -> Experiment<Way> {
    Experiment {
        name: "zero-copy",
        title: "Zero-copy send",
        ways: vec![
            bare("copied", |_| {}).by_default(),
            bare("SEND_ZC", |switches| switches.send = Send::ZeroCopy),
            bare("SEND_ZC, registered octets", |switches| switches.send = Send::ZeroCopyRegistered),
        ],
        works: vec![get(64), post(64 * KIB, 64)],
    }
}

fn poller() -> Experiment<Way> {
    Experiment {
        name: "sqpoll",
        title: "A kernel thread that submits, on the server's core",
        ways: vec![
            bare("one call for a turn", |_| {}).by_default(),
            bare("SQPOLL", |switches| switches.taskrun = Taskrun::Poller),
        ],
        works: vec![get(64), lightly(64)],
    }
}

fn registered() -> Experiment<Way> {
    let reader = |(name, registered)| Variant::new(name, Way::Reader(Reading { registered, polled: false }));
    let [neither, file, blocks, both] = registrations().map(reader);
    Experiment {
        name: "registered",
        title: "Registered file and buffers",
        ways: vec![neither, file, blocks, both.by_default()],
        works: file_reads(),
    }
}

fn polled_disk() -> Experiment<Way> {
    let registered = Registered { file: true, blocks: true };
    let reader = |name, polled| Variant::new(name, Way::Reader(Reading { registered, polled }));
    Experiment {
        name: "iopoll",
        title: "A disk that is polled",
        ways: vec![reader("interrupts", false).by_default(), reader("IOPOLL", true)],
        works: vec![read(4 * KIB, 64, true)],
    }
}

/// The library's own model, with and without what it uses.
fn model() -> Vec<Experiment<Way>> {
    let registered = |(name, registered)| told(name, |told| told.registered = Some(registered));
    let [neither, file, blocks, both] = registrations().map(registered);
    vec![
        Experiment {
            name: "model-receive",
            title: "The model: how it receives",
            ways: vec![
                denying("without provided_buffers", &["provided_buffers"]),
                denying("without multishot_recv", &["multishot_recv"]),
                denying("with both", &[]).by_default(),
            ],
            works: echoes(),
        },
        on_and_off("model-multishot-recv", "The model: multishot receive alone", &["multishot_recv"], &[], echoes()),
        on_and_off("model-defer-taskrun", "The model: completion work when it waits", &["defer_taskrun"], &[], small_echoes()),
        on_and_off(
            "model-single-issuer",
            "The model: one submitter, interrupted",
            &["single_issuer"],
            &["defer_taskrun"],
            small_echoes(),
        ),
        on_and_off("model-ext-arg", "The model: the time limit of a wait", &["ext_arg"], &[], small_echoes()),
        on_and_off("model-submit-all", "The model: a faulty entry stops no other", &["submit_all"], &[], vec![get(64)]),
        on_and_off("model-multishot-accept", "The model: multishot accept", &["multishot_accept"], &[], vec![churn(64)]),
        Experiment {
            name: "model-small",
            title: "The model: small buffers",
            ways: vec![
                small("256 of 4 KiB", 256, 4).by_default(),
                small("64 of 4 KiB", 64, 4),
                small("1024 of 4 KiB", 1024, 4),
                small("256 of 2 KiB", 256, 2),
                small("256 of 16 KiB", 256, 16),
            ],
            works: vec![get(64), get(512), post(KIB, 64)],
        },
        Experiment {
            name: "model-large",
            title: "The model: large buffers",
            ways: vec![
                large("4 of 68 KiB", 4, 68).by_default(),
                large("2 of 68 KiB", 2, 68),
                large("8 of 68 KiB", 8, 68),
                large("32 of 68 KiB", 32, 68),
                large("4 of 64 KiB", 4, 64),
                large("4 of 128 KiB", 4, 128),
                large("64 of 16 KiB", 64, 16),
            ],
            works: vec![post(64 * KIB, 64)],
        },
        Experiment {
            name: "model-registered",
            title: "The model: registered file and buffers",
            ways: vec![neither, file, blocks, both.by_default()],
            works: file_reads(),
        },
        Experiment {
            name: "model-batch",
            title: "The model: reads handed over within a turn",
            ways: vec![
                told("at its end only", |told| told.batch = Some(usize::MAX)),
                told("each alone", |told| told.batch = Some(1)),
                told("each 8", |told| told.batch = None).by_default(),
            ],
            works: vec![read(4 * KIB, 64, true)],
        },
    ]
}

fn file_reads() -> Vec<Work> {
    vec![read(4 * KIB, 64, true), read(1 << 20, 4, false)]
}

fn registrations() -> [(&'static str, Registered); 4] {
    let registered = |file, blocks| Registered { file, blocks };
    [
        ("neither", registered(false, false)),
        ("the file", registered(true, false)),
        ("the buffers", registered(false, true)),
        ("both", registered(true, true)),
    ]
}

fn bare(name: &str, set: impl FnOnce(&mut Switches)) -> Variant<Way> {
    let mut switches = Switches::default();
    set(&mut switches);
    Variant::new(name, Way::Switched(switches))
}

fn told(name: &str, tell: impl FnOnce(&mut Told)) -> Variant<Way> {
    let mut told = Told::default();
    tell(&mut told);
    Variant::new(name, Way::Model(told))
}

fn denying(name: &str, denied: &[&str]) -> Variant<Way> {
    told(name, |told| told.denied = denied.iter().map(|&name| name.to_owned()).collect())
}

/// The model without a technique, and with it; both without what it has to be seen apart from.
fn on_and_off(
    name: &'static str,
    title: &'static str,
    off: &'static [&'static str],
    apart_from: &'static [&'static str],
    works: Vec<Work>,
) -> Experiment<Way> {
    let without = denying("without", &[off, apart_from].concat());
    Experiment { name, title, ways: vec![without, denying("with", apart_from).by_default()], works }
}

fn echoes() -> Vec<Work> {
    vec![get(64), get(512), lightly(64), post(64 * KIB, 64)]
}

fn small_echoes() -> Vec<Work> {
    vec![get(64), lightly(64)]
}

fn small(name: &str, count: u16, kib: u32) -> Variant<Way> {
    told(name, |told| told.small = Some((count, kib << 10)))
}

fn large(name: &str, count: u16, kib: u32) -> Variant<Way> {
    told(name, |told| told.large = Some((count, kib << 10)))
}
