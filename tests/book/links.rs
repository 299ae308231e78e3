//! What is pointed at is there, and so is every test that is cited.

use super::markdown::{Page, links, quoted};
use super::{all_pages, none, root, sources, text_of};

#[test]
fn every_link_and_picture_leads_somewhere() {
    let mut complaints = Vec::new();
    for page in all_pages() {
        for (number, line) in page.prose() {
            for (_, target) in links(line) {
                if let Err(why) = follow(&page, target) {
                    complaints.push(format!("{}:{number}: {target}: {why}", page.name()));
                }
            }
            if line.contains("![](") {
                complaints.push(format!("{}:{number}: a picture that does not say what is to be seen", page.name()));
            }
        }
    }
    none(complaints);
}

fn follow(page: &Page, target: &str) -> Result<(), String> {
    if target.starts_with("https://") {
        return Ok(());
    }
    if target.contains("://") {
        return Err("only https leaves this book".into());
    }
    let (path, fragment) = target.split_once('#').map_or((target, None), |(path, fragment)| (path, Some(fragment)));
    let path = if path.is_empty() { Some(page.path.clone()) } else { page.resolve(path) };
    let Some(path) = path.filter(|path| root().join(path).exists()) else { return Err("is not there".into()) };
    if page.path.starts_with("docs") && path.extension().is_some_and(|extension| extension == "md") && !path.starts_with("docs")
    {
        return Err("mdbook makes .html of a page's name, and this one is not in the book: name it without a link".into());
    }
    match fragment {
        Some(fragment) if !Page::read(path).fragments().iter().any(|there| there == fragment) => Err("no such heading".into()),
        _ => Ok(()),
    }
}

/// A sentence that cites a test has its name as the text of a link to its file.
#[test]
fn every_test_that_is_cited_is_where_the_link_says() {
    let mut complaints = Vec::new();
    let mut cited = 0;
    for page in all_pages() {
        for (number, line) in page.prose() {
            for (shown, target) in links(line) {
                let Some(name) = quoted(shown).next().filter(|name| is_function(name)) else { continue };
                let Some(path) = page.resolve(target).filter(|path| path.extension().is_some_and(|end| end == "rs")) else {
                    continue;
                };
                cited += 1;
                if !text_of(&path).contains(&format!("fn {name}(")) {
                    complaints.push(format!("{}:{number}: {name} is not in {target}", page.name()));
                }
            }
        }
    }
    assert!(cited > 10, "citations are found: {cited}");
    none(complaints);
}

/// `snake_case` of several words.
fn is_function(name: &str) -> bool {
    name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What a page calls a file is one.
#[test]
fn every_source_that_is_named_exists() {
    let all = sources();
    let mut complaints = Vec::new();
    for page in all_pages() {
        for (number, line) in page.prose() {
            for name in quoted(line)
                .filter(|name| name.ends_with(".rs") && !name.contains(char::is_whitespace) && !name.contains("NAME"))
            {
                if !all.iter().any(|path| path.ends_with(name)) {
                    complaints.push(format!("{}:{number}: {name} is not there", page.name()));
                }
            }
        }
    }
    none(complaints);
}
