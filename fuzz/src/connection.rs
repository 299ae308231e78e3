//! A whole connection.

use iolab::Close;
use iolab::http1::{HttpService, TimeLimits};
use iolab::patterns::Echo;

use super::input::Input;
use super::peer::{Arrival, LastWord, converse};

/// The octet that stands for many: the next one says how many KiB of `x`. A server has to be able to hold back, chunk and stop
/// reading what no fuzzer would have the patience to write.
const MANY: u8 = 0xff;

/// The peer says no more than this.
const SAID_OCTETS: usize = 512 << 10;

/// The input is an [`Input`]: the choices are moves, the variant is what happens once all is said, and bit 7 lets octets come after
/// reading was called off. Asserts that
///
/// - the answers are the same octets, and the end is the same, as if all had come in one piece and gone as quickly as it could;
/// - the connection ends because all is said, and neither stuck nor by force, in a bounded number of moves;
/// - what is unsent and unconsumed stays within its bounds after every move, and no octet is copied twice.
pub fn connection(input: &[u8]) {
    let Some(input) = Input::read(input) else { return };
    let last = [LastWord::Fin, LastWord::Stopping, LastWord::Silence, LastWord::Fin][usize::from(input.variant())];
    let said = unfolded(input.octets);
    let service = HttpService::new(input.limits(), TimeLimits::default(), Echo::default);
    let whole = converse(&service, &said, last, Arrival::Whole);
    assert!(matches!(whole.close, None | Some(Close::Done)), "{:?}: {}", whole.close, input.octets.escape_ascii());
    let chosen = if input.settings & 0x80 == 0 { Arrival::Chosen(input.choices) } else { Arrival::Late(input.choices) };
    for arrival in [Arrival::Chosen(&[OCTET_BY_OCTET]), chosen] {
        let moved = converse(&service, &said, last, arrival);
        assert_eq!(moved.close, whole.close, "{arrival:?}: {}", input.octets.escape_ascii());
        if moved.heard != whole.heard {
            let at = moved.heard.iter().zip(&whole.heard).take_while(|(one, other)| one == other).count();
            let (moved, whole) = (rest(&moved.heard, at), rest(&whole.heard, at));
            panic!("{arrival:?}: from octet {at} on {moved} instead of {whole}: {}", input.octets.escape_ascii());
        }
    }
}

/// The choice of a move: hear one octet, or else the next thing that can be done, with one octet.
pub(super) const OCTET_BY_OCTET: u8 = 1 << 2;

fn unfolded(octets: &[u8]) -> Vec<u8> {
    let mut said = Vec::with_capacity(octets.len());
    let mut octets = octets.iter();
    while let Some(&octet) = octets.next() {
        match octets.clone().next() {
            Some(&count) if octet == MANY => {
                octets.next();
                said.resize(said.len() + (usize::from(count) << 10), b'x');
            }
            _ => said.push(octet),
        }
        said.truncate(SAID_OCTETS);
    }
    said
}

/// What there is from there on, as far as one would look.
fn rest(octets: &[u8], at: usize) -> String {
    octets[at..].iter().take(80).flat_map(|octet| octet.escape_ascii()).map(char::from).collect()
}
