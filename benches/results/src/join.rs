//! A part of a benchmark that was measured again, put into the whole that was kept.

use crate::compare::differences;
use crate::schema::Report;

/// What is kept, with the rows of `part` in the place of its own. `Err` says why the two are not of a kind, as the end of a sentence
/// that begins with "a part was measured, and".
///
/// Rows may be mixed because contestants are compared within a row only. So they have to be of one machine, source and way of
/// measuring; a row is replaced by one that the same command measures, with the same contestants therefore; and where the benchmark has
/// drawn conclusions of its own, they are of all rows together, which nobody has measured together now.
pub fn joined(kept: &Report, part: &Report) -> Result<Report, String> {
    let source = |report: &Report| report.commit.clone().unwrap_or_else(|| "no known commit".to_owned());
    if kept.bench != part.bench {
        return Err(format!("what is kept is a report of {}", kept.bench));
    }
    if kept.commit != part.commit {
        return Err(format!("what is kept was built from {}, and this from {}", source(kept), source(part)));
    }
    if part.commit.as_deref().is_none_or(|commit| commit.ends_with("-dirty")) {
        return Err(
            "it was built from a source that is no commit, so nobody knows whether what is kept was built from the same".into(),
        );
    }
    if let Some((line, ..)) = differences(kept, part).first() {
        return Err(format!("what is kept was measured on another machine or otherwise (they differ in: {line})"));
    }
    if kept.cores != part.cores {
        return Err("what is kept was measured on other cores".to_owned());
    }
    if kept.settings != part.settings {
        return Err("what is kept was measured in other or longer rounds".to_owned());
    }
    if !kept.findings.is_empty() || !part.findings.is_empty() {
        return Err("what is kept has findings from all of its rows together".to_owned());
    }
    let mut all = kept.clone();
    for row in &part.rows {
        match all.rows.iter_mut().find(|known| known.name == row.name) {
            Some(known) if known.command != row.command => {
                return Err(format!("in what is kept, {} was measured by another command ({})", row.name, known.command));
            }
            Some(known) => *known = row.clone(),
            None => all.rows.push(row.clone()),
        }
    }
    let names: Vec<&str> = part.rows.iter().map(|row| row.name.as_str()).collect();
    let later = format!("Measured later than the rest, {}, by {}: {}.", part.measured, part.command, names.join(", "));
    add(&mut all.notes, part.notes.iter().chain([&later]));
    add(&mut all.warnings, part.warnings.iter());
    Ok(all)
}

fn add<'a>(sentences: &mut Vec<String>, more: impl Iterator<Item = &'a String>) {
    for sentence in more {
        if !sentences.contains(sentence) {
            sentences.push(sentence.clone());
        }
    }
}
