//! Every picture and every table is what its data say, every picture is shown, and every file of data says how it came about.

use std::path::PathBuf;

use super::markdown::links;
use super::{all_pages, files_below, none, root, text_of};
use drawing::Table;
use drawing::figures;

/// What the head of a file of measurements has to say.
const PROVENANCE: &[&str] = &["command", "date", "commit", "kernel", "CPU"];

#[test]
fn every_picture_and_every_table_is_what_its_data_say() {
    let differing = figures::differing(root()).unwrap();
    none(differing.iter().map(|path| format!("{}: cargo run --example figures", path.display())).collect());
    none(figures::not_drawn(root()).iter().map(|(name, data)| format!("{name}: there is no {}", data.display())).collect());
}

#[test]
fn every_picture_is_shown_and_every_file_of_data_is_used() {
    let mut named: Vec<PathBuf> = Vec::new();
    let mut text = String::new();
    for page in all_pages() {
        let prose = page.prose();
        let targets = prose.iter().flat_map(|(_, line)| links(line)).map(|(_, target)| target);
        named.extend(targets.filter_map(|target| page.resolve(target)));
        text += &page.text;
    }
    let mut complaints = Vec::new();
    for picture in files_below("docs/pictures") {
        if !named.contains(&picture) {
            complaints.push(format!("{} is on no page", picture.display()));
        }
    }
    let list = text_of("drawing/src/figures/list.rs".as_ref());
    for data in files_below("docs/data") {
        let name = data.file_name().expect("a file").to_string_lossy().into_owned();
        if !list.contains(&name) && !text.contains(&format!("data/{name}")) {
            complaints.push(format!("{} is used by no page and no picture", data.display()));
        }
    }
    none(complaints);
}

#[test]
fn every_measurement_says_where_it_is_from() {
    let mut complaints = Vec::new();
    let is_table = |path: &PathBuf| path.extension().is_some_and(|end| end == "csv");
    let tables: Vec<_> = files_below("docs/data").into_iter().filter(is_table).collect();
    assert!(tables.len() >= 4, "there are measurements: {tables:?}");
    for path in tables {
        match Table::parse(&text_of(&path)) {
            Err(why) => complaints.push(format!("{}: {why}", path.display())),
            Ok(table) => {
                let says = |key: &str| table.header.iter().any(|(name, value)| name == key && !value.is_empty());
                let missing = PROVENANCE.iter().filter(|key| !says(key));
                complaints.extend(missing.map(|key| format!("{}: does not say its {key}", path.display())));
                if table
                    .header
                    .iter()
                    .any(|(name, value)| name == "commit" && (value == "unknown" || value.ends_with("-dirty")))
                {
                    complaints.push(format!("{}: nobody can say which source it measured", path.display()));
                }
            }
        }
    }
    none(complaints);
}
