//! The plain reader of WebSocket: takes apart all that a client says, with none of the code that is tested (but for the
//! names of what is wrong), and says what an echo must have heard and answered.

use iolab::websocket::{ErrorKind, WebSocketLimits};

use super::websocket_support::{CLOSE, PONG, TEXT, closed, command, is_allowed, server};

/// What comes of what a client says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub heard: Vec<String>,
    pub answer: Vec<u8>,
}

/// How far a conversation is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    NotYet,
    /// The echo has closed.
    Closing,
    Over,
}

/// A frame whose header is whole. Of its payload there is as much as has come.
struct Frame<'a> {
    opcode: u8,
    is_final: bool,
    length: u128,
    mask: &'a [u8],
    payload: &'a [u8],
}

impl Frame<'_> {
    fn unmasked(&self) -> Vec<u8> {
        self.payload.iter().enumerate().map(|(at, octet)| octet ^ self.mask[at % 4]).collect()
    }

    fn is_whole(&self) -> bool {
        self.payload.len() as u128 == self.length
    }
}

pub fn take_apart(mut octets: &[u8], limits: &WebSocketLimits, is_stopping: bool) -> Said {
    let (mut said, mut ends) = (Said::default(), Ends::NotYet);
    let mut message: Option<(u8, Vec<u8>, usize)> = None;
    while ends != Ends::Over {
        let outcome = first_frame(octets).and_then(|frame| {
            let Some((frame, rest)) = frame else { return Ok(false) };
            octets = rest;
            hear(&frame, limits, &mut message, &mut said, &mut ends)?;
            Ok(frame.is_whole())
        });
        match outcome {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                if ends == Ends::NotYet {
                    said.answer.extend(server(CLOSE, closed(error.code(), error.reason())));
                }
                said.heard.push(format!("closing {} {}", error.code(), error.reason()));
                return said;
            }
        }
    }
    if ends != Ends::Over {
        if is_stopping {
            said.heard.push("Stopping".into());
            if ends == Ends::NotYet {
                said.answer.extend(server(CLOSE, closed(1001, "the server is stopping")));
            }
        }
        said.heard.push("closing 1006 ".into());
    }
    said
}

/// The first frame, and what follows it.
fn first_frame(octets: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>, ErrorKind> {
    let Some(&first) = octets.first() else { return Ok(None) };
    let (is_final, opcode) = (first >= 0x80, first % 16);
    if first / 16 % 8 != 0 {
        return Err(ErrorKind::ReservedBits);
    }
    if ![0, 1, 2, 8, 9, 10].contains(&opcode) {
        return Err(ErrorKind::ReservedOpcode);
    }
    if opcode >= 8 && !is_final {
        return Err(ErrorKind::FragmentedControl);
    }
    let Some(&second) = octets.get(1) else { return Ok(None) };
    if second < 0x80 {
        return Err(ErrorKind::Unmasked);
    }
    let short = second - 0x80;
    if opcode >= 8 && short > 125 {
        return Err(ErrorKind::LongControl);
    }
    let wide = [0, 2, 8][usize::from(short.saturating_sub(125))];
    let extended = &octets[2..octets.len().min(2 + wide)];
    if wide == 8 && extended.first().is_some_and(|&octet| octet >= 0x80) {
        return Err(ErrorKind::LengthTopBit);
    }
    // The least that it can be, whatever is still to come.
    let most = (0..wide).map(|at| extended.get(at).copied().unwrap_or(0xff));
    let most = most.fold(0_u128, |sum, octet| sum * 256 + u128::from(octet));
    if wide == 2 && most < 126 || wide == 8 && most < 65_536 {
        return Err(ErrorKind::LengthNotMinimal);
    }
    let Some(mask) = octets.get(2 + wide..6 + wide) else { return Ok(None) };
    let length = if wide == 0 { u128::from(short) } else { most };
    let rest = &octets[6 + wide..];
    let (payload, rest) = rest.split_at(usize::try_from(length).unwrap_or(usize::MAX).min(rest.len()));
    Ok(Some((Frame { opcode, is_final, length, mask, payload }, rest)))
}

fn hear(
    frame: &Frame<'_>,
    limits: &WebSocketLimits,
    message: &mut Option<(u8, Vec<u8>, usize)>,
    said: &mut Said,
    ends: &mut Ends,
) -> Result<(), ErrorKind> {
    let payload = frame.unmasked();
    match frame.opcode {
        8.. if !frame.is_whole() => return Ok(()),
        8 => {
            let (code, reason) = match &payload[..] {
                [] => (1005, ""),
                [_] => return Err(ErrorKind::CloseTooShort),
                [high, low, reason @ ..] => {
                    let code = u16::from(*high) * 256 + u16::from(*low);
                    if !is_allowed(code) {
                        return Err(ErrorKind::CloseCode);
                    }
                    (code, std::str::from_utf8(reason).map_err(|_| ErrorKind::CloseReason)?)
                }
            };
            if *ends == Ends::NotYet {
                said.answer.extend(server(CLOSE, &payload[..payload.len().min(2)]));
            }
            said.heard.push(format!("closing {code} {reason}"));
            *ends = Ends::Over;
            return Ok(());
        }
        _ if *ends == Ends::Closing => return Ok(()),
        9 => said.answer.extend(server(PONG, &payload)),
        _ => {}
    }
    if frame.opcode >= 8 {
        return Ok(());
    }
    match (frame.opcode, &mut *message) {
        (0, None) => return Err(ErrorKind::NothingToContinue),
        (0, Some(_)) => {}
        (_, Some(_)) => return Err(ErrorKind::MessageWithinMessage),
        (opcode, none) => *none = Some((opcode, Vec::new(), 0)),
    }
    let Some((opcode, octets, frames)) = message else { return Ok(()) };
    *frames += 1;
    if *frames > limits.fragments {
        return Err(ErrorKind::TooManyFragments);
    }
    if octets.len() as u128 + frame.length > limits.message as u128 {
        return Err(ErrorKind::MessageTooLong);
    }
    octets.extend(payload);
    let is_complete = frame.is_final && frame.is_whole();
    let text = std::str::from_utf8(octets);
    if *opcode == 1 && text.is_err_and(|error| is_complete || error.error_len().is_some()) {
        return Err(ErrorKind::TextNotUtf8);
    }
    if is_complete {
        match text {
            Ok(text) if *opcode == 1 => {
                said.heard.push(format!("text {text}"));
                match command(text) {
                    Some((code, reason)) => {
                        *ends = Ends::Closing;
                        let most = (0..=reason.len().min(123)).rev().find(|&at| reason.is_char_boundary(at)).unwrap_or(0);
                        let payload = if code == 1005 { Vec::new() } else { closed(code, &reason[..most]) };
                        said.answer.extend(server(CLOSE, payload));
                    }
                    None => said.answer.extend(server(TEXT, text)),
                }
            }
            _ => {
                said.heard.push(format!("binary {}", octets.escape_ascii()));
                said.answer.extend(server(0x82, &octets));
            }
        }
        *message = None;
    }
    Ok(())
}
