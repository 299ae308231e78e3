//! Which versions of a job a client speaks of: those it has seen, and those it wants to change.
//!
//! | it says | and the job is at such a version | and it is not |
//! |---|---|---|
//! | `If-Match` | goes on | 412, and nothing is done |
//! | `If-None-Match`, GET and HEAD | 304, or waits | goes on |
//! | `If-None-Match`, DELETE | 412, and nothing is done | goes on |
//! | `after=V` | 204, or waits | goes on |
//!
//! In this order: RFC 9110 section 13.2.2, and `after`, which is ours, last. `*` is whatever version there is. All of it counts only
//! where the answer would be of success without it (section 13.2.1): a job that is not there is 404 for everybody.

use super::note::{Reply, View};
use super::routes::Refusal;
use crate::http1::Head;

/// What a request says of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Tags,
    after: Option<u64>,
}

impl Preconditions {
    pub(super) fn read(head: &Head<'_>) -> Result<Preconditions, Refusal> {
        let mut read = Preconditions::default();
        for value in head.field(b"If-Match") {
            let why = "If-Match is neither * nor a list of entity tags like \"1\", \"2\"";
            let tags = read.if_match.get_or_insert_default();
            tags.add(value, Comparison::Strong).map_err(|_| Refusal::Bad(why.into()))?;
        }
        for value in head.field(b"If-None-Match") {
            let why = "If-None-Match is neither * nor a list of entity tags like \"1\", W/\"2\"";
            read.if_none_match.add(value, Comparison::Weak).map_err(|_| Refusal::Bad(why.into()))?;
        }
        Ok(read)
    }

    pub(super) fn with_after(self, after: Option<u64>) -> Preconditions {
        Preconditions { after, ..self }
    }

    // ANCHOR: reply
    /// What is told to who looks at a job.
    pub(super) fn reply(&self, view: View) -> Reply {
        if !self.is_match(view.version) {
            Reply::PreconditionFailed(view)
        } else if self.if_none_match.has(view.version) {
            Reply::NotModified(view)
        } else if self.after == Some(view.version) {
            Reply::NoNews(view)
        } else {
            Reply::Is(view)
        }
    }
    // ANCHOR_END: reply

    /// Whether a job at this version may be changed.
    pub(super) fn allow_change(&self, version: u64) -> bool {
        self.is_match(version) && !self.if_none_match.has(version)
    }

    fn is_match(&self, version: u64) -> bool {
        self.if_match.as_ref().is_none_or(|tags| tags.has(version))
    }

    /// They held for this version, and a later one is waited for: who has seen whatever there is has seen this one and not what
    /// comes after it, and `If-Match` has been heard.
    pub(super) fn settle(&mut self, version: u64) {
        self.if_match = None;
        if std::mem::take(&mut self.if_none_match.anything) {
            self.if_none_match.versions.push(version);
        }
    }
}

/// What a field of entity tags names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tags {
    /// Whatever there is.
    anything: bool,
    versions: Vec<u64>,
}

/// RFC 9110 section 8.8.3.2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// `W/"3"` names nothing.
    Strong,
    /// It is as good as `"3"`.
    Weak,
}

/// It is no list of entity tags.
#[derive(Debug, PartialEq, Eq)]
struct Malformed;

impl Tags {
    fn has(&self, version: u64) -> bool {
        self.anything || self.versions.contains(&version)
    }

    /// Adds what a field says: `*`, or a list of entity tags (RFC 9110 sections 13.1.1, 13.1.2 and 8.8.3). Tags that are none of
    /// ours name nothing.
    fn add(&mut self, value: &[u8], comparison: Comparison) -> Result<(), Malformed> {
        if value == b"*" {
            self.anything = true;
            return Ok(());
        }
        let mut rest = value;
        loop {
            // Empty elements of a list are to be borne (RFC 9110 section 5.6.1.2).
            while let [b' ' | b'\t' | b',', after @ ..] = rest {
                rest = after;
            }
            if rest.is_empty() {
                return Ok(());
            }
            let (is_weak, tag) = rest.strip_prefix(b"W/").map_or((false, rest), |tag| (true, tag));
            let tag = tag.strip_prefix(b"\"").ok_or(Malformed)?;
            let end = tag.iter().position(|&octet| octet == b'"').ok_or(Malformed)?;
            let (tag, after) = (&tag[..end], &tag[end + 1..]);
            // `etagc` of section 8.8.3: visible octets and those beyond ASCII.
            if tag.iter().any(|&octet| octet <= b' ' || octet == 0x7f) {
                return Err(Malformed);
            }
            let behind = after.iter().position(|octet| !matches!(octet, b' ' | b'\t')).unwrap_or(after.len());
            rest = &after[behind..];
            if !matches!(rest, [] | [b',', ..]) {
                return Err(Malformed);
            }
            if comparison == Comparison::Weak || !is_weak {
                self.versions.extend(version_of(tag));
            }
        }
    }
}

/// What is within the quotes of our tags, as [`tag`] writes it.
fn version_of(tag: &[u8]) -> Option<u64> {
    let version = str::from_utf8(tag).ok()?.parse().ok()?;
    (format!("{version}").as_bytes() == tag).then_some(version)
}

/// The entity tag of a version: strong, as the same version is the same octets.
pub(super) fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, comparison: Comparison) -> Result<Tags, Malformed> {
        let mut tags = Tags::default();
        tags.add(value.as_bytes(), comparison)?;
        Ok(tags)
    }

    #[test]
    fn tags_are_read_as_the_standard_writes_them() {
        let versions = |value: &str| of(value, Comparison::Weak).map(|tags| tags.versions);
        assert_eq!(versions(&tag(7)), Ok(vec![7]));
        assert_eq!(versions("W/\"7\" , \"8\""), Ok(vec![7, 8]));
        assert_eq!(versions(" ,, \"7\",,"), Ok(vec![7]));
        assert_eq!(versions("\"a,\\b\", \"\", \"7\", \"\u{e4}\""), Ok(vec![7]), "commas, backslashes and others may be within");
        assert_eq!(versions("\"07\", \"+7\", \"18446744073709551616\""), Ok(vec![]), "tags that are none of ours");
        assert_eq!(versions(""), Ok(vec![]));
        for wrong in ["7", "\"7", "7\"", "w/\"7\"", "W/7", "\"7\"\"8\"", "\"7\" \"8\"", "*, \"7\"", "\"7\", *", "\"a b\""] {
            assert_eq!(of(wrong, Comparison::Weak), Err(Malformed), "{wrong}");
            assert_eq!(of(wrong, Comparison::Strong), Err(Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_weak_tag_is_none_where_the_comparison_is_strong() {
        assert_eq!(of("W/\"7\", \"8\", W/\"9\"", Comparison::Strong).unwrap().versions, [8]);
    }

    #[test]
    fn whatever_there_is_is_not_what_comes_after_it() {
        let if_none_match = of("*", Comparison::Weak).unwrap();
        assert!(if_none_match.has(1) && if_none_match.has(u64::MAX));
        let mut those = Preconditions { if_match: Some(Tags::default()), if_none_match, after: Some(3) };
        assert!(!those.allow_change(4));
        those.settle(4);
        assert!(!those.allow_change(4) && those.allow_change(5), "{those:?}");
        assert!(!Tags::default().has(0));
    }
}
