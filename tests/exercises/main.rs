//! The answers to the book's exercises, found by running the code.
//!
//! Each exercise of `docs` has a test of its name here. It finds the truth anew, and holds the book's answer against it; who sets `ANSWER`
//! has his own held against it too:
//!
//! ```text
//! ANSWER=3 cargo test --test exercises ready_1
//! ```
//!
//! Whether it is right stands above what the harness says; if nothing stands there, no exercise has that name.

#[path = "../asleep/mod.rs"]
mod asleep;
#[path = "../skip/mod.rs"]
mod say;

mod async_await;
mod both_at_once;
mod done;
mod events;
mod failures;
mod jobs;
mod one_wait;
mod polling;
mod protocol;
mod ready;
mod relay;
mod request;
mod same_echo;
mod same_read;
mod seed;
mod threads;
mod waiting;
mod which_model;

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Holds the answer that the book gives to `exercise`, and the reader's if there is one, against what was found.
#[track_caller]
pub fn check(exercise: &str, truth: impl Display) {
    let truth = truth.to_string();
    let (chapter, _) = exercise.rsplit_once('-').expect("an exercise is called after its chapter, like ready-1");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(format!("{chapter}.md"));
    let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let printed = printed_answer(&page, exercise).unwrap_or_else(|| panic!("docs/{chapter}.md has no answer to {exercise}"));
    assert_eq!(printed, truth, "the book's answer to {exercise} (left) is not what was found (right)");
    if let Ok(answer) = env::var("ANSWER") {
        assert!(answer.trim() == truth, "{exercise}: not {}. Run it, look, and try again.", answer.trim());
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = writeln!(io::stderr(), "{exercise}: yes, {truth}.");
    }
}

mod skip {
    use super::{Display, env, say};

    /// Says that this machine cannot find an answer, and why; a reader's own is neither right nor wrong then.
    pub fn skipped(why: impl Display) {
        let unjudged = env::var("ANSWER").map(|answer| format!("; so nobody knows whether it is {answer}")).unwrap_or_default();
        say::skipped(format_args!("{why}{unjudged}"));
    }
}

/// The first code span of the details below the exercise.
fn printed_answer<'p>(page: &'p str, exercise: &str) -> Option<&'p str> {
    let (_, after) = page.split_once(&format!("\n**{exercise}.**"))?;
    let (_, details) = after.split_once("<details><summary>Answer</summary>")?;
    let (details, _) = details.split_once("</details>")?;
    details.split('`').nth(1)
}

#[test]
fn an_answer_is_the_first_code_span_of_its_own_exercise() {
    let page =
        "\n**x-1.** How many `things`?\n<details><summary>Answer</summary>\n\nA `2`, as `3` is.\n</details>\n**x-2.** None.";
    assert_eq!(printed_answer(page, "x-1"), Some("2"));
    assert_eq!(printed_answer(page, "x-2"), None);
    assert_eq!(printed_answer(page, "x-3"), None);
}
