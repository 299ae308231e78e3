//! Advice and comparisons on made-up figures: they say what the figures say, whatever anybody believes of the models.

mod made_up;

use made_up::{all_kinds, as_busy, busy, four, load_bound, measured, report, rounds, row};
use results::Report;
use results::advice::{Advice, Take, WORKLOADS, advice};
use results::compare::{Comparison, Says, compare};
use results::schema::{Figure, Measured, Outcome, Row};

const CAPACITY: &[&str] = &["rate", "cpu"];

fn take(row: &Row, figures: &[&str]) -> Take {
    match advice(row, figures) {
        Advice::Take(take) => take,
        other => panic!("no advice: {other:?}"),
    }
}

#[test]
fn a_clear_winner_is_taken_and_the_others_are_told_how_far_behind_they_are() {
    let take = take(&four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)]), CAPACITY);
    assert_eq!((take.pick.as_str(), take.level_with.len()), ("epoll", 0));
    let behind: Vec<(&str, &str)> = take.behind.iter().map(|behind| (behind.model.as_str(), behind.figure.as_str())).collect();
    assert_eq!(behind, [("blocking", "rate"), ("uring", "rate"), ("pool", "rate")]);
    let uring = take.behind[1].times;
    assert!(uring.low > 1.05 && uring.high < 1.12, "{uring:?}");
    assert_eq!(take.row, "get-64");
    assert!(take.command.ends_with("--row get-64"));
}

#[test]
fn where_nothing_differs_the_simplest_is_taken_in_the_order_that_is_stated() {
    let four = four("get-64", [busy(9.0), as_busy(9.0), busy(9.0), as_busy(9.0)]);
    let taken = take(&four, CAPACITY);
    assert_eq!(taken.pick, "blocking");
    assert_eq!(taken.level_with, ["pool", "epoll", "uring"]);
    assert!(taken.behind.is_empty());
    assert_eq!(taken.level.len(), 4);
    assert!(taken.level.iter().all(|level| level.times.low < 1.01), "{:?}", taken.level);
    let three = made_up::four("get-64", [busy(19.0), as_busy(9.0), busy(9.0), busy(29.0)]);
    assert_eq!((take(&three, CAPACITY).pick, take(&three, CAPACITY).level_with), ("epoll".into(), vec!["uring".to_owned()]));
}

#[test]
fn who_is_level_in_the_first_figure_is_told_apart_by_the_next() {
    let disk = |cpu_us: f64| measured([("rate", "", 25_000.0), ("cpu", "", cpu_us / 1e6)]);
    let take = take(&four("read-4k-random-direct-64", [disk(10.0), disk(4.0), disk(3.3), disk(6.0)]), CAPACITY);
    assert_eq!((take.pick.as_str(), take.level_with.len()), ("uring", 0));
    assert!(take.behind.iter().all(|behind| behind.figure == "cpu"));
}

#[test]
fn a_model_that_is_not_here_is_named_with_the_reason_and_never_taken() {
    let mut row = all_kinds().rows[5].clone();
    row.contestants[3].outcome = Outcome::Measured(busy(17.0));
    row.contestants[0].outcome = Outcome::Failed { why: "it hung".to_owned() };
    let take = take(&row, CAPACITY);
    assert_eq!(take.pick, "epoll");
    assert!(take.level_with.is_empty() && take.behind.len() == 1);
    let why = |name: &str| take.absent.iter().find(|(model, _)| model == name).map(|(_, why)| why.as_str()).unwrap();
    assert!(why("uring").contains("forbidden") && why("blocking").contains("failed: it hung"));
}

#[test]
fn who_has_beaten_nobody_is_not_taken() {
    let why = |row: &Row| match advice(row, CAPACITY) {
        Advice::CannotTell { why, command, .. } => (why, command),
        other => panic!("{other:?}"),
    };
    // All others failed, are not here, or hold too few connections.
    let (alone, _) = why(&all_kinds().rows[5]);
    for told in ["only epoll", "forbidden", "1,024", "failed"] {
        assert!(alone.contains(told), "{alone}");
    }
    // Or were not asked.
    let mut two = four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)]);
    two.contestants.truncate(2);
    two.command = "cargo bench --bench models -- --quick --model blocking --model epoll --row get-64".to_owned();
    let (unasked, command) = why(&two);
    assert!(unasked.contains("pool, uring might be better"), "{unasked}");
    assert_eq!(command, "cargo bench --bench models -- --quick --row get-64", "that asks all of them");
}

#[test]
fn a_figure_that_somebody_lacks_is_not_passed_over_in_silence() {
    let mut stopped = busy(7.0);
    stopped.figures.insert("rate".to_owned(), Figure::of("operations a second", [vec![0.0], vec![1e5; 7]].concat()));
    let taken = take(&four("get-64", [busy(12.0), stopped.clone(), busy(7.6), busy(17.0)]), CAPACITY);
    assert_eq!(taken.pick, "epoll");
    assert!(taken.behind.iter().all(|behind| behind.figure == "cpu"));
    assert!(taken.remarks.iter().any(|remark| remark.contains("has no rate")), "{:?}", taken.remarks);
    let row = four("get-64", [busy(12.0), stopped, busy(7.6), busy(17.0)]);
    assert!(matches!(advice(&row, &["rate"]), Advice::CannotTell { .. }));
}

#[test]
fn a_rate_that_the_load_limited_decides_nothing() {
    // By its rate uring would be the first, by the CPU it takes epoll is.
    let row = four("get-64-light", [busy(12.0), load_bound(5.0, 1e5), load_bound(5.5, 1.2e5), busy(17.0)]);
    let take = take(&row, CAPACITY);
    assert_eq!(take.pick, "epoll");
    assert!(take.remarks.iter().any(|remark| remark.contains("load was the limit")));
    assert!(take.behind.iter().all(|behind| behind.figure == "cpu"));
    assert_eq!(row.verdicts["rate"].says, "the load was the limit");
    assert_eq!(row.verdicts["rate"].best, None);
}

#[test]
fn without_figures_or_rounds_enough_nothing_is_advised() {
    let failed = || Outcome::Failed { why: "it hung".to_owned() };
    let nobody = row("get-64", ["blocking", "epoll", "uring", "pool"].map(|name| (name, failed())));
    assert!(matches!(advice(&nobody, CAPACITY), Advice::CannotTell { why, .. } if why.contains("it hung")));
    let few = four("get-64", [12.0, 7.0, 7.6, 17.0].map(|cpu| short_of(&busy(cpu), 5)));
    assert!(matches!(advice(&few, CAPACITY), Advice::CannotTell { why, .. } if why.contains("too few rounds")));
}

fn short_of(measured: &Measured, rounds: usize) -> Measured {
    let cut = |(name, figure): (&String, &Figure)| (name.clone(), Figure::of(&figure.unit, figure.rounds[..rounds].to_vec()));
    Measured { figures: measured.figures.iter().map(cut).collect(), ..measured.clone() }
}

#[test]
fn a_workload_whose_row_was_not_measured_says_so_and_how() {
    let quick = report(vec![four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)])]);
    for workload in WORKLOADS {
        match workload.advice(&[&quick]) {
            Advice::Take(take) => assert_eq!(take.row, "get-64"),
            Advice::NotMeasured { row, command } => assert!(command.contains(&row), "{command}"),
            Advice::CannotTell { why, .. } => panic!("{}: {why}", workload.title),
        }
    }
    let mut all = all_kinds();
    all.rows[5].contestants[2].outcome = Outcome::Measured(busy(8.0));
    let idle = WORKLOADS.iter().find(|workload| workload.title.contains("idle")).unwrap();
    assert!(matches!(idle.advice(&[&all]), Advice::Take(take) if take.row == "idle-10000"), "whatever the machine allowed");
}

fn compared<'a>(before: &'a Report, after: &'a Report) -> Comparison<'a> {
    compare(before, after, |_| true, &[]).unwrap()
}

fn says(comparison: &Comparison<'_>, row: &str, model: &str, figure: &str) -> Says {
    let changed = comparison.rows.iter().find(|changed| changed.row.name == row).unwrap();
    let change = |change: &&results::compare::Change<'_>| change.contestant == model && change.figure == figure;
    changed.figures.iter().find(change).unwrap().says
}

#[test]
fn two_runs_differ_where_their_rounds_do() {
    let before = report(vec![four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)])]);
    let after = report(vec![four("get-64", [busy(12.0), busy(6.3), as_busy(7.6), busy(19.0)])]);
    let comparison = compared(&before, &after);
    let of = |model: &str, figure: &str| says(&comparison, "get-64", model, figure);
    assert_eq!([of("epoll", "cpu"), of("uring", "cpu"), of("pool", "cpu")], [Says::Less, Says::NoDifference, Says::More]);
    assert_eq!([of("epoll", "rate"), of("pool", "rate")], [Says::More, Says::Less]);
    let epoll =
        comparison.rows[0].figures.iter().find(|change| change.contestant == "epoll" && change.figure == "cpu").unwrap();
    assert!((epoll.times.median - 0.9).abs() < 1e-6 && epoll.times.low < 0.9 && epoll.times.high > 0.9, "{:?}", epoll.times);
    let text = comparison.table();
    assert!(text.contains("did not take turns"), "it is honest about what it is");
    assert!(!text.contains("WARNING"), "the machine is the same: {text}");
    assert!(text.contains("0.90 ("), "{text}");
}

#[test]
fn a_median_that_is_larger_is_no_difference_if_the_interval_has_room_for_none() {
    let wild = |factor: f64| {
        let rounds = [1.0, 3.0, 2.0, 5.0, 1.5, 4.0, 2.5, 3.5].map(|round| factor * round / 1e6).to_vec();
        let mut measured = busy(7.0);
        measured.figures.insert("cpu".to_owned(), Figure::of("s", rounds));
        report(vec![four("get-64", [busy(12.0), measured, busy(7.6), busy(17.0)])])
    };
    let (before, after) = (wild(1.0), wild(1.1));
    let comparison = compared(&before, &after);
    let change =
        comparison.rows[0].figures.iter().find(|change| change.contestant == "epoll" && change.figure == "cpu").unwrap();
    assert!(change.times.median > 1.09, "{:?}", change.times);
    assert_eq!(change.says, Says::NoDifference);
}

#[test]
fn machines_that_differ_are_warned_of_line_by_line() {
    let before = all_kinds();
    let mut after = all_kinds();
    after.machine[0].value = "Linux 6.1.0 x86_64".to_owned();
    after.machine[1].value = after.machine[1].value.replace("performance", "powersave");
    after.machine[3].value = "spectre_v2".to_owned();
    after.machine.remove(5);
    // The day and the version are no machine.
    after.machine.iter_mut().find(|line| line.name == "measured").unwrap().value = "2027-01-01".to_owned();
    after.machine.iter_mut().find(|line| line.name == "iolab").unwrap().value = "0.2.0".to_owned();
    let comparison = compared(&before, &after);
    let names: Vec<&str> = comparison.machine.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["CPU", "built by", "kernel", "mitigations"]);
    let text = comparison.table();
    assert!(text.contains("WARNING: THE MACHINES DIFFER"));
    for told in ["6.1.0", "6.18.5", "powersave", "spectre_v2", "not told"] {
        assert!(text.contains(told), "{told} is not told in {text}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_or_named() {
    let models = all_kinds();
    let parser = Report { bench: "http1_parser".to_owned(), ..all_kinds() };
    let error = compare(&models, &parser, |_| true, &[]).unwrap_err();
    assert!(error.contains("models") && error.contains("http1_parser"), "{error}");
    assert!(compare(&models, &models, |_| true, &["tokio"]).is_err(), "nobody of that name was measured");
    assert!(compare(&models, &models, |name| name == "no-row", &[]).is_err());

    let fewer = report(vec![four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)])]);
    let comparison = compared(&models, &fewer);
    assert_eq!(comparison.rows.len(), 1);
    assert!(comparison.unpaired.iter().any(|told| told.contains("get-512") && told.contains("only in the earlier")));
    let one = compare(&models, &models, |name| name == "get-64", &["epoll"]).unwrap();
    assert!(one.rows.len() == 1 && one.rows[0].figures.iter().all(|change| change.contestant == "epoll"));
    assert!(one.unlike.iter().any(|told| told.contains("one and the same")));
}

#[test]
fn few_rounds_other_settings_and_a_loads_limit_are_said() {
    let mut quick = report(vec![four("get-64", [5.0, 6.0, 7.0, 8.0].map(|cpu| short_of(&busy(cpu), 3)))]);
    quick.settings.rounds = 3;
    quick.warnings.push("The machine was not quiet: somebody else.".to_owned());
    let whole = report(vec![four("get-64", [busy(5.0), busy(6.0), busy(7.0), load_bound(8.0, 1e5)])]);
    let comparison = compared(&quick, &whole);
    assert_eq!(says(&comparison, "get-64", "epoll", "cpu"), Says::TooFewRounds);
    let text = comparison.table();
    assert!(text.contains("3 rounds") && text.contains("8 rounds") && text.contains("not quiet"), "{text}");
    let comparison = compared(&whole, &whole);
    assert_eq!(says(&comparison, "get-64", "pool", "rate"), Says::LoadBound);
    assert_eq!(says(&comparison, "get-64", "pool", "cpu"), Says::NoDifference);
}

#[test]
fn unpaired_rounds_are_drawn_on_their_own() {
    // Within one run each round is a little worse than the one before: paired, the ratio would be certain.
    let drift: Vec<f64> = (0..9).map(|round| 1.0 + 0.1 * f64::from(round)).collect();
    let paired = harness::statistics::ratio(&drift, &drift);
    let unpaired = harness::statistics::ratio_of_runs(&drift, &drift);
    assert!(paired.low == 1.0 && paired.high == 1.0);
    assert!(unpaired.low < 0.95 && unpaired.high > 1.05, "{unpaired:?}");
    assert_eq!(unpaired.median, 1.0);
    let apart = harness::statistics::ratio_of_runs(&rounds(2.0), &rounds(1.0));
    assert!(apart.low > 1.98 && apart.high < 2.02, "{apart:?}");
}
