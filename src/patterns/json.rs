//! Strings in JSON (RFC 8259 section 7).

/// The text between quotation marks, in one line for everybody. JSON escapes the controls below U+0020; the three other characters
/// that some take for the end of a line it leaves as they are, and a client that splits a stream into lines by them (Python's
/// `str.splitlines` does) would find half an object. Escaped they mean the same.
pub(super) fn quoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    if !quoted.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return quoted;
    }
    quoted.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_one_line_and_means_what_it_meant() {
        let text: String = (0..0x3000).filter_map(char::from_u32).collect();
        let quoted = quoted(&text);
        let ends = |&character: &char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        assert_eq!(
            quoted.chars().filter(ends).collect::<Vec<_>>(),
            ['\u{7f}'].into_iter().chain('\u{80}'..='\u{84}').chain('\u{86}'..='\u{9f}').collect::<Vec<_>>()
        );
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
}
