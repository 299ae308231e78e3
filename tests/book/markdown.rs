//! As much of Markdown as the pages use: lines that are text, and fenced blocks.

use std::path::{Path, PathBuf};

use super::text_of;

/// A page of text, line by line.
pub struct Page {
    /// From the root of the tree.
    pub path: PathBuf,
    pub text: String,
}

/// What stands between two fences.
pub struct Block<'p> {
    /// What follows the opening fence: `rust`, `console`, `text`.
    pub language: &'p str,
    /// The number of the line after the opening fence, from 1.
    pub at: usize,
    pub lines: Vec<&'p str>,
    /// The text before it that is under the same heading.
    pub introduced_by: Vec<&'p str>,
}

impl Page {
    pub fn read(path: PathBuf) -> Page {
        let text = text_of(&path);
        Page { path, text }
    }

    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The fenced blocks. One that is never closed ends with the page.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        self.taken_apart().1
    }

    /// The lines outside of fences and comments, with their numbers from 1.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        self.taken_apart().0
    }

    /// What a relative path on this page leads to, from the root of the tree; `None` if it leads out of it.
    pub fn resolve(&self, target: &str) -> Option<PathBuf> {
        let mut path = self.path.parent().unwrap_or(Path::new("")).to_owned();
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if !path.pop() {
                        return None;
                    }
                }
                name => path.push(name),
            }
        }
        Some(path)
    }

    /// The headings, as the fragments by which they are linked: in lower case, with hyphens for spaces, without punctuation.
    pub fn fragments(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter_map(|(_, line)| line.strip_prefix('#'));
        headings
            .map(|heading| {
                let kept = heading.trim_start_matches('#').trim().to_lowercase();
                let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect()
            })
            .collect()
    }

    #[allow(clippy::type_complexity)]
    fn taken_apart(&self) -> (Vec<(usize, &str)>, Vec<Block<'_>>) {
        let (mut prose, mut blocks) = (Vec::new(), Vec::<Block<'_>>::new());
        let (mut within, mut comment, mut section) = (false, false, Vec::new());
        for (number, line) in self.text.lines().enumerate() {
            if let Some(language) = line.trim_start().strip_prefix("```").filter(|_| !comment) {
                within = !within;
                if within {
                    blocks.push(Block {
                        language: language.trim(),
                        at: number + 2,
                        lines: Vec::new(),
                        introduced_by: section.clone(),
                    });
                }
            } else if within {
                blocks.last_mut().expect("an open block").lines.push(line);
            } else if comment || line.starts_with("<!--") {
                comment = !line.contains("-->");
            } else {
                prose.push((number + 1, line));
                if line.starts_with('#') {
                    section.clear();
                }
                section.push(line);
            }
        }
        (prose, blocks)
    }
}

/// What stands between back quotes, on one line.
pub fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The links and images of a line: what is shown, and what it leads to.
pub fn links(line: &str) -> Vec<(&str, &str)> {
    let mut links = Vec::new();
    for (at, _) in line.match_indices("](") {
        let after = &line[at + 2..];
        let mut depth = 0usize;
        let end = after.find(|c| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' if depth > 0 => {
                depth -= 1;
                false
            }
            c => c == ')',
        });
        let (Some(end), Some(start)) = (end, line[..at].rfind('[')) else { continue };
        links.push((&line[start + 1..at], &after[..end]));
    }
    links
}

#[test]
fn a_page_is_taken_apart() {
    let text = "# One `a_b` two\n\nsee [`x`](y.rs) and [z](w_(v).md):\n\n```rust\nlet a;\n```\n<!-- no\n[l](m) -->\nend";
    let page = Page { path: "docs/deep/page.md".into(), text: text.into() };
    let blocks = page.blocks();
    assert_eq!((blocks.len(), blocks[0].language, blocks[0].at, &blocks[0].lines[..]), (1, "rust", 6, &["let a;"][..]));
    assert_eq!(blocks[0].introduced_by, ["# One `a_b` two", "", "see [`x`](y.rs) and [z](w_(v).md):", ""]);
    assert_eq!(links(blocks[0].introduced_by[2]), [("`x`", "y.rs"), ("z", "w_(v).md")]);
    assert_eq!(page.prose().last(), Some(&(10, "end")));
    assert_eq!(page.fragments(), ["one-a_b-two"]);
    assert_eq!(page.resolve("../../src/./x.rs"), Some("src/x.rs".into()));
    assert_eq!(page.resolve("../../../x"), None);
    assert_eq!(quoted("a `b` c `d`").collect::<Vec<_>>(), ["b", "d"]);
}
