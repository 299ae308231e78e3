//! Whose page asks: the Origin field (RFC 6454 section 7).
//!
//! Any page may have its visitor's browser open a WebSocket to any server, `127.0.0.1` among them, and POST plain text there; what
//! keeps pages apart otherwise keeps apart neither (RFC 6455 section 10.2). But the browser says whose page it is, and a page
//! cannot make it lie. So where something is opened or changed the page must be this server's own. Who is no browser says nothing
//! of an origin, and is let in: it has the rights of whoever runs it, and not those of a visitor.

use crate::http1::Head;

/// What a page of another server is told, with 403.
pub(super) const FOREIGN: &str = "this is not for pages of other servers: Origin and Host differ";

/// Whether the request names no origin, or one with the authority that Host names. The scheme is not compared: who speaks TLS for
/// this server says https. The ports of http and https, where they are written out, mean the same as none.
pub(super) fn is_same_origin(head: &Head<'_>) -> bool {
    let mut origins = head.field(b"origin");
    let Some(origin) = origins.next() else { return true };
    let host = head.field(b"host").next().unwrap_or_default();
    origins.next().is_none() && is_of(origin, host)
}

/// `null`, the origin of who must not be known, is of nobody.
fn is_of(origin: &[u8], host: &[u8]) -> bool {
    let of_scheme = |scheme: &[u8], port: &[u8]| {
        let (named, authority) = origin.split_at_checked(scheme.len())?;
        let plain = |authority: &'_ [u8]| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
        Some(named.eq_ignore_ascii_case(scheme) && !host.is_empty() && plain(authority) == plain(host))
    };
    of_scheme(b"http://", b":80") == Some(true) || of_scheme(b"https://", b":443") == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{HeadParser, HttpLimits};

    fn judge(fields: &str) -> bool {
        let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        let mut parser = HeadParser::new();
        assert!(matches!(parser.parse(request.as_bytes(), &HttpLimits::default()), Ok(Some(_))), "{request:?}");
        is_same_origin(&parser.head(request.as_bytes()))
    }

    #[test]
    fn own_pages_and_those_who_are_no_browsers() {
        for fields in [
            "Host: a:8080\r\n",
            "Host: a:8080\r\nOrigin: http://a:8080\r\n",
            "Host: a:8080\r\nOrigin: HTTP://A:8080\r\n",
            "Host: a\r\nOrigin: https://a\r\n",
            "Host: a:443\r\nOrigin: https://a\r\n",
            "Host: a\r\nOrigin: http://a:80\r\n",
            "Host: [::1]:80\r\nOrigin: http://[::1]\r\n",
        ] {
            assert!(judge(fields), "{fields:?}");
        }
    }

    #[test]
    fn pages_of_others() {
        for fields in [
            "Host: a\r\nOrigin: http://evil.example\r\n",
            "Host: a:8080\r\nOrigin: http://a:8081\r\n",
            "Host: a:8080\r\nOrigin: http://a\r\n",
            "Host: a\r\nOrigin: http://a:443\r\n",
            "Host: a\r\nOrigin: http://a.evil.example\r\n",
            "Host: a\r\nOrigin: null\r\n",
            "Host: a\r\nOrigin:\r\n",
            "Host: a\r\nOrigin: a\r\n",
            "Host: a\r\nOrigin: http://\r\n",
            "Host:\r\nOrigin: http://\r\n",
            "Host: a\r\nOrigin: file://a\r\n",
            "Host: a\r\nOrigin: http://a\r\nOrigin: http://evil.example\r\n",
        ] {
            assert!(!judge(fields), "{fields:?}");
        }
    }
}
