//! State diagrams, drawn from the list in the source that the code obeys.
//!
//! ```text
//!   Idle      Head      Body
//!    │ the first octet    │          a state is a line down; a way is an arrow from one to another,
//!    ●────────>│          │          with what it comes of written on it
//!    │         │ the head is complete, and a body follows
//!    │         ●─────────>│
//! ```
//!
//! The list is a constant of the source, one way on a line: `("Idle", "the first octet", "Head"),`. So a picture changes when the
//! code's own list does, and needs no more of the code than its text.

use std::fmt;

use crate::frame::{Heading, MARGIN, paragraph};
use crate::svg::{Anchor, Canvas, Picture, units};
use crate::text::{self, Letters, width};

/// The width of every diagram.
const WIDTH: f64 = 560.0;

/// A way from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it begins.
    pub from: String,
    /// What happens there.
    pub on: String,
    /// Where it leads.
    pub to: String,
}

/// The ways in a source's constant of that name, whose value is a list of `(from, on, to)`.
pub fn ways_in(source: &str, constant: &str) -> Result<Vec<Way>, StatesError> {
    let missing = || StatesError(format!("there is no `const {constant}: ... = &[...];`"));
    let begin = source.find(&format!("const {constant}:")).ok_or_else(missing)?;
    let value = source[begin..].split_once("= &[").and_then(|(_, rest)| rest.split_once("];")).ok_or_else(missing)?.0;
    let ways = tuples(value).into_iter().map(|fields| match <[String; 3]>::try_from(fields) {
        Ok([from, on, to]) => Ok(Way { from, on, to }),
        Err(fields) => Err(StatesError(format!("in `{constant}` this is no (\"from\", \"on\", \"to\"): {fields:?}"))),
    });
    let ways = ways.collect::<Result<Vec<_>, _>>()?;
    if ways.is_empty() { Err(missing()) } else { Ok(ways) }
}

/// The strings of each pair of parentheses, as Rust writes them.
fn tuples(value: &str) -> Vec<Vec<String>> {
    let (mut tuples, mut string) = (Vec::new(), None::<String>);
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (&mut string, character) {
            (Some(text), '\\') => text.extend(characters.next()),
            (Some(_), '"') => {
                let fields: Option<&mut Vec<String>> = tuples.last_mut();
                fields.into_iter().for_each(|fields| fields.extend(string.take()));
                string = None;
            }
            (Some(text), other) => text.push(other),
            (None, '"') => string = Some(String::new()),
            (None, '(') => tuples.push(Vec::new()),
            _ => {}
        }
    }
    tuples
}

/// A list of ways that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatesError(String);

impl fmt::Display for StatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StatesError {}

/// Draws the states in the order in which the ways name them, and the ways in theirs.
pub fn draw(heading: &Heading, ways: &[Way]) -> Picture {
    let mut states: Vec<&str> = Vec::new();
    for name in ways.iter().flat_map(|way| [&way.from, &way.to]) {
        if !states.contains(&name.as_str()) {
            states.push(name);
        }
    }
    // Where everything ends is last, whoever gets there first.
    states.sort_by_key(|state| !ways.iter().any(|way| way.from == *state));

    let mut canvas = Canvas::new(&heading.name);
    let across = (MARGIN, WIDTH - MARGIN);
    let top = paragraph(&mut canvas, MARGIN, &heading.title, Letters::Title, across) + 8.0;
    let columns = Columns::of(&states);
    let rows = Row::of_all(ways, &columns);
    let first = top + BOX + 10.0;
    let bottom = first + rows.iter().map(|row| row.height).sum::<f64>();

    // The shade of what leaves one state, and the lines of the states, lie below the rest.
    let mut row_top = first;
    let mut is_shaded = false;
    for (at, row) in rows.iter().enumerate() {
        is_shaded ^= at == 0 || rows[at - 1].way.from != row.way.from;
        if is_shaded {
            canvas.rect((MARGIN, row_top), (WIDTH - 2.0 * MARGIN, row.height), 0.0, "d-band", None);
        }
        row_top += row.height;
    }
    for (state, x) in states.iter().zip(&columns.middles) {
        canvas.line((*x, top + BOX), (*x, bottom + 6.0), "d-tear");
        let half = (width(state, Letters::Strong) / 2.0 + 8.0).min(columns.room / 2.0 - 2.0);
        canvas.rect((x - half, top), (2.0 * half, BOX), 5.0, "d-state", None);
        canvas.text((*x, top + 19.0), Anchor::Middle, Letters::Strong, state);
        if !ways.iter().any(|way| way.from == *state) {
            canvas.line((x - 8.0, bottom + 6.0), (x + 8.0, bottom + 6.0), "d-end");
        }
    }
    let mut row_top = first;
    is_shaded = false;
    for (at, row) in rows.iter().enumerate() {
        is_shaded ^= at == 0 || rows[at - 1].way.from != row.way.from;
        row.draw(&mut canvas, row_top, if is_shaded { "d-on-line" } else { "d-on-cut" });
        row_top += row.height;
    }
    let mut bottom = bottom + 14.0;
    if !heading.source.is_empty() {
        bottom = paragraph(&mut canvas, bottom + 4.0, &heading.source, Letters::Small, across);
    }
    let words: Vec<_> = ways.iter().map(|way| format!("From {} to {}: {}.", way.from, way.to, way.on)).collect();
    let description = format!("{} {}", heading.description, words.join(" "));
    canvas.finish(&heading.title, description.trim(), WIDTH, (bottom + MARGIN - 4.0).ceil())
}

/// The height of a state's name.
const BOX: f64 = 28.0;

/// Where the states are.
struct Columns<'a> {
    states: &'a [&'a str],
    middles: Vec<f64>,
    room: f64,
}

impl<'a> Columns<'a> {
    fn of(states: &'a [&'a str]) -> Columns<'a> {
        let room = (WIDTH - 2.0 * MARGIN) / states.len() as f64;
        let middles = (0..states.len()).map(|at| MARGIN + room * (at as f64 + 0.5)).collect();
        Columns { states, middles, room }
    }

    fn x(&self, state: &str) -> f64 {
        self.states.iter().position(|known| *known == state).map_or(0.0, |at| self.middles[at])
    }
}

/// A way: lines of text, and the arrow below them.
struct Row<'a> {
    way: &'a Way,
    from: f64,
    to: f64,
    lines: Vec<String>,
    height: f64,
}

impl<'a> Row<'a> {
    fn of_all(ways: &'a [Way], columns: &Columns<'_>) -> Vec<Row<'a>> {
        let row = |way: &'a Way| {
            let lines = text::wrap(&way.on, Letters::Plain, 330.0);
            let height = lines.len() as f64 * Letters::Plain.line() + 17.0;
            Row { way, from: columns.x(&way.from), to: columns.x(&way.to), lines, height }
        };
        // All ways out of a state are together, in the order of the states.
        let mut rows: Vec<_> = ways.iter().map(row).collect();
        rows.sort_by(|one, other| one.from.total_cmp(&other.from));
        rows
    }

    fn draw(&self, canvas: &mut Canvas, top: f64, class: &str) {
        let y = top + self.height - 9.0;
        let is_loop = self.from == self.to;
        let left = self.from.min(self.to) + 8.0;
        let widest = self.lines.iter().map(|line| width(line, Letters::Plain)).fold(0.0, f64::max);
        let left = left.min(WIDTH - MARGIN - 4.0 - widest).max(MARGIN + 4.0);
        let mut baseline = top + 16.0;
        for line in &self.lines {
            canvas.text_of_class((left, baseline), Anchor::Start, Letters::Plain, class, line);
            baseline += Letters::Plain.line();
        }
        let (from, to) = (self.from, self.to);
        if is_loop {
            let d = format!("M{0} {1}h18v6h-12", units(from), units(y - 3.0));
            canvas.path(&d, "d-way");
            arrow(canvas, from, y + 3.0, -1.0);
        } else {
            let side = (to - from).signum();
            canvas.line((from, y), (to - 8.0 * side, y), "d-way");
            arrow(canvas, to, y, side);
        }
        canvas.rect((from - 4.0, y - 4.0 - if is_loop { 3.0 } else { 0.0 }), (8.0, 8.0), 4.0, "d-told", None);
    }
}

/// A head that points to `x` from the left (1.0) or from the right (-1.0).
fn arrow(canvas: &mut Canvas, x: f64, y: f64, side: f64) {
    let (tip, back) = (x - 1.0 * side, x - 11.0 * side);
    let d = format!("M{} {2}L{1} {3}L{1} {4}Z", units(tip), units(back), units(y), units(y - 5.0), units(y + 5.0));
    canvas.path(&d, "d-told");
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        /// Ways.
        pub(super) const WAYS: &[(&str, &str, &str)] = &[
            ("Idle", "the first octet (of a request)", "Head"),
            ("Head", "the head is complete, and a body follows; a long line that has to be broken into several", "Body"),
            ("Body", "again", "Body"),
            (
                "Head",
                "bad",
                "Over",
            ),
            ("Body", "complete", "Idle"),
        ];
    "#;

    #[test]
    fn a_list_in_the_source_is_drawn() {
        let ways = ways_in(SOURCE, "WAYS").unwrap();
        assert_eq!(ways.len(), 5);
        assert_eq!(ways[0].on, "the first octet (of a request)");
        let heading = Heading { name: String::from("states"), title: String::from("A life"), ..Heading::default() };
        let picture = draw(&heading, &ways);
        let text = picture.alone();
        roxmltree::Document::parse(&text).unwrap();
        assert_eq!(picture.faults(), Vec::<String>::new());
        let boxes: Vec<_> = picture.labels().iter().skip(1).take(4).map(|label| label.text.as_str()).collect();
        assert_eq!(boxes, ["Idle", "Head", "Body", "Over"]);
        assert_eq!(text, draw(&heading, &ways).alone());
        let changed = ways_in(&SOURCE.replace("\"bad\"", "\"worse\""), "WAYS").unwrap();
        assert_ne!(text, draw(&heading, &changed).alone());
    }

    #[test]
    fn what_is_no_list_is_told() {
        assert!(ways_in(SOURCE, "OTHER").is_err());
        assert!(ways_in("const WAYS: &[()] = &[];", "WAYS").is_err());
        let error = ways_in("const WAYS: X = &[(\"a\", \"b\")];", "WAYS").unwrap_err();
        assert!(error.to_string().ends_with("[\"a\", \"b\"]"), "{error}");
    }
}
