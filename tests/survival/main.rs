//! What servers of this kind die of, done to the `echo` example on each of the four models; and the figure each test prints.
//!
//! The server is a process of its own wherever its descriptors, threads, memory, CPU time or signals matter. Tests that put
//! load on the machine run alone; those that mostly wait run beside each other.

mod child;
mod client;
mod crowd;
mod descriptors;
mod endings;
#[macro_use]
#[path = "../every_model/mod.rs"]
mod every_model;
mod injected;
mod inside;
mod limits;
mod panics;
mod reuse;
mod signals;
#[path = "../skip/mod.rs"]
mod skip;
mod slow;
mod storms;
mod threads;
mod unread;

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::RwLock;
use std::time::Duration;

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server may take to be itself again once what it lacked has come back.
const RECOVERY: Duration = Duration::from_secs(2);

/// The bound on what others notice of somebody's mischief: the 99th percentile of their answers.
const NOTICED: Duration = Duration::from_millis(250);

/// Held by whoever needs the machine to itself, or shared by those who do not.
static MACHINE: RwLock<()> = RwLock::new(());

/// The tests of a model, each under its name and with its claim on the machine.
macro_rules! tests {
    ($model:ident: $($claim:ident $file:ident::$name:ident,)*) => {
        mod $model {
            $(#[test]
            fn $name() {
                let _claim = super::MACHINE.$claim().unwrap_or_else(std::sync::PoisonError::into_inner);
                super::$file::$name(stringify!($model));
            })*
        }
    };
}

macro_rules! models {
    ($($model:ident)*) => {$(
        tests! { $model:
            read descriptors::exhausted_and_given_back,
            read descriptors::newcomers_that_fail_cost_no_pause,
            read slow::heads,
            read slow::bodies,
            write slow::readers,
            read slow::readers_who_keep_the_rate,
            write endings::at_any_point,
            write unread::answers_of_64_mib,
            write unread::pipelined_answers,
            write reuse::nobody_hears_what_was_for_another,
            write crowd::a_pipelining_flood,
            write crowd::answers_without_end,
            write crowd::a_burst_of_connects,
            read signals::what_is_under_way_is_finished,
            read signals::a_stuck_reader_ends_at_the_drain_limit,
            read signals::a_second_signal_leaves_at_once,
            write threads::refused_and_given_back,
            read threads::too_few_to_begin,
            read panics::cost_their_connection_only,
            read injected::errors_of_system_calls,
            write storms::of_stops,
            write storms::of_signals,
            read limits::stated_and_kept,
        }
    )*};
}

on_every_model!(models);

/// Prints what was seen on one line. It goes past the harness, which keeps what a passing test prints to itself.
fn figure(model: &str, seen: impl Display) {
    let _ = writeln!(io::stderr(), "survival, {model}: {seen}");
}

/// For what the clock judges: somebody else's burst of work may spoil one attempt, but not two.
fn once_more(model: &str, attempt: impl Fn() -> Result<(), String>) {
    if let Err(missed) = attempt() {
        figure(model, format_args!("once more, because {missed}"));
        attempt().unwrap_or_else(|missed| panic!("{model}: twice: {missed}"));
    }
}
