//! One read by the `read_file` example: around the page cache, and through it when the block is there and when it is not.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use nix::sys::statfs::TMPFS_MAGIC;

use crate::strace::{self, Call, Shown};
use crate::{heading, is_recording, listing, models, page, parts, program, skip};

/// A block is read once: the next one is elsewhere.
const FILE_OCTETS: usize = 16 << 20;

const READS: usize = 40;

/// So many reads in a row must have taken the same calls. The others may have met the disk in another mood.
const ALIKE: usize = 4;

/// A way of reading, and the flag that asks for it.
const WAYS: [(&str, &[&str]); 3] = [
    ("around the page cache", &["--direct"]),
    ("through the page cache, which does not have the block", &["--cold"]),
    ("through the page cache, which has it", &[]),
];

/// The calls of all threads, in order. `Err`: why the model cannot run.
fn calls(model: &str, flags: &[&str], file: &Path) -> Result<Vec<Call>, String> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("trace");
    let reads = READS.to_string();
    let mut command = strace::command(&output, &program("read_file"));
    command.arg(file).args(["--model", model, "--in-flight", "1", "--reads", &reads]).args(flags);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut says = String::new();
    child.stderr.take().unwrap().read_to_string(&mut says).unwrap();
    let status = child.wait().unwrap();
    if !status.success() {
        assert_eq!(status.code(), Some(3), "{model} reads nothing: {says}");
        return Err(says.trim().to_owned());
    }
    let mut calls = strace::calls(&output);
    calls.sort_by(|one, other| one.happened().total_cmp(&other.happened()));
    Ok(calls)
}

/// The calls that one read takes: the shortest stretch that is repeated, late in the trace.
fn one_read(calls: &[Call]) -> Option<&[Call]> {
    let like = |one: &Call, other: &Call| {
        let is_same = one.name == other.name && role(one) == role(other) && one.result == other.result;
        is_same && (one.name != "io_uring_enter" || one.arguments == other.arguments)
    };
    let begins = |stretch: &[Call]| match stretch[0].name.as_str() {
        "io_submit" | "preadv2" => true,
        "io_uring_enter" => stretch[0].result == "1",
        "pread64" => stretch.iter().all(|call| call.name != "preadv2"),
        _ => false,
    };
    (1..=6).find_map(|length| {
        let stretch = calls.windows(length * ALIKE).rev().find(|stretch| {
            let (first, rest) = stretch.split_at(length);
            let is_repeated = |next: &[Call]| first.iter().zip(next).all(|(one, other)| like(one, other));
            begins(first) && rest.chunks(length).all(is_repeated)
        })?;
        Some(&stretch[..length])
    })
}

fn role(call: &Call) -> &str {
    match call.thread_name.as_str() {
        "iolab-read" => "worker",
        _ => "caller",
    }
}

fn shown(calls: &[Call]) -> String {
    calls.iter().map(|call| format!("{:<8} {}\n", role(call), Shown { call, addresses: &[] })).collect()
}

#[test]
fn a_read_takes_the_calls_that_the_book_shows() {
    if let Some(why) = strace::missing() {
        return skip::skipped(format_args!("same_calls, the read: {why}"));
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("blocks");
    let mut file = File::create(&path).unwrap();
    file.write_all(&b"iolab reads this".repeat(FILE_OCTETS / 16)).unwrap();
    file.sync_all().unwrap();
    if nix::sys::statfs::fstatfs(&file).unwrap().filesystem_type() == TMPFS_MAGIC {
        return skip::skipped("same_calls, the read: the target folder is a tmpfs, which has no disk to wait for");
    }
    if let Err(error) = iolab::ReadFile::open_direct(&path) {
        return skip::skipped(format_args!("same_calls, the read: {error}"));
    }
    for model in models() {
        let seen: Result<Vec<_>, _> = WAYS.iter().map(|(_, flags)| calls(model, flags, &path)).collect();
        let seen = match seen {
            Ok(seen) => seen,
            Err(why) => {
                skip::skipped(format_args!("same_calls, the read by {model}: {why}"));
                continue;
            }
        };
        if is_recording() {
            record(model, &seen);
        }
        let listing = listing("same-read", model);
        let parts = parts(&listing);
        assert_eq!(parts.len(), WAYS.len(), "{model}: a part for each way");
        for ((expected, calls), (way, _)) in parts.iter().zip(&seen).zip(WAYS) {
            let all: Vec<_> = calls.iter().map(|call| (role(call).to_owned(), call.name.as_str())).collect();
            let in_a_row = vec![expected.clone(); ALIKE].concat();
            let is_seen = all.windows(in_a_row.len()).any(|window| window == in_a_row);
            assert!(is_seen, "{model}, {way}: the book has {expected:?}; seen was {:?}", one_read(calls));
        }
    }
}

fn record(model: &str, seen: &[Vec<Call>]) {
    let about = [(
        "command",
        format!("strace -f -y target/debug/examples/read_file FILE --model {model} --in-flight 1 --reads {READS}"),
    )];
    let mut text = heading(&about);
    for (calls, (way, flags)) in seen.iter().zip(WAYS) {
        let one =
            one_read(calls).unwrap_or_else(|| panic!("{model}, {way}: no {ALIKE} reads in a row are alike: record again"));
        let flags = if flags.is_empty() { String::new() } else { format!(" ({})", flags.join(" ")) };
        text += &format!("\n# {way}{flags}\n{}", shown(one));
    }
    std::fs::write(page("same-read", model), text).unwrap();
}
