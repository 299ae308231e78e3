//! httparse as the oracle: mutated requests must be taken or refused by both, and mean the same.
//!
//! The two differ by design, and only in what is listed here:
//!
//! | what | httparse | iolab |
//! |---|---|---|
//! | a bare LF as the end of a line | takes it | refuses it (RFC 9112 section 2.2 lets one choose) |
//! | empty lines before the request line | skips any number | skips one |
//! | a target that is not UTF-8 | refuses it | hands it over raw |
//! | `#` in a target | takes it | refuses it: a fragment is never sent (RFC 9110 section 7.1) |
//! | target form, Host, framing, Expect | not its business | judged |
//! | a version other than 1.0 and 1.1 | refuses it at its first digit | at the end of the line: it may yet be malformed |

mod http1_support;

use http1_support::is_about_fields;
use iolab::http1::{Error, ErrorKind, HeadParser, HttpLimits, Version};
use proptest::prelude::*;

type Request = (usize, Vec<u8>, Vec<u8>, u8, Vec<(Vec<u8>, Vec<u8>)>);

fn oracle(input: &[u8]) -> Result<Option<Request>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    Ok(match request.parse(input)? {
        httparse::Status::Partial => None,
        httparse::Status::Complete(octets) => {
            let fields =
                request.headers.iter().map(|header| (header.name.as_bytes().to_vec(), header.value.to_vec())).collect();
            let (method, target) = (request.method.expect("complete"), request.path.expect("complete"));
            Some((octets, method.into(), target.into(), request.version.expect("complete"), fields))
        }
    })
}

fn ours(input: &[u8]) -> Result<Option<Request>, Error> {
    let mut parser = HeadParser::new();
    let Some(octets) = parser.parse(input, &HttpLimits::default())? else {
        return Ok(None);
    };
    let head = parser.head(input);
    let fields = head.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let version = u8::from(head.version() == Version::Http11);
    Ok(Some((octets, head.method().to_vec(), head.target().to_vec(), version, fields)))
}

/// Whether the input holds what the table above lists, as far as httparse would look.
fn is_known_difference(input: &[u8]) -> bool {
    let bare_lf = input.iter().enumerate().any(|(i, octet)| *octet == b'\n' && (i == 0 || input[i - 1] != b'\r'));
    let empty_lines = input.starts_with(b"\r\n\r") || input.starts_with(b"\r\n\n");
    let line = input.strip_prefix(b"\r\n").unwrap_or(input);
    let line = &line[..line.iter().position(|octet| *octet == b'\r').unwrap_or(line.len())];
    let target = line.split(|octet| *octet == b' ').nth(1).unwrap_or_default();
    bare_lf || empty_lines || target.contains(&b'#') || str::from_utf8(target).is_err()
}

const SEEDS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: example.org:8080\r\nContent-Length: 12\r\nX-Empty:\r\nX-Space: \t a b \t \r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nhost:a\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\r\n\r\n",
    "PUT http://a.example/b HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nA!#$%&'*+-.^_`|~:\r\n\r\n",
    "GET /%7Euser/\u{e9} HTTP/1.1\r\nHost: a\r\nCookie: a=\u{e9}\u{fc}; b=0123456789abcdefghijklmnopqrstuvwxyz\r\nAccept: */*\r\n\r\n",
];

#[derive(Clone, Debug)]
enum Mutation {
    Set(u8),
    Insert(u8),
    Remove,
    Cut,
    Copy(prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = (prop::sample::Index, Mutation)> {
    let telling = prop::sample::select(b"\r\n\t :/#\0\x7f\x80\xffHT1.0,;a".to_vec());
    let octet = prop_oneof![telling, any::<u8>()];
    let mutation = prop_oneof![
        octet.clone().prop_map(Mutation::Set),
        octet.prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Cut),
        any::<prop::sample::Index>().prop_map(Mutation::Copy),
    ];
    (any::<prop::sample::Index>(), mutation)
}

fn mutated(seed: &str, mutations: &[(prop::sample::Index, Mutation)]) -> Vec<u8> {
    let mut input = seed.as_bytes().to_vec();
    for (place, mutation) in mutations {
        if input.is_empty() {
            break;
        }
        let place = place.index(input.len());
        match mutation {
            Mutation::Set(octet) => input[place] = *octet,
            Mutation::Insert(octet) => input.insert(place, *octet),
            Mutation::Remove => _ = input.remove(place),
            Mutation::Cut => input.truncate(place),
            Mutation::Copy(from) => {
                let from = from.index(input.len());
                let piece: Vec<u8> = input[from..].iter().copied().take(12).collect();
                input.splice(place..place, piece);
            }
        }
    }
    input
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 30_000,
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_httparse(seed in prop::sample::select(SEEDS), mutations in prop::collection::vec(mutation(), 0..4)) {
        let input = mutated(seed, &mutations);
        prop_assume!(!is_known_difference(&input));
        match (ours(&input), oracle(&input)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            (Err(_), Err(_)) | (Ok(None), Err(httparse::Error::Version)) => {}
            (Err(error), Ok(_)) if (is_about_fields(error.kind) || error.kind == ErrorKind::TargetForm) => {}
            (ours, theirs) => prop_assert!(false, "{}: {ours:?}, httparse: {theirs:?}", input.escape_ascii()),
        }
    }
}

#[test]
fn the_seeds_are_taken_by_both() {
    for seed in SEEDS {
        assert_eq!(ours(seed.as_bytes()).expect("valid"), oracle(seed.as_bytes()).expect("valid"), "{seed:?}");
    }
}
