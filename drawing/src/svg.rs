//! SVG, written: shapes and texts on a [`Canvas`], which becomes a [`Picture`].
//!
//! A canvas remembers where its texts are, so that a test can find those which cover each other.

use std::fmt::{self, Write as _};

use crate::style::{self, Filling, Identity, Marker};
pub use crate::text::Letters;
use crate::text::width;

/// What is drawn, before anybody has decided where it is shown.
#[derive(Clone, Debug)]
pub struct Picture {
    name: String,
    title: String,
    description: String,
    width: f64,
    height: f64,
    body: String,
    fillings: Vec<(Identity, String)>,
    labels: Vec<Label>,
}

/// A text, and the room it takes.
#[derive(Clone, Debug)]
pub struct Label {
    /// What it says.
    pub text: String,
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its width, as far as one can know without the font.
    pub width: f64,
    /// The height of its letters.
    pub height: f64,
}

impl Label {
    fn covers(&self, other: &Label) -> bool {
        let apart = |low: f64, length: f64, other_low: f64, other_length: f64| {
            low + length <= other_low || other_low + other_length <= low
        };
        !apart(self.left, self.width, other.left, other.width) && !apart(self.top, self.height, other.top, other.height)
    }
}

impl Picture {
    /// A file of its own, with its style in it.
    pub fn alone(&self) -> String {
        let style = style::style("svg");
        self.write(&format!("<style>\n{style}</style>\n"), " xmlns=\"http://www.w3.org/2000/svg\"")
    }

    /// An element of a page of HTML, whose style must have [`style::sheet`]. It is as wide as it is drawn at most, and shrinks.
    /// All identities in it begin with the picture's name, which must be the only one of its kind in the page.
    pub fn inline(&self) -> String {
        self.write("", &format!(" style=\"display:block;max-width:100%;height:auto;width:{}px\"", units(self.width)))
    }

    fn write(&self, style: &str, attributes: &str) -> String {
        let Picture { name, title, description, .. } = self;
        let (width, height) = (units(self.width), units(self.height));
        let mut svg = format!(
            "<svg{attributes} class=\"drawing\" role=\"img\" aria-labelledby=\"{name}-title {name}-desc\" \
             viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n"
        );
        let _ = writeln!(svg, "<title id=\"{name}-title\">{}</title>", Escaped(title));
        let _ = writeln!(svg, "<desc id=\"{name}-desc\">{}</desc>", Escaped(description));
        svg.push_str(style);
        if !self.fillings.is_empty() {
            svg.push_str("<defs>\n");
            for (identity, id) in &self.fillings {
                svg.push_str(&pattern(*identity, id));
            }
            svg.push_str("</defs>\n");
        }
        let _ = writeln!(svg, "<rect class=\"d-sheet\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>");
        svg.push_str(&self.body);
        svg.push_str("</svg>\n");
        svg
    }

    /// The name that its identities begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its width in units, which are pixels where there is room.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Its height in units.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// All its texts.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// What is wrong with its layout: texts that cover each other or leave the paper.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (at, one) in self.labels.iter().enumerate() {
            let is_out = one.left < 0.0 || one.top < 0.0;
            if is_out || one.left + one.width > self.width || one.top + one.height > self.height {
                faults.push(format!("{}: `{}` leaves the paper", self.name, one.text));
            }
            let covered = self.labels[at + 1..].iter().filter(|other| one.covers(other));
            faults.extend(covered.map(|other| format!("{}: `{}` covers `{}`", self.name, one.text, other.text)));
        }
        faults
    }
}

/// Where a text has its place: it begins, ends or has its middle there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Something to draw on. Everything stays where it is put first: what comes later lies on top.
#[derive(Debug)]
pub struct Canvas {
    name: String,
    body: String,
    open: usize,
    fillings: Vec<(Identity, String)>,
    labels: Vec<Label>,
}

impl Canvas {
    /// For a picture of that name: letters, digits and `-`, as a file's name without its end.
    pub fn new(name: &str) -> Canvas {
        let is_fit = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        let name = name.bytes().map(|octet| if is_fit(octet) { char::from(octet) } else { '-' }).collect();
        Canvas { name, body: String::new(), open: 0, fillings: Vec::new(), labels: Vec::new() }
    }

    /// Done.
    pub fn finish(mut self, title: &str, description: &str, width: f64, height: f64) -> Picture {
        while self.open > 0 {
            self.close();
        }
        let Canvas { name, body, fillings, labels, .. } = self;
        let (title, description) = (title.to_owned(), description.to_owned());
        Picture { name, title, description, width, height, body, fillings, labels }
    }

    /// Everything from here to [`close`](Canvas::close) is of that class: one of `--d-own`'s, mostly.
    pub fn open(&mut self, class: &str) {
        let _ = writeln!(self.body, "<g class=\"{class}\">");
        self.open += 1;
    }

    /// The end of what was opened last.
    pub fn close(&mut self) {
        self.body.push_str("</g>\n");
        self.open -= 1;
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let (x1, y1, x2, y2) = (units(from.0), units(from.1), units(to.0), units(to.1));
        let _ = writeln!(self.body, "<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>");
    }

    /// A line through these points.
    pub fn polyline(&mut self, points: &[(f64, f64)], class: &str, dash: &str) {
        let mut d = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if at == 0 { 'M' } else { 'L' }, units(*x), units(*y));
        }
        let _ = writeln!(self.body, "<path class=\"{class}\" stroke-dasharray=\"{dash}\" d=\"{d}\"/>");
    }

    /// Any path, in SVG's own words.
    pub fn path(&mut self, d: &str, class: &str) {
        let _ = writeln!(self.body, "<path class=\"{class}\" d=\"{d}\"/>");
    }

    /// A box whose corners are rounded by so much. `tip` is what a mouse that rests on it is told.
    pub fn rect(&mut self, at: (f64, f64), size: (f64, f64), round: f64, class: &str, tip: Option<&str>) {
        let (x, y, width, height) = (units(at.0), units(at.1), units(size.0), units(size.1));
        let _ = write!(self.body, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
        if round > 0.0 {
            let _ = write!(self.body, " rx=\"{}\"", units(round));
        }
        match tip {
            Some(tip) => {
                let _ = writeln!(self.body, "><title>{}</title></rect>", Escaped(tip));
            }
            None => self.body.push_str("/>\n"),
        }
    }

    /// A box with the filling of a model, and an edge in its colour.
    pub fn filled(&mut self, at: (f64, f64), size: (f64, f64), identity: Identity) {
        let (x, y, width, height) = (units(at.0), units(at.1), units(size.0), units(size.1));
        let fill = match identity.filling {
            Filling::Full => String::from("style=\"fill:var(--d-own)\""),
            Filling::Empty => String::from("style=\"fill:none\""),
            _ => format!("style=\"fill:url(#{})\"", self.filling(identity)),
        };
        let _ =
            writeln!(self.body, "<rect class=\"d-edge\" {fill} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>");
    }

    fn filling(&mut self, identity: Identity) -> String {
        let id = format!("{}-{}", self.name, identity.class);
        if !self.fillings.iter().any(|(_, known)| *known == id) {
            self.fillings.push((identity, id.clone()));
        }
        id
    }

    /// The shape that stands for a model.
    pub fn marker(&mut self, at: (f64, f64), identity: Identity) {
        let (x, y) = at;
        let mut closed = |points: &[(f64, f64)]| {
            let corners = points.iter().map(|(dx, dy)| format!("{} {}", units(x + dx), units(y + dy)));
            let d = corners.collect::<Vec<_>>().join("L");
            let _ = writeln!(self.body, "<path class=\"d-mark\" d=\"M{d}Z\"/>");
        };
        match identity.marker {
            Marker::Square => closed(&[(-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)]),
            Marker::Triangle => closed(&[(0.0, -6.5), (6.5, 5.0), (-6.5, 5.0)]),
            Marker::Diamond => closed(&[(0.0, -7.0), (7.0, 0.0), (0.0, 7.0), (-7.0, 0.0)]),
            Marker::Circle | Marker::Ring => {
                let class = if identity.marker == Marker::Ring { "d-hollow" } else { "d-mark" };
                let (x, y) = (units(x), units(y));
                let _ = writeln!(self.body, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"5.5\"/>");
            }
            Marker::Cross => {
                for dy in [-5.0, 5.0] {
                    self.line((x - 5.0, y + dy), (x + 5.0, y - dy), "d-line");
                }
            }
        }
    }

    /// A line of text that stands on `at`.
    pub fn text(&mut self, at: (f64, f64), anchor: Anchor, letters: Letters, text: &str) {
        self.text_of_class(at, anchor, letters, "", text);
    }

    /// The same, with a class beside that of its letters.
    pub fn text_of_class(&mut self, at: (f64, f64), anchor: Anchor, letters: Letters, class: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let size = letters.size();
        let width = width(text, letters);
        let (left, anchor) = match anchor {
            Anchor::Start => (at.0, ""),
            Anchor::Middle => (at.0 - width / 2.0, " text-anchor=\"middle\""),
            Anchor::End => (at.0 - width, " text-anchor=\"end\""),
        };
        // From the top of a capital to the end of a `g`.
        let (top, height) = (at.1 - 0.75 * size, 0.95 * size);
        self.labels.push(Label { text: text.to_owned(), left, top, width, height });
        let classes = format!("{} {class}", letters.class());
        let (x, y, classes) = (units(at.0), units(at.1), classes.trim_end());
        let _ = writeln!(self.body, "<text class=\"{classes}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", Escaped(text));
    }
}

/// The filling of bars, drawn in a square that repeats.
fn pattern(identity: Identity, id: &str) -> String {
    let shape = match identity.filling {
        Filling::Rising => "<path class=\"d-line\" d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/>",
        Filling::Falling => "<path class=\"d-line\" d=\"M-2 6L2 10M0 0L8 8M6 -2L10 2\"/>",
        Filling::Dotted => "<path class=\"d-solid\" d=\"M1 1h3v3h-3zM5 5h3v3h-3z\"/>",
        Filling::Full | Filling::Empty => "",
    };
    format!(
        "<pattern id=\"{id}\" class=\"{}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">{shape}</pattern>\n",
        identity.class
    )
}

/// A length, to a tenth of a unit.
pub(crate) fn units(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { String::from("0") } else { text.to_owned() }
}

/// Text as XML has it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not in XML 1.0 (section 2.2), however they are written.
                control if control < ' ' && !matches!(control, '\t' | '\n') => f.write_char('\u{fffd}')?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_is_xml() {
        let mut canvas = Canvas::new("a \"name\"");
        canvas.open("d-epoll");
        canvas.text((10.0, 20.0), Anchor::Start, Letters::Plain, "a < b & \"c\" \u{7} 'd'");
        canvas.filled((0.0, 0.0), (3.04, 3.0), Identity::of("epoll"));
        canvas.rect((0.0, 0.0), (3.0, 3.0), 2.0, "d-band", Some("<tip>"));
        let picture = canvas.finish("1 < 2", "\"&\"", 100.0, 50.0);
        for text in [picture.alone(), picture.inline()] {
            let tree = roxmltree::Document::parse(&text).unwrap();
            let title = tree.descendants().find(|node| node.has_tag_name("title") || node.tag_name().name() == "title");
            assert_eq!(title.unwrap().text(), Some("1 < 2"));
            let mut ids: Vec<_> = tree.descendants().filter_map(|node| node.attribute("id")).collect();
            assert!(ids.iter().all(|id| id.starts_with("a--name--")), "{ids:?}");
            ids.dedup();
            assert_eq!(ids.len(), 3);
        }
        assert!(!picture.inline().contains("<style"));
    }

    #[test]
    fn texts_that_cover_each_other_are_faults() {
        let mut canvas = Canvas::new("faults");
        canvas.text((10.0, 20.0), Anchor::Start, Letters::Plain, "one");
        canvas.text((20.0, 25.0), Anchor::Start, Letters::Plain, "two");
        canvas.text((90.0, 60.0), Anchor::Start, Letters::Plain, "three");
        let faults = canvas.finish("", "", 100.0, 80.0).faults();
        assert_eq!(faults, ["faults: `one` covers `two`", "faults: `three` leaves the paper"]);
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([units(-0.01), units(3.0), units(2.25), units(1.96)], ["0", "3", "2.2", "2"]);
    }
}
