//! Which versions of a job a client has seen, by what it says of them.

/// The versions that a client names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whatever there is.
    anything: bool,
    versions: Vec<u64>,
}

/// It is no list of entity tags.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Seen {
    pub(super) fn has(&self, version: u64) -> bool {
        self.anything || self.versions.contains(&version)
    }

    pub(super) fn add(&mut self, version: u64) {
        self.versions.push(version);
    }

    /// What there is, is this version: who has seen whatever there is has not seen what comes after it.
    pub(super) fn pin(&mut self, version: u64) {
        if std::mem::take(&mut self.anything) {
            self.versions.push(version);
        }
    }

    /// Adds what a field `If-None-Match` says: `*`, or a list of entity tags (RFC 9110 sections 13.1.2 and 8.8.3). They are compared
    /// weakly: `W/"3"` is as good as `"3"`. Tags that are none of ours name nothing.
    pub(super) fn add_tags(&mut self, value: &[u8]) -> Result<(), Malformed> {
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
            let tag = rest.strip_prefix(b"W/").unwrap_or(rest).strip_prefix(b"\"").ok_or(Malformed)?;
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
            self.versions.extend(version_of(tag));
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

    fn of(value: &str) -> Result<Seen, Malformed> {
        let mut seen = Seen::default();
        seen.add_tags(value.as_bytes())?;
        Ok(seen)
    }

    #[test]
    fn tags_are_read_as_the_standard_writes_them() {
        let versions = |value: &str| of(value).map(|seen| seen.versions);
        assert_eq!(versions(&tag(7)), Ok(vec![7]));
        assert_eq!(versions("W/\"7\" , \"8\""), Ok(vec![7, 8]));
        assert_eq!(versions(" ,, \"7\",,"), Ok(vec![7]));
        assert_eq!(versions("\"a,\\b\", \"\", \"7\", \"\u{e4}\""), Ok(vec![7]), "commas, backslashes and others may be within");
        assert_eq!(versions("\"07\", \"+7\", \"18446744073709551616\""), Ok(vec![]), "tags that are none of ours");
        assert_eq!(versions(""), Ok(vec![]));
        for wrong in ["7", "\"7", "7\"", "w/\"7\"", "W/7", "\"7\"\"8\"", "\"7\" \"8\"", "*, \"7\"", "\"7\", *", "\"a b\""] {
            assert_eq!(of(wrong), Err(Malformed), "{wrong}");
        }
    }

    #[test]
    fn whatever_there_is_is_not_what_comes_after_it() {
        let mut seen = of("*").unwrap();
        assert!(seen.has(1) && seen.has(u64::MAX));
        seen.pin(4);
        assert!(seen.has(4) && !seen.has(5));
        assert!(!Seen::default().has(0));
    }
}
