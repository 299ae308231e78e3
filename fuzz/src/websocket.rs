//! A WebSocket behind its handshake.

use std::time::Duration;

use iolab::Close;
use iolab::websocket::WebSocketLimits;

use super::connection::OCTET_BY_OCTET;
use super::input::Input;
use super::peer::{Arrival, LastWord, converse};
use super::websocket_plain::{Said, take_apart};
use super::websocket_support::Echoes;

/// The input is an [`Input`]: the choices are moves, bit 4 has the server stop once all is said, where else FIN comes, and bit 7 lets
/// octets come after reading was called off. Asserts that
///
/// - what the conversation hears and what is said to the peer is what the plain reader makes of the whole, however it comes;
/// - the connection ends because all is said, and neither stuck nor by force, in a bounded number of moves;
/// - what is unsent and unconsumed stays within its bounds after every move, and no octet is copied twice.
pub fn websocket(input: &[u8]) {
    let Some(input) = Input::read(input) else { return };
    let is_tight = input.settings & 0x40 != 0;
    let limits = WebSocketLimits {
        message: if is_tight { 40 } else { 1 << 20 },
        fragments: if is_tight { 4 } else { 100 },
        close: Duration::from_secs(5),
        ping_every: None,
    };
    let last = if input.settings & 0x10 == 0 { LastWord::Fin } else { LastWord::Stopping };
    let expected = take_apart(input.octets, &limits, last == LastWord::Stopping);
    let chosen = if input.settings & 0x80 == 0 { Arrival::Chosen(input.choices) } else { Arrival::Late(input.choices) };
    for arrival in [Arrival::Whole, Arrival::Chosen(&[OCTET_BY_OCTET]), chosen] {
        let service = Echoes { limits, ..Echoes::default() };
        let outcome = converse(&service, input.octets, last, arrival);
        assert_eq!(outcome.close, Some(Close::Done), "{arrival:?}: {}", input.octets.escape_ascii());
        let mut heard = service.log.take();
        heard.retain(|entry| !entry.starts_with("Begun") && !entry.starts_with("Closed"));
        let said = Said { heard, answer: outcome.heard };
        assert_eq!(said, expected, "{arrival:?}: {}", input.octets.escape_ascii());
    }
}
