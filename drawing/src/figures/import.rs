//! From the results of a benchmark (`target/iolab/BENCH.json`, what `cargo bench` leaves) to a file of measurements.
//!
//! Times become microseconds. The interval of a figure is that of its median over the rounds, at 95 %, by the ranks of the rounds
//! alone: with nine of them from the second lowest to the second highest. What is counted has none.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::FigureError;
use crate::table::{Cell, Table};

/// The version of the results that is understood.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Report {
    schema: String,
    version: u32,
    bench: String,
    command: String,
    measured: String,
    commit: Option<String>,
    machine: Vec<Line>,
    settings: Settings,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Settings {
    rounds: u32,
    window: f64,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    title: String,
    operation: String,
    contestants: Vec<Contestant>,
    #[serde(default)]
    verdicts: BTreeMap<String, Verdict>,
}

#[derive(Default, Deserialize)]
struct Verdict {
    best: Option<String>,
}

#[derive(Deserialize)]
struct Contestant {
    name: String,
    outcome: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Measured(Box<Measured>),
    Limit { connections: usize },
    Unavailable { why: String },
    Failed { why: String },
}

#[derive(Deserialize)]
struct Measured {
    figures: BTreeMap<String, Figure>,
    #[serde(default)]
    latencies: Vec<Latency>,
    #[serde(default)]
    counts: BTreeMap<String, serde_json::Value>,
    load: Option<Load>,
}

#[derive(Deserialize)]
struct Figure {
    unit: String,
    median: f64,
    #[serde(default)]
    rounds: Vec<f64>,
    #[serde(default)]
    times: Vec<Times>,
}

#[derive(Deserialize)]
struct Times {
    over: String,
    interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    low: f64,
    median: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Latency {
    at: String,
    percentiles: Vec<Percentile>,
}

#[derive(Deserialize)]
struct Percentile {
    share: f64,
    seconds: f64,
}

#[derive(Deserialize)]
struct Load {
    limit: String,
}

/// The table, and the name that its file should have: that of the benchmark.
pub fn import(json: &str) -> Result<(String, Table), FigureError> {
    let wrong = |why: String| FigureError::new("these are no results of a benchmark", why);
    let mut report: Report = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    if report.schema != "iolab-report" || report.version != VERSION {
        return Err(wrong(format!(
            "{} of version {} instead of iolab-report of version {VERSION}",
            report.schema, report.version
        )));
    }
    let mut table = Table { header: header(&report), cells: Vec::new() };
    for row in &mut report.rows {
        if row.name.contains([',', ';', ':']) {
            // A name that a page cannot ask for in a list of names.
            row.title = std::mem::take(&mut row.name);
            row.name = slug(&row.title);
        }
        take(row, &mut table);
    }
    Ok((format!("{}.csv", report.bench), table))
}

fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

fn header(report: &Report) -> Vec<(String, String)> {
    let date = report.measured.split('T').next().unwrap_or_default();
    let rounds = format!("{} of {} s for each model, in turns", report.settings.rounds, report.settings.window);
    let first =
        [("command", report.command.as_str()), ("date", date), ("commit", report.commit.as_deref().unwrap_or("unknown"))];
    let mut header: Vec<(String, String)> = first.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    for Line { name, value } in &report.machine {
        let key = match name.as_str() {
            "built by" => "rustc",
            // It has the date already.
            "measured" => continue,
            other => other,
        };
        header.push((key.to_owned(), value.clone()));
    }
    header.push((String::from("rounds"), rounds));
    header.push((String::from("intervals"), String::from("95 % for the median of the rounds")));
    header
}

fn take(row: &Row, table: &mut Table) {
    table.header.push((format!("row {}", row.name), row.title.clone()));
    let measured = |contestant: &Contestant| match &contestant.outcome {
        Outcome::Measured(measured) => {
            measured.figures.iter().map(|(name, figure)| (name.clone(), figure.unit.clone())).collect()
        }
        _ => Vec::new(),
    };
    let all: Vec<(String, String)> = row.contestants.iter().map(measured).max_by_key(Vec::len).unwrap_or_default();
    let mut paces: Vec<&str> = Vec::new();
    for contestant in &row.contestants {
        let note = match &contestant.outcome {
            Outcome::Measured(found) => {
                for latency in found.latencies.iter().filter(|_| found.latencies.len() > 1) {
                    if !paces.contains(&latency.at.as_str()) {
                        paces.push(&latency.at);
                    }
                }
                table.cells.extend(cells(row, &contestant.name, found));
                continue;
            }
            Outcome::Limit { connections } => format!("holds {}", crate::number::round(*connections as f64)),
            Outcome::Unavailable { why } => format!("not here: {why}"),
            Outcome::Failed { why } => format!("failed: {why}"),
        };
        let instead =
            |(measure, unit): &(String, String)| Cell { note: note.clone(), ..cell(row, &contestant.name, measure, unit) };
        table.cells.extend(all.iter().map(instead));
    }
    for at in paces {
        let title = row.title.split(", an open loop").next().unwrap_or_default();
        table.header.push((format!("row {} at {at}", row.name), format!("{title}, at {at}")));
    }
}

fn cell(row: &Row, model: &str, measure: &str, unit: &str) -> Cell {
    let (unit, _) = in_micros(unit, row, 0.0);
    Cell { row: row.name.clone(), model: model.to_owned(), measure: measure.to_owned(), unit, ..Cell::default() }
}

fn cells(row: &Row, model: &str, found: &Measured) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (measure, figure) in &found.figures {
        let micros = |value: f64| in_micros(&figure.unit, row, value).1;
        let interval = median_interval(&figure.rounds);
        let note = match row.verdicts.get(measure).and_then(|verdict| verdict.best.as_deref()) {
            Some(best) if best == model => "best",
            _ if measure == "rate" && found.load.as_ref().is_some_and(|load| load.limit == "load") => "at least",
            _ => "",
        };
        cells.push(Cell {
            median: Some(micros(figure.median)),
            low: interval.map(|(low, _)| micros(low).min(micros(figure.median))),
            high: interval.map(|(_, high)| micros(high).max(micros(figure.median))),
            note: note.to_owned(),
            ..cell(row, model, measure, &figure.unit)
        });
        for (at, times) in figure.times.iter().enumerate() {
            let Interval { low, median, high } = times.interval;
            // A model's own bare loop comes first.
            let over = if at == 0 && times.over.starts_with("bare") { "bare" } else { &times.over.replace(' ', "-") };
            let (measure, unit) = (format!("{measure}_over_{over}"), format!("times that of {}", times.over));
            let ratio = cell(row, model, &measure, &unit);
            cells.push(Cell { median: Some(median), low: Some(low), high: Some(high), ..ratio });
        }
    }
    cells.extend(counts(row, model, &found.counts));
    for latency in &found.latencies {
        // At several paces, each is a row of its own.
        let paced = if found.latencies.len() > 1 { format!("{} at {}", row.name, latency.at) } else { row.name.clone() };
        let percentile = |percentile: &Percentile| {
            let measure = format!("p{}", crate::number::round(percentile.share * 100.0));
            Cell { row: paced.clone(), median: Some(rounded(percentile.seconds * 1e6)), ..cell(row, model, &measure, "s") }
        };
        let percentiles: Vec<_> = latency.percentiles.iter().map(percentile).collect();
        let is_new = |one: &Cell| !cells.iter().any(|other| (&other.row, &other.measure) == (&one.row, &one.measure));
        let percentiles: Vec<_> = percentiles.into_iter().filter(is_new).collect();
        cells.extend(percentiles);
    }
    cells
}

fn counts(row: &Row, model: &str, counts: &BTreeMap<String, serde_json::Value>) -> Vec<Cell> {
    let for_one = |what: &str| format!("{what} {} {}", article(&row.operation), row.operation);
    let unit = |name: &str| match name {
        "system_calls" => for_one("system calls"),
        "context_switches" => for_one("context switches"),
        "interrupts" => for_one("interrupts"),
        "stalls" => for_one("stalls"),
        "threads" => String::from("threads"),
        "memory" => String::from("octets of memory at the end"),
        "idle_memory" => String::from("octets of memory for each that is idle"),
        "idle_memory_kernel" => String::from("octets of memory in the kernel for each that is idle"),
        other => other.replace('_', " "),
    };
    let numbers = counts.iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
    let mut cells: Vec<_> =
        numbers.map(|(name, value)| Cell { median: Some(value), ..cell(row, model, name, &unit(name)) }).collect();
    let calls = counts.get("calls").and_then(|calls| calls.as_object()).into_iter().flatten();
    cells.extend(calls.filter_map(|(name, value)| {
        Some(Cell { median: Some(value.as_f64()?), ..cell(row, model, &format!("call {name}"), &for_one(name)) })
    }));
    cells
}

/// A unit and a value, in microseconds if it is one of time; and the operation by its name.
fn in_micros(unit: &str, row: &Row, value: f64) -> (String, f64) {
    let operation = format!("{} {}", article(&row.operation), row.operation);
    let named = unit.replace("an operation", &operation).replace("operations", &format!("{}s", row.operation));
    match named.strip_prefix('s').filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
        Some(rest) => (format!("µs{rest}"), rounded(value * 1e6)),
        None => (named, rounded(value)),
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// To six digits that count, as the results have.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Where the median lies with 95 % confidence at least, by ranks: it is as likely to be below a round as above it. None for fewer
/// than six rounds, which cannot say so much.
fn median_interval(rounds: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as i32;
    // That fewer than `rank` of the rounds lie below the median: the tail of a binomial distribution.
    let (mut tail, mut ways, mut rank) = (0.0, 1.0, 0);
    loop {
        tail += ways * 0.5_f64.powi(count);
        if tail > 0.025 || rank >= count / 2 {
            break;
        }
        rank += 1;
        ways *= f64::from(count - rank + 1) / f64::from(rank);
    }
    let rank = usize::try_from(rank).ok()?.checked_sub(1)?;
    Some((sorted[rank], sorted[sorted.len() - 1 - rank]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &str = r#"{"schema":"iolab-report","version":1,"bench":"models","command":"cargo bench","measured":"2026-11-22T00:30:00Z",
        "commit":"abc","machine":[{"name":"kernel","value":"Linux 6.18"},{"name":"CPU","value":"Xeon"},{"name":"built by","value":"rustc 1.95"}],
        "cores":null,"settings":{"rounds":9,"warm_up":0.3,"window":1.0,"counting":0.5},"notes":[],"warnings":[],"findings":[],
        "rows":[{"name":"get-64","title":"GET, 64 connections","chapter":"HTTP echo","operation":"request","command":"x",
          "verdicts":{"cpu":{"best":"epoll","leaders":["epoll"],"says":""}},
          "contestants":[
            {"name":"epoll","outcome":{"measured":{"figures":{
                "cpu":{"unit":"s of CPU an operation","median":7.34e-6,"rounds":[7.1e-6,7.2e-6,7.3e-6,7.3e-6,7.34e-6,7.4e-6,7.4e-6,7.5e-6,9e-6],
                  "times_the_best":null,"times":[{"over":"bare epoll","interval":{"low":1.0,"median":1.1,"high":1.2}}]},
                "rate":{"unit":"operations a second","median":141092.0,"rounds":[141092.0],"times_the_best":null,"times":[]}},
              "latencies":[{"at":"50 % of its peak","count":10,"percentiles":[]},
                {"at":"80 % of its peak","count":10,"percentiles":[{"share":0.999,"seconds":0.0012}]}],
              "counts":{"system_calls":2.99,"calls":{"recvfrom":1.0},"threads":1,"memory":null},
              "load":{"server_share":0.9,"load_share":1.0,"limit":"load","asked":"so"}}}},
            {"name":"pool","outcome":{"limit":{"connections":1024}}}]}]}"#;

    #[test]
    fn results_become_measurements() {
        let (name, table) = import(RESULTS).unwrap();
        assert_eq!(name, "models.csv");
        assert_eq!(table.source(), "Xeon, Linux 6.18, 2026-11-22: cargo bench");
        assert_eq!(table.title("get-64 at 80 % of its peak"), "GET, 64 connections, at 80 % of its peak");
        let cpu = table.cell("get-64", "epoll", "cpu").unwrap();
        assert_eq!((cpu.median, cpu.low, cpu.high), (Some(7.34), Some(7.2), Some(7.5)));
        assert_eq!((cpu.unit.as_str(), cpu.note.as_str()), ("µs of CPU a request", "best"));
        assert_eq!(table.cell("get-64", "epoll", "rate").unwrap().note, "at least");
        assert_eq!(table.cell("get-64", "epoll", "cpu_over_bare").unwrap().high, Some(1.2));
        assert_eq!(table.cell("get-64", "epoll", "call recvfrom").unwrap().median, Some(1.0));
        assert_eq!(table.cell("get-64", "pool", "cpu").unwrap().note, "holds 1,024");
        assert_eq!(table.cell("get-64 at 80 % of its peak", "epoll", "p99.9").unwrap().median, Some(1200.0));
        assert_eq!(Table::parse(&table.to_csv()).unwrap(), table);
    }

    #[test]
    fn names_can_be_asked_for() {
        assert_eq!(slug("browser, 9 fields, 696 B: lines"), "browser-9-fields-696-b-lines");
    }

    #[test]
    fn other_versions_are_refused() {
        assert!(import(&RESULTS.replace("\"version\":1", "\"version\":2")).unwrap_err().to_string().contains("version 2"));
        assert!(import("{}").is_err());
    }

    #[test]
    fn intervals_of_a_median_by_ranks() {
        let rounds = |count: i32| (1..=count).map(f64::from).collect::<Vec<_>>();
        assert_eq!(median_interval(&rounds(5)), None);
        assert_eq!(median_interval(&rounds(6)), Some((1.0, 6.0)));
        assert_eq!(median_interval(&rounds(9)), Some((2.0, 8.0)));
        assert_eq!(median_interval(&rounds(15)), Some((4.0, 12.0)));
    }
}
