//! What every picture has around it: a title, a description for those who hear it, and a line that says where it is from.

use crate::svg::{Anchor, Canvas};
use crate::text::{self, Letters};

/// Around everything.
pub(crate) const MARGIN: f64 = 16.0;

/// What is written around a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// The only one of its kind in a page: letters, digits and `-`.
    pub name: String,
    /// The line above it.
    pub title: String,
    /// What one sees, for those who hear it. The form adds the values.
    pub description: String,
    /// The line below it: machine, date, command ([`Table::source`](crate::Table::source)).
    pub source: String,
}

/// Writes lines of text below `top`, from `left` to `right` at most, and says where they end.
pub(crate) fn paragraph(canvas: &mut Canvas, top: f64, words: &str, letters: Letters, (left, right): (f64, f64)) -> f64 {
    let mut bottom = top;
    for line in text::wrap(words, letters, right - left) {
        canvas.text((left, bottom + 0.8 * letters.size()), Anchor::Start, letters, &line);
        bottom += letters.line();
    }
    bottom
}
