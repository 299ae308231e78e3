//! The page that the benchmarks leave recommends models by rows: those that the benchmarks have.

#![allow(dead_code, reason = "nothing is measured here")]

#[path = "../benches/models/chores.rs"]
mod chores;
#[path = "../benches/models/rows.rs"]
mod rows;

use std::fs;
use std::path::Path;

use results::advice::{RowName, WORKLOADS};

/// What a file of the benchmarks says.
fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(path)).unwrap()
}

#[test]
fn every_workload_has_a_row_that_speaks_for_it() {
    let rows = rows::usual(10_000);
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let ways = source("patterns/rows.rs");
    for workload in WORKLOADS {
        let is_there = match (workload.bench, workload.row) {
            ("models", RowName::Named(name)) => names.contains(&name),
            ("models", RowName::Largest(beginning)) => names.iter().any(|name| name.starts_with(beginning)),
            ("patterns", RowName::Named(name)) => ways.contains(&format!("\"{name}\"")),
            _ => false,
        };
        assert!(is_there, "{}: there is no such row in {}", workload.title, workload.bench);
    }
}

#[test]
fn every_usual_row_speaks_for_a_workload() {
    for row in rows::usual(10_000) {
        let speaks = WORKLOADS.iter().any(|workload| match workload.row {
            RowName::Named(name) => name == row.name,
            RowName::Largest(beginning) => row.name.starts_with(beginning),
        });
        // There each model has rates of its own, so nobody is the best.
        assert!(speaks || row.name.ends_with("-open"), "{} speaks for nobody", row.name);
    }
}

#[test]
fn what_is_to_be_tried_is_something_that_the_workload_benchmark_knows() {
    let arguments = source("workload/arguments.rs");
    for flag in WORKLOADS.iter().flat_map(|workload| workload.own.split(' ')).filter_map(|word| word.strip_prefix("--")) {
        let field = format!(" {}: ", flag.replace('-', "_"));
        assert!(arguments.contains(&field), "--{flag} is no flag of it");
    }
}
