//! No Rust is typed in the book: every snippet is a named part of a file that is compiled, and every named part is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::markdown::links;
use super::{book, none, root, sources, text_of};

/// More than this is no snippet, but a file: it should be linked.
const LONGEST_SNIPPET: usize = 60;

#[test]
fn no_rust_is_typed_and_every_snippet_says_where_it_is_from() {
    let mut complaints = Vec::new();
    for page in book() {
        for block in page.blocks() {
            let place = format!("{}:{}", page.name(), block.at);
            let includes: Vec<_> = block.lines.iter().filter_map(|line| include(line)).collect();
            if block.language.is_empty() {
                complaints.push(format!("{place}: a fence without a language (rust, text, console, ...)"));
            }
            if block.language == "rust" && (block.lines.len() != 1 || includes.len() != 1) {
                complaints.push(format!("{place}: Rust that is typed: a fence of Rust has one line, a named include"));
            }
            for (target, _) in includes {
                if !block.introduced_by.iter().flat_map(|line| links(line)).any(|(_, link)| link == target) {
                    complaints
                        .push(format!("{place}: the text above it should link to {target}, for who reads this without mdbook"));
                }
            }
        }
        for (number, _) in page.prose().iter().filter(|(_, line)| line.contains("{{#")) {
            complaints.push(format!("{}:{number}: an include outside of a fence", page.name()));
        }
    }
    none(complaints);
}

#[test]
fn every_include_resolves_to_something_that_is_compiled() {
    let compiled = compiled();
    let mut complaints = Vec::new();
    for page in book() {
        for block in page.blocks() {
            for (target, anchor) in block.lines.iter().filter_map(|line| include(line)) {
                let place = format!("{}:{}", page.name(), block.at);
                let Some(path) = page.resolve(target).filter(|path| root().join(path).is_file()) else {
                    complaints.push(format!("{place}: there is no {target}"));
                    continue;
                };
                let is_rust = path.extension().is_some_and(|extension| extension == "rs");
                if is_rust && !compiled.contains(&path) {
                    complaints.push(format!("{place}: {target} is no part of any crate"));
                }
                match (anchor, anchors(&text_of(&path))) {
                    (None, _) if is_rust => complaints.push(format!("{place}: {target} without a name of a part")),
                    (None, _) => {}
                    (Some(_), Err(why)) => complaints.push(format!("{place}: {target}: {why}")),
                    (Some(anchor), Ok(anchors)) => match anchors.get(anchor) {
                        None => complaints.push(format!("{place}: {target} has no part that is called {anchor}")),
                        Some(0) => complaints.push(format!("{place}: {anchor} of {target} is empty")),
                        Some(&lines) if lines > LONGEST_SNIPPET => {
                            complaints.push(format!("{place}: {anchor} of {target} has {lines} lines: show less"));
                        }
                        Some(_) => {}
                    },
                }
            }
        }
    }
    none(complaints);
}

#[test]
fn every_part_that_is_named_is_shown() {
    let mut shown = BTreeSet::new();
    for page in book() {
        for block in page.blocks() {
            let includes = block.lines.iter().filter_map(|line| include(line));
            shown.extend(includes.filter_map(|(target, anchor)| Some((page.resolve(target)?, anchor?.to_owned()))));
        }
    }
    let mut complaints = Vec::new();
    // What this test says about anchors is not one.
    for path in sources().into_iter().filter(|path| !path.starts_with("tests/book")) {
        match anchors(&text_of(&path)) {
            Err(why) => complaints.push(format!("{}: {why}", path.display())),
            Ok(anchors) => {
                let unshown = anchors.into_keys().filter(|anchor| !shown.contains(&(path.clone(), anchor.clone())));
                complaints.extend(unshown.map(|anchor| format!("{}: {anchor} is shown nowhere", path.display())));
            }
        }
    }
    none(complaints);
}

/// The file and the name of the part that a line includes.
fn include(line: &str) -> Option<(&str, Option<&str>)> {
    let target = line.trim().strip_prefix("{{#include ")?.strip_suffix("}}")?.trim();
    Some(target.split_once(':').map_or((target, None), |(path, anchor)| (path, Some(anchor))))
}

/// The parts of a file that have a name, and how many lines each has that are not empty.
fn anchors(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut closed = BTreeMap::new();
    for line in text.lines() {
        if let Some((_, name)) = line.split_once("ANCHOR: ") {
            if closed.contains_key(name.trim()) || open.iter().any(|(opened, _)| *opened == name.trim()) {
                return Err(format!("{} is opened twice", name.trim()));
            }
            open.push((name.trim(), 0));
        } else if let Some((_, name)) = line.split_once("ANCHOR_END: ") {
            let place = open.iter().position(|(opened, _)| *opened == name.trim());
            let (name, lines) = open.remove(place.ok_or_else(|| format!("{} is closed and was not open", name.trim()))?);
            closed.insert(name.to_owned(), lines);
        } else if !line.trim().is_empty() {
            open.iter_mut().for_each(|(_, lines)| *lines += 1);
        }
    }
    match open.first() {
        Some((name, _)) => Err(format!("{name} is never closed")),
        None => Ok(closed),
    }
}

/// Every file that a crate of this tree is made of: its root, and what is a module of one that is.
fn compiled() -> BTreeSet<PathBuf> {
    let is_root = |path: &PathBuf| {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let parts: Vec<&str> = parts.iter().map(|part| &**part).collect();
        matches!(
            parts[..],
            ["src", "lib.rs"]
                | ["tests" | "examples" | "benches", _]
                | ["tests" | "examples" | "benches", _, "main.rs"]
                | [.., "src", "lib.rs" | "main.rs"]
                | [_, "tests" | "fuzz_targets", _]
                | [_, _, "tests", _]
        )
    };
    let mut found = BTreeSet::new();
    let mut unread: Vec<PathBuf> = sources().into_iter().filter(is_root).collect();
    while let Some(path) = unread.pop() {
        if !root().join(&path).is_file() || !found.insert(path.clone()) {
            continue;
        }
        unread.extend(modules(&path, &text_of(&path), is_root(&path)));
    }
    found
}

/// Where the modules may be that a file declares.
fn modules(path: &Path, text: &str, is_root: bool) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let owns_folder = is_root || path.file_name().is_some_and(|name| name == "mod.rs");
    let below = if owns_folder { folder.clone() } else { path.with_extension("") };
    let (mut modules, mut named) = (Vec::new(), None);
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            named = Some(path);
        } else if let Some((visible, name)) = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod "))
            && (visible.is_empty() || visible.starts_with("pub"))
        {
            match named.take() {
                Some(path) => modules.push(plain(&folder.join(path))),
                None => modules.extend([below.join(format!("{name}.rs")), below.join(name).join("mod.rs")]),
            }
        }
    }
    modules
}

/// Without `..`.
fn plain(path: &Path) -> PathBuf {
    path.iter().fold(PathBuf::new(), |mut plain, part| {
        if part == ".." {
            plain.pop();
        } else {
            plain.push(part);
        }
        plain
    })
}

#[test]
fn parts_are_named_opened_and_closed() {
    let text = "// ANCHOR: a\nx\n// ANCHOR: b\n\ny\n// ANCHOR_END: b\n// ANCHOR_END: a\n// ANCHOR: c\n// ANCHOR_END: c\n";
    let found = anchors(text).unwrap();
    assert_eq!(found, BTreeMap::from([("a".into(), 2), ("b".into(), 1), ("c".into(), 0)]));
    assert!(anchors("// ANCHOR: a\n").unwrap_err().contains("never closed"));
    assert!(anchors("// ANCHOR_END: a\n").unwrap_err().contains("was not open"));
    assert!(anchors("// ANCHOR: a\nx\n// ANCHOR_END: a\n// ANCHOR: a\n").unwrap_err().contains("twice"));
    assert_eq!(include("{{#include ../src/a.rs:b}}"), Some(("../src/a.rs", Some("b"))));
    assert_eq!(include("{{#include data/a.txt}}"), Some(("data/a.txt", None)));
    let declared = modules(Path::new("tests/x.rs"), "#[path = \"../benches/y.rs\"]\nmod y;\npub mod z;\n// a mod w;", true);
    let expected: Vec<PathBuf> = ["benches/y.rs", "tests/z.rs", "tests/z/mod.rs"].map(PathBuf::from).into();
    assert_eq!(declared, expected);
}
