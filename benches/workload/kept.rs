//! The results as they are kept.

use harness::load::Pace;
use harness::measure::Cell;
use harness::text::grouped;
use iolab::Model;
use iolab::models::AnyModel;
use results::schema::Row;
use results::{About, Compared, keep, record};

use crate::Bench;
use crate::verdict::Verdict;

/// A row for the peak, and one for each rate.
pub fn rows(models: &[AnyModel], bench: &Bench<'_>, peaks: &[Cell], paced: &[(f64, Vec<Cell>)]) -> Vec<Row> {
    let names: Vec<&str> = models.iter().map(Model::name).collect();
    let row = |name: String, title: String, pace: Pace, cells: &[Cell]| {
        let about = About { name, title, chapter: "Your workload".to_owned(), command: keep::command("workload") };
        record::row(about, &bench.work(pace), &names, cells, &Compared::WithTheBest)
    };
    let mut rows = vec![row("peak".to_owned(), "As fast as it can".to_owned(), Pace::Closed, peaks)];
    for (rate, cells) in paced {
        let title = format!("At {} requests a second, however long the answers take", grouped(*rate));
        rows.push(row(format!("rate-{rate:.0}"), title, Pace::Open { rate: *rate }, cells));
    }
    rows
}

/// The verdict, a sentence each.
pub fn findings(verdict: &Verdict) -> Vec<String> {
    let Verdict { headline, because, unclear, price, bound, would_change, .. } = verdict;
    [headline].into_iter().chain([because, unclear, price, bound, would_change].into_iter().flatten()).cloned().collect()
}
