//! Octets as text.
//!
//! | escape | meaning |
//! |---|---|
//! | `\r \n \t \\ \xHH` | one octet; a space at the end of a line is written `\x20` |
//! | `\{N:octets}` | N times these octets, a `}` among them written `\x7d` |
//! | `\[00-08 7f]` | one case for each of these octets |
//! | `\(one\|two)` | one case for each of these, with `\x7c` and `\x29` for a bar and a parenthesis among them |
//! | `\*` | the octets chosen for this case, again (one `\[]` or `\()` per case) |

/// The octets a line stands for.
pub fn octets(text: &str, chosen: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend(plain.bytes());
        let kind = escape.chars().next().ok_or("a backslash at the end of the line")?;
        rest = &escape[1..];
        match kind {
            'r' => out.push(b'\r'),
            'n' => out.push(b'\n'),
            't' => out.push(b'\t'),
            '\\' => out.push(b'\\'),
            'x' => {
                out.push(hex(rest.get(..2).ok_or("\\x takes two digits")?)?);
                rest = &rest[2..];
            }
            '*' => out.extend(chosen.ok_or("`\\*` without a choice")?),
            '[' | '(' => {
                out.extend(chosen.ok_or("a choice belongs in a `>` line")?);
                rest = enclosed(rest, kind)?.1;
            }
            '{' => {
                let (inner, after) = enclosed(rest, kind)?;
                let (times, repeated) = inner.split_once(':').ok_or("expected `\\{N:octets}`")?;
                let times = times.parse().map_err(|e| format!("{times}: {e}"))?;
                out.extend(octets(repeated, chosen)?.repeat(times));
                rest = after;
            }
            _ => return Err(format!("no such escape: \\{kind}")),
        }
    }
    out.extend(rest.bytes());
    Ok(out)
}

/// The alternatives of every `\[]` and `\()` in a line.
pub fn choices_in(line: &str) -> Result<Vec<Vec<Vec<u8>>>, String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((_, escape)) = rest.split_once('\\') {
        rest = escape.get(1..).ok_or("a backslash at the end of the line")?;
        match &escape[..1] {
            "[" => {
                let (list, after) = enclosed(rest, '[')?;
                let mut options = Vec::new();
                for item in list.split(' ') {
                    let (from, to) = item.split_once('-').unwrap_or((item, item));
                    options.extend((hex(from)?..=hex(to)?).map(|octet| vec![octet]));
                }
                found.push(options);
                rest = after;
            }
            "(" => {
                let (list, after) = enclosed(rest, '(')?;
                found.push(list.split('|').map(|option| octets(option, None)).collect::<Result<_, _>>()?);
                rest = after;
            }
            _ => {}
        }
    }
    Ok(found)
}

fn enclosed(text: &str, opening: char) -> Result<(&str, &str), String> {
    let closing = match opening {
        '[' => ']',
        '(' => ')',
        _ => '}',
    };
    text.split_once(closing).ok_or(format!("`\\{opening}` is not closed"))
}

fn hex(digits: &str) -> Result<u8, String> {
    if digits.len() != 2 {
        return Err(format!("{digits}: an octet has two digits"));
    }
    u8::from_str_radix(digits, 16).map_err(|e| format!("{digits}: {e}"))
}

#[test]
fn escapes_stand_for_octets() {
    let same = |text: &str, expected: &[u8]| assert_eq!(octets(text, Some(b"!")).as_deref(), Ok(expected), "{text}");
    same("GET /", b"GET /");
    same(r"\r\n\t\\\x00\xFF", b"\r\n\t\\\x00\xff");
    same(r"a\{3:b\x7d}c", b"ab}b}b}c");
    same(r"\[00-08]\*\(a|b)\*", b"!!!!");
    for broken in [r"\", r"\x0", r"\xgg", r"\q", r"\{3:a", r"\{a}", r"\{x:a}", r"\(a"] {
        assert!(octets(broken, Some(b"!")).is_err(), "{broken}");
    }
    assert!(octets(r"\*", None).is_err());
}

#[test]
fn choices_are_listed() {
    let list = |text| choices_in(text).map(|found| found.concat().iter().map(|one| one.escape_ascii().to_string()).collect());
    assert_eq!(list(r"> a\[61-63 7f]b"), Ok(vec!["a".into(), "b".into(), "c".into(), r"\x7f".into()]));
    assert_eq!(list(r"> \(|\x7c\x29|a b)"), Ok(vec!["".into(), "|)".into(), "a b".into()]));
    assert_eq!(list(r"> \\[61]"), Ok(Vec::<String>::new()));
    assert!(list(r"> \[6]").is_err());
}
