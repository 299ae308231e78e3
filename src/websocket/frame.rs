//! Frames: a header of 2 to 14 octets and a payload (RFC 6455 section 5.2).
//!
//! ```text
// ANCHOR: picture
//!  octet 0            octet 1             0, 2 or 8     4, of clients only
//! +-+-+-+-+--------+ +-+---------------+ +------------+ +------+ +---------+
//! |F|R|R|R| opcode | |M| length, or    | | length, if | | mask | | payload |
//! |I|S|S|S|        | |A| 126: 16 bits, | | it was 126 | |      | |         |
//! |N|V|V|V|        | |S| 127: 64 bits  | | or 127,    | |      | |         |
//! | | | | |        | |K|               | | big-endian | |      | |         |
//! +-+-+-+-+--------+ +-+---------------+ +------------+ +------+ +---------+
// ANCHOR_END: picture
//! ```

use bytes::Bytes;

use super::error::ErrorKind;

/// The longest payload of a ping, a pong or a close (section 5.5).
pub const CONTROL_OCTETS: usize = 125;

/// What a frame is (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// More of the message that was begun.
    Continuation = 0,
    /// Begins a text, which is UTF-8.
    Text = 1,
    /// Begins a message of any octets.
    Binary = 2,
    /// The last frame of its sender.
    Close = 8,
    /// To be answered with a pong.
    Ping = 9,
    /// Answers a ping, or says that the sender is alive.
    Pong = 10,
}

impl Opcode {
    /// Close, ping and pong: whole in one frame, and allowed between the fragments of a message.
    pub fn is_control(self) -> bool {
        self as u8 >= 8
    }

    fn of(octet: u8) -> Option<Opcode> {
        let all = [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];
        all.into_iter().find(|opcode| *opcode as u8 == octet & 0x0f)
    }
}

/// What stands before the payload of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// It is the last frame of its message.
    pub is_final: bool,
    /// What it is.
    pub opcode: Opcode,
    /// What its payload is [masked](super::unmask) with.
    pub mask: [u8; 4],
    /// Octets of the payload: less than 2^63.
    pub length: u64,
}

impl FrameHeader {
    // ANCHOR: parse
    /// The header at the start of `input`, and how many octets it takes: 6, 8 or
    /// 14. `None`: it needs more.
    ///
    /// It looks at 14 octets at most, so it keeps nothing: call it again with the
    /// same octets and more behind them.
    ///
    /// # Errors
    ///
    /// What section 5 does not allow in a frame of a client, where no extension was
    /// negotiated: as soon as the octets are there that no others could mend.
    pub fn parse(input: &[u8]) -> Result<Option<(FrameHeader, usize)>, ErrorKind> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let is_final = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return Err(ErrorKind::ReservedBits);
        }
        let opcode = Opcode::of(first).ok_or(ErrorKind::ReservedOpcode)?;
        if opcode.is_control() && !is_final {
            return Err(ErrorKind::FragmentedControl);
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        if second & 0x80 == 0 {
            return Err(ErrorKind::Unmasked);
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > CONTROL_OCTETS {
            return Err(ErrorKind::LongControl);
        }
        let Some((length, rest)) = length(short, rest)? else { return Ok(None) };
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((FrameHeader { is_final, opcode, mask: *mask, length }, input.len() - rest.len())))
    }
    // ANCHOR_END: parse
}

/// The length that the seven bits of the second octet begin, and what comes after it.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ErrorKind> {
    match short {
        126 => match rest.split_first_chunk() {
            Some((octets, _)) if u16::from_be_bytes(*octets) < 126 => Err(ErrorKind::LengthNotMinimal),
            Some((octets, rest)) => Ok(Some((u16::from_be_bytes(*octets).into(), rest))),
            None => Ok(None),
        },
        127 if rest.first().is_some_and(|octet| octet & 0x80 != 0) => Err(ErrorKind::LengthTopBit),
        127 if rest.starts_with(&[0; 6]) => Err(ErrorKind::LengthNotMinimal),
        127 => Ok(rest.split_first_chunk().map(|(octets, rest)| (u64::from_be_bytes(*octets), rest))),
        length => Ok(Some((length.into(), rest))),
    }
}

/// Appends a whole frame of a server: final, and not masked (section 5.1).
pub(super) fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.push(0x80 | opcode as u8);
    match payload.len() {
        length @ ..126 => out.push(length as u8),
        length @ ..0x1_0000 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// A text message as a whole frame, to be sent to as many as there are with [`Socket::frame`](super::Socket::frame): they share
/// the octets.
pub fn text_frame(text: &str) -> Bytes {
    frame(Opcode::Text, text.as_bytes())
}

/// The same of a binary message.
pub fn binary_frame(octets: &[u8]) -> Bytes {
    frame(Opcode::Binary, octets)
}

fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(payload.len() + 10);
    write_frame(&mut out, opcode, payload);
    out.into()
}

/// Whether these octets are one final frame of a server, with a message.
pub(super) fn is_whole_message(frame: &[u8]) -> bool {
    let Some((&[first, second], rest)) = frame.split_first_chunk() else { return false };
    let length = length(second & 0x7f, rest);
    matches!(first, 0x81 | 0x82) && second < 0x80 && matches!(length, Ok(Some((length, rest))) if length == rest.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = *b"mask";

    fn header(first: u8, short: u8, extended: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | short], extended, &MASK].concat()
    }

    #[test]
    fn lengths_at_their_edges() {
        let cases: [(u8, &[u8], u64); 8] = [
            (0, &[], 0),
            (125, &[], 125),
            (126, &[0, 126], 126),
            (126, &[0xff, 0xff], 65_535),
            (127, &[0, 0, 0, 0, 0, 1, 0, 0], 65_536),
            (127, &[0, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
            (127, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], u64::MAX >> 1),
            (126, &[1, 0], 256),
        ];
        for (short, extended, length) in cases {
            let octets = header(0x82, short, extended);
            let expected = FrameHeader { is_final: true, opcode: Opcode::Binary, mask: MASK, length };
            assert_eq!(FrameHeader::parse(&octets), Ok(Some((expected, octets.len()))));
            for end in 0..octets.len() {
                assert_eq!(FrameHeader::parse(&octets[..end]), Ok(None), "{end} octets of {octets:x?}");
            }
        }
    }

    #[test]
    fn every_first_octet() {
        for first in 0..=u8::MAX {
            let opcode = Opcode::of(first & 0x0f);
            let expected = match opcode {
                _ if first & 0x70 != 0 => Err(ErrorKind::ReservedBits),
                None => Err(ErrorKind::ReservedOpcode),
                Some(opcode) if opcode.is_control() && first < 0x80 => Err(ErrorKind::FragmentedControl),
                Some(opcode) => Ok((opcode, first >= 0x80)),
            };
            let parsed = FrameHeader::parse(&header(first, 0, &[]));
            assert_eq!(parsed.map(|header| header.map(|(header, _)| (header.opcode, header.is_final))), expected.map(Some));
            assert_eq!(FrameHeader::parse(&[first]).err(), expected.err(), "it can be told by the first octet");
        }
        assert_eq!((0..16).filter(|&nibble| Opcode::of(nibble).is_some()).collect::<Vec<_>>(), [0, 1, 2, 8, 9, 10]);
    }

    #[test]
    fn refused_as_early_as_can_be() {
        let cases: [(&[u8], ErrorKind); 8] = [
            (&[0x81, 0x05], ErrorKind::Unmasked),
            (&[0x89, 0x80 | 126], ErrorKind::LongControl),
            (&[0x88, 0x80 | 127], ErrorKind::LongControl),
            (&[0x81, 0x80 | 126, 0, 125], ErrorKind::LengthNotMinimal),
            (&[0x81, 0x80 | 126, 0, 0], ErrorKind::LengthNotMinimal),
            (&[0x81, 0x80 | 127, 0x80], ErrorKind::LengthTopBit),
            (&[0x81, 0x80 | 127, 0xff], ErrorKind::LengthTopBit),
            (&[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0], ErrorKind::LengthNotMinimal),
        ];
        for (octets, error) in cases {
            for end in 0..octets.len() {
                assert_eq!(FrameHeader::parse(&octets[..end]), Ok(None), "{end} octets of {octets:x?}");
            }
            assert_eq!(FrameHeader::parse(octets), Err(error));
            assert_eq!(FrameHeader::parse(&[octets, &[0xff; 14]].concat()), Err(error), "an error is final");
        }
    }

    #[test]
    fn frames_of_a_server() {
        assert_eq!(text_frame("Hello")[..], *b"\x81\x05Hello", "section 5.7");
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let frame = binary_frame(&payload);
            assert!(is_whole_message(&frame) && !is_whole_message(&frame[..frame.len() - 1]), "{length}");
            // A client's frame has the same header, but for the mask and its bit.
            let mut masked = frame[..frame.len() - length].to_vec();
            masked[1] |= 0x80;
            masked.extend_from_slice(&MASK);
            let (header, octets) = FrameHeader::parse(&masked).unwrap().unwrap();
            assert_eq!((header.length, header.opcode, octets), (length as u64, Opcode::Binary, masked.len()));
            assert_eq!(frame[frame.len() - length..], payload);
        }
        assert!(!is_whole_message(b"\x89\x00") && !is_whole_message(b"\x01\x00") && !is_whole_message(b"\x81\x80mask"));
    }
}
