//! The book cannot rot: what `docs` shows, names and claims is held against the tree. mdbook is not needed; it would print an empty
//! block for an anchor that is not there, and succeed.
//!
//! - [`pages`]: the book has a shape, and every chapter has it;
//! - [`snippets`]: no Rust is typed, every snippet is there, and nothing is marked that is not shown;
//! - [`commands`]: every command names a package's real example, bench, test and flag;
//! - [`links`]: what is pointed at is there, and so is every test that is cited;
//! - [`figures`]: every picture and table is what its data say.

mod commands;
mod figures;
mod links;
mod markdown;
mod pages;
mod snippets;

use std::fs;
use std::path::{Path, PathBuf};

use markdown::Page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All pages of the book but its table of contents.
fn book() -> Vec<Page> {
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("SUMMARY.md");
    let pages: Vec<Page> = files_below("docs").into_iter().filter(is_page).map(Page::read).collect();
    assert!(pages.len() > 20, "the book is read: {} pages", pages.len());
    pages
}

/// The same, and the pages at the front door.
fn all_pages() -> Vec<Page> {
    let front = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "benches/peers/README.md", "fuzz/README.md"];
    book().into_iter().chain(front.map(|name| Page::read(name.into()))).collect()
}

/// Those with Rust in them, wherever they are.
fn sources() -> Vec<PathBuf> {
    let rooms = ["src", "tests", "examples", "benches", "drawing", "fuzz"];
    let is_source = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    rooms.into_iter().flat_map(files_below).filter(is_source).collect()
}

/// Every file below a folder of the tree, by its path from the root, but for what was built or fetched.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join(&folder)).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if !entry.file_type().unwrap().is_dir() {
                files.push(path);
            } else if !["target", "node_modules", "corpus", "artifacts"].iter().any(|built| path.ends_with(built)) {
                folders.push(path);
            }
        }
    }
    files.sort();
    files
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with all complaints, not with the first.
#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
