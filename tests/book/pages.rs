//! The book has a shape: every page is in the table of contents, every chapter asks, shows, has something to run and to answer, and
//! every model and pattern has a page.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::markdown::{Page, links};
use super::{book, files_below, none, root, text_of};

/// Pages that are no chapters: the first, and what is looked up.
const NO_CHAPTERS: &[&str] = &["docs/introduction.md", "docs/kernel-facts.md", "docs/measuring.md"];

/// Of those who wait, and of what they wait for, each has to be shown on some page.
const TO_BE_SHOWN: &[&str] = &["src/models", "src/patterns"];

/// Parts of these that no page needs to show: what they share.
const SHARED: &[&str] = &[
    "src/models/mod.rs",
    "src/models/any.rs",
    "src/models/accepting.rs",
    "src/models/turned_away.rs",
    "src/models/file_work",
    "src/patterns/mod.rs",
    "src/patterns/decimal.rs",
    "src/patterns/json.rs",
    "src/patterns/origin.rs",
    "src/patterns/returned.rs",
];

fn chapters() -> impl Iterator<Item = Page> {
    book().into_iter().filter(|page| !NO_CHAPTERS.contains(&&*page.name()) && !page.path.starts_with("docs/failures"))
}

#[test]
fn the_table_of_contents_has_every_page_once() {
    let contents = Page::read("docs/SUMMARY.md".into());
    let listed: Vec<PathBuf> =
        contents.prose().iter().flat_map(|(_, line)| links(line)).filter_map(|(_, target)| contents.resolve(target)).collect();
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), distinct.len(), "a page is listed twice");
    let pages: BTreeSet<_> = book().into_iter().map(|page| page.path).collect();
    assert_eq!(pages, distinct, "the pages there are (left), and those that are listed (right)");
}

#[test]
fn a_page_bears_the_title_it_has_in_the_table_of_contents() {
    let contents = Page::read("docs/SUMMARY.md".into());
    let mut complaints = Vec::new();
    for (_, line) in contents.prose() {
        for (title, target) in links(line) {
            let page = Page::read(contents.resolve(target).expect("a page of the book"));
            if page.text.lines().next() != Some(&format!("# {title}")) {
                complaints.push(format!("{} does not begin with \"# {title}\"", page.name()));
            }
        }
    }
    none(complaints);
}

#[test]
fn every_chapter_asks_shows_and_has_something_to_run_and_to_answer() {
    let mut complaints = Vec::new();
    for page in chapters() {
        let mut complain = |what: &str| complaints.push(format!("{}: {what}", page.name()));
        let prose = page.prose();
        let first = prose.iter().map(|(_, line)| *line).filter(|line| !line.is_empty() && !line.starts_with('#')).take(4);
        if !first.collect::<String>().split("**").nth(1).is_some_and(|bold| bold.ends_with('?')) {
            complain("does not begin with its question, in bold");
        }
        let blocks = page.blocks();
        if blocks.iter().filter(|block| block.language == "rust").count() < 2 {
            complain("shows less than two snippets");
        }
        let Some((_, to_run)) = page.text.split_once("\n## Run it, change it\n") else {
            complain("has no section \"Run it, change it\"");
            continue;
        };
        if !to_run.split("\n## ").next().is_some_and(|section| section.contains("```console\n$ ")) {
            complain("has nothing to run under \"Run it, change it\"");
        }
        if exercises(&page).len() < 2 {
            complain("has less than two exercises");
        }
    }
    none(complaints);
}

#[test]
fn every_page_about_a_failure_asks_and_has_something_to_run() {
    let mut complaints = Vec::new();
    let failures: Vec<_> = book().into_iter().filter(|page| page.path.starts_with("docs/failures")).collect();
    for page in &failures {
        if !page.text.lines().skip(1).find(|line| !line.is_empty()).is_some_and(|line| line.starts_with("**")) {
            complaints.push(format!("{}: does not begin with its question, in bold", page.name()));
        }
        if !page
            .blocks()
            .iter()
            .any(|block| block.language == "console" && block.lines.iter().any(|line| line.starts_with("$ ")))
        {
            complaints.push(format!("{}: no command provokes it", page.name()));
        }
        if !page.text.contains("](https://") {
            complaints.push(format!("{}: names nobody to whom it has happened", page.name()));
        }
    }
    assert!(failures.len() > 8, "there are pages about failures: {}", failures.len());
    none(complaints);
}

/// An exercise without a test could be wrong, and a test without an exercise is nobody's.
#[test]
fn every_exercise_has_a_test_and_every_test_its_exercise() {
    let mut complaints = Vec::new();
    for page in chapters() {
        let chapter = page.path.file_stem().expect("a page has a name").to_string_lossy().into_owned();
        let tests = text_of(format!("tests/exercises/{}.rs", chapter.replace('-', "_")).as_ref());
        let tests: Vec<_> = tests.split("#[test]\n").skip(1).filter_map(|test| test.split(['(', ' ']).nth(1)).collect();
        let exercises = exercises(&page);
        for exercise in &exercises {
            let test = exercise.replace('-', "_");
            if !exercise.starts_with(&format!("{chapter}-")) {
                complaints.push(format!("{}: {exercise} is not called after its chapter", page.name()));
            }
            if !tests.contains(&&*test) {
                complaints.push(format!("{}: no test finds the answer to {exercise}", page.name()));
            }
            let (_, after) = page.text.split_once(&format!("\n**{exercise}.**")).expect("it was found");
            if !after.contains(&format!("cargo test --test exercises {test}`")) {
                complaints.push(format!("{}: it is not said how to check {exercise}", page.name()));
            }
        }
        let named: Vec<_> = exercises.iter().map(|exercise| exercise.replace('-', "_")).collect();
        let prefix = format!("{}_", chapter.replace('-', "_"));
        let orphans = tests.iter().filter(|test| test.starts_with(&prefix) && !named.iter().any(|name| name == *test));
        complaints.extend(orphans.map(|test| format!("{}: {test} answers no exercise of it", page.name())));
    }
    none(complaints);
}

/// Their names, like `ready-1`.
fn exercises(page: &Page) -> Vec<String> {
    let Some((_, section)) = page.text.split_once("\n## Exercises\n") else { return Vec::new() };
    let names = section.lines().filter_map(|line| line.strip_prefix("**")?.split_once(".**"));
    names.map(|(name, _)| name.to_owned()).filter(|name| name.ends_with(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn every_model_and_every_pattern_has_its_page() {
    let shown: Vec<PathBuf> = book()
        .iter()
        .flat_map(|page| {
            let blocks = page.blocks();
            let lines = blocks.iter().flat_map(|block| &block.lines);
            let includes = lines.filter_map(|line| line.strip_prefix("{{#include ")?.split([':', '}']).next());
            includes.filter_map(|target| page.resolve(target)).collect::<Vec<_>>()
        })
        .collect();
    let mut complaints = Vec::new();
    for room in TO_BE_SHOWN {
        let parts: BTreeSet<PathBuf> = files_below(room)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.iter().take(3).collect())
            .collect();
        let left = parts.into_iter().filter(|part| !SHARED.iter().any(|shared| *part == PathBuf::from(shared)));
        complaints.extend(
            left.filter(|part| !shown.iter().any(|path| path.starts_with(part)))
                .map(|part| format!("no page shows anything of {}", part.display())),
        );
    }
    none(complaints);
}

/// Where a picture or a table is to come, a chapter says so in a comment; none is left.
#[test]
fn nothing_is_left_to_be_filled_in() {
    let mut complaints = Vec::new();
    for page in book() {
        for (number, line) in page.text.lines().enumerate() {
            if line.contains("figure wanted") || line.contains("TODO") || line.contains("TBD") {
                complaints.push(format!("{}:{}: {line}", page.name(), number + 1));
            }
        }
    }
    none(complaints);
}

#[test]
fn the_shared_parts_are_there() {
    none(
        SHARED.iter().filter(|part| !root().join(part).exists()).map(|part| format!("{part} is not there any more")).collect(),
    );
}
