//! A row as a table: whoever took part in lines, figures in columns.

use harness::text::{grouped, interval, short, time};

use super::html::{classed, element, escaped, identity, section, table, text};
use crate::advice::absent;
use crate::schema::{Counts, Figure, Measured, Report, Row};

/// What a column shows.
struct Column {
    figure: &'static str,
    title: String,
    show: fn(f64) -> String,
}

/// All rows of a report, by their chapters.
pub fn chapters(report: &Report) -> String {
    let mut names: Vec<&str> = Vec::new();
    for row in &report.rows {
        if !names.contains(&row.chapter.as_str()) {
            names.push(&row.chapter);
        }
    }
    let chapter = |name: &&str| {
        let rows = report.rows.iter().filter(|row| row.chapter == **name);
        let rows: String = rows.map(|row| one(&report.bench, row)).collect();
        text("h3", name) + &element("div", &[("class", "rows")], &rows)
    };
    names.iter().map(chapter).collect()
}

/// Where a row is in the page.
pub fn place(bench: &str, row: &str) -> String {
    format!("row-{}-{}", identity(bench), identity(row))
}

fn one(bench: &str, row: &Row) -> String {
    let inside = text("h4", &row.title) + &figures(row) + &without(row) + &said(row) + &command(&row.command);
    element("div", &[("class", "row"), ("id", &place(bench, &row.name))], &inside)
}

pub fn command(command: &str) -> String {
    element("p", &[("class", "command")], &text("code", command))
}

fn columns(row: &Row) -> Vec<Column> {
    let operation = &row.operation;
    let all = [
        ("rate", format!("{operation}s/s"), grouped as fn(f64) -> String),
        ("cpu", format!("CPU µs a {operation}"), |seconds| short(1e6 * seconds)),
        ("p99", "99 % within".to_owned(), time),
        ("p50", "half within".to_owned(), time),
        ("time", format!("ns a {operation}"), |seconds| short(1e9 * seconds)),
        ("requests", format!("requests a {operation}"), few),
        ("received", "octets in".to_owned(), few),
        ("sent", "octets out".to_owned(), few),
        ("last", "last hears within".to_owned(), time),
    ];
    // Where latency is the subject, it comes first; where CPU is, percentiles of a closed loop only say how long the line is.
    let is_about_latency = row.measured().any(|(_, measured)| !measured.figures.contains_key("cpu"));
    let is_paced = row.name.starts_with("rate-");
    let mut columns: Vec<Column> = all
        .into_iter()
        .filter(|(figure, ..)| row.measured().any(|(_, measured)| measured.figures.contains_key(*figure)))
        .filter(|(figure, ..)| is_about_latency || is_paced || !matches!(*figure, "p50" | "p99"))
        .map(|(figure, title, show)| Column { figure, title, show })
        .collect();
    if is_about_latency {
        columns.sort_by_key(|column| column.figure == "rate");
    }
    columns
}

/// None at all is another thing than so few that they are rounded away.
fn few(figure: f64) -> String {
    if figure == 0.0 { "0".into() } else { short(figure) }
}

fn figures(row: &Row) -> String {
    if row.measured().next().is_none() {
        return String::new();
    }
    // Where there are percentiles at several paces, they are what the row is about.
    let is_about_paces = row.measured().any(|(_, measured)| measured.latencies.len() > 1);
    let mut columns = columns(row);
    columns.retain(|column| !is_about_paces || column.figure == "rate");
    let has = |of: fn(&Counts) -> bool| row.measured().any(|(_, measured)| of(&measured.counts));
    let counted = [
        ("system calls", has(|counts| counts.system_calls.is_some()), (|counts| counts.system_calls.map(few)) as Show),
        ("switches", has(|counts| counts.context_switches.is_some()), |counts| counts.context_switches.map(few)),
        ("memory of each idle one", has(|counts| counts.idle_memory.is_some()), |counts| counts.idle_memory.map(octets)),
        ("threads", row.name.contains("-idle-") && has(|counts| counts.threads.is_some()), |counts| {
            counts.threads.map(|threads| grouped(threads as f64))
        }),
    ];
    let counted: Vec<(&str, Show)> =
        counted.into_iter().filter(|(_, is, _)| *is && !is_about_paces).map(|(title, _, show)| (title, show)).collect();
    let paces: Vec<&str> = row
        .measured()
        .next()
        .map_or(Vec::new(), |(_, measured)| measured.latencies.iter().map(|latency| latency.at.as_str()).collect());
    let paces_shown: Vec<String> = paces.iter().map(|at| format!("{at}: 50, 99 and 99.9 % within")).collect();
    let mut titles = vec![""];
    titles.extend(columns.iter().map(|column| column.title.as_str()));
    titles.extend(counted.iter().map(|(title, _)| *title));
    titles.extend(paces_shown.iter().map(String::as_str));
    let line = |(name, measured): (&str, &Measured)| {
        let mut cells = vec![escaped(name)];
        cells.extend(columns.iter().map(|column| cell(row, name, measured, column)));
        cells.extend(counted.iter().map(|(_, show)| show(&measured.counts).map_or("-".to_owned(), |figure| escaped(&figure))));
        cells.extend((0..paces.len()).map(|place| percentiles(measured, place)));
        cells
    };
    let lines: Vec<Vec<String>> = row.measured().map(line).collect();
    let caption = format!("{}, each in {} rounds", row.name, rounds(row));
    table(&caption, &titles, &lines)
}

type Show = fn(&Counts) -> Option<String>;

fn rounds(row: &Row) -> usize {
    let of = |measured: &Measured| measured.figures.values().map(|figure| figure.rounds.len()).max();
    row.measured().filter_map(|(_, measured)| of(measured)).max().unwrap_or(0)
}

/// The figure, and how many times worse than the best of the round it was. Bold is the best, and only if that is clear.
fn cell(row: &Row, name: &str, measured: &Measured, column: &Column) -> String {
    let Some(figure) = measured.figures.get(column.figure) else { return "-".to_owned() };
    let is_best = row.verdicts.get(column.figure).is_some_and(|verdict| verdict.best.as_deref() == Some(name));
    let bound = if column.figure == "rate" && measured.is_load_bound() { "≥ " } else { "" };
    let shown = format!("{bound}{}", (column.show)(figure.median));
    let shown = if is_best { text("strong", &shown) } else { escaped(&shown) };
    shown + &times(figure)
}

fn times(figure: &Figure) -> String {
    let of_best = figure.times_the_best.filter(|_| figure.rounds.len() > 1);
    let of_best = of_best.map(|times| classed("span", "times", &format!("{} ×", interval(times.estimate()))));
    let others = figure.times.iter().filter(|times| times.interval.low != times.interval.high).map(|times| {
        let median = format!("{:.2}", times.interval.median);
        classed("span", "times", &format!("{median} ({}) × {}", interval(times.interval.estimate()), times.over))
    });
    of_best.into_iter().chain(others).collect()
}

fn percentiles(measured: &Measured, place: usize) -> String {
    let Some(latency) = measured.latencies.get(place) else { return "-".to_owned() };
    let within = |share: f64| latency.percentiles.iter().find(|percentile| percentile.share == share);
    let shown = |share: f64| within(share).map_or("-".to_owned(), |percentile| time(percentile.seconds));
    [0.5, 0.99, 0.999].map(|share| classed("span", "line", &shown(share))).concat()
}

pub fn octets(figure: f64) -> String {
    if figure.abs() >= 10_240.0 { format!("{:.1} KiB", figure / 1024.0) } else { format!("{figure:.0} B") }
}

/// Who has no figure, and why.
fn without(row: &Row) -> String {
    absent(row).into_iter().map(|(name, why)| classed("p", "muted", &format!("{name}: {why}."))).collect()
}

/// What can be said, figure by figure.
fn said(row: &Row) -> String {
    let names = [("rate", "rate"), ("cpu", "CPU"), ("p99", "99 %"), ("p50", "half"), ("time", "time")];
    let shown: Vec<&str> = columns(row).iter().map(|column| column.figure).collect();
    let says = names.iter().filter(|(figure, _)| shown.contains(figure)).filter_map(|(figure, name)| {
        let says = &row.verdicts.get(*figure)?.says;
        (!says.is_empty()).then(|| format!("{name}: {says}"))
    });
    let says: Vec<String> = says.collect();
    if says.is_empty() { String::new() } else { classed("p", "muted", &(says.join("; ") + ".")) }
}

/// Which calls the kernel was asked, and who waited for whom.
pub fn calls(report: &Report) -> String {
    let mut lines = Vec::new();
    for row in &report.rows {
        for (name, measured) in row.measured().filter(|(_, measured)| measured.counts.system_calls.is_some()) {
            let counts = &measured.counts;
            let mut calls: Vec<(&String, &f64)> = counts.calls.iter().filter(|(_, each)| **each >= 0.005).collect();
            calls.sort_by(|one, other| other.1.total_cmp(one.1));
            let calls: Vec<String> = calls.iter().map(|(name, each)| format!("{name} {}", few(**each))).collect();
            let figure = |figure: Option<f64>| figure.map_or("-".to_owned(), few);
            let cpu = measured.figures.get("cpu").map_or("-".to_owned(), |cpu| short(1e6 * cpu.median));
            let title = element("a", &[("href", &format!("#{}", place(&report.bench, &row.name)))], &escaped(&row.name));
            lines.push(vec![
                format!("{title}, {}", escaped(name)),
                escaped(&figure(counts.system_calls)),
                escaped(&calls.join(", ")),
                escaped(&cpu),
                escaped(&figure(counts.context_switches)),
                escaped(&figure(counts.interrupts)),
            ]);
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let titles = ["row, model", "system calls", "by name", "CPU µs", "switches", "interrupts"];
    let told = "For one operation of the row. System calls are counted where the library makes them, in passes of their own; \
                switches are context switches of the server's threads, interrupts are reschedule interrupts of its core, which others may have \
                caused.";
    let table = element("div", &[("class", "words calls")], &table("System calls and CPU for one operation", &titles, &lines));
    section("calls", "What the kernel was asked", &(text("p", told) + &table))
}

/// Whose core was full.
pub fn limits(report: &Report) -> String {
    let mut lines = Vec::new();
    for row in &report.rows {
        for (name, measured) in row.measured().filter(|(_, measured)| measured.is_load_bound()) {
            let Some(load) = &measured.load else { continue };
            let share = |share: f64| format!("{:.0} %", 100.0 * share);
            let title = element("a", &[("href", &format!("#{}", place(&report.bench, &row.name)))], &escaped(&row.name));
            lines.push(vec![
                format!("{title}, {}", escaped(name)),
                share(load.load_share),
                share(load.server_share),
                escaped(&load.asked),
            ]);
        }
    }
    let inside = if lines.is_empty() {
        text("p", "In no row was the load's core full before the server's was: all rates are the servers' own.")
    } else {
        let told = "Here the load generator's core was full while the server's was not. The server can do at least so much (marked ≥), \
                    and the rate says nothing more about it: compare CPU.";
        let titles = ["row, model", "load busy", "server busy", "asked"];
        text("p", told)
            + &element(
                "div",
                &[("class", "words limits")],
                &table("Shares of their cores that both sides used", &titles, &lines),
            )
    };
    section("bound", "Where the client was the limit", &inside)
}
