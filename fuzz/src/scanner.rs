//! The forms of the scanner against the one that looks octets up, on whatever octets, at every alignment to a block: what is
//! found does not depend on the form.

use iolab::http1::scanner::{Form, Scanner};
use iolab::http1::{Error, HeadIndex, HttpLimits};

/// So many starts are tried: each alignment to a block.
const STARTS: usize = 64;

/// Where everything is, as far as it was found.
type Found = Result<Option<(usize, Vec<u8>, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>)>, Error>;

/// The input is octets: of field lines behind a request line, and of a head. Asserts that all scanners find the same in them.
pub fn scanner(input: &[u8]) {
    let byte = Scanner::new(Form::Byte).expect("it needs nothing");
    for start in 0..STARTS {
        let target = "x".repeat(start);
        let fields = [format!("GET /{target} HTTP/1.1\r\n").as_bytes(), input].concat();
        for octets in [&fields, &input[start.min(input.len())..]] {
            let of_byte = found(byte, octets);
            for scanner in Scanner::all() {
                assert_eq!(found(scanner, octets), of_byte, "{}: {}", scanner.form(), octets.escape_ascii());
            }
        }
    }
}

fn found(scanner: Scanner, octets: &[u8]) -> Found {
    let mut index = HeadIndex::with_scanner(scanner);
    let Some(end) = index.parse(octets, &HttpLimits::default())? else { return Ok(None) };
    let fields = index.fields(octets).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    Ok(Some((end, index.method(octets).to_vec(), index.target(octets).to_vec(), fields)))
}
