//! Of the chapter "Reading a request".

use iolab::http1::scanner::{Form, Scanner};
use iolab::http1::{Error, HeadParser, HttpLimits};

use crate::check;

/// Why a whole head is refused. It is asked for with each form of the scanner, and octet by octet as well.
fn refusal(head: &str) -> Error {
    let limits = HttpLimits::default();
    let errors: Vec<Error> = Scanner::all()
        .flat_map(|scanner| {
            let mut whole = HeadParser::with_scanner(scanner);
            let mut dripped = HeadParser::with_scanner(scanner);
            let mut ends = 1..=head.len();
            [
                whole.parse(head.as_bytes(), &limits).expect_err("it is refused"),
                ends.find_map(|end| dripped.parse(&head.as_bytes()[..end], &limits).err()).expect("it is refused"),
            ]
        })
        .collect();
    assert!(errors.iter().all(|error| *error == errors[0]), "all say the same: {errors:?}");
    errors[0]
}

#[test]
fn request_1() {
    let error = refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n");
    check("request-1", error.kind.status());
}

#[test]
fn request_2() {
    let error = refusal("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    check("request-2", error.offset);
}

#[test]
fn request_3() {
    let error = refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
    check("request-3", error.kind.status());
}

/// The most octets that one call looks at, while field lines come octet by octet.
#[test]
fn request_4() {
    let limits = HttpLimits::default();
    let head = format!("GET / HTTP/1.1\r\n{}\r\n", "Name: value\r\n".repeat(100));
    let mut parser = HeadParser::with_scanner(Scanner::new(Form::Byte).expect("it needs nothing"));
    let mut most = 0;
    for end in 1..head.len() {
        let looks_from = parser.settled();
        assert_eq!(parser.parse(&head.as_bytes()[..end], &limits), Ok(None));
        most = most.max(end - looks_from);
    }
    check("request-4", most);
}
