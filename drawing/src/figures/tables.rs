//! Tables in Markdown, filled from measurements: what stands between `<!-- table: ... -->` and `<!-- /table -->` is written by the
//! program, by what the comment says.
//!
//! ```text
//! <!-- table: data/models.csv; rows: get-64, get-512; measures: cpu, system_calls -->
//! <!-- /table -->
//! ```
//!
//! | key | value | if it is not said |
//! |---|---|---|
//! | (first) | the file, from `docs` on | |
//! | `rows` | names of rows, in the order of the table | all rows |
//! | `measures` | names of measures; `cpu.1` has one digit behind the point | all of the row |
//! | `models` | which models, in which order | all |
//! | `columns` | `models`, or `measures`: then a row for each model | `models` |
//! | `spread` | `yes`: each number with its interval | `no` |
//! | `head` | what stands above the names of the rows | nothing |
//!
//! Keys may be on lines of their own. Where `rows` comes again, a new part of the table begins, which has `measures` of its own.
//! A number is bold where the file says that its model is the best, which is judged by ratios within rounds (see [`crate::table`]).

use super::FigureError;
use crate::number;
use crate::table::{Cell, Table};

pub(super) const BEGIN: &str = "<!-- table:";
const END: &str = "<!-- /table -->";

/// Some rows, and what is told of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    rows: Vec<String>,
    measures: Vec<String>,
}

/// What a comment asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Directive {
    data: String,
    parts: Vec<Part>,
    models: Vec<String>,
    by_measure: bool,
    spread: bool,
    head: String,
}

/// The page, with all of its tables filled. `read` finds a file of measurements by its name.
pub fn rewrite(page: &str, read: &dyn Fn(&str) -> Result<Table, FigureError>) -> Result<String, String> {
    let mut written = String::new();
    let mut rest = page;
    while let Some((before, from_begin)) = rest.split_once(BEGIN) {
        let above = &page[..page.len() - from_begin.len()];
        // In a fence it is shown, and not meant.
        if above.lines().filter(|line| line.starts_with("```")).count() % 2 == 1 {
            written += &format!("{before}{BEGIN}");
            rest = from_begin;
            continue;
        }
        let line = above.lines().count();
        let at = |what: String| format!("line {line}: {what}");
        let (words, after) = from_begin.split_once("-->").ok_or_else(|| at("this comment does not end".to_owned()))?;
        let (_, after) = after.split_once(END).ok_or_else(|| at(format!("there is no `{END}` behind this table")))?;
        let directive = Directive::parse(words).map_err(at)?;
        let table = read(&directive.data).map_err(|error| at(error.to_string()))?;
        let lines = directive.lines(&table).map_err(at)?;
        // A blank line on each side: else Markdown takes the comment for a part of the table, or the table for a part of the comment.
        written.push_str(&format!("{before}{BEGIN}{words}-->\n\n{}\n{END}", lines.concat()));
        rest = after;
    }
    Ok(written + rest)
}

impl Directive {
    fn parse(words: &str) -> Result<Directive, String> {
        let mut directive = Directive::default();
        let mut entries = words.split([';', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let data = entries.next().unwrap_or_default();
        directive.data = data.strip_prefix("data/").ok_or_else(|| format!("`{data}` is no file in `data/`"))?.to_owned();
        for entry in entries {
            let (key, value) = entry.split_once(':').ok_or_else(|| format!("`{entry}` is no `key: value`"))?;
            let names =
                || value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>();
            match (key.trim(), value.trim()) {
                ("rows", _) => directive.parts.push(Part { rows: names(), measures: Vec::new() }),
                ("measures", _) => {
                    if directive.parts.is_empty() {
                        directive.parts.push(Part::default());
                    }
                    directive.parts.last_mut().expect("there is one").measures = names();
                }
                ("models", _) => directive.models = names(),
                ("columns", "models") => directive.by_measure = false,
                ("columns", "measures") => directive.by_measure = true,
                ("spread", "yes") => directive.spread = true,
                ("spread", "no") => directive.spread = false,
                ("head", value) => directive.head = value.to_owned(),
                (key, value) => {
                    let known = "rows, measures, models, columns (models, measures), spread (yes, no), head";
                    return Err(format!("`{key}: {value}` says nothing here; what does: {known}"));
                }
            }
        }
        if directive.parts.is_empty() {
            directive.parts.push(Part::default());
        }
        Ok(directive)
    }

    fn lines(&self, table: &Table) -> Result<Vec<String>, String> {
        let models = match &self.models[..] {
            [] => table.models().into_iter().map(str::to_owned).collect(),
            named => named.to_vec(),
        };
        if let Some(unknown) = models.iter().find(|model| !table.models().contains(&model.as_str())) {
            return Err(format!("{} knows no model `{unknown}`", self.data));
        }
        if self.by_measure { self.by_measure(table, &models) } else { self.by_model(table, &models) }
    }

    /// A line for each row and measure, a column for each model.
    fn by_model(&self, table: &Table, models: &[String]) -> Result<Vec<String>, String> {
        let mut lines = head([self.head.clone(), String::new()].into_iter().chain(models.iter().cloned()), 2);
        for part in &self.parts {
            for row in self.rows(table, part)? {
                let mut title = table.title(&row).to_owned();
                for (measure, digits) in self.measures(table, part, &row)? {
                    let cells: Vec<_> = models.iter().map(|model| table.cell(&row, model, &measure)).collect();
                    let known = cells.iter().flatten().find(|cell| cell.median.is_some()).or(cells.iter().flatten().next());
                    let label = known.map(|cell| label(cell)).unwrap_or_default();
                    let values = cells.into_iter().map(|cell| self.written(cell, digits));
                    lines.push(line([std::mem::take(&mut title), label].into_iter().chain(values)));
                }
            }
        }
        Ok(lines)
    }

    /// A line for each row and model, a column for each measure.
    fn by_measure(&self, table: &Table, models: &[String]) -> Result<Vec<String>, String> {
        let [part] = &self.parts[..] else { return Err(String::from("with `columns: measures`, `rows` can be said once")) };
        let rows = self.rows(table, part)?;
        let measures = self.measures(table, part, rows.first().map_or("", String::as_str))?;
        let names = measures.iter().map(|(measure, _)| {
            let cell = table.cells.iter().find(|cell| cell.measure == *measure && rows.contains(&cell.row));
            cell.map(label).unwrap_or_default()
        });
        let with_model = models.len() > 1;
        let first = [self.head.clone()].into_iter().chain(with_model.then(String::new));
        let mut lines = head(first.chain(names), 1 + usize::from(with_model));
        for row in &rows {
            let mut title = table.title(row).to_owned();
            for model in models {
                let values = measures.iter().map(|(measure, digits)| self.written(table.cell(row, model, measure), *digits));
                let first = [std::mem::take(&mut title)].into_iter().chain(with_model.then(|| model.clone()));
                lines.push(line(first.chain(values)));
            }
        }
        Ok(lines)
    }

    fn rows(&self, table: &Table, part: &Part) -> Result<Vec<String>, String> {
        let known = table.rows();
        match part.rows.iter().find(|row| !known.contains(&row.as_str())) {
            Some(unknown) => Err(format!("{} has no row `{unknown}`", self.data)),
            None if part.rows.is_empty() => Ok(known.into_iter().map(str::to_owned).collect()),
            None => Ok(part.rows.clone()),
        }
    }

    /// Which measures of a row, and with how many digits behind the point.
    fn measures(&self, table: &Table, part: &Part, row: &str) -> Result<Vec<(String, Option<usize>)>, String> {
        let of_row = || table.cells.iter().filter(|cell| cell.row == row).map(|cell| cell.measure.as_str());
        let mut all = Vec::new();
        for measure in of_row() {
            if !all.iter().any(|(known, _)| known == measure) {
                all.push((measure.to_owned(), None));
            }
        }
        if part.measures.is_empty() {
            return Ok(all);
        }
        let one = |name: &String| {
            // `p99.9` is the name of a measure, and not of `p99` with nine digits.
            let is_known = |name: &str| all.iter().any(|(known, _)| known == name);
            let with_digits = name.rsplit_once('.').filter(|(name, _)| is_known(name));
            let with_digits = with_digits.and_then(|(name, digits)| Some((name.to_owned(), Some(digits.parse().ok()?))));
            match with_digits {
                _ if is_known(name) => Ok((name.clone(), None)),
                Some(found) => Ok(found),
                None => Err(format!("{} has no measure `{name}` in the row `{row}`", self.data)),
            }
        };
        part.measures.iter().map(one).collect()
    }

    fn written(&self, cell: Option<&Cell>, digits: Option<usize>) -> String {
        let Some(cell) = cell else { return String::new() };
        let Some(median) = cell.median else { return in_a_cell(&cell.note) };
        let number = |value: f64| match digits {
            Some(digits) => number::with_decimals(value, digits),
            None => with_unit(cell, value),
        };
        let mut text = number(median);
        if cell.note == "at least" {
            text = format!("≥ {text}");
        }
        if cell.note == "best" {
            text = format!("**{text}**");
        }
        match cell.low.zip(cell.high) {
            Some((low, high)) if self.spread => format!("{text} ({} to {})", number(low), number(high)),
            _ => text,
        }
    }
}

/// A cell of a Markdown table is one line, and `|` ends it. What a program said in failing may have both.
fn in_a_cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Times and memory have their unit beside the number, since one row's are a thousand times another's; for the rest it is in the
/// label.
fn with_unit(cell: &Cell, value: f64) -> String {
    match cell.unit.as_str() {
        unit if is_moment(unit) => number::time(value),
        unit if is_memory(unit) => number::octets(value),
        _ => number::short(value),
    }
}

fn is_moment(unit: &str) -> bool {
    unit == "µs" || unit.starts_with("µs until")
}

fn is_memory(unit: &str) -> bool {
    unit == "octets" || unit.starts_with("octets of memory")
}

/// What a measure is called for people.
fn label(cell: &Cell) -> String {
    match (cell.measure.as_str(), cell.unit.as_str()) {
        ("p50", _) => String::from("half within"),
        (share, "µs") if share.starts_with('p') => format!("{} % within", &share[1..]),
        (measure, "µs" | "octets") => measure.replace('_', " "),
        (_, unit) if is_moment(unit) => unit["µs ".len()..].to_owned(),
        (_, unit) => unit.strip_prefix("octets of ").unwrap_or(unit).to_owned(),
    }
}

/// The head of a table: texts on the left, numbers on the right.
fn head(names: impl Iterator<Item = String>, texts: usize) -> Vec<String> {
    let names: Vec<_> = names.collect();
    let rule: String = (0..names.len()).map(|at| if at < texts { "---|" } else { "--:|" }).collect();
    vec![line(names.into_iter()), format!("|{rule}\n")]
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<_> = fields.map(|field| if field.is_empty() { String::from(" ") } else { format!(" {field} ") }).collect();
    format!("|{}|\n", fields.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "# row get-64: GET, 64 connections\nrow,model,measure,unit,median,low,high,note\n\
        get-64,epoll,cpu,µs of CPU a request,7.344,7.2,7.51,best\nget-64,pool,cpu,µs of CPU a request,16.8,16,17,\n\
        get-64,epoll,p99.9,µs,8960,8000,9000,\nget-64,epoll,idle_memory,octets of memory for each idle one,1100,,,\n\
        idle,epoll,rate,requests a second,141092,140000,142000,at least\nidle,pool,rate,requests a second,,,,\"holds 1,024\"\n";

    fn filled(directive: &str) -> Result<String, String> {
        let page = format!("before\n<!-- table: {directive} -->\nold\n<!-- /table -->\nafter <!-- other -->\n");
        let page = rewrite(&page, &|name| {
            assert_eq!(name, "x.csv");
            Ok(Table::parse(DATA).unwrap())
        })?;
        let again = rewrite(&page, &|_| Ok(Table::parse(DATA).unwrap())).unwrap();
        assert_eq!(page, again);
        let lines = page.split("-->\n\n").nth(1).unwrap().split("\n<!-- /table -->\nafter <!-- other -->\n");
        Ok(lines.into_iter().next().unwrap().to_owned())
    }

    #[test]
    fn a_column_for_each_model() {
        let table = filled("data/x.csv; rows: get-64; measures: cpu, p99.9, idle_memory\n rows: idle; head: echo").unwrap();
        let expected = "\
| echo | | epoll | pool |
|---|---|--:|--:|
| GET, 64 connections | µs of CPU a request | **7.34** | 16.8 |
| | 99.9 % within | 8.96 ms | |
| | memory for each idle one | 1.07 KiB | |
| idle | requests a second | ≥ 141,092 | holds 1,024 |
";
        assert_eq!(table, expected);
    }

    #[test]
    fn what_was_said_in_failing_breaks_no_table() {
        let said = "failed: thread 'main' panicked:\n  a | b\r\n\nnote: run it again\n";
        let cell =
            Cell { row: "idle".into(), model: "pool".into(), measure: "rate".into(), note: said.into(), ..Cell::default() };
        let table = Table { header: Vec::new(), cells: vec![cell] };
        let page = rewrite("<!-- table: data/x.csv -->\n<!-- /table -->", &|_| Ok(table.clone())).unwrap();
        let line = page.lines().find(|line| line.contains("idle")).unwrap();
        assert!(line.ends_with("| failed: thread 'main' panicked: a \\| b note: run it again |"), "{page}");
    }

    #[test]
    fn a_column_for_each_measure() {
        let table = filled("data/x.csv; rows: get-64; measures: cpu.1; models: pool, epoll; columns: measures; spread: yes");
        let expected = "\
| | | µs of CPU a request |
|---|---|--:|
| GET, 64 connections | pool | 16.8 (16.0 to 17.0) |
| | epoll | **7.3** (7.2 to 7.5) |
";
        assert_eq!(table.unwrap(), expected);
        let one = filled("data/x.csv; rows: get-64; measures: cpu; models: epoll; columns: measures").unwrap();
        assert_eq!(one.lines().last(), Some("| GET, 64 connections | **7.34** |"));
    }

    #[test]
    fn what_a_page_shows_in_a_fence_is_not_filled() {
        let shown = "```text\n<!-- table: data/x.csv; rows: get-64 -->\n<!-- /table -->\n```\n";
        let page = format!("{shown}<!-- table: data/x.csv; rows: get-64; measures: cpu -->\n<!-- /table -->\n{shown}");
        let page = rewrite(&page, &|_| Ok(Table::parse(DATA).unwrap())).unwrap();
        assert!(page.starts_with(shown) && page.ends_with(shown) && page.matches("7.34").count() == 1, "{page}");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let cases = [
            ("x.csv", "line 2: `x.csv` is no file in `data/`"),
            ("data/x.csv; rows: get-65", "line 2: x.csv has no row `get-65`"),
            ("data/x.csv; rows: get-64; measures: gpu", "line 2: x.csv has no measure `gpu` in the row `get-64`"),
            ("data/x.csv; models: kqueue", "line 2: x.csv knows no model `kqueue`"),
            ("data/x.csv; colour: red", "line 2: `colour: red` says nothing here"),
        ];
        for (directive, expected) in cases {
            let error = filled(directive).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = rewrite("<!-- table: data/x.csv -->", &|_| Ok(Table::default())).unwrap_err();
        assert!(error.starts_with("line 1: there is no"), "{error}");
    }
}
