//! Close frames: a code, a reason, or neither (RFC 6455 sections 5.5.1 and 7.4).

use super::error::ErrorKind;
use super::frame::{CONTROL_OCTETS, Opcode, write_frame};

/// Codes of section 7.4.1. An application has [3000 to 4999](may_be_sent) for itself: 3000 to 3999 are registered with IANA, 4000
/// to 4999 are agreed on in private.
pub mod close_code {
    /// All was said.
    pub const NORMAL: u16 = 1000;
    /// The server is stopping, or the user has left the page.
    pub const GOING_AWAY: u16 = 1001;
    /// A frame that RFC 6455 does not allow.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A kind of message, text or binary, that this side does not take.
    pub const UNSUPPORTED: u16 = 1003;
    /// The peer's close frame had no code. Never on the wire.
    pub const NONE: u16 = 1005;
    /// There was no close frame. Never on the wire.
    pub const ABNORMAL: u16 = 1006;
    /// A payload that is not what it must be: text that is not UTF-8.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// A message against the rules of this side, where no other code fits.
    pub const POLICY: u16 = 1008;
    /// A message too long to be taken.
    pub const TOO_BIG: u16 = 1009;
    /// Something went wrong on this side.
    pub const INTERNAL_ERROR: u16 = 1011;
    /// The server is overloaded: come back later (IANA registry).
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// The longest reason in octets: what a control frame has room for beside the code.
pub(super) const REASON_OCTETS: usize = CONTROL_OCTETS - 2;

/// Whether a close frame may have that code: of section 7.4.1 all but 1004 to 1006 and 1015, those that IANA has registered since (1012 to
/// 1014), and 3000 to 4999.
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The code and the reason in the payload of a close frame. Without a code it is [1005](close_code::NONE).
pub(super) fn parse(payload: &[u8]) -> Result<(u16, &str), ErrorKind> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok((close_code::NONE, "")) } else { Err(ErrorKind::CloseTooShort) };
    };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(ErrorKind::CloseCode);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| ErrorKind::CloseReason)?;
    Ok((code, reason))
}

/// Appends a close frame: without a payload if the code is [1005](close_code::NONE). Of the reason as many whole characters as
/// there is room for.
pub(super) fn write_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    if code == close_code::NONE {
        return write_frame(out, Opcode::Close, &[]);
    }
    let reason = &reason[..boundary(reason, REASON_OCTETS)];
    let mut payload = [0; CONTROL_OCTETS];
    payload[..2].copy_from_slice(&code.to_be_bytes());
    payload[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
    write_frame(out, Opcode::Close, &payload[..2 + reason.len()]);
}

/// Where the last character ends that fits into so many octets.
// `str::floor_char_boundary` is younger than the oldest compiler this builds with.
fn boundary(text: &str, octets: usize) -> usize {
    (0..=octets.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_may_be_sent() {
        let may: Vec<u16> = (0..=u16::MAX).filter(|&code| may_be_sent(code)).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(may, expected);
    }

    #[test]
    fn payloads() {
        assert_eq!(parse(b""), Ok((1005, "")));
        assert_eq!(parse(b"\x03"), Err(ErrorKind::CloseTooShort));
        assert_eq!(parse(b"\x03\xe8"), Ok((1000, "")));
        assert_eq!(parse(&[3, 0xe7]), Err(ErrorKind::CloseCode), "999");
        assert_eq!(parse(&[3, 0xed]), Err(ErrorKind::CloseCode), "1005 is never on the wire");
        assert_eq!(parse(&[&[0x0f, 0xa9][..], "späte".as_bytes()].concat()), Ok((4009, "späte")));
        assert_eq!(parse(&[3, 0xe8, 0xc3]), Err(ErrorKind::CloseReason), "a character is cut");
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        write_close(&mut out, 1000, &"ä".repeat(100));
        assert_eq!(out[..2], [0x88, 2 + 122]);
        assert_eq!(parse(&out[2..]), Ok((1000, &*"ä".repeat(61))));
        out.clear();
        write_close(&mut out, 1000, &"a".repeat(200));
        assert_eq!((out[1], out.len()), (125, 127));
        out.clear();
        write_close(&mut out, close_code::NONE, "");
        assert_eq!(out, [0x88, 0]);
    }
}
