//! What one has measured is not lost by measuring a part of it again; and two runs are compared by one flag.

mod made_up;

// That of the parser, which `cargo bench` gives the models' arguments too.
#[path = "../../parser/arguments.rs"]
mod parser;

use std::fs;
use std::path::Path;

use clap::Parser;
use made_up::{all_kinds, busy, four, report};
use results::file::folder;
use results::join::joined;
use results::schema::{Measured, Row};
use results::{CompareOption, Ending, Report, again};

fn ending(target_tmp: &Path, is_part: bool) -> Ending<'_> {
    Ending { target_tmp, has_figures: true, json: false, is_part }
}

/// The files that are kept, once these runs have ended one after the other; each with whether it is a part.
fn kept_after(runs: &[(&Report, bool)]) -> (tempfile::TempDir, impl Fn(&str) -> Option<String> + use<>) {
    let target = tempfile::tempdir().unwrap();
    let tmp = target.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    for (run, is_part) in runs {
        run.keep(&ending(&tmp, *is_part), || "the table".to_owned()).unwrap();
    }
    let kept = folder(&tmp);
    (target, move |name: &str| fs::read_to_string(kept.join(name)).ok())
}

fn get_64(cpu: [f64; 4]) -> Row {
    four("get-64", cpu.map(busy))
}

/// A later run of that row alone.
fn again_get_64() -> Report {
    let measured = "2026-11-22T09:00:00Z".to_owned();
    let command = "cargo bench --bench models -- --row get-64".to_owned();
    Report { measured, command, ..report(vec![get_64([12.0, 6.0, 7.6, 17.0])]) }
}

fn cpu(report: &Report, row: &str) -> f64 {
    report.row(row).unwrap().measured_as("epoll").unwrap().figures["cpu"].median
}

#[test]
fn a_row_that_is_measured_again_takes_its_place_in_what_is_kept() {
    let (_target, file) = kept_after(&[(&all_kinds(), false), (&again_get_64(), true)]);
    let kept = Report::parse(&file("models.json").unwrap()).unwrap();
    let names = |report: &Report| report.rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&all_kinds()), "nothing is lost, and all is in its place");
    assert_eq!((cpu(&kept, "get-64"), cpu(&kept, "get-512")), (6e-6, 9e-6));
    assert_eq!((kept.measured, kept.command), (all_kinds().measured, all_kinds().command));
    let later = kept.notes.last().unwrap();
    assert!(later.contains("2026-11-22T09:00:00Z") && later.contains("--row get-64: get-64."), "{later}");
    assert_eq!(file("models-part.json"), None);
    assert!(file("report.html").unwrap().contains("row-models-get-512"), "and the page has all of it");
}

#[test]
fn a_part_that_is_not_of_a_kind_leaves_what_is_kept_as_it_was() {
    let changed = |change: fn(&mut Report)| {
        let mut part = again_get_64();
        change(&mut part);
        part
    };
    let parts = [
        ("another commit", changed(|part| part.commit = Some("ba9876543210".to_owned()))),
        ("another machine", changed(|part| part.machine[0].value = "Linux 6.1.0 x86_64".to_owned())),
        ("a larger data file", changed(|part| part.machine[4].value = "1024 MiB".to_owned())),
        ("other cores", changed(|part| part.cores = None)),
        ("other rounds", changed(|part| part.settings.rounds = 30)),
        ("findings", changed(|part| part.findings.push("Of all rows together.".to_owned()))),
        (
            "one model of four",
            changed(|part| {
                part.rows[0].contestants.truncate(1);
                part.rows[0].command = again("models", "", None, &["blocking"], &["blocking", "epoll"]) + " get-64";
            }),
        ),
    ];
    let (_target, whole) = kept_after(&[(&all_kinds(), false)]);
    for (what, part) in &parts {
        let (_target, file) = kept_after(&[(&all_kinds(), false), (part, true)]);
        for kept in ["models.json", "report.html"] {
            assert!(file(kept) == whole(kept), "{what}: {kept} has changed");
        }
        assert_eq!(Report::parse(&file("models-part.json").unwrap()).as_ref(), Ok(part), "{what}");
    }
    // Nobody knows what was built there.
    let dirty = |report: Report| Report { commit: Some("0123456789ab-dirty".to_owned()), ..report };
    assert!(joined(&dirty(all_kinds()), &dirty(again_get_64())).unwrap_err().contains("no commit"));
}

#[test]
fn without_a_whole_a_part_is_what_there_is_and_a_whole_replaces_all() {
    let (_target, file) = kept_after(&[(&again_get_64(), true)]);
    assert_eq!(Report::parse(&file("models.json").unwrap()), Ok(again_get_64()));
    let (_target, file) = kept_after(&[(&all_kinds(), false), (&again_get_64(), false)]);
    assert_eq!(Report::parse(&file("models.json").unwrap()), Ok(again_get_64()));
    // What cannot be read is not thrown away either.
    let target = tempfile::tempdir().unwrap();
    let (tmp, kept) = (target.path().join("tmp"), target.path().join("iolab/models.json"));
    fs::create_dir(&tmp).unwrap();
    fs::create_dir(target.path().join("iolab")).unwrap();
    fs::write(&kept, "{\"schema\": \"iolab-report\", \"version\": 9}").unwrap();
    again_get_64().keep(&ending(&tmp, true), String::new).unwrap();
    assert!(fs::read_to_string(&kept).unwrap().contains("\"version\": 9"));
}

#[test]
fn what_measures_a_row_again_asks_for_no_other_models() {
    let all = ["blocking", "epoll", "uring", "pool"];
    assert_eq!(again("models", "", None, &all, &all), "cargo bench --bench models -- --row");
    assert_eq!(
        again("models", "--quick", Some(3), &["epoll", "a b"], &all),
        "cargo bench --bench models -- --quick --rounds 3 --model epoll --model 'a b' --row"
    );
}

/// A command line as the benchmarks have it.
#[derive(Parser, Debug)]
struct Line {
    #[command(flatten)]
    compare: CompareOption,
    #[arg(long)]
    test: bool,
    #[arg(long)]
    json: bool,
    #[arg(long)]
    rounds: Option<u32>,
}

#[test]
fn two_reports_of_any_benchmark_are_compared_by_the_same_flag() {
    let kept = tempfile::tempdir().unwrap();
    let before = kept.path().join("before.json");
    let time =
        |nanos: f64| Measured { figures: made_up::measured([("time", "s", nanos / 1e9)]).figures, ..Measured::default() };
    let parser = |nanos: f64| {
        let mut row = get_64([1.0; 4]);
        row.contestants[0].outcome = results::schema::Outcome::Measured(time(nanos));
        Report { bench: "http1_parser".to_owned(), ..report(vec![row]) }
    };
    parser(200.0).write(kept.path()).unwrap();
    fs::rename(kept.path().join("http1_parser.json"), &before).unwrap();
    parser(100.0).write(kept.path()).unwrap();
    let line = |arguments: &[&str]| Line::try_parse_from([&["bench", "--compare"], arguments].concat());
    let before = before.to_str().unwrap();
    let table = |rows: &[&str]| line(&[before]).unwrap().compare.table("http1_parser", kept.path(), rows, &[]);
    let text = table(&[]).unwrap();
    assert!(text.contains("TWO RUNS OF HTTP1_PARSER") && text.contains("0.50 ("), "{text}");
    assert!(table(&["get"]).is_ok(), "a part of the name is enough");
    assert!(table(&["no-row"]).unwrap_err().to_string().contains("\"no-row\""));
    // A part that could not be put into the whole is the last run.
    let whole = fs::File::options().write(true).open(kept.path().join("http1_parser.json")).unwrap();
    whole.set_modified(std::time::UNIX_EPOCH).unwrap();
    parser(400.0).write_part(kept.path()).unwrap();
    assert!(table(&[]).unwrap().contains("2.00 ("));
    for measures in ["--test", "--json", "--rounds=3"] {
        assert!(line(&[before, measures]).is_err(), "{measures} measures");
    }
    assert!(line(&[]).is_err() && line(&[before, before]).is_ok());
}

/// The page prints that command of whichever benchmark it is about.
#[test]
fn every_benchmark_that_keeps_a_report_has_the_flag() {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut keep = 0;
    for folder in fs::read_dir(&benches).unwrap().map(|entry| entry.unwrap().path()) {
        let source = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let program = source("main.rs") + &source("mod.rs");
        if program.contains("Ending {") {
            keep += 1;
            let has_it = source("arguments.rs").contains("compare: CompareOption") && program.contains(".compare.show(");
            assert!(has_it, "{} has no --compare", folder.display());
        }
    }
    assert_eq!(keep, 6, "both benchmarks of techniques are one program");
}

#[test]
fn the_parser_is_skipped_where_a_part_of_the_models_is_asked_for() {
    let arguments = |line: &[&str]| parser::Arguments::try_parse_from([&["http1_parser", "--bench"], line].concat()).unwrap();
    for line in [&["get-64"][..], &["--row", "get-64"], &["--row=get"], &["--model", "epoll"], &["--rounds", "3"], &["--list"]]
    {
        assert!(arguments(line).is_about_the_models(), "{line:?}");
    }
    for line in [&[][..], &["--quick"], &["--json", "--full"], &["--test"]] {
        let arguments = arguments(line);
        assert!(!arguments.is_about_the_models(), "{line:?}");
        assert_eq!(arguments.is_test(), line == ["--test"]);
    }
    assert!(parser::Arguments::try_parse_from(["http1_parser", "--bench", "--rowing"]).is_err());
    assert!(parser::Arguments::try_parse_from(["http1_parser"]).unwrap().is_test());
    let compared = arguments(&["--compare", "before.json"]);
    assert_eq!(compared.compare.earlier(), Some(Path::new("before.json")));
}
