//! What is said row by row, and kept.

use std::collections::BTreeMap;

use results::schema::{Contestant, Figure, Measured, Outcome, Row, Settings};

use crate::rounds::{Plan, Times};

/// The table as it grows, on standard output unless that is wanted for something else; and the rows, to be kept.
pub struct Told {
    is_shown: bool,
    pub rows: Vec<Row>,
}

impl Told {
    pub fn new(is_shown: bool) -> Told {
        Told { is_shown, rows: Vec::new() }
    }

    pub fn line(&self, text: &str) {
        if self.is_shown {
            println!("{text}");
        }
    }

    /// The first is httparse, the others are ours.
    pub fn row(&mut self, chapter: &str, name: &str, times: &Times, names: &[&str]) {
        let others = (1..names.len()).map(|who| {
            let ratio = times.ratio(0, who);
            format!(" {:>9.1} ({:.2}, {:.2}-{:.2})", times.median(who), ratio.median, ratio.low, ratio.high)
        });
        self.line(&format!("  {name:<24}{:>10.1}{}", times.median(0), others.collect::<String>()));
        self.keep(chapter, name, "head", times, names);
    }

    /// Keeps the rounds; everybody is compared with the first.
    pub fn keep(&mut self, chapter: &str, name: &str, operation: &str, times: &Times, names: &[&str]) {
        let contestant = |(who, name): (usize, &&str)| {
            let figure = Figure::of("s", times.rounds(who).iter().map(|nanos| nanos / 1e9).collect());
            let figures = BTreeMap::from([("time".to_owned(), figure)]);
            Contestant { name: (*name).to_owned(), outcome: Outcome::Measured(Measured { figures, ..Measured::default() }) }
        };
        let mut row = Row {
            name: format!("{chapter}: {name}"),
            title: name.to_owned(),
            chapter: chapter.to_owned(),
            operation: operation.to_owned(),
            command: "cargo bench --bench http1_parser".to_owned(),
            contestants: names.iter().enumerate().map(contestant).collect(),
            verdicts: BTreeMap::new(),
        };
        (1..names.len()).for_each(|who| row.relate("time", who, 0));
        self.rows.push(row);
    }
}

impl From<&Plan> for Settings {
    fn from(plan: &Plan) -> Settings {
        let (warm_up, window) = (plan.warm_up.as_secs_f64(), plan.moment.as_secs_f64());
        Settings { rounds: plan.rounds as u32, warm_up, window, counting: 0.0 }
    }
}
