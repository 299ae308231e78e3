//! The listings of system calls that the book shows, made anew: `docs/data/same-echo.*.strace.txt` and `same-read.*.strace.txt`.
//!
//! The examples run under strace(1), and what they call for one request and for one read is held against the listings, by name.
//! `IOLAB_RECORD=1 cargo test --test same_calls` writes the listings instead.

mod echo;
mod read;
#[path = "../skip/mod.rs"]
mod skip;
mod strace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use iolab::Model;
use iolab::models::AnyModel;

fn models() -> impl Iterator<Item = &'static str> {
    AnyModel::all().into_iter().map(|model| model.name())
}

/// Who called what in each part of a listing. Parts are separated by empty lines; what begins with `#` is about them.
fn parts(listing: &str) -> Vec<Vec<(String, &str)>> {
    let parts = listing.split("\n\n").map(|part| {
        let calls = part.lines().filter(|line| !line.starts_with('#'));
        let words = calls.filter_map(|line| line.split('(').next()?.rsplit_once(' '));
        words
            .map(|(who, name)| {
                (who.replace("slept", "").trim().trim_end_matches(|c: char| c == ' ' || c.is_ascii_digit()).to_owned(), name)
            })
            .collect::<Vec<_>>()
    });
    parts.filter(|calls| !calls.is_empty()).collect()
}

fn page(workload: &str, model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/data/{workload}.{model}.strace.txt"))
}

fn is_recording() -> bool {
    std::env::var_os("IOLAB_RECORD").is_some()
}

/// The lines above a listing.
fn heading(about: &[(&str, String)]) -> String {
    let date = Command::new("date").arg("-I").output().expect("date(1)").stdout;
    let kernel = nix::sys::utsname::uname().expect("uname(2)").release().to_string_lossy().into_owned();
    let version = kernel.split('-').next().unwrap_or_default().to_owned();
    let about = about.iter().map(|(key, value)| (*key, value.clone()));
    let all = about.chain([("kernel", version), ("date", String::from_utf8_lossy(&date).trim().to_owned())]);
    all.map(|(key, value)| format!("# {key}: {value}\n")).collect()
}

/// `cargo test` builds the examples beside the tests.
fn program(example: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples").join(example);
    assert!(path.exists(), "{} is missing: build it with `cargo build --example {example}`", path.display());
    path
}

fn listing(workload: &str, model: &str) -> String {
    let path = page(workload, model);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: record it with IOLAB_RECORD=1", path.display()))
}

#[test]
fn a_listing_says_who_called_what() {
    let text = "# kernel: 6\n\nloop slept epoll_wait(epoll, [(x)], 1) = 1\nworker 2   recvfrom(connection, \"a: b(\") = 1\n";
    let of = |who: &str, name| (who.to_owned(), name);
    assert_eq!(parts(text), [[of("loop", "epoll_wait"), of("worker", "recvfrom")]]);
    let text = "# direct\n\na pread64(file) = 1\n\n# cold\na preadv2(file) = -1 EAGAIN\na pread64(file) = 1\n";
    assert_eq!(parts(text), [vec![of("a", "pread64")], vec![of("a", "preadv2"), of("a", "pread64")]]);
}
