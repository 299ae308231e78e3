//! What was measured: a CSV with a header of `# key: value` lines that say how.
//!
//! ```text
//! # command: cargo bench
//! # date: 2026-11-21
//! # kernel: Linux 6.18
//! # row get-64: GET, 64 connections
//! row,model,measure,unit,median,low,high,note
//! get-64,epoll,cpu,µs of CPU a request,7.34,7.2,7.51,best
//! get-512,blocking,rate,requests a second,,,,"holds 256"
//! ```
//!
//! One line for each row, model and measure. The header may say what a row is called for people (`row NAME: ...`). Where there is no
//! spread (what is counted comes out the same each time), `low` and `high` are empty. `note` is one of:
//!
//! | note | means |
//! |---|---|
//! | `best` | better than all others of its row in this measure |
//! | `at least` | the load was the limit |
//! | anything else | why there is no number |
//!
//! `low` and `high` are of the model's own median over the rounds, and `best` is not judged by them but by the rounds: models took turns,
//! so each is compared with the best of the *same* round, and the best is who of these ratios has the interval that overlaps no other.
//! What disturbs a whole round widens the intervals here and no ratio: `best` may stand beside intervals that overlap.

use std::fmt;

/// A file of measurements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// How it was measured, in the file's order.
    pub header: Vec<(String, String)>,
    /// What was measured, in the file's order.
    pub cells: Vec<Cell>,
}

/// What one model took in one row, by one measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What was done.
    pub row: String,
    /// Who did it.
    pub model: String,
    /// What was looked at: `cpu`, `rate`, `p99.9`.
    pub measure: String,
    /// What it is counted in.
    pub unit: String,
    /// The middle one of the rounds, or the only one.
    pub median: Option<f64>,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end of its interval.
    pub high: Option<f64>,
    /// What there is to say of it, or instead of it.
    pub note: String,
}

const COLUMNS: [&str; 8] = ["row", "model", "measure", "unit", "median", "low", "high", "note"];

impl Table {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Table, TableError> {
        let (mut header, mut skipped) = (Vec::new(), 0);
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n').filter(|(line, _)| line.starts_with('#')) {
            let (key, value) = line[1..].split_once(':').ok_or_else(|| error(skipped + 1, "is no `# key: value`"))?;
            header.push((key.trim().to_owned(), value.trim().to_owned()));
            skipped += 1;
            rest = after;
        }
        let mut reader = csv::ReaderBuilder::new().from_reader(rest.as_bytes());
        let names = reader.headers().map_err(|cause| of_csv(skipped, &cause))?;
        if names.iter().ne(COLUMNS) {
            return Err(error(skipped + 1, &format!("should name the columns: {}", COLUMNS.join(","))));
        }
        let mut cells = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|cause| of_csv(skipped, &cause))?;
            let line = skipped + record.position().map_or(0, |position| position.line() as usize);
            cells.push(Cell::of(&record).map_err(|what| error(line, &what))?);
        }
        Ok(Table { header, cells })
    }

    /// The same as a file's text.
    pub fn to_csv(&self) -> String {
        let header: String =
            self.header.iter().map(|(key, value)| format!("# {key}: {}\n", value.replace('\n', " "))).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let lines = self.cells.iter().map(|cell| {
            let Cell { row, model, measure, unit, median, low, high, note } = cell.clone();
            [row, model, measure, unit, number(median), number(low), number(high), note]
        });
        for line in std::iter::once(COLUMNS.map(str::to_owned)).chain(lines) {
            writer.write_record(line).expect("memory takes everything, and all lines have as many fields");
        }
        header + &String::from_utf8(writer.into_inner().expect("memory takes everything")).expect("it was text")
    }

    /// What the header says under that key.
    pub fn header(&self, key: &str) -> Option<&str> {
        self.header.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// What a row is called for people.
    pub fn title<'a>(&'a self, row: &'a str) -> &'a str {
        self.header(&format!("row {row}")).unwrap_or(row)
    }

    /// One cell.
    pub fn cell(&self, row: &str, model: &str, measure: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.row == row && cell.model == model && cell.measure == measure)
    }

    /// The rows, each once, in the file's order.
    pub fn rows(&self) -> Vec<&str> {
        each_once(self.cells.iter().map(|cell| cell.row.as_str()))
    }

    /// The models, each once, in the file's order.
    pub fn models(&self) -> Vec<&str> {
        each_once(self.cells.iter().map(|cell| cell.model.as_str()))
    }

    /// The line below a picture: on which machine, when and by which command.
    pub fn source(&self) -> String {
        let of = |key: &str| self.header(key).filter(|value| !value.is_empty());
        let machine: Vec<_> = ["CPU", "kernel", "date"].into_iter().filter_map(of).collect();
        let machine = machine.join(", ");
        match (of("command"), machine.is_empty()) {
            (Some(command), true) => command.to_owned(),
            (Some(command), false) => format!("{machine}: {command}"),
            (None, _) => machine,
        }
    }
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

impl Cell {
    fn of(record: &csv::StringRecord) -> Result<Cell, String> {
        let text = |at: usize| record[at].to_owned();
        let number = |at: usize| match &record[at] {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Some(value)),
                _ => Err(format!("has `{text}` for a number under `{}`", COLUMNS[at])),
            },
        };
        let (median, low, high) = (number(4)?, number(5)?, number(6)?);
        let is_in_order = match (median, low, high) {
            (_, None, None) => true,
            (Some(median), Some(low), Some(high)) => low <= median && median <= high,
            _ => false,
        };
        if !is_in_order {
            return Err(String::from("has a median that is not between low and high"));
        }
        Ok(Cell { row: text(0), model: text(1), measure: text(2), unit: text(3), median, low, high, note: text(7) })
    }
}

/// A file of measurements that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    line: usize,
    what: String,
}

fn error(line: usize, what: &str) -> TableError {
    TableError { line, what: what.to_owned() }
}

fn of_csv(skipped: usize, cause: &csv::Error) -> TableError {
    let line = cause.position().map_or(1, |position| position.line() as usize);
    error(skipped + line, &format!("is not CSV as it should be: {cause}"))
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} {}", self.line, self.what)
    }
}

impl std::error::Error for TableError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# command: cargo bench\n# date: 2026-11-21\n# CPU: Xeon: 2.5 GHz\nrow,model,measure,unit,median,low,high,note\n\
                        \"GET, 64 connections\",epoll,cpu,µs,7.34,7.2,7.51,\nidle,pool,rate,requests/s,,,,\"holds 1,024\"\n";

    #[test]
    fn a_file_is_read_and_written_as_it_was() {
        let table = Table::parse(TEXT).unwrap();
        assert_eq!(table.source(), "Xeon: 2.5 GHz, 2026-11-21: cargo bench");
        assert_eq!(table.cell("GET, 64 connections", "epoll", "cpu").unwrap().high, Some(7.51));
        assert_eq!(table.rows(), ["GET, 64 connections", "idle"]);
        assert_eq!(table.to_csv(), TEXT);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("# key\n", "line 1 is no"),
            ("row,model\n", "line 1 should name the columns"),
            (&TEXT.replace("7.34", "seven"), "line 5 has `seven` for a number under `median`"),
            (&TEXT.replace("7.34", "8"), "line 5 has a median that is not between"),
            (&TEXT.replace("7.2,7.51,", "7.2,"), "line 5 is not CSV"),
        ];
        for (text, expected) in cases {
            let message = Table::parse(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
