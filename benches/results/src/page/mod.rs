//! The page of a machine: `target/iolab/report.html`. It is one file, loads nothing, and says what was measured, what that
//! says, and how to doubt it.
//!
//! - `choice`: which model for which workload. `rows`: the tables. `plots`: the pictures. `html`: elements.

mod choice;
mod html;
mod plots;
mod rows;

use crate::compare::differences;
use crate::schema::Report;
use choice::Choices;
use html::{classed, element, escaped, list, section, table, text};

const STYLE: &str = include_str!("style.css");

/// The main one, if it is there: its rows are what most of the page is about.
const MAIN: &str = "models";

/// The page of these reports, the newest first; and of what was left out, a sentence each. Not of none.
pub fn page(reports: &[&Report], left_out: &[String]) -> String {
    let Some(newest) = reports.first() else { return String::new() };
    let main = reports.iter().copied().find(|report| report.bench == MAIN);
    let subject = main.unwrap_or(newest);
    let others: Vec<&Report> = reports.iter().filter(|report| report.bench != MAIN).copied().collect();
    let choices = Choices::of(reports);
    let mut parts = vec![section("says", "What it says", &element("div", &[("class", "says")], &list(choices.in_short())))];
    parts.push(choices.section());
    if let Some(main) = main {
        parts.push(section("figures", "The comparison", &(text("p", HOW_TO_READ) + &rows::chapters(main))));
        let plots = element("div", &[("class", "plots")], &plots::all(main));
        parts.push(section("plots", "Throughput, CPU and latency", &(text("p", PLOTS) + &plots)));
        parts.push(rows::calls(main));
        parts.push(rows::limits(main));
    }
    parts.extend(others.iter().map(|report| other(report)));
    parts.push(machine(subject, reports, left_out));
    parts.push(again(subject));
    let body = header(subject, &warnings(reports), &others) + &element("main", &[], &parts.concat()) + &footer(subject);
    let title = format!("Four ways to wait on {}", subject.machine("CPU").unwrap_or("this machine"));
    let head = format!(
        "<meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <meta name=\"color-scheme\" content=\"light dark\"/>{}<style>\n{STYLE}{}</style>",
        text("title", &title),
        drawing::style::sheet()
    );
    let page = element("head", &[], &head) + &element("body", &[], &body);
    format!("<!DOCTYPE html>\n{}\n", element("html", &[("lang", "en")], &page))
}

const HOW_TO_READ: &str = "Each figure is the median of rounds in which all took turns. Below it is how many times worse than the best of \
    the same round it was, as an interval that holds that with 95 % confidence (bootstrap over the rounds). Bold is the best, and only \
    where its interval overlaps no other: where nothing is bold, nothing can be said. “≥” is a rate that the load generator limited: \
    compare CPU there. CPU is user and system time of the whole server process, switches are context switches of its threads. Every answer and every read was checked.";

const PLOTS: &str = "Dots are medians, lines through them 95 % intervals of the median of the rounds (or of the ratio to the best). Axes are \
    logarithmic: the same distance is the same ratio.";

fn header(subject: &Report, warnings: &str, others: &[&Report]) -> String {
    let machine: Vec<&str> = ["CPU", "kernel"].iter().filter_map(|name| subject.machine(name)).collect();
    let commit = commit(subject);
    let when =
        format!("Measured {}, {commit}, by {}.", subject.measured.replace('T', " ").replace('Z', " UTC"), subject.command);
    let mut links = vec![("says", "What it says".to_owned()), ("which", "Which model".to_owned())];
    if subject.bench == MAIN {
        let of_models = [("figures", "The comparison"), ("plots", "Plots"), ("calls", "System calls"), ("bound", "Limits")];
        links.extend(of_models.map(|(to, what)| (to, what.to_owned())));
    }
    let mut links: Vec<(String, String)> = links.into_iter().map(|(to, what)| (to.to_owned(), what)).collect();
    links.extend(others.iter().map(|report| (format!("bench-{}", html::identity(&report.bench)), report.bench.clone())));
    links.extend([("machine".to_owned(), "The machine".to_owned()), ("again".to_owned(), "Do it again".to_owned())]);
    let link =
        |(to, what): &(String, String)| element("li", &[], &element("a", &[("href", &format!("#{to}"))], &escaped(what)));
    let links = element("ul", &[], &links.iter().map(link).collect::<String>());
    let inside = text("h1", "Four ways to wait, on this machine")
        + &classed("p", "lead", &machine.join("; "))
        + &classed("p", "muted", &when)
        + warnings
        + &element("nav", &[("aria-label", "Contents")], &links);
    element("header", &[], &inside)
}

fn warnings(reports: &[&Report]) -> String {
    let of = |report: &&Report| {
        let bench = report.bench.clone();
        report.warnings.iter().map(move |warning| text("p", &format!("{bench}: {warning}"))).collect::<String>()
    };
    let all: String = reports.iter().map(of).chain(sources(reports).map(|sentence| text("p", &sentence))).collect();
    if all.is_empty() { all } else { element("div", &[("class", "warning"), ("role", "note")], &all) }
}

/// That the reports are of several states of the source, if they are.
fn sources(reports: &[&Report]) -> Option<String> {
    let is_one = reports.windows(2).all(|pair| pair[0].commit == pair[1].commit);
    let of: Vec<String> = reports.iter().map(|report| format!("{} of {}", report.bench, commit(report))).collect();
    (!is_one).then(|| {
        let of = of.join(", ");
        format!("What is on this page was built from several states of the source: {of}. Whatever changed in between is in the figures.")
    })
}

fn commit(report: &Report) -> String {
    report.commit.as_deref().map_or_else(|| "no known commit".to_owned(), |commit| format!("commit {commit}"))
}

/// Another benchmark: what it says of itself, and its rows.
fn other(report: &Report) -> String {
    let when = format!("Measured {}: {}.", report.measured.replace('T', " ").replace('Z', " UTC"), report.command);
    let summary = text("summary", &format!("All {} rows", report.rows.len()));
    let rows = element("details", &[], &(summary + &rows::chapters(report)));
    let inside = text("p", about(&report.bench)) + &classed("p", "muted", &when) + &list(report.findings.clone()) + &rows;
    section(&format!("bench-{}", html::identity(&report.bench)), &heading(&report.bench), &inside)
}

fn heading(bench: &str) -> String {
    match bench {
        "http1_parser" => "The request parser",
        "patterns" => "One event, five ways to hear of it",
        "workload" => "Your own workload",
        "bare" => "The price of the contract",
        "uring_techniques" => "Techniques of io_uring",
        "epoll_techniques" => "Techniques of epoll",
        other => other,
    }
    .to_owned()
}

fn about(bench: &str) -> &'static str {
    match bench {
        "http1_parser" => {
            "Below each time is how many times that of httparse it was on the same octets in the same round: below 1 ours is faster."
        }
        "patterns" => "One event that one listener has heard is a delivery; figures are for one of them.",
        "workload" => "A request that somebody described, on every model.",
        "bare" => {
            "Each model beside a bare loop that waits in the same way, parses nothing and answers the same octets. Below a model's CPU is \
             how many times that of its bare loop it was."
        }
        _ => "Ways of doing the same; below each figure is how many times that of the first way it was. CPU below 1: it pays.",
    }
}

/// The fingerprint, and what else one should know.
fn machine(subject: &Report, reports: &[&Report], left_out: &[String]) -> String {
    let mut lines: Vec<Vec<String>> =
        subject.machine.iter().map(|line| vec![escaped(&line.name), escaped(&line.value)]).collect();
    for report in reports {
        let settings = report.settings;
        let how = format!(
            "{}, {}: {} rounds; a warm-up of {} and a window of {} for each",
            report.measured,
            commit(report),
            settings.rounds,
            harness::text::time(settings.warm_up),
            harness::text::time(settings.window)
        );
        lines.push(vec![escaped(&report.bench), escaped(&how)]);
        let differs = differences(subject, report).into_iter().filter(|(_, _, value)| value != "not told");
        lines.extend(differs.map(|(name, _, value)| vec![escaped(&format!("{} of {}", name, report.bench)), escaped(&value)]));
    }
    let table = element(
        "div",
        &[("class", "machine")],
        &table("The fingerprint of the machine, and the runs", &["what", "value"], &lines),
    );
    let mut notes: Vec<String> = Vec::new();
    for note in reports.iter().flat_map(|report| &report.notes).chain(left_out) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    section("machine", "The machine", &(table + &list(notes)))
}

fn again(main: &Report) -> String {
    let json = format!("target/iolab/{}.json", main.bench);
    let lines = [
        ("All of it again, and this page", "cargo bench".to_owned()),
        ("The figures as JSON", "cargo bench -- --json".to_owned()),
        ("This run, kept", format!("cp {json} before.json")),
        ("A later run beside it", format!("cargo bench --bench {} -- --compare before.json", main.bench)),
        ("Your own workload", "cargo bench --bench workload -- --help".to_owned()),
    ];
    let lines: Vec<Vec<String>> = lines.iter().map(|(what, how)| vec![escaped(what), text("code", how)]).collect();
    let told = "Below each row is the command that measures it again; of the same commit, it takes the row's place on this page. A machine that others use, a laptop on a battery and a virtual \
                machine with neighbours all measure themselves too: run it twice before you believe a small difference.";
    let table = element("div", &[("class", "machine")], &table("Commands", &["what", "command"], &lines));
    section("again", "Do it again", &(text("p", told) + &table))
}

fn footer(subject: &Report) -> String {
    let version = subject.machine("iolab").map_or(String::new(), |version| format!(" {version}"));
    element("footer", &[], &text("p", &format!("Made by iolab{version} from its benchmarks' JSON; this page loads nothing.")))
}
