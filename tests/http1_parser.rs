//! What the head parser takes, what it refuses, where and why; in one piece, in pieces, and in linear time.

mod http1_support;

use http1_support::{HeadOutcome, Parsed, is_found_at_once, marked, most_examined, parse_every_way, parse_to, parse_with};
use iolab::http1::scanner::Scanner;
use iolab::http1::{ErrorKind, Framing, HeadParser, HttpLimits, TargetForm, Version};
use proptest::prelude::*;

fn parse(input: &[u8]) -> HeadOutcome {
    parse_every_way(input, &HttpLimits::default())
}

#[track_caller]
fn taken(input: impl AsRef<[u8]>) -> Parsed {
    let input = input.as_ref();
    match parse(input) {
        Ok(Some(parsed)) => parsed,
        other => panic!("{}: {other:?}", input.escape_ascii()),
    }
}

/// A whole request with that request line.
fn line(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: a\r\n\r\n").into_bytes()
}

/// A whole request with those field lines, besides Host.
fn with(fields: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").into_bytes()
}

/// Refused for that reason at the mark `@@`, whatever follows.
#[track_caller]
fn refused(kind: ErrorKind, input: impl AsRef<[u8]>) {
    refused_within(&HttpLimits::default(), kind, input);
}

#[track_caller]
fn refused_within(limits: &HttpLimits, kind: ErrorKind, input: impl AsRef<[u8]>) {
    let (input, at) = marked(input.as_ref());
    match parse_every_way(&input, limits) {
        Err(error) => {
            let shown = input.escape_ascii();
            assert_eq!((error.kind, error.offset), (kind, at), "{shown}");
            if is_found_at_once(kind) {
                let too_early = parse_to(&input, [at], limits);
                assert_eq!(too_early, Ok(None), "found too early: {shown}");
                let at_once = parse_to(&input, [at + 1], limits);
                assert_eq!(at_once, Err(error), "found too late: {shown}");
            }
        }
        other => panic!("{}: {other:?}", input.escape_ascii()),
    }
}

#[test]
fn a_request_says_what_it_says() {
    let input = b"\r\nPOST /a?b=%00\xff HTTP/1.1\r\nHost: [::1]:80\r\nX-Empty:\r\nx-ws: \t a\t b \t\r\nX-Obs: \x80\xff\r\n\
        Content-Length: 5\r\nExpect: 100-Continue\r\n\r\nhelloGET /";
    let parsed = taken(input);
    assert_eq!(parsed.octets, input.len() - b"helloGET /".len());
    assert_eq!((&*parsed.method, &*parsed.target), (&b"POST"[..], &b"/a?b=%00\xff"[..]));
    assert_eq!((parsed.form, parsed.version), (TargetForm::Origin, Version::Http11));
    assert_eq!((parsed.framing, parsed.keep_alive, parsed.expects_continue), (Framing::Length(5), true, true));
    let fields: Vec<(&[u8], &[u8])> = parsed.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected: [(&[u8], &[u8]); 6] = [
        (b"Host", b"[::1]:80"),
        (b"X-Empty", b""),
        (b"x-ws", b"a\t b"),
        (b"X-Obs", b"\x80\xff"),
        (b"Content-Length", b"5"),
        (b"Expect", b"100-Continue"),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn fields_are_found_by_name_whatever_its_case() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nx: 3\r\n\r\n";
    let mut parser = HeadParser::new();
    assert_eq!(parser.parse(input, &HttpLimits::default()), Ok(Some(input.len())));
    let head = parser.head(input);
    assert_eq!(head.field(b"x").collect::<Vec<_>>(), [b"1", b"3"]);
    assert_eq!(head.field(b"z").count(), 0);
    assert_eq!(head.fields().len(), 4);
}

#[test]
fn one_empty_line_before_a_request_is_skipped() {
    taken("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    refused(ErrorKind::Method, "\r\n@@\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    refused(ErrorKind::BareLf, "@@\nGET / HTTP/1.1\r\n");
    refused(ErrorKind::BareCr, "\r@@GET / HTTP/1.1\r\n");
    refused(ErrorKind::Method, "@@ \r\nGET / HTTP/1.1\r\n");
}

#[test]
fn a_request_has_started_with_its_first_octet() {
    let limits = HttpLimits::default();
    let mut parser = HeadParser::new();
    let input = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for end in 0..=input.len() {
        parser.parse(&input[..end], &limits).expect("valid");
        assert_eq!(parser.started(), end > 2, "after {end} octets");
    }
    parser.reset();
    assert!(!parser.started());
    parser.parse(b"G", &limits).expect("valid");
    assert!(parser.started());
}

#[test]
fn request_lines() {
    taken(line("PATCH / HTTP/1.1"));
    taken(line("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1"));
    refused(ErrorKind::Method, "@@ GET / HTTP/1.1\r\n");
    refused(ErrorKind::Method, "GE@@(T / HTTP/1.1\r\n");
    refused(ErrorKind::Method, "GET@@\t/ HTTP/1.1\r\n");
    refused(ErrorKind::Method, "GET@@\r\n");
    refused(ErrorKind::Method, b"G@@\xc3\xa9T / HTTP/1.1\r\n");
    refused(ErrorKind::BareLf, "GET@@\n");
    refused(ErrorKind::TargetEmpty, "GET @@ / HTTP/1.1\r\n");
    refused(ErrorKind::TargetEmpty, "GET @@\r\n");
    refused(ErrorKind::BareLf, "GET /@@\n");
    refused(ErrorKind::VersionMalformed, "GET /@@\r\nHost: a\r\n\r\n");
    refused(ErrorKind::VersionMalformed, "GET / @@ HTTP/1.1\r\n");
    refused(ErrorKind::VersionMalformed, "GET / @@\r\n");
    refused(ErrorKind::VersionMalformed, "GET / @@x HTTP/1.1\r\n");
    refused(ErrorKind::TargetOctet, "GET /@@\tHTTP/1.1\r\n");
    refused(ErrorKind::TargetOctet, "GET /a@@\0b HTTP/1.1\r\n");
    refused(ErrorKind::TargetOctet, "GET /a@@\x7fb HTTP/1.1\r\n");
    refused(ErrorKind::TargetOctet, "GET /a@@#b HTTP/1.1\r\n");
    refused(ErrorKind::TargetOctet, "GET /abcdefghijklmnop@@\x1b HTTP/1.1\r\n");
}

#[test]
fn versions() {
    assert_eq!(taken("GET / HTTP/1.0\r\n\r\n").version, Version::Http10);
    for version in ["0.9", "1.2", "1.9", "2.0", "3.0", "9.9"] {
        refused(ErrorKind::VersionUnsupported, format!("GET / @@HTTP/{version}\r\nHost: a\r\n\r\n"));
    }
    refused(ErrorKind::VersionUnsupported, "PRI * @@HTTP/2.0\r\n\r\nSM\r\n\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/1.1@@0\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/1.1@@ \r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/@@+1.1\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/1@@1\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/2@@\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/1.@@\r\n");
    refused(ErrorKind::VersionMalformed, "GET / @@http/1.1\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP@@S/1.1\r\n");
    refused(ErrorKind::VersionMalformed, "GET / HTTP/@@ 1.1\r\n");
    refused(ErrorKind::BareLf, "GET / HTTP/1.1@@\nHost: a\r\n");
    refused(ErrorKind::BareCr, "GET / HTTP/1.1\r@@Host: a\r\n");
    refused(ErrorKind::BareCr, "GET / HTTP/1.1\r@@\r\n");
}

#[test]
fn target_forms() {
    let forms = [
        ("GET / HTTP/1.1", TargetForm::Origin),
        ("GET //a HTTP/1.1", TargetForm::Origin),
        ("GET /?a?b%zz\"<>\\^`{|} HTTP/1.1", TargetForm::Origin),
        ("OPTIONS * HTTP/1.1", TargetForm::Asterisk),
        ("OPTIONS / HTTP/1.1", TargetForm::Origin),
        ("GET http://a HTTP/1.1", TargetForm::Absolute),
        ("GET HTTP://a.example:80/b HTTP/1.1", TargetForm::Absolute),
        ("OPTIONS https://a:?b HTTP/1.1", TargetForm::Absolute),
        ("GET http://[::1]:8080/ HTTP/1.1", TargetForm::Absolute),
        ("CONNECT a:443 HTTP/1.1", TargetForm::Authority),
        ("CONNECT [2001:db8::1]:443 HTTP/1.1", TargetForm::Authority),
        ("connect / HTTP/1.1", TargetForm::Origin),
    ];
    for (request, form) in forms {
        assert_eq!(taken(line(request)).form, form, "{request}");
    }
    let misfits = [
        "GET @@a HTTP/1.1",
        "GET @@* HTTP/1.1",
        "OPTIONS @@** HTTP/1.1",
        "OPTIONS @@*/ HTTP/1.1",
        "GET @@?a HTTP/1.1",
        "GET @@a:80 HTTP/1.1",
        "GET @@http:/a HTTP/1.1",
        "GET @@http:// HTTP/1.1",
        "GET @@http:///a HTTP/1.1",
        "GET @@http://:80/ HTTP/1.1",
        "GET @@http://u@a/ HTTP/1.1",
        "GET @@http://u:p@a/ HTTP/1.1",
        "GET @@http://a:b/ HTTP/1.1",
        "GET @@http://a:65536/ HTTP/1.1",
        "GET @@http://[::1/ HTTP/1.1",
        "GET @@http://a\\b/ HTTP/1.1",
        "GET @@ftp://a/ HTTP/1.1",
        "CONNECT @@/ HTTP/1.1",
        "CONNECT @@* HTTP/1.1",
        "CONNECT @@a HTTP/1.1",
        "CONNECT @@a: HTTP/1.1",
        "CONNECT @@:443 HTTP/1.1",
        "CONNECT @@http://a:443/ HTTP/1.1",
        "CONNECT @@u@a:443 HTTP/1.1",
        "CONNECT @@a:443/ HTTP/1.1",
    ];
    for request in misfits.into_iter().filter(|request| request.ends_with("1.1")) {
        refused(ErrorKind::TargetForm, line(request));
    }
}

#[test]
fn field_lines() {
    taken(with("!#$%&'*+-.^_`|~09azAZ: a"));
    taken(with("a:b:c"));
    taken(with("a:"));
    refused(ErrorKind::SpaceBeforeFields, "GET / HTTP/1.1\r\n@@ Host: a\r\n\r\n");
    refused(ErrorKind::SpaceBeforeFields, "GET / HTTP/1.1\r\n@@\t\r\nHost: a\r\n\r\n");
    refused(ErrorKind::ObsoleteFold, with("a: b\r\n@@ c"));
    refused(ErrorKind::ObsoleteFold, with("a: b\r\n@@\tc: d"));
    refused(ErrorKind::FieldNameEmpty, with("@@: a"));
    refused(ErrorKind::FieldNameSpace, with("a@@ : b"));
    refused(ErrorKind::FieldNameSpace, with("a@@\t: b"));
    refused(ErrorKind::FieldNameSpace, with("a@@ b: c"));
    refused(ErrorKind::FieldNameOctet, with("a@@(b: c"));
    refused(ErrorKind::FieldNameOctet, with("a@@\0b: c"));
    refused(ErrorKind::FieldNameOctet, with("a@@\x7f: c"));
    refused(ErrorKind::FieldNameOctet, with("a@@é: c"));
    refused(ErrorKind::ColonMissing, with("abc@@\r\nd: e"));
    refused(ErrorKind::BareLf, with("a: b@@\nc: d"));
    refused(ErrorKind::BareLf, with("a@@\nc: d"));
    refused(ErrorKind::BareLf, with("a: b\r\n@@\nc: d"));
    refused(ErrorKind::BareCr, with("a: b\r@@c: d"));
    refused(ErrorKind::BareCr, with("a: b\r@@\r\nc: d"));
    refused(ErrorKind::BareCr, "GET / HTTP/1.1\r\nHost: a\r\n\r@@x");
    refused(ErrorKind::BareLf, "GET / HTTP/1.1\r\nHost: a\r\n@@\n");
    for octet in (0..=0x1f_u8).chain([0x7f]).filter(|octet| !matches!(octet, b'\t' | b'\n' | b'\r')) {
        refused(ErrorKind::FieldValueOctet, with(&format!("a: 0123456789@@{}b", char::from(octet))));
    }
}

#[test]
fn hosts() {
    let good = [
        "a",
        "A.b-c_d~e",
        "a.",
        "127.0.0.1",
        "a:80",
        "a:",
        "a:0",
        "a:65535",
        "a:00080",
        "%41%fF",
        "!$&'()*+,;=",
        "[::1]",
        "[::]:1",
        "[1:2:3:4:5:6:7:8]",
        "[::ffff:1.2.3.4]",
        "[v1.a:b]",
        "[VF.!]:9",
        "999.999.999.999",
    ];
    for host in good {
        taken(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        taken(format!("GET / HTTP/1.0\r\nhOST:{host} \r\n\r\n"));
    }
    let bad = [
        "u@a",
        "a:http",
        "a:1:2",
        "a:+1",
        "a:65536",
        "a:99999999999999999999",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "\"a\"",
        "a%4",
        "a%",
        "a%4g",
        "a, b",
        "http://a",
        ":80",
        ":",
        "[::1",
        "::1",
        "::1]",
        "[]",
        "[::1]a",
        "[::1]80",
        "[::1%25eth0]",
        "[1:2:3]",
        "[g::]",
        "[::1.2.3.256]",
        "[1.2.3.4]",
        "[v1]",
        "[v.a]",
        "[v1.]",
        "[vg.a]",
        "[v1.@]",
        "[[::1]]",
        "é",
        "a\u{80}",
    ];
    for host in bad {
        refused(ErrorKind::HostMalformed, format!("GET / HTTP/1.1\r\nHost: @@{host}\r\n\r\n"));
        refused(ErrorKind::HostMalformed, format!("GET / HTTP/1.0\r\nHost: @@{host}\r\n\r\n"));
    }
    refused(ErrorKind::HostMissing, "GET / HTTP/1.1\r\nX: a\r\n@@\r\n");
    refused(ErrorKind::HostMissing, "GET http://a/ HTTP/1.1\r\n@@\r\n");
    taken("GET / HTTP/1.0\r\n\r\n");
    refused(ErrorKind::HostRepeated, with("X: a\r\nHost: @@a"));
    refused(ErrorKind::HostRepeated, with("host: @@b\r\nHost: c"));
    refused(ErrorKind::HostRepeated, "GET / HTTP/1.0\r\nHost: a\r\nHost: @@a\r\n\r\n");
}

#[test]
fn an_empty_host_goes_with_a_target_that_leaves_it_open() {
    taken("GET / HTTP/1.1\r\nHost:\r\n\r\n");
    taken("OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n");
    refused(ErrorKind::HostMalformed, "GET http://a/ HTTP/1.1\r\nHost:@@\r\n\r\n");
    refused(ErrorKind::HostMalformed, "CONNECT a:1 HTTP/1.1\r\nHost:@@\r\n\r\n");
}

#[test]
fn content_lengths() {
    assert_eq!(taken(with("A: b")).framing, Framing::None);
    for (value, length) in [("0", 0), ("5", 5), ("\t007 \t", 7), ("16777216", 1 << 24), ("00000000000000000000000000000003", 3)]
    {
        assert_eq!(taken(with(&format!("Content-Length:{value}"))).framing, Framing::Length(length), "{value}");
    }
    let bad = [
        "",
        "+5",
        "-5",
        "0x5",
        "5 5",
        "5,5",
        "5, 5",
        "5,",
        "5;",
        "5.0",
        "5a",
        "a",
        "1e3",
        "\u{b2}",
        "18446744073709551616",
        "99999999999999999999999999",
    ];
    for value in bad {
        refused(ErrorKind::ContentLengthMalformed, with(&format!("Content-Length:@@{value}")));
    }
    refused(ErrorKind::ContentLengthRepeated, with("Content-Length: 5\r\ncontent-length: @@5"));
    refused(ErrorKind::ContentLengthRepeated, with("Content-Length: 5\r\nContent-Length: @@6"));
    refused(ErrorKind::BodyTooLarge, with("Content-Length: @@16777217"));
    refused(ErrorKind::BodyTooLarge, with("Content-Length: @@18446744073709551615"));
}

#[test]
fn transfer_encodings() {
    for value in ["chunked", "chunked,", ",\tchunked ,,", "CHUNKED", "\tchunked\t ", "cHuNkEd"] {
        assert_eq!(taken(with(&format!("Transfer-Encoding:{value}"))).framing, Framing::Chunked, "{value}");
    }
    let empty = "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: ,";
    assert_eq!(taken(with(empty)).framing, Framing::Chunked, "an empty list adds nothing");
    for value in ["chunked;q=1", "chunked ;a", "chunked;", "chunked x", "\"chunked\"", "chun ked", "é", ";"] {
        refused(ErrorKind::TransferEncodingMalformed, with(&format!("Transfer-Encoding:@@{value}")));
    }
    for value in ["", ",", ", ,", "chunked, chunked", "chunked, gzip", "chunked,identity", "gzip", "identity", "xchunked"] {
        refused(ErrorKind::ChunkedNotFinal, with(&format!("Transfer-Encoding:@@{value}")));
    }
    for value in ["gzip, chunked", "identity,chunked", "chunkedx, chunked", "gzip;level=9 , chunked"] {
        refused(ErrorKind::TransferEncodingUnsupported, with(&format!("Transfer-Encoding: @@{value}")));
    }
    refused(ErrorKind::FieldValueOctet, with("Transfer-Encoding: chunked@@\x0b"));
    refused(ErrorKind::ChunkedNotFinal, with("Transfer-Encoding:@@\r\nTransfer-Encoding: ,"));
    refused(ErrorKind::ChunkedNotFinal, with("Transfer-Encoding: @@chunked,, chunked"));
    refused(ErrorKind::ChunkedNotFinal, with("Transfer-Encoding: @@chunked\r\nTransfer-Encoding: chunked"));
    refused(ErrorKind::TransferEncodingUnsupported, with("Transfer-Encoding: @@gzip\r\nX: y\r\nTransfer-Encoding: chunked"));
    refused(ErrorKind::ChunkedNotFinal, with("Transfer-Encoding: @@chunked\r\nTransfer-Encoding: gzip"));
    refused(ErrorKind::LengthAndTransferEncoding, with("Content-Length: 5\r\nTransfer-Encoding: @@chunked"));
    refused(ErrorKind::LengthAndTransferEncoding, with("Transfer-Encoding: @@gzip\r\nContent-Length: 5"));
    refused(ErrorKind::TransferEncodingInHttp10, "POST / HTTP/1.0\r\nTransfer-Encoding: @@chunked\r\n\r\n");
    refused(ErrorKind::SpaceBeforeFields, "POST / HTTP/1.1\r\n@@ Transfer-Encoding: chunked\r\nHost: a\r\n\r\n");
}

#[test]
fn keep_alive_follows_version_and_connection() {
    let keep_alive = |version: &str, fields: &str| taken(format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n")).keep_alive;
    for (fields, in_10, in_11) in [
        ("", false, true),
        ("Connection: keep-alive\r\n", true, true),
        ("Connection: close\r\n", false, false),
        ("Connection: x, Keep-Alive\r\n", true, true),
        ("Connection:,keep-alive\t,\tCLOSE ,\r\n", false, false),
        ("Connection: keep-alive\r\nConnection: close\r\n", false, false),
        ("Connection: close\r\nConnection: keep-alive\r\n", false, false),
        ("Connection: closed, keep-alivex\r\n", false, true),
        ("Proxy-Connection: close\r\n", false, true),
    ] {
        assert_eq!(keep_alive("1.0", fields), in_10, "1.0 {fields:?}");
        assert_eq!(keep_alive("1.1", fields), in_11, "1.1 {fields:?}");
    }
}

#[test]
fn expectations() {
    assert!(taken(with("Expect: 100-continue\r\nContent-Length: 1")).expects_continue);
    assert!(taken(with("Transfer-Encoding: chunked\r\nexpect:100-CONTINUE")).expects_continue);
    assert!(!taken(with("Expect: 100-continue\r\nContent-Length: 0")).expects_continue);
    assert!(!taken(with("Expect: 100-continue")).expects_continue);
    assert!(!taken(with("Expect:\r\nContent-Length: 1")).expects_continue);
    assert!(!taken("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expects_continue);
    assert!(!taken("POST / HTTP/1.0\r\nExpect: a cake\r\nContent-Length: 1\r\n\r\n").expects_continue);
    refused(ErrorKind::ExpectationUnknown, with("Expect: @@100-continued"));
    refused(ErrorKind::ExpectationUnknown, with("Expect: @@100-continue, a=b"));
    refused(ErrorKind::ExpectationUnknown, with("Expect: 100-continue\r\nExpect: @@200-ok"));
}

/// The order is that of `judge`: the first rule broken is the one told, wherever its field is.
#[test]
fn of_several_faults_one_is_told_in_a_fixed_order() {
    let faults = [
        (ErrorKind::HostRepeated, "Host: b"),
        (ErrorKind::ContentLengthRepeated, "Content-Length: 1\r\nContent-Length: 1"),
        (ErrorKind::ContentLengthMalformed, "Content-Length: x"),
        (ErrorKind::ChunkedNotFinal, "Transfer-Encoding: chunked, gzip"),
        (ErrorKind::ExpectationUnknown, "Expect: x"),
    ];
    for (i, (first, fault)) in faults.iter().enumerate() {
        for (second, other) in faults[i + 1..].iter().filter(|(kind, _)| *kind != ErrorKind::ContentLengthMalformed) {
            for input in [with(&format!("{fault}\r\n{other}")), with(&format!("{other}\r\n{fault}"))] {
                assert_eq!(parse(&input).expect_err("two faults").kind, *first, "beside {second:?}");
            }
        }
    }
    // Octets come before meaning, the request line before the fields, the version before the target.
    refused(ErrorKind::FieldValueOctet, with("Host: b\r\nX: @@\0"));
    refused(ErrorKind::TargetForm, "GET @@a HTTP/1.1\r\n\0");
    refused(ErrorKind::VersionUnsupported, "GET a @@HTTP/1.2\r\n\0");
}

fn tight() -> HttpLimits {
    HttpLimits { method: 4, target: 5, fields_octets: 20, fields: 2, ..HttpLimits::default() }
}

#[test]
fn limits_are_inclusive_and_break_at_the_first_octet_beyond() {
    let inside = |input: &str| assert!(matches!(parse_every_way(input.as_bytes(), &tight()), Ok(Some(_))), "{input:?}");
    let beyond = |kind, input: &str| {
        refused_within(&tight(), kind, input);
        let end = input.find("@@").expect("a mark");
        let cut = format!("{}@@x", &input[..end]);
        refused_within(&tight(), kind, &cut);
    };
    inside("POST /1234 HTTP/1.0\r\nA: bcdefgh\r\nB: cde\r\n\r\n");
    beyond(ErrorKind::MethodTooLong, "POST@@S /1 HTTP/1.0\r\n\r\n");
    beyond(ErrorKind::TargetTooLong, "GET /1234@@5 HTTP/1.0\r\n\r\n");
    beyond(ErrorKind::FieldsTooLong, "GET / HTTP/1.0\r\nA: bcdefgh\r\nB: cdef\r@@\n\r\n");
    beyond(ErrorKind::FieldsTooLong, "GET / HTTP/1.0\r\nA: bcdefghijklmnopqr@@\r\n\r\n");
    beyond(ErrorKind::FieldsTooLong, "GET / HTTP/1.0\r\nA: bcdefghijklmnop\r\n@@B: \r\n\r\n");
    beyond(ErrorKind::FieldsTooLong, "GET / HTTP/1.0\r\nABCDEFGHIJKLMNOPQRST@@U: \r\n\r\n");
    beyond(ErrorKind::TooManyFields, "GET / HTTP/1.0\r\nA:\r\nB:\r\n@@C:\r\n\r\n");
    refused_within(&tight(), ErrorKind::Method, "POST@@\0");
    refused_within(&tight(), ErrorKind::TargetOctet, "GET /1234@@\0");
}

#[test]
fn any_number_of_fields_up_to_the_limit() {
    let limits = HttpLimits { fields: 20_001, fields_octets: 1 << 20, ..HttpLimits::default() };
    let mut input = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    for i in 0..20_000 {
        input.extend(format!("X-{i}: {i}\r\n").bytes());
    }
    input.extend(b"\r\n");
    let parsed = parse_to(&input, [input.len()], &limits).expect("valid").expect("whole");
    assert_eq!(parsed.fields.len(), 20_001);
    assert_eq!(parsed.fields[20_000], (b"X-19999".to_vec(), b"19999".to_vec()));
}

#[test]
fn every_kind_has_a_status_and_words() {
    for (kind, status) in [
        (ErrorKind::BareLf, 400),
        (ErrorKind::BodyTooLarge, 413),
        (ErrorKind::TargetTooLong, 414),
        (ErrorKind::ExpectationUnknown, 417),
        (ErrorKind::FieldsTooLong, 431),
        (ErrorKind::TooManyFields, 431),
        (ErrorKind::MethodTooLong, 501),
        (ErrorKind::TransferEncodingUnsupported, 501),
        (ErrorKind::VersionUnsupported, 505),
    ] {
        assert_eq!(kind.status(), status, "{kind:?}");
    }
    let error = parse(b"GET / HTTP/1.1\r\n\r\n").expect_err("no Host");
    assert_eq!(error.to_string(), "an HTTP/1.1 request needs a Host field (octet 16 of the request; answered 400)");
}

/// However the octets drip in, the work is that of the head in one piece, and at most a block more for each call.
#[test]
fn a_drip_of_octets_is_linear() {
    let long = "x".repeat(3000);
    let mut input = format!("GET /{long} HTTP/1.1\r\nHost: a\r\n{long}: y\r\nZ: {long}\r\n");
    for i in 0..100 {
        input += &format!("Name-{i}: value {i}\r\n");
    }
    let input = (input + "\r\n").into_bytes();
    let limits = HttpLimits::default();
    for scanner in Scanner::all() {
        // ANCHOR: drip
        for step in [1, 2, 3, 7, 64, input.len()] {
            let ends = (0..input.len()).step_by(step).chain([input.len()]);
            let calls = ends.clone().count();
            let (parsed, examined) = parse_with(scanner, &input, ends, &limits);
            parsed.expect("valid").expect("whole");
            let most = most_examined(input.len(), calls);
            assert!(examined <= most, "{examined} octets examined of {} in steps of {step}", input.len());
            assert!(examined >= input.len(), "the counter counts");
        }
        // ANCHOR_END: drip
    }
}

/// Pieces of requests, good and bad, from which random ones are put together.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "GET",
        "OPTIONS",
        "CONNECT",
        " ",
        " ",
        "/",
        "/a",
        "*",
        "http://a",
        "a:1",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        " HTTP/2.0\r\n",
        "Host: a\r\n",
        "Host:\r\n",
        "Host",
        ":",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: x\r\n",
        "Connection: close\r\n",
        "\r\n",
        "\r\n",
        "\r",
        "\n",
        "\t",
        "\0",
        "\u{7f}",
        "#",
        "x: 0123456789abcdef\r\n",
        "é",
    ]);
    let random = prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes());
    let plausible = prop::collection::vec(0..4_usize, 0..6).prop_map(|fields| {
        let mut request = "POST /a HTTP/1.1\r\nHost: a\r\n".to_string();
        for field in fields {
            request +=
                ["Content-Length: 5\r\n", "X: y\r\n", "Connection: close\r\n", "Longer-Name: \t value with words \t\r\n"]
                    [field];
        }
        (request + "\r\n").into_bytes()
    });
    prop_oneof![random, plausible]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Cut at random, with generous and with tight limits, with each scanner: one outcome.
    #[test]
    fn the_outcome_does_not_depend_on_the_cuts(input in request(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).chain([input.len()]).collect();
        ends.sort_unstable();
        for limits in [HttpLimits::default(), tight()] {
            let whole = parse_to(&input, [input.len()], &limits);
            for scanner in Scanner::all() {
                prop_assert_eq!(&parse_with(scanner, &input, ends.iter().copied(), &limits).0, &whole);
                prop_assert_eq!(&parse_with(scanner, &input, 0..=input.len(), &limits).0, &whole);
            }
        }
    }
}
