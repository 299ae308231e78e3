//! Names that can be told from each other.

use super::NAME_CHARACTERS;

/// What a name that is not fit is refused with.
pub(super) const UNFIT: &str =
    "a name has 1 to 32 characters, none of them a control or an invisible one, and single spaces between its words";

/// Whether somebody may be called so: nothing in it is invisible, and no two fit names differ only in what cannot be seen. Letters
/// of different scripts may look alike nevertheless, as `a` and `а` do; who is who is no matter of names.
pub(super) fn is_fit(name: &str) -> bool {
    let is_seen = |character: char| {
        !character.is_control() && !is_ignorable(character) && (character == ' ' || !character.is_whitespace())
    };
    let count = name.chars().count();
    (1..=NAME_CHARACTERS).contains(&count) && name == name.trim() && !name.contains("  ") && name.chars().all(is_seen)
}

/// The code points that are shown as nothing where they have no effect (Unicode Standard Annex 44, `Default_Ignorable_Code_Point`,
/// Unicode 16). All that change the direction of a text (`Bidi_Control`) are among them, and so are variation selectors.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "é".repeat(NAME_CHARACTERS);
        for fit in ["a", "Zoë ☂", "小林", "ada lovelace", "עדה", "🦀", &longest] {
            assert!(is_fit(fit), "{fit:?}");
        }
        let invisible = [
            "\u{200b}",
            "\u{202e}",
            "\u{2066}",
            "\u{feff}",
            "\u{61c}",
            "\u{ad}",
            "\u{e0041}",
            "\u{2028}",
            "\u{a0}",
            "\t",
            "\0",
        ];
        for character in invisible {
            for unfit in [character.into(), format!("ada{character}"), format!("{character}ada"), format!("a{character}da")] {
                assert!(!is_fit(&unfit), "{unfit:?}");
            }
        }
        for unfit in ["", " ", " ada", "ada ", "a  da", &format!("{longest}é")] {
            assert!(!is_fit(unfit), "{unfit:?}");
        }
        assert!(UNFIT.contains(&NAME_CHARACTERS.to_string()));
    }
}
