//! Of the chapter "Which model when".

#[allow(dead_code, unused_imports, reason = "the benchmark's table shows more than is asked here")]
#[path = "../../benches/workload/verdict/mod.rs"]
mod verdict;

use std::collections::BTreeMap;

use results::advice::{Advice, advice};
use results::schema::{Contestant, Figure, Measured, Outcome, Row};
use verdict::{Case, Contender, Figures};

use crate::check;

/// A row in which each model took so much CPU in each round.
fn row(cpu: [(&str, Vec<f64>); 4]) -> Row {
    let contestant = |(name, rounds): (&str, Vec<f64>)| {
        let figures = BTreeMap::from([("cpu".to_owned(), Figure::of("s", rounds))]);
        Contestant { name: name.to_owned(), outcome: Outcome::Measured(Measured { figures, ..Measured::default() }) }
    };
    Row {
        name: "get-64".to_owned(),
        title: "GET".to_owned(),
        chapter: "HTTP echo".to_owned(),
        operation: "request".to_owned(),
        command: String::new(),
        contestants: cpu.into_iter().map(contestant).collect(),
        verdicts: BTreeMap::new(),
    }
}

/// Rounds that differ a little, in an order that begins elsewhere for each model.
fn rounds(micros: f64, begin: usize) -> Vec<f64> {
    let noise = [1.00, 1.02, 0.99, 1.01, 0.98, 1.00, 1.03, 0.97, 1.01];
    (0..noise.len()).map(|round| micros * noise[(round + begin) % noise.len()] / 1e6).collect()
}

#[test]
fn which_model_1() {
    let cpu = [("blocking", rounds(19.0, 0)), ("epoll", rounds(9.0, 2)), ("uring", rounds(9.0, 4)), ("pool", rounds(9.0, 6))];
    let Advice::Take(take) = advice(&row(cpu), &["rate", "cpu"]) else { panic!("nothing is advised") };
    check("which-model-1", take.pick);
}

#[test]
fn which_model_2() {
    let tells = |count: usize| {
        let always = |micros: f64| vec![micros / 1e6; count];
        let cpu = [("blocking", always(20.0)), ("epoll", always(10.0)), ("uring", always(20.0)), ("pool", always(20.0))];
        matches!(advice(&row(cpu), &["cpu"]), Advice::Take(take) if take.level_with.is_empty())
    };
    check("which-model-2", (1..100).find(|count| tells(*count)).expect("it says so at some time"));
}

#[test]
fn which_model_3() {
    let pick = |handler_us: u32| {
        let contender = |(name, added): (&str, f64)| {
            let cpu_us = f64::from(handler_us) + added;
            let figures =
                Figures { peak: vec![1e6 / cpu_us; 8], cpu_us: vec![cpu_us; 8], server_share: 1.0, ..Figures::default() };
            Contender { model: name.to_owned(), outcome: verdict::Outcome::Measured(figures) }
        };
        let case = Case {
            cpu_us: f64::from(handler_us),
            disk_reads: 0,
            cache_hits: 0,
            connections: 64,
            server_threads: 1,
            cores: 1,
            rate: None,
            disturbed: None,
        };
        verdict::verdict(&case, &[("blocking", 10.0), ("epoll", 5.0)].map(contender)).pick
    };
    let first = (0..2000).find(|&handler_us| pick(handler_us).as_deref() == Some("blocking"));
    check("which-model-3", first.expect("a handler that makes the difference small"));
}
