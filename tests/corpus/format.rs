//! How a case is written down, and the reader of it.
//!
//! A case is a block of lines; blank lines part the blocks. A block of nothing but `#` lines is prose for the reader.
//!
//! ```text
//! # RFC 9112 §7.1.2: trailer fields may follow the last chunk
//! > POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n
//! > 5\r\nhello\r\n0\r\nX: y\r\n\r\n
//! < 200 = hello
//! ```
//!
//! | line | meaning |
//! |---|---|
//! | `# reason` | first line of a case: why the answer must be so, naming the section |
//! | `> octets` | what the client sends; lines are joined with nothing between them |
//! | `fin` | after the last `>`: the client half-closes |
//! | `< 200 = octets` | an answer and its body; `< 200` has an empty body; `< 200 bytes N` has any N octets |
//! | `< 200 HEAD` | an answer without a body whatever its fields say |
//! | `< 400\|501` | any of these; the body of an answer of 400 and above is not compared |
//! | `< 100?` | an answer that may be missing |
//! | `< 3 times 200` | three of them |
//! | `+ Name: member` | the answer above has this field, and this member in its comma-separated list (in any letter case) |
//! | `- Name` | the answer above has no such field |
//! | `close`, `open`, `either` | what becomes of the connection; left out: an answer of 400 and above closes, others do not |
//!
//! A `>` line after a `<` line waits for that answer first. Where the statuses of one answer allow both success and error, an
//! error excuses the rest of the case.
//!
//! Octets are written with the escapes of [`super::escapes`].

use super::escapes::{choices_in, octets};
use std::fmt;
use std::path::Path;

/// One conversation.
pub struct Case {
    /// `file:line`, and what was chosen where the block stands for several cases.
    pub place: String,
    /// Why, with the section.
    pub reason: String,
    /// Said and expected in turns.
    pub steps: Vec<Step>,
    /// The client half-closes after its last octet.
    pub fin: bool,
    /// What becomes of the connection.
    pub ending: Ending,
}

/// Octets to send, then the answers to wait for.
#[derive(Default)]
pub struct Step {
    /// What the client says.
    pub send: Vec<u8>,
    /// What it must hear before it goes on.
    pub expect: Vec<Expected>,
}

/// One answer.
#[derive(Clone)]
pub struct Expected {
    /// Any of these.
    pub statuses: Vec<u16>,
    /// It may be missing.
    pub optional: bool,
    /// Compared below status 400.
    pub body: Body,
    /// Fields that must be there (with a member) or must not (`None`).
    pub fields: Vec<(String, Option<String>)>,
}

/// What an answer carries.
#[derive(Clone)]
pub enum Body {
    /// Exactly these octets.
    Octets(Vec<u8>),
    /// Any octets, this many.
    Length(usize),
    /// Nothing, whatever the fields say.
    Head,
}

/// What becomes of the connection after the last answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Closed after an answer of 400 and above, open after any other.
    ByStatus,
    /// Open: another request is answered.
    Open,
    /// Closed, with nothing more sent.
    Close,
    /// Not compared.
    Either,
}

/// Every case of every `.txt` file in `folder`, in order of file names and lines.
pub fn read_folder(folder: &Path) -> Result<Vec<Case>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        cases.extend(read_text(&name, &text)?);
    }
    Ok(cases)
}

/// The cases of one file.
pub fn read_text(file: &str, text: &str) -> Result<Vec<Case>, String> {
    let lines: Vec<(usize, &str)> = text.lines().enumerate().map(|(index, line)| (index + 1, line)).collect();
    let mut cases = Vec::new();
    for block in lines.split(|(_, line)| line.is_empty()) {
        if block.iter().all(|(_, line)| line.starts_with('#')) {
            continue;
        }
        read_block(file, block, &mut cases)?;
    }
    Ok(cases)
}

fn read_block(file: &str, block: &[(usize, &str)], cases: &mut Vec<Case>) -> Result<(), String> {
    let (first, reason) = block[0];
    let reason = reason.strip_prefix("# ").ok_or(format!("{file}:{first}: a case opens with `# reason`"))?;
    if !reason.contains("RFC ") || !reason.contains('§') {
        return Err(format!("{file}:{first}: the reason names no section (`RFC 9112 §3: ...`)"));
    }
    let mut choices = Vec::new();
    for (number, line) in block {
        if line.ends_with(' ') || (line.starts_with(['>', '<']) && !line.is_ascii()) {
            return Err(format!("{file}:{number}: ends in a space or is not ASCII: write octets as escapes"));
        }
        if line.starts_with('>') {
            choices.extend(choices_in(line).map_err(|e| format!("{file}:{number}: {e}"))?);
        }
    }
    match choices.as_slice() {
        [] => cases.push(read_case(file, block, reason, None)?),
        [options] => {
            for option in options {
                cases.push(read_case(file, block, reason, Some(option))?);
            }
        }
        _ => {
            return Err(format!("{file}:{first}: one choice per case: write `\\*` for the octets chosen already"));
        }
    }
    Ok(())
}

fn read_case(file: &str, block: &[(usize, &str)], reason: &str, chosen: Option<&[u8]>) -> Result<Case, String> {
    let mut place = format!("{file}:{}", block[0].0);
    if let Some(chosen) = chosen {
        place += &format!(" with `{}`", chosen.escape_ascii());
    }
    let mut case = Case { place, reason: reason.into(), steps: vec![], fin: false, ending: Ending::ByStatus };
    for &(number, line) in &block[1..] {
        read_line(&mut case, line, chosen).map_err(|e| format!("{file}:{number}: {e}"))?;
    }
    let silent = case.steps.iter().all(|step| step.expect.is_empty());
    let last = case.steps.last().and_then(|step| step.expect.last());
    if case.steps.is_empty() && !case.fin {
        return Err(format!("{}: sends nothing", case.place));
    }
    if (silent || last.is_some_and(|last| last.optional)) && case.ending != Ending::Close {
        return Err(format!("{}: how would the runner know that nothing more comes? say `close`", case.place));
    }
    Ok(case)
}

fn read_line(case: &mut Case, line: &str, chosen: Option<&[u8]>) -> Result<(), String> {
    match line.split_once(' ').unwrap_or((line, "")) {
        (">", text) => {
            if case.fin {
                return Err("nothing is sent after `fin`".into());
            }
            if case.steps.last().is_none_or(|step| !step.expect.is_empty()) {
                case.steps.push(Step::default());
            }
            let step = case.steps.last_mut().ok_or("no step")?;
            step.send.extend(octets(text, chosen)?);
        }
        ("<", text) => {
            let (times, expected) = read_answer(text, chosen)?;
            let step = case.steps.last_mut().ok_or("an answer before anything was sent")?;
            step.expect.extend(std::iter::repeat_n(expected, times));
        }
        ("+", text) => {
            let (name, member) = text.split_once(": ").ok_or("expected `+ Name: member`")?;
            last_answer(case)?.fields.push((name.into(), Some(member.into())));
        }
        ("-", name) => last_answer(case)?.fields.push((name.into(), None)),
        ("fin", "") => {
            case.fin = true;
            if case.steps.is_empty() {
                case.steps.push(Step::default());
            }
        }
        ("open", "") => case.ending = Ending::Open,
        ("close", "") => case.ending = Ending::Close,
        ("either", "") => case.ending = Ending::Either,
        _ => return Err(format!("not a line of this format: {line}")),
    }
    Ok(())
}

fn last_answer(case: &mut Case) -> Result<&mut Expected, String> {
    let answers = case.steps.last_mut().map(|step| &mut step.expect);
    answers.and_then(|answers| answers.last_mut()).ok_or("a field of no answer".into())
}

fn read_answer(text: &str, chosen: Option<&[u8]>) -> Result<(usize, Expected), String> {
    let (times, text) = match text.split_once(" times ") {
        Some((times, rest)) => (times.parse().map_err(|e| format!("{times}: {e}"))?, rest),
        None => (1, text),
    };
    let (statuses, body) = text.split_once(' ').unwrap_or((text, ""));
    let optional = statuses.ends_with('?');
    let statuses = statuses.trim_end_matches('?').split('|').map(|status| status.parse().map_err(|e| format!("{status}: {e}")));
    let body = match body.split_once(' ').unwrap_or((body, "")) {
        ("", "") => Body::Octets(vec![]),
        ("HEAD", "") => Body::Head,
        ("=", text) => Body::Octets(octets(text, chosen)?),
        ("bytes", count) => {
            let digits = String::from_utf8_lossy(&octets(count, chosen)?).into_owned();
            Body::Length(digits.parse().map_err(|e| format!("{digits}: {e}"))?)
        }
        _ => return Err(format!("not a body: {body}")),
    };
    Ok((times, Expected { statuses: statuses.collect::<Result<_, _>>()?, optional, body, fields: vec![] }))
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statuses: Vec<_> = self.statuses.iter().map(u16::to_string).collect();
        write!(f, "{}{}", statuses.join("|"), if self.optional { "?" } else { "" })?;
        match &self.body {
            Body::Octets(body) if body.is_empty() => {}
            Body::Octets(body) => write!(f, " {}", super::play::shortened(body))?,
            Body::Length(count) => write!(f, " {count} octets")?,
            Body::Head => write!(f, " without body")?,
        }
        for (name, member) in &self.fields {
            match member {
                Some(member) => write!(f, " with {name}: {member}")?,
                None => write!(f, " without {name}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for expected in self.steps.iter().flat_map(|step| &step.expect) {
            write!(f, "{expected}, ")?;
        }
        let last = self.steps.iter().flat_map(|step| &step.expect).next_back();
        let error = |expected: &Expected| expected.statuses.iter().all(|&status| status >= 400);
        let success = |expected: &Expected| expected.statuses.iter().all(|&status| status < 400);
        f.write_str(match self.ending {
            Ending::Open => "then open",
            Ending::Close => "then closed",
            Ending::Either => "then open or closed",
            Ending::ByStatus if last.is_some_and(error) => "then closed",
            Ending::ByStatus if last.is_some_and(success) => "then open",
            Ending::ByStatus => "then open, or closed after an error",
        })
    }
}
