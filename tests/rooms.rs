//! The rooms of the house, and who may enter which: the source itself is searched, so that a shortcut taken in a hurry is a
//! failing test and not a habit.
//!
//! The tables below are the rules; everything after them only reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Parts of the source that follow the same rules.
struct Room {
    name: &'static str,
    /// Files and folders below `src`.
    parts: &'static [&'static str],
    /// The rooms whose names it may say, beside its own.
    may_name: &'static [&'static str],
    /// The crates it may use. The standard library is open to all but for what `SHUT` shuts.
    crates: &'static [&'static str],
    /// Whether it is kept from sockets, files, threads and clocks.
    shut: bool,
}

const ROOMS: &[Room] = &[
    Room {
        name: "contract",
        parts: &[
            "protocol.rs",
            "context.rs",
            "either.rs",
            "file_op.rs",
            "identity.rs",
            "lifecycle.rs",
            "connection",
            "send_queue.rs",
            "send_watch.rs",
            "shelf.rs",
            "limits.rs",
            "time.rs",
        ],
        may_name: &["files"],
        crates: &["bytes"],
        shut: true,
    },
    Room {
        name: "http1",
        parts: &["http1"],
        may_name: &["contract", "files"],
        crates: &["bytes", "form_urlencoded"],
        shut: true,
    },
    Room {
        name: "websocket",
        parts: &["websocket"],
        may_name: &["contract", "files", "http1"],
        crates: &["base64", "bytes", "sha1_smol"],
        shut: true,
    },
    Room {
        name: "patterns",
        parts: &["patterns"],
        may_name: &["contract", "http1", "websocket"],
        crates: &["bytes", "serde_json"],
        shut: true,
    },
    Room { name: "driver", parts: &["driver"], may_name: &["contract"], crates: &[], shut: true },
    Room {
        name: "files",
        parts: &["read_file.rs", "read_workload.rs", "reading.rs", "directory.rs"],
        may_name: &["sys", "results"],
        crates: &["bytes", "libc", "nix"],
        shut: false,
    },
    // It stands around protocols, and drives none.
    Room {
        name: "trace",
        parts: &["trace"],
        may_name: &["contract", "files", "sys"],
        crates: &["nix", "serde_json"],
        shut: false,
    },
    Room { name: "results", parts: &["cost.rs", "unavailable.rs"], may_name: &["sys"], crates: &[], shut: false },
    Room {
        name: "sys",
        parts: &["sys"],
        may_name: &["results", "time"],
        crates: &["bytes", "io_uring", "libc", "nix", "socket2", "crossbeam_channel"],
        shut: false,
    },
    Room {
        name: "model",
        parts: &["model.rs", "listener.rs"],
        may_name: &["contract", "driver", "files", "results"],
        crates: &["nix", "socket2"],
        shut: false,
    },
    // What the models share is no loop and knows none.
    Room {
        name: "shared",
        parts: &["models/accepting.rs", "models/turned_away.rs", "models/file_work"],
        may_name: &["contract", "files", "results", "sys"],
        crates: &["bytes", "libc"],
        shut: false,
    },
    Room { name: "blocking", parts: &["models/blocking"], may_name: A_MODEL, crates: &["bytes", "libc"], shut: false },
    Room { name: "epoll", parts: &["models/epoll"], may_name: A_MODEL, crates: &["bytes", "libc"], shut: false },
    Room { name: "uring", parts: &["models/uring"], may_name: A_MODEL, crates: &["bytes", "libc"], shut: false },
    Room {
        name: "pool",
        parts: &["models/pool"],
        may_name: A_MODEL,
        crates: &["bytes", "libc", "crossbeam_channel"],
        shut: false,
    },
    // No kernel either, but for the files that are read.
    Room {
        name: "simulated",
        parts: &["models/simulated"],
        may_name: &["contract", "files", "sys"],
        crates: &["bytes", "libc"],
        shut: true,
    },
    // The one list of models, and the front door.
    Room {
        name: "list",
        parts: &["models/mod.rs", "models/any.rs"],
        may_name: &["model", "contract", "files", "results", "shared", "blocking", "epoll", "uring", "pool", "simulated"],
        crates: &[],
        shut: false,
    },
    Room { name: "front door", parts: &["lib.rs"], may_name: &["*"], crates: &[], shut: false },
];

/// Not each other, and no protocol.
const A_MODEL: &[&str] = &["model", "contract", "driver", "files", "results", "shared", "sys"];

/// One file of a room that others may enter where the room is closed to them: `sys` has clocks to read, and so knows time.
const SINGLE: &[(&str, &str)] = &[("time", "time.rs")];

/// What a shut room does not say.
const SHUT: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "std::fs",
    "std::os",
    "std::thread",
    "std::process",
    "std::env",
    "Instant",
    "SystemTime",
];

/// The only other places that read a clock: to see how long a call took, or to give a wait its limit.
const CLOCKS: &[&str] = &["sys", "trace", "models/epoll/read.rs", "models/epoll/files.rs"];

/// The one place in a shut room that reads a variable: which scanner is wanted.
const ENVIRONMENT: &str = "http1/scanner/choice.rs";

/// Where `unsafe` may stand.
const UNSAFE: &[&str] = &["sys", "http1/scanner/avx2.rs", "http1/scanner/avx512.rs"];

/// And outside of the library: where a bare loop or the load needs a ring or Linux AIO, and where a test forbids itself the ring.
const UNSAFE_ELSEWHERE: &[(&str, &[&str])] = &[
    ("benches/bare", &["ring.rs", "aio.rs"]),
    ("benches/epoll_techniques", &[]),
    ("benches/harness", &["src/load/ring.rs", "tests/forbidden.rs"]),
    ("benches/models", &[]),
    ("benches/ours", &[]),
    ("benches/techniques", &[]),
    ("benches/uring_techniques", &["verbs.rs"]),
    ("benches/workload", &[]),
    ("benches/patterns", &[]),
    ("benches/results", &[]),
    ("drawing", &[]),
    ("examples", &[]),
    ("tests/exercises", &[]),
];

/// Of the bare loops' benchmark, what lets them take turns with the models. The loops themselves, and all of the harness, name
/// nothing of the library.
const KNOW_THE_MODELS: &[&str] = &["main.rs", "arguments.rs", "contestants.rs", "role.rs", "rows.rs", "table.rs"];

/// The same of the loops with switches.
const KNOW_THE_MODEL: &[&str] = &["main.rs", "told.rs", "ways.rs"];

/// A file is to be read in one sitting, its tests included.
const LONGEST_FILE: usize = 500;

/// Crates that tests and benchmarks compare us with; we would compare ourselves with ourselves.
const RIVALS: &[&str] = &["httparse", "mio", "hyper", "tokio"];

/// Words that say nothing, that put off until later, or that name someone's machine.
const BANNED: &[&str] = &["utils", "Manager", "TODO", "FIXME", "XXX", "todo!", "unimplemented!", "dbg!", "/home/", "/root/"];

#[test]
fn every_file_is_in_one_room() {
    for file in sources() {
        let rooms: Vec<_> = ROOMS.iter().filter(|room| room.has(&file.path)).map(|room| room.name).collect();
        assert_eq!(rooms.len(), 1, "src/{} is in {rooms:?}: give it a place in the table of tests/rooms.rs", file.path);
    }
}

#[test]
fn no_room_names_one_it_may_not() {
    let mut complaints = Vec::new();
    let exported = exported_from_root();
    for file in sources() {
        let room = room_of(&file.path);
        for path in file.paths() {
            let target = resolve(&path, &exported);
            if !may_name(room, &target) {
                complaints.push(format!("src/{} ({}) names {} ({target})", file.path, room.name, path.join("::")));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn crates_stay_in_their_places() {
    const OURS: &[&str] = &["std", "core", "alloc", "crate", "self", "super"];
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let dependencies: Vec<String> = dependencies
        .lines()
        .filter_map(|line| line.split(['=', '.']).next())
        .map(|name| name.trim().replace('-', "_"))
        .filter(|name| !name.is_empty() && !OURS.contains(&name.as_str()))
        .collect();
    assert!(dependencies.contains(&"io_uring".into()), "the manifest was understood: {dependencies:?}");
    let mut complaints = Vec::new();
    for file in sources() {
        let room = room_of(&file.path);
        for name in &dependencies {
            if !room.crates.contains(&name.as_str()) && file.says(&format!("{name}::")) {
                complaints.push(format!("src/{} ({}) uses {name}", file.path, room.name));
            }
        }
        for rival in RIVALS {
            if file.says(rival) {
                complaints.push(format!("src/{} uses {rival}, which we are compared with", file.path));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_shut_rooms_have_no_sockets_files_threads_or_clocks() {
    let mut complaints = Vec::new();
    for file in sources() {
        let may_read_clocks = CLOCKS.iter().any(|part| is_part(&file.path, part));
        for word in SHUT {
            let is_clock = matches!(*word, "Instant" | "SystemTime");
            let may_say = *word == "std::env" && file.path == ENVIRONMENT;
            if (room_of(&file.path).shut || is_clock && !may_read_clocks) && !may_say && file.says(word) {
                complaints.push(format!("src/{} says {word}", file.path));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn unsafe_is_in_its_place_and_says_why() {
    let mut complaints = misplaced_unsafe("src", UNSAFE);
    for (folder, allowed) in UNSAFE_ELSEWHERE {
        complaints.extend(misplaced_unsafe(folder, allowed));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn misplaced_unsafe(folder: &str, allowed: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in sources_below(folder) {
        let is_allowed = allowed.iter().any(|part| is_part(&file.path, part));
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let place = format!("{folder}/{}:{}", file.path, number + 1);
            if !is_allowed && has_word(code_of(line), "unsafe_code") {
                complaints.push(format!("{place} allows unsafe code"));
            }
            if !has_word(code_of(line), "unsafe") {
                continue;
            }
            let before = &lines[number.saturating_sub(8)..number];
            if !is_allowed {
                complaints.push(format!("{place}: unsafe, outside of {allowed:?}"));
            } else if !before.iter().any(|line| line.contains("// SAFETY:") || line.contains("/// # Safety")) {
                complaints.push(format!("{place}: unsafe without a SAFETY comment"));
            }
        }
    }
    complaints
}

#[test]
fn who_compares_the_models_or_draws_them_knows_nothing_of_them() {
    let mut complaints = Vec::new();
    let free_in = [
        ("benches/harness/src", &[] as &[&str]),
        ("drawing/src", &[]),
        ("benches/bare", KNOW_THE_MODELS),
        ("benches/uring_techniques", KNOW_THE_MODEL),
    ];
    for (folder, free) in free_in {
        for file in sources_below(folder) {
            let is_free = free.iter().any(|part| is_part(&file.path, part));
            if !is_free && file.says("iolab::") {
                complaints.push(format!("{folder}/{} names what it is to be independent of", file.path));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn files_are_short_and_words_are_chosen() {
    let mut complaints = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines > LONGEST_FILE {
            complaints.push(format!("src/{} has {lines} lines: split it by idea", file.path));
        }
        if !file.text.starts_with("//!") {
            complaints.push(format!("src/{} does not begin with what it is about", file.path));
        }
        for word in BANNED.iter().filter(|word| has_word(&file.text, word)) {
            complaints.push(format!("src/{} says {word}", file.path));
        }
        let serving = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        if !file.path.ends_with("_tests.rs") && serving.lines().any(|line| code_of(line).contains(".unwrap()")) {
            complaints.push(format!("src/{} unwraps outside of its tests", file.path));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_reader_understands_what_it_reads() {
    let source = |text: &str| Source { path: "models/epoll/serve.rs".into(), text: text.into() };
    let paths = |text: &str| source(text).paths().iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(paths("use crate::a::{self, b::{C, D}, E};"), ["a", "a::b::C", "a::b::D", "a::E"]);
    assert_eq!(paths("use super::read::f; use super::super::pool::P;"), ["models::epoll::read::f", "models::pool::P"]);
    assert_eq!(paths("let x: crate::Protocol = y; // crate::no"), ["Protocol"]);
    assert_eq!(
        paths("/// [`Epoll`](crate::models::epoll)\n//! crate::no\nmod tests { use super::*; }"),
        ["models::epoll::serve"]
    );
    assert!(has_word("an unsafe block", "unsafe") && !has_word("deny(unsafe_code)", "unsafe"));
    let exported = BTreeMap::from([("Epoll".to_string(), vec!["models".to_string(), "epoll".into()])]);
    assert_eq!(resolve(&["Epoll".into()], &exported), "models/epoll");
    assert!(!may_name(room_of("models/pool/serve.rs"), "models/epoll"));
    assert!(!may_name(room_of("http1/head.rs"), "patterns/echo") && !may_name(room_of("patterns/echo.rs"), "models"));
    assert!(may_name(room_of("sys/clock.rs"), "time") && !may_name(room_of("sys/clock.rs"), "connection"));
}

// Reading.

impl Room {
    fn has(&self, path: &str) -> bool {
        self.parts.iter().any(|part| is_part(path, part))
    }
}

/// A file below `src`.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Every path into this crate that the code says, resolved from its root.
    fn paths(&self) -> Vec<Vec<String>> {
        let code: String = self.text.lines().map(|line| format!("{} ", code_of(line))).collect();
        let mut paths = Vec::new();
        for start in ["crate::", "super::"] {
            for (at, _) in code.match_indices(start) {
                // Within a word or a path it is no start.
                if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let mut base = Vec::new();
                let mut rest = &code[at..];
                if start == "super::" {
                    base = self.module();
                }
                loop {
                    if let Some(after) = rest.strip_prefix("crate::") {
                        rest = after;
                    } else if let Some(after) = rest.strip_prefix("super::") {
                        base.pop();
                        rest = after;
                    } else {
                        break;
                    }
                }
                // A test module inside this file is below it.
                if start == "super::" && code[..at].contains("mod tests") {
                    base = self.module();
                }
                expand(&base, rest, &mut paths);
            }
        }
        paths
    }

    /// The module this file is.
    fn module(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').filter(|part| *part != "lib").map(String::from).collect()
    }

    fn says(&self, word: &str) -> bool {
        self.text.lines().any(|line| has_word(code_of(line), word))
    }
}

/// Appends the paths of a use tree that begins at `base`; returns what follows it.
fn expand<'t>(base: &[String], tree: &'t str, paths: &mut Vec<Vec<String>>) -> &'t str {
    let tree = tree.trim_start();
    if let Some(mut rest) = tree.strip_prefix('{') {
        loop {
            rest = expand(base, rest, paths).trim_start();
            match rest.strip_prefix(',') {
                Some(after) if !after.trim_start().starts_with('}') => rest = after,
                Some(after) => return after.trim_start().strip_prefix('}').unwrap_or(after),
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tree.len());
    let (name, rest) = tree.split_at(end);
    let mut path = base.to_vec();
    if !name.is_empty() && name != "self" {
        path.push(name.into());
    }
    match rest.strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => expand(&path, rest, paths),
        _ => {
            paths.push(path);
            rest.strip_prefix('*').unwrap_or(rest)
        }
    }
}

/// The file or folder a path leads to, without its ending.
fn resolve(path: &[String], exported: &BTreeMap<String, Vec<String>>) -> String {
    let mut path = path.to_vec();
    if let Some(first) = path.first()
        && let Some(target) = exported.get(first)
    {
        path.splice(..1, target.iter().cloned());
    }
    while !path.is_empty() {
        let place = path.join("/");
        let at = root().join("src").join(&place);
        if at.is_dir() || at.with_extension("rs").is_file() {
            return place;
        }
        path.pop();
    }
    "lib".into()
}

fn may_name(room: &Room, target: &str) -> bool {
    let file = format!("{target}.rs");
    let is_single = SINGLE.iter().any(|(name, part)| room.may_name.contains(name) && is_part(&file, part));
    let targets = ROOMS.iter().filter(|other| other.has(&file) || other.has(&format!("{target}/mod.rs")));
    let mut targets = targets.peekable();
    room.may_name == ["*"]
        || is_single
        || targets.peek().is_some() && targets.all(|other| other.name == room.name || room.may_name.contains(&other.name))
}

/// What `lib.rs` and `models/mod.rs` hand out under a shorter name.
fn exported_from_root() -> BTreeMap<String, Vec<String>> {
    let mut exported = BTreeMap::new();
    for source in sources().iter().filter(|source| source.path == "lib.rs") {
        let code: String = source.text.lines().map(|line| format!("{} ", code_of(line))).collect();
        for (at, start) in code.match_indices("pub use ") {
            let mut paths = Vec::new();
            expand(&[], &code[at + start.len()..], &mut paths);
            for path in paths {
                if let [module @ .., name] = path.as_slice() {
                    exported.insert(name.clone(), module.to_vec());
                }
            }
        }
    }
    assert!(exported.contains_key("Connection"), "lib.rs was understood: {exported:?}");
    exported
}

fn room_of(path: &str) -> &'static Room {
    ROOMS.iter().find(|room| room.has(path)).unwrap_or_else(|| panic!("src/{path} is in no room"))
}

fn is_part(path: &str, part: &str) -> bool {
    path == part || path.strip_prefix(part).is_some_and(|rest| rest.starts_with('/'))
}

/// The line without a comment.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Whether the word is there, and not only as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let begins = !word.starts_with(is_letter) || !text[..at].ends_with(is_letter);
        let ends = !word.ends_with(is_letter) || !text[at + word.len()..].starts_with(is_letter);
        begins && ends
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    sources_below("src")
}

fn sources_below(folder: &str) -> Vec<Source> {
    let top = root().join(folder);
    let mut folders: Vec<PathBuf> = vec![top.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { path: path.strip_prefix(&top).unwrap().to_string_lossy().into_owned(), text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}
