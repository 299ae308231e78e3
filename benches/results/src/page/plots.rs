//! Throughput, CPU and latency as pictures.

use drawing::Picture;
use drawing::plot::{Axis, Curve, Heading, Panel, Point, Row as PlotRow, Scale, Value, dots, lines};
use harness::statistics::{ROUNDS_FOR_INTERVAL, estimate};

use super::html::element;
use crate::schema::{Figure, Interval, Outcome, Report, Row};

/// All that a report has figures for.
pub fn all(report: &Report) -> String {
    let source = format!("{}, {}", report.command, report.measured.get(..10).unwrap_or(&report.measured));
    let mut pictures = Vec::new();
    for (chapter, name) in [("HTTP echo", "echo"), ("File reads", "files"), ("Where the models part", "parting")] {
        // What was measured once more to find the rates of an open loop is no other workload.
        let rows = || report.rows.iter().filter(|row| row.chapter == chapter && !has_percentiles(row));
        let heading = |what: &str, title: String, description: &str| Heading {
            name: format!("{name}-{what}"),
            title,
            description: description.to_owned(),
            source: source.clone(),
        };
        let log = |label: &str| Axis { label: label.to_owned(), scale: Scale::Log, reference: None };
        let rates = values(rows().filter(|row| !is_about_latency(row)), "rate", 1.0, None);
        let title = format!("{chapter}: throughput");
        pictures.push(dotted(
            &heading("rate", title, "Operations a second, more is better."),
            &rates,
            &log("operations a second"),
        ));
        let cpu = values(rows(), "cpu", 1e6, None);
        let title = format!("{chapter}: CPU");
        let axis = log("CPU µs an operation");
        pictures.push(dotted(&heading("cpu", title, "CPU time for one operation, less is better."), &cpu, &axis));
        let times = values(rows(), "cpu", 1.0, Some(|figure| figure.times_the_best));
        let axis = Axis { reference: Some((1.0, "the best".to_owned())), ..log("times the least CPU of the same round") };
        let title = format!("{chapter}: CPU, beside the best");
        let told = "How many times the CPU of the best model in the same round, with 95 % intervals.";
        pictures.push(dotted(&heading("times", title, told), &times, &axis));
        for (figure, title) in [("p50", "half of the answers"), ("p99", "99 % of the answers")] {
            let waits = values(rows().filter(|row| is_about_latency(row)), figure, 1e3, None);
            let heading = heading(figure, format!("{chapter}: {title}"), "Time until that many were answered, less is better.");
            pictures.push(dotted(&heading, &waits, &log("ms until they were answered")));
        }
    }
    pictures.extend(report.rows.iter().map(|row| percentiles(row, &source)));
    let figure = |picture: Picture| element("figure", &[], &picture.inline());
    pictures.into_iter().flatten().map(figure).collect()
}

fn is_about_latency(row: &Row) -> bool {
    row.measured().any(|(_, measured)| !measured.figures.contains_key("cpu"))
}

fn has_percentiles(row: &Row) -> bool {
    row.measured().any(|(_, measured)| !measured.latencies.is_empty())
}

fn dotted(heading: &Heading, rows: &[PlotRow], axis: &Axis) -> Option<Picture> {
    (!rows.is_empty()).then(|| dots(heading, rows, axis))
}

/// A figure of some rows, in another unit; with the interval of its median, or the one that is asked for.
fn values<'a>(
    rows: impl Iterator<Item = &'a Row>,
    figure: &str,
    unit: f64,
    of: Option<fn(&Figure) -> Option<Interval>>,
) -> Vec<PlotRow> {
    let value = |row: &Row| {
        let values = row.contestants.iter().filter_map(|contestant| {
            let who = contestant.name.clone();
            let note = match &contestant.outcome {
                Outcome::Measured(measured) => {
                    let figure = measured.figures.get(figure)?;
                    let (median, spread) = match of {
                        None => (Some(figure.median), spread(figure)),
                        Some(of) => (of(figure).map(|found| found.median), of(figure).map(|found| (found.low, found.high))),
                    };
                    let (median, spread) = (median.map(|one| unit * one), spread.map(|(low, high)| (unit * low, unit * high)));
                    return median.map(|median| Value { who, median: Some(median), spread, note: String::new() });
                }
                Outcome::Limit { connections } => format!("holds {connections} at most"),
                Outcome::Unavailable { .. } => "not here".to_owned(),
                Outcome::Failed { .. } => "failed".to_owned(),
            };
            Some(Value { who, median: None, spread: None, note })
        });
        PlotRow { label: row.title.clone(), values: values.collect() }
    };
    rows.map(value).filter(|row| row.values.iter().any(|value| value.median.is_some())).collect()
}

fn spread(figure: &Figure) -> Option<(f64, f64)> {
    (figure.rounds.len() >= ROUNDS_FOR_INTERVAL).then(|| {
        let found = estimate(&figure.rounds);
        (found.low, found.high)
    })
}

/// How long answers took, under each load that a row has.
fn percentiles(row: &Row, source: &str) -> Option<Picture> {
    let (_, first) = row.measured().find(|(_, measured)| !measured.latencies.is_empty())?;
    let panel = |(place, at): (usize, &str)| {
        let curve = |(who, latency): (&str, &crate::schema::Latency)| {
            let point = |percentile: &crate::schema::Percentile| Point {
                x: 100.0 * percentile.share,
                median: 1e3 * percentile.seconds,
                spread: None,
            };
            Curve { who: who.to_owned(), points: latency.percentiles.iter().map(point).collect() }
        };
        let curves = row.measured().filter_map(|(who, measured)| Some((who, measured.latencies.get(place)?))).map(curve);
        Panel { label: format!("at {at}"), curves: curves.collect() }
    };
    let panels: Vec<Panel> = first.latencies.iter().map(|latency| latency.at.as_str()).enumerate().map(panel).collect();
    let heading = Heading {
        name: format!("latency-{}", super::html::identity(&row.name)),
        title: format!("{}: latency", row.title),
        description: "Time within which so many of a hundred were answered, from when they were to be asked.".to_owned(),
        source: source.to_owned(),
    };
    let across = Axis { label: "of a hundred answers".to_owned(), scale: Scale::Nines, reference: None };
    let up = Axis { label: "ms".to_owned(), scale: Scale::Log, reference: None };
    Some(lines(&heading, &panels, &across, &up))
}
