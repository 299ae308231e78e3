//! How wide a text will be.
//!
//! A picture is laid out before anybody knows the fonts of whoever looks at it. The style asks for Arial and what has its measures
//! (Helvetica, Liberation Sans); the widths below are those of that family, rounded up, in thousandths of the size.

/// A size and weight of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// Of the picture.
    Title,
    /// Of a row or a block.
    Strong,
    /// Beside a mark or an axis.
    Plain,
    /// Of a note; the smallest there is.
    Small,
    /// Of source text.
    Code,
}

impl Letters {
    pub(crate) const ALL: [Letters; 5] = [Letters::Title, Letters::Strong, Letters::Plain, Letters::Small, Letters::Code];

    /// The height of a line's letters in units of the picture.
    pub fn size(self) -> f64 {
        match self {
            Letters::Title => 18.0,
            Letters::Strong | Letters::Plain => 15.0,
            Letters::Small | Letters::Code => 14.0,
        }
    }

    pub(crate) fn is_bold(self) -> bool {
        matches!(self, Letters::Title | Letters::Strong)
    }

    pub(crate) fn class(self) -> &'static str {
        match self {
            Letters::Title => "d-title",
            Letters::Strong => "d-strong",
            Letters::Plain => "d-plain",
            Letters::Small => "d-small",
            Letters::Code => "d-code",
        }
    }

    /// How far one line is below the other.
    pub fn line(self) -> f64 {
        (self.size() * 1.3).round()
    }
}

/// The width of a line.
pub fn width(text: &str, letters: Letters) -> f64 {
    let thousandths: f64 = match letters {
        Letters::Code => 602.0 * text.chars().count() as f64,
        _ => text.chars().map(advance).sum(),
    };
    thousandths * letters.size() / 1000.0 * if letters.is_bold() { 1.07 } else { 1.0 }
}

fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '\'' => 222.0,
        'I' | 'f' | 't' | ' ' | '.' | ',' | ':' | ';' | '!' | '/' | '\\' | '|' | '[' | ']' | '·' => 278.0,
        '(' | ')' | 'r' | '-' | '"' | '`' => 340.0,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' => 500.0,
        'm' => 833.0,
        'w' => 722.0,
        'M' | '%' | '—' | '…' | '→' | '←' | '↔' => 1000.0,
        'W' | '@' => 1000.0,
        'A' | 'B' | 'E' | 'K' | 'P' | 'S' | 'V' | 'X' | 'Y' | '&' => 667.0,
        'C' | 'D' | 'H' | 'N' | 'R' | 'U' => 722.0,
        'G' | 'O' | 'Q' => 778.0,
        'F' | 'T' | 'Z' => 611.0,
        '+' | '=' | '<' | '>' | '~' | '×' => 584.0,
        _ => 556.0,
    }
}

/// The text in lines no wider than that, broken at spaces. A word that is wider by itself is broken anywhere.
pub fn wrap(text: &str, letters: Letters, widest: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut take = |piece: &str, glue: &str| {
        let line = lines.last_mut().expect("there is always a line");
        let longer = if line.is_empty() { piece.to_owned() } else { format!("{line}{glue}{piece}") };
        if line.is_empty() || width(&longer, letters) <= widest {
            *line = longer;
        } else {
            lines.push(piece.to_owned());
        }
    };
    for word in text.split_whitespace() {
        if width(word, letters) <= widest {
            take(word, " ");
            continue;
        }
        for (at, character) in word.char_indices() {
            take(character.encode_utf8(&mut [0; 4]), if at == 0 { " " } else { "" });
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let text = "cargo bench --bench workload -- --cpu-us 50 --disk-reads 1 and_a_word_that_is_longer_than_a_line_can_be";
        let lines = wrap(text, Letters::Small, 150.0);
        assert!(lines.iter().all(|line| width(line, Letters::Small) <= 150.0), "{lines:?}");
        let octets = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(octets(&lines.concat()), octets(text));
    }
}
