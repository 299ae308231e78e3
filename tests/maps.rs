//! The maps are of this country: what `ARCHITECTURE.md` and `docs/kernel-facts.md` name is there, and what is there is named; and no
//! list of the models lacks one.

#[macro_use]
mod every_model;

use std::fs;
use std::path::{Path, PathBuf};

use drawing::style;
use iolab::Model;
use iolab::models::{AnyModel, UnknownModel};
use results::advice::SIMPLEST_FIRST;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// All files with Rust in them below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// What stands between back quotes, on one line.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_file_that_is_named_exists() {
    let all: Vec<_> = ["src", "tests", "benches", "examples"].into_iter().flat_map(sources).collect();
    let mut missing = Vec::new();
    for page_name in ["ARCHITECTURE.md", "docs/kernel-facts.md", "docs/measuring.md"] {
        let page = page(page_name);
        let named = quoted(&page).filter(|name| !name.contains(char::is_whitespace));
        let is_there = |name: &str| match name {
            name if name.ends_with(".rs") => all.iter().any(|path| path.ends_with(name)),
            name if name.starts_with("tests/") || name.starts_with("src/") => root().join(name).exists(),
            _ => true,
        };
        missing.extend(named.filter(|name| !is_there(name)).map(|name| format!("{page_name}: {name}")));
    }
    assert!(missing.is_empty(), "named, but not there: {missing:#?}");
}

#[test]
fn every_test_file_is_among_the_promises() {
    let page = page("ARCHITECTURE.md");
    let promises = page.split("## What holds it up").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let named: Vec<_> = quoted(promises).collect();
    let is_named = |path: &Path| named.iter().any(|name| path == Path::new(name) || path.parent() == Some(Path::new(name)));
    let tests = sources("tests").into_iter().map(|path| path.strip_prefix(root()).unwrap().to_owned());
    let programs = tests.filter(|path| path.components().count() == 2 || path.ends_with("main.rs"));
    let units = sources("src").into_iter().map(|path| path.strip_prefix(root()).unwrap().to_owned());
    let units = units.filter(|path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_tests")));
    let unnamed: Vec<_> = programs.chain(units).filter(|path| !is_named(path)).collect();
    assert!(unnamed.is_empty(), "tests that hold nobody's promise: {unnamed:#?}");
}

#[test]
fn every_fact_has_a_test_and_every_test_its_fact() {
    let page = page("docs/kernel-facts.md");
    let facts: Vec<_> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.rsplit(" | ").next()).flat_map(quoted).collect();
    let facts: Vec<_> = facts.into_iter().filter(|name| !name.contains('/')).collect();
    let tests_of = |path: &Path| -> Vec<String> {
        let source = fs::read_to_string(path).unwrap();
        let after = source.split("#[test]\n").skip(1).filter_map(|rest| rest.trim_start().strip_prefix("fn "));
        after.filter_map(|rest| rest.split('(').next().map(str::to_owned)).collect()
    };
    let all: Vec<_> = sources("tests").iter().chain(&sources("src")).flat_map(|path| tests_of(path)).collect();
    let unproven: Vec<_> = facts.iter().filter(|fact| !all.iter().any(|test| test == *fact)).collect();
    assert!(unproven.is_empty(), "facts whose test is not there: {unproven:#?}");

    let physics = sources("tests/physics").into_iter().chain([root().join("tests/physics.rs")]);
    let untold: Vec<_> = physics.flat_map(|path| tests_of(&path)).filter(|test| !facts.contains(&test.as_str())).collect();
    assert!(untold.is_empty(), "tests of facts that are not told: {untold:#?}");
    assert!(facts.len() > 25, "the table is read: {}", facts.len());
}

/// What tests are made of for each model by a macro is made of all of them.
#[test]
fn the_list_of_the_tests_is_the_list_of_the_models() {
    macro_rules! names {
        ($($model:ident)*) => { [$(stringify!($model)),*].as_slice() };
    }
    assert_eq!(on_every_model!(names), AnyModel::all().map(|model| model.name()));
    let said = UnknownModel.to_string();
    assert!(AnyModel::all().iter().all(|model| said.contains(model.name())), "{said}");
}

/// Packages that know nothing of the library have lists of their own. A model that is missing there would be grey in all pictures,
/// and the last to be advised.
#[test]
fn every_model_has_its_looks_and_its_place_in_the_advice() {
    let sorted = |names: &mut dyn Iterator<Item = &'static str>| {
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let models = sorted(&mut AnyModel::all().iter().map(|model| model.name()));
    assert_eq!(sorted(&mut style::models()), models, "MODELS of drawing/src/style.rs (left) and the models (right)");
    let in_order = sorted(&mut SIMPLEST_FIRST.iter().copied());
    assert_eq!(in_order, models, "SIMPLEST_FIRST of benches/results/src/advice.rs (left) and the models (right)");
}
