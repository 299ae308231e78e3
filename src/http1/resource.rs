//! What a target names: a path, and the parameters behind it.

use std::borrow::Cow;

use super::head::Head;
use super::target::TargetForm;

impl<'a> Head<'a> {
    /// The path of the target, as sent, without its query: `/a/b` of `/a/b?c=d` and of `http://host/a/b`. What is no path (`*`, an
    /// authority) is given as it is.
    pub fn path(&self) -> &'a [u8] {
        split(self).0
    }

    /// The parameters of the query, in the order in which they came, decoded as forms encode them
    /// (`application/x-www-form-urlencoded`, the URL Standard section 5.1). Octets that are no UTF-8 become U+FFFD.
    pub fn parameters(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        form_urlencoded::parse(split(self).1)
    }

    /// The value of the first parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.parameters().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

fn split<'a>(head: &Head<'a>) -> (&'a [u8], &'a [u8]) {
    let target = without_authority(head.target(), head.target_form());
    let (path, query) = match target.iter().position(|&octet| octet == b'?') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &[][..]),
    };
    (if path.is_empty() { b"/" } else { path }, query)
}

/// An absolute URI names the same as what follows its authority; no path is the root (RFC 9110 section 4.2.3).
fn without_authority(target: &[u8], form: TargetForm) -> &[u8] {
    if form != TargetForm::Absolute {
        return target;
    }
    let authority = target.windows(3).position(|octets| octets == b"://").map_or(0, |at| at + 3);
    let end = target[authority..].iter().position(|octet| matches!(octet, b'/' | b'?'));
    end.map_or(&[], |end| &target[authority + end..])
}

#[cfg(test)]
mod tests {
    use super::super::{HeadParser, HttpLimits};

    fn of(target: &str) -> (String, Vec<(String, String)>) {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut parser = HeadParser::new();
        parser.parse(request.as_bytes(), &HttpLimits::default()).unwrap().unwrap();
        let head = parser.head(request.as_bytes());
        let parameters = head.parameters().map(|(name, value)| (name.into_owned(), value.into_owned()));
        (String::from_utf8(head.path().to_vec()).unwrap(), parameters.collect())
    }

    #[test]
    fn a_target_names_a_path_and_parameters() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(of("/"), ("/".into(), vec![]));
        assert_eq!(of("/a/b?"), ("/a/b".into(), vec![]));
        assert_eq!(of("/a?b=c&d&b=e+f%20%C3%A4"), ("/a".into(), vec![pair("b", "c"), pair("d", ""), pair("b", "e f ä")]));
        assert_eq!(of("/a?b=/c?d"), ("/a".into(), vec![pair("b", "/c?d")]));
        assert_eq!(of("/?a=%FF%zz"), ("/".into(), vec![pair("a", "\u{fffd}%zz")]));
        assert_eq!(of("http://host:80/a?b=c"), ("/a".into(), vec![pair("b", "c")]));
        assert_eq!(of("http://host"), ("/".into(), vec![]));
        assert_eq!(of("http://host?b=c"), ("/".into(), vec![pair("b", "c")]));
    }
}
