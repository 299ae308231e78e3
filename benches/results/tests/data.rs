//! What was measured is what is written, and what is read again; what is no report says so, and where.

mod made_up;

use std::collections::BTreeMap;
use std::fs;

use hdrhistogram::Histogram;
use made_up::{all_kinds, busy, four, report};
use results::Report;
use results::record::{latency, rounded};
use results::schema::{Figure, Outcome};
use serde_json::Value;

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let report = all_kinds();
    let path = report.write(folder.path()).unwrap();
    assert_eq!(path.file_name().unwrap(), "models.json");
    assert_eq!(Report::read(&path).unwrap(), report);
    assert_eq!(Report::parse(&report.line().unwrap()).unwrap(), report);
    assert!(!report.line().unwrap().contains('\n'), "one document, one line");
}

/// From picoseconds to terabytes.
#[test]
fn every_float_survives() {
    let mut dice = harness::statistics::Dice(7);
    for _ in 0..10_000 {
        let size = 10f64.powi(dice.below(25) as i32 - 12);
        let figure = rounded(dice.throw() as f64 / u64::MAX as f64 * size);
        let read: f64 = serde_json::from_str(&serde_json::to_string(&figure).unwrap()).unwrap();
        assert_eq!(read, figure);
    }
}

/// A program may rely on these names: whoever changes them makes another version.
#[test]
fn the_shape_is_as_documented() {
    let value: Value = serde_json::from_str(&all_kinds().line().unwrap()).unwrap();
    assert_eq!((value["schema"].as_str(), value["version"].as_u64()), (Some("iolab-report"), Some(1)));
    let row = &value["rows"][0];
    assert_eq!(row["name"], "get-64");
    assert_eq!(row["contestants"][1]["name"], "epoll");
    let epoll = &row["contestants"][1]["outcome"]["measured"];
    assert_eq!(epoll["figures"]["cpu"]["median"], 7e-6);
    assert_eq!(epoll["figures"]["cpu"]["rounds"].as_array().unwrap().len(), 8);
    assert_eq!(epoll["figures"]["cpu"]["times_the_best"]["low"], 1.0);
    assert_eq!(epoll["counts"]["calls"]["recvfrom"], 1.0);
    assert_eq!(epoll["load"]["limit"], "server");
    assert_eq!(row["verdicts"]["cpu"]["best"], "epoll");
    let idle = &value["rows"][5]["contestants"];
    assert_eq!(idle[0]["outcome"]["limit"]["connections"], 1024);
    assert!(idle[2]["outcome"]["unavailable"]["why"].as_str().unwrap().contains("forbidden"));
    assert!(idle[3]["outcome"]["failed"]["why"].is_string());
}

#[test]
fn a_later_version_may_say_more() {
    let mut value: Value = serde_json::from_str(&all_kinds().line().unwrap()).unwrap();
    value["weather"] = "rain".into();
    value["rows"][0]["contestants"][0]["outcome"]["measured"]["mood"] = 3.into();
    assert_eq!(Report::parse(&value.to_string()).unwrap(), all_kinds());
}

#[test]
fn what_is_no_report_says_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let refused = |text: &str| {
        fs::write(&path, text).unwrap();
        let error = Report::read(&path).unwrap_err().to_string();
        assert!(error.starts_with(path.to_str().unwrap()), "the file is named: {error}");
        error
    };
    let whole = serde_json::to_string_pretty(&all_kinds()).unwrap();
    let line = |text: &str| text.lines().count();

    let half = &whole[..whole.len() / 2];
    let error = refused(half);
    assert!(error.contains("ends too early") && error.contains(&format!("line {}", line(half))), "{error}");
    assert!(refused("").contains("the file is empty"));
    let error = refused(&whole.replacen("\"get-64\",", "\"get-64\";", 1));
    assert!(error.contains("not JSON") && error.contains("line "), "{error}");
    let error = refused(&whole.replacen("\"rounds\": 8", "\"rounds\": \"eight\"", 1));
    assert!(error.contains("not what a report has there") && error.contains("line "), "{error}");
    assert!(refused("{\"hello\": 1}").contains("no report of a benchmark"));
    assert!(refused("[1, 2]").contains("not what a report has there"));
    let error = refused(&whole.replacen("\"version\": 1", "\"version\": 2", 1));
    assert!(error.contains("version 2") && error.contains("only version 1"), "{error}");
    // Of a version nobody knows yet, nothing else is expected.
    assert!(refused("{\"schema\": \"iolab-report\", \"version\": 9, \"rows\": {}}").contains("version 9"));

    let missing = Report::read(&folder.path().join("none.json")).unwrap_err().to_string();
    assert!(missing.contains("none.json") && missing.contains("a benchmark writes it"), "{missing}");
}

#[test]
fn whoever_reads_meanwhile_sees_all_or_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    all_kinds().write(folder.path()).unwrap();
    let path = folder.path().join("models.json");
    let open = fs::File::open(&path).unwrap();
    report(Vec::new()).write(folder.path()).unwrap();
    // Another file has taken its place, and the one that was open is whole.
    assert_eq!(std::io::read_to_string(open).unwrap().trim(), serde_json::to_string_pretty(&all_kinds()).unwrap());
    assert_eq!(Report::read(&path).unwrap(), report(Vec::new()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn percentiles_are_told_as_far_as_there_were_requests() {
    let mut histogram = Histogram::<u64>::new_with_bounds(1_000, 60_000_000_000, 3).unwrap();
    (1..=2_000).for_each(|micros| histogram.record(1_000 * micros).unwrap());
    let latency = latency("one".into(), &histogram);
    let shares: Vec<f64> = latency.percentiles.iter().map(|percentile| percentile.share).collect();
    assert_eq!(shares, [0.1, 0.25, 0.5, 0.75, 0.9, 0.99]);
    let p99 = latency.percentiles.last().unwrap().seconds;
    assert!((p99 - 1980e-6).abs() < 5e-6, "{p99}");
}

#[test]
fn a_row_is_compared_as_its_rounds_say() {
    let row = four("get-64", [busy(20.0), busy(10.0), busy(11.0), busy(30.0)]);
    let times = |model: &str, figure: &str| row.measured_as(model).unwrap().figures[figure].times_the_best.unwrap().median;
    assert_eq!(times("epoll", "cpu"), 1.0);
    assert_eq!(times("pool", "cpu"), 3.0);
    assert_eq!(times("blocking", "rate"), 2.0, "times worse, and not times as many");
    assert_eq!(row.verdicts["cpu"].best.as_deref(), Some("epoll"));
    assert_eq!(row.verdicts["cpu"].says, "best: epoll");

    let few = |cpu: f64| {
        let mut measured = busy(cpu);
        measured.figures = BTreeMap::from([("cpu".to_owned(), Figure::of("s", vec![cpu; 3]))]);
        Outcome::Measured(measured)
    };
    let row = made_up::row("get-64", [("epoll", few(1.0)), ("uring", few(2.0))]);
    assert_eq!((row.verdicts["cpu"].best.as_deref(), row.verdicts["cpu"].says.as_str()), (None, "too few rounds to tell"));
}
