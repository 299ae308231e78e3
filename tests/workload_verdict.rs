//! The verdict of the `workload` benchmark on made-up figures: it says what they say, whatever anybody believes of the models.

#[allow(dead_code, reason = "the benchmark's table shows more than is judged")]
#[path = "../benches/workload/verdict/mod.rs"]
mod verdict;

use verdict::{Case, Contender, Figures, Outcome, Paced, Verdict, mebibytes, verdict};

const CASE: Case = Case {
    cpu_us: 50.0,
    disk_reads: 0,
    cache_hits: 0,
    connections: 200,
    server_threads: 1,
    cores: 1,
    rate: None,
    disturbed: None,
};

/// Rounds in which a figure is never quite the same.
fn rounds(figure: f64) -> Vec<f64> {
    [0.999, 1.001, 0.998, 1.002, 1.0, 1.0, 1.003, 0.997].map(|factor| figure * factor).to_vec()
}

fn paced(rate: f64, p99: f64) -> Paced {
    Paced { rate, p50: p99 / 10.0, p99, p999: None, p99_by_round: rounds(p99), unasked: 0.0 }
}

/// A model whose core is full at its peak.
fn busy(cpu_us: f64, p99: f64) -> Figures {
    Figures {
        peak: rounds(1e6 / cpu_us),
        cpu_us: rounds(cpu_us),
        server_share: 1.0,
        load_share: 0.2,
        threads: 1,
        memory: Some(2 << 20),
        paced: vec![paced(1000.0, p99), paced(2000.0, 2.0 * p99)],
        ..Figures::default()
    }
}

fn four(figures: [Figures; 4]) -> Vec<Contender> {
    let names = ["blocking", "epoll", "uring", "pool"];
    let contender =
        |(name, figures): (&str, Figures)| Contender { model: name.to_owned(), outcome: Outcome::Measured(figures) };
    names.into_iter().zip(figures).map(contender).collect()
}

fn picked(verdict: &Verdict) -> &str {
    verdict.pick.as_deref().unwrap_or_else(|| panic!("no pick: {verdict:#?}"))
}

/// Whether one of the sentences has all of these words in it.
fn says(sentences: &[String], words: &[&str]) -> bool {
    sentences.iter().any(|sentence| words.iter().all(|word| sentence.contains(word)))
}

#[test]
fn where_nothing_differs_the_simplest_is_picked() {
    let all = four([busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3)]);
    let verdict = verdict(&CASE, &all);
    assert_eq!(picked(&verdict), "blocking");
    assert!(verdict.headline.starts_with("No difference was measured that matters"), "{}", verdict.headline);
    assert!(verdict.because.is_empty() && verdict.price.is_empty(), "{verdict:#?}");
}

#[test]
fn a_difference_nobody_would_notice_is_none() {
    let all = four([busy(61.0, 1.05e-3), busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.5, 1e-3)]);
    assert_eq!(picked(&verdict(&CASE, &all)), "blocking");
}

#[test]
fn whoever_does_more_is_picked_with_the_ratio_that_was_measured() {
    let all = four([busy(90.0, 1e-3), busy(75.0, 1e-3), busy(60.0, 1e-3), busy(120.0, 1e-3)]);
    let verdict = verdict(&CASE, &all);
    assert_eq!((picked(&verdict), verdict.headline.as_str()), ("uring", "Pick uring."));
    assert!(
        says(
            &verdict.because,
            &["uring does 16,667 requests a second at its peak, blocking 11,111: 1.50 times (1.50-1.50) as many."]
        ),
        "{verdict:#?}"
    );
    assert!(says(&verdict.because, &["pool 8,333", "2.00 times"]), "{verdict:#?}");
    assert_eq!(verdict.because.len(), 3);
}

#[test]
fn the_names_mean_nothing() {
    let all = four([busy(60.0, 1e-3), busy(90.0, 1e-3), busy(120.0, 1e-3), busy(75.0, 1e-3)]);
    assert_eq!(picked(&verdict(&CASE, &all)), "blocking");
    let all = four([busy(90.0, 1e-3), busy(75.0, 1e-3), busy(120.0, 1e-3), busy(60.0, 1e-3)]);
    assert_eq!(picked(&verdict(&CASE, &all)), "pool");
}

#[test]
fn of_those_that_are_level_the_tail_decides_and_then_simplicity() {
    let all = four([busy(90.0, 1e-3), busy(60.0, 3e-3), busy(60.0, 1e-3), busy(120.0, 1e-3)]);
    let by_tail = verdict(&CASE, &all);
    assert_eq!(picked(&by_tail), "uring");
    assert!(
        says(
            &by_tail.because,
            &["uring has 99 % of its answers within 1.00 ms at 1,000 requests a second, epoll 3.00 ms: 3.00 times"]
        ),
        "{by_tail:#?}"
    );

    let all = four([busy(90.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3), busy(120.0, 1e-3)]);
    let by_simplicity = verdict(&CASE, &all);
    assert_eq!(by_simplicity.headline, "Pick epoll: uring is level with it, and it is the simplest of them.");
}

#[test]
fn what_the_pick_is_worse_at_is_its_price() {
    let all = four([busy(90.0, 1e-3), busy(75.0, 5e-3), busy(60.0, 4e-3), busy(120.0, 5e-3)]);
    let verdict = verdict(&CASE, &all);
    assert_eq!(picked(&verdict), "uring");
    assert!(
        says(&verdict.price, &["blocking has 99 % of its answers within 1.00 ms", "uring 4.00 ms: 4.00 times"]),
        "{verdict:#?}"
    );
}

#[test]
fn a_rate_rules_out_who_does_not_keep_up_and_then_the_tail_decides() {
    let case = Case { rate: Some(1000.0), ..CASE };
    let at =
        |cpu: f64, p99: f64, unasked: f64| Figures { paced: vec![Paced { unasked, ..paced(1000.0, p99) }], ..busy(cpu, p99) };
    let all = four([at(60.0, 1e-3, 0.3), at(60.0, 8e-3, 0.0), at(90.0, 2e-3, 0.0), at(60.0, 4e-3, 0.01)]);
    let keeping_up = verdict(&case, &all);
    assert_eq!(picked(&keeping_up), "uring", "it has the least tail of those who keep up");
    assert!(says(&keeping_up.because, &["blocking does not keep up", "30 %"]), "{keeping_up:#?}");

    let nobody = verdict(&case, &four([at(60.0, 1e-3, 0.3), at(60.0, 1e-3, 0.3), at(60.0, 1e-3, 0.3), at(60.0, 1e-3, 0.3)]));
    assert_eq!((nobody.pick, nobody.headline.as_str()), (None, "No model keeps up with 1,000 requests a second here."));
}

#[test]
fn where_the_load_was_the_limit_cpu_decides() {
    let at_least = |cpu: f64| Figures { peak: rounds(15_000.0), server_share: 0.8, load_share: 0.99, ..busy(cpu, 1e-3) };
    let verdict = verdict(&CASE, &four([at_least(60.0), at_least(50.0), at_least(40.0), at_least(70.0)]));
    assert_eq!(picked(&verdict), "uring");
    assert!(says(&verdict.because, &["uring takes 40.0 µs of CPU a request, blocking 60.0: 1.50 times"]), "{verdict:#?}");
    assert!(says(&verdict.bound, &["The load generator"]), "{verdict:#?}");
}

#[test]
fn a_difference_that_the_rounds_cannot_tell_is_not_called_none() {
    let clear = four([busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3)]);
    assert!(verdict(&CASE, &clear).unclear.is_empty());
    let wild = [0.8, 1.6, 1.2, 0.9, 1.5, 1.3, 0.85, 1.4].map(|factor| factor * 1e6 / 60.0).to_vec();
    let all = four([busy(60.0, 1e-3), busy(60.0, 1e-3), Figures { peak: wild, ..busy(60.0, 1e-3) }, busy(60.0, 1e-3)]);
    let verdict = verdict(&CASE, &all);
    assert_eq!(picked(&verdict), "blocking");
    assert!(verdict.headline.starts_with("Pick blocking until more rounds tell"), "{}", verdict.headline);
    assert!(says(&verdict.unclear, &["uring does 20", "blocking 16,667: 1.25 times (0.8"]), "{verdict:#?}");
}

#[test]
fn the_limit_is_read_off_the_shares() {
    let full = four([busy(62.5, 1e-3), busy(62.5, 1e-3), busy(62.5, 1e-3), busy(62.5, 1e-3)]);
    let cpu = verdict(&CASE, &full).bound;
    assert!(
        says(&cpu, &["CPU: ", "62.5 µs a request", "50.0 µs (80 %) are the handler's own", "more than 20,000"]),
        "{cpu:#?}"
    );

    let idle = || Figures { server_share: 0.4, ..busy(62.5, 1e-3) };
    let all = four([idle(), idle(), idle(), idle()]);
    let reading = Case { disk_reads: 1, ..CASE };
    assert!(says(&verdict(&reading, &all).bound, &["The disk", "only 40 % of its core"]));
    assert!(says(&verdict(&Case { cache_hits: 100, ..reading }, &all).bound, &["Neither side"]));
    let disturbed = Case { disturbed: Some(0.3), ..reading };
    assert!(says(&verdict(&disturbed, &all).bound, &["Not to be told", "took 30 %"]));
    assert!(says(&verdict(&Case { connections: 1, ..CASE }, &all).bound, &["too few connections ask at a time (1)"]));
}

#[test]
fn who_stalls_is_told_from_the_count_and_not_from_the_name() {
    let reading = Case { disk_reads: 1, ..CASE };
    let idle = |stalls: f64| Figures { server_share: 0.4, stalls, ..busy(62.5, 1e-3) };
    let nobody = verdict(&reading, &four([idle(0.0), idle(0.0), idle(0.0), idle(0.0)]));
    assert!(!says(&nobody.bound, &["stalls"]), "{nobody:#?}");
    let epoll = verdict(&reading, &four([idle(0.0), idle(1.0), idle(0.0), idle(0.0)]));
    assert!(says(&epoll.bound, &["epoll stalls", "1.00 times a request", "60 % of its core was idle"]), "{epoll:#?}");
    assert!(says(&epoll.would_change, &["--cache-hits 100"]), "{epoll:#?}");
    let quick = |stalls: f64| Figures { stalls, ..busy(62.5, 1e-3) };
    let busy = verdict(&reading, &four([quick(0.0), quick(1.0), quick(0.0), quick(0.0)]));
    assert!(says(&busy.bound, &["epoll stalls", "busy all the same"]), "{busy:#?}");
}

/// blocking adds 20 µs to a request, uring 10: at 50 µs in the handler that is 70 to 60. It is a tenth at 90 µs in the handler.
#[test]
fn how_much_cpu_would_change_the_answer_is_computed() {
    let all = four([busy(70.0, 1e-3), busy(65.0, 1e-3), busy(60.0, 1e-3), busy(80.0, 1e-3)]);
    let more = verdict(&CASE, &all);
    assert_eq!(picked(&more), "uring");
    assert!(
        says(&more.would_change, &["More CPU", "blocking adds 20.0 µs", "uring 10.0 µs", "above about 90.0 µs"]),
        "{more:#?}"
    );

    let case = Case { cpu_us: 1000.0, ..CASE };
    let all = four([busy(1020.0, 1e-3), busy(1015.0, 1e-3), busy(1010.0, 1e-3), busy(1030.0, 1e-3)]);
    let less = verdict(&case, &all);
    assert_eq!(picked(&less), "blocking");
    assert!(says(&less.would_change, &["Less CPU", "below about 90.0 µs"]), "{less:#?}");
}

#[test]
fn what_connections_hold_is_told_where_it_differs() {
    let threaded = Figures { threads: 201, memory: Some(22 << 20), ..busy(60.0, 1e-3) };
    let all = four([threaded, busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3)]);
    let verdict = verdict(&CASE, &all);
    let words = ["blocking holds 22.0 MiB and 201 threads", "2.00 MiB", &mebibytes(20.0 * 50.0 * 1048576.0)];
    assert!(says(&verdict.would_change, &words), "{verdict:#?}");
    assert!(says(&verdict.would_change, &["More cores: --server-threads 2", "Blocking would spread"]), "{verdict:#?}");
}

#[test]
fn on_a_machine_that_was_not_quiet_the_verdict_says_so() {
    let all = four([busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3)]);
    assert_eq!(verdict(&CASE, &all).doubt, None);
    let doubt = verdict(&Case { disturbed: Some(0.3), ..CASE }, &all).doubt;
    assert!(says(doubt.as_slice(), &["Measure again", "30 % of the cores"]), "{doubt:?}");
}

#[test]
fn without_figures_there_is_no_pick() {
    let absent = |name: &str| Contender { model: name.to_owned(), outcome: Outcome::Absent("io_uring is forbidden".into()) };
    assert_eq!(verdict(&CASE, &[absent("uring")]).headline, "No model could be measured.");
    let mut all = four([busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3), busy(60.0, 1e-3)]);
    all[2] = absent("uring");
    assert_eq!(picked(&verdict(&CASE, &all)), "blocking", "one who is absent is no obstacle");
    let alone = verdict(&CASE, &all[..1]);
    assert_eq!((alone.pick, alone.headline.contains("nothing to choose from")), (None, true));
    let short = |mut figures: Figures| {
        figures.peak.truncate(5);
        figures
    };
    let few = verdict(&CASE, &four([60.0, 70.0, 80.0, 90.0].map(|cpu| short(busy(cpu, 1e-3)))));
    assert!(few.pick.is_none() && few.headline.starts_with("Too few rounds"), "{few:#?}");
}
