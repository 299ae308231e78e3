//! HTML that is well-formed because it is made of elements and not of tags. It is XML too, so that any parser can check it.

/// An element with what is in it, which is HTML already.
pub fn element(tag: &str, attributes: &[(&str, &str)], inside: &str) -> String {
    let attributes: String = attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect();
    format!("<{tag}{attributes}>{inside}</{tag}>")
}

/// An element with nothing but text in it.
pub fn text(tag: &str, words: &str) -> String {
    element(tag, &[], &escaped(words))
}

/// The same, of a class.
pub fn classed(tag: &str, class: &str, words: &str) -> String {
    element(tag, &[("class", class)], &escaped(words))
}

pub fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A part of the page with its heading; it can be linked to.
pub fn section(identity: &str, heading: &str, inside: &str) -> String {
    let label = format!("{identity}-heading");
    let heading = element("h2", &[("id", &label)], &escaped(heading));
    element("section", &[("id", identity), ("aria-labelledby", &label)], &(heading + inside)) + "\n"
}

pub fn list(sentences: impl IntoIterator<Item = String>) -> String {
    let items: String = sentences.into_iter().map(|sentence| text("li", &sentence)).collect();
    if items.is_empty() { items } else { element("ul", &[], &items) }
}

/// A table whose first column names what the row is about. Cells are HTML. On a narrow screen it scrolls by itself.
pub fn table(caption: &str, titles: &[&str], lines: &[Vec<String>]) -> String {
    let title = |title: &&str| element("th", &[("scope", "col")], &escaped(title));
    let head = element("thead", &[], &element("tr", &[], &titles.iter().map(title).collect::<String>()));
    let line = |cells: &Vec<String>| {
        let cell = |(place, cell): (usize, &String)| match place {
            0 => element("th", &[("scope", "row")], cell),
            _ => element("td", &[("data-title", titles.get(place).unwrap_or(&""))], cell),
        };
        element("tr", &[], &cells.iter().enumerate().map(cell).collect::<String>())
    };
    let body = element("tbody", &[], &lines.iter().map(line).collect::<String>());
    let table = element("table", &[], &(text("caption", caption) + &head + &body));
    element("div", &[("class", "wide"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")], &table)
}

/// Of a name: letters, digits and `-`, as an `id` has them.
pub fn identity(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(letter).collect()
}
