//! A message as it arrives: frame by frame, and each in pieces.
//!
//! What has come of it is kept, unmasked, in one buffer, which grows with what has come and not with what a header announces. A
//! message that comes whole is copied into it once, and handed over from there. Between messages there is no buffer.

use super::error::ErrorKind;
use super::frame::{FrameHeader, Opcode};
use super::limits::WebSocketLimits;
use super::mask::unmask;
use super::utf8::Utf8;
use crate::shelf;

/// The data frames of one peer.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Of the message that was begun.
    kind: Option<Kind>,
    octets: Vec<u8>,
    /// What has been judged of a text before its last piece came.
    utf8: Utf8,
    /// Its frames so far.
    fragments: usize,
    /// The frame whose payload is coming.
    frame: Option<Payload>,
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
}

#[derive(Clone, Copy, Debug)]
struct Payload {
    left: u64,
    mask: [u8; 4],
    is_final: bool,
}

/// A whole message. Give the buffer back to the [shelf].
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) octets: Vec<u8>,
}

impl Incoming {
    /// Whether a frame has begun whose payload is still to come.
    pub(super) fn is_within_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// A data frame begins.
    pub(super) fn begin(&mut self, header: &FrameHeader, limits: &WebSocketLimits) -> Result<(), ErrorKind> {
        match (header.opcode, self.kind) {
            (Opcode::Continuation, Some(_)) => {}
            (Opcode::Continuation, None) => return Err(ErrorKind::NothingToContinue),
            (_, Some(_)) => return Err(ErrorKind::MessageWithinMessage),
            (Opcode::Text, None) => self.kind = Some(Kind::Text),
            (_, None) => self.kind = Some(Kind::Binary),
        }
        self.fragments += 1;
        if self.fragments > limits.fragments {
            return Err(ErrorKind::TooManyFragments);
        }
        let room = limits.message.saturating_sub(self.octets.len());
        if usize::try_from(header.length).map_or(true, |length| length > room) {
            return Err(ErrorKind::MessageTooLong);
        }
        self.skip(header);
        Ok(())
    }

    /// A frame begins in which nobody is interested.
    pub(super) fn skip(&mut self, header: &FrameHeader) {
        self.frame = Some(Payload { left: header.length, mask: header.mask, is_final: header.is_final });
    }

    /// Takes of `input` what belongs to the frame, and says how much that was; and the message, if that was the last of it.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<(usize, Option<Message>), ErrorKind> {
        let Some((piece, frame)) = self.piece(input) else { return Ok((0, None)) };
        if self.octets.capacity() == 0 {
            self.octets = shelf::take(piece.len());
        }
        let before = self.octets.len();
        self.octets.extend_from_slice(piece);
        let next = unmask(&mut self.octets[before..], frame.mask);
        if let Some(frame) = &mut self.frame {
            frame.mask = next;
        }
        if frame.left == 0 && frame.is_final {
            return Ok((piece.len(), self.end()));
        }
        if self.kind == Some(Kind::Text) {
            self.utf8.push(&self.octets[before..]).map_err(|_| ErrorKind::TextNotUtf8)?;
        }
        Ok((piece.len(), None))
    }

    /// The same of what nobody wants.
    pub(super) fn discard(&mut self, input: &[u8]) -> usize {
        shelf::put(std::mem::take(&mut self.octets));
        self.piece(input).map_or(0, |(piece, _)| piece.len())
    }

    /// The part of `input` that belongs to the frame, and the frame without it.
    fn piece<'i>(&mut self, input: &'i [u8]) -> Option<(&'i [u8], Payload)> {
        let frame = self.frame.as_mut()?;
        let count = usize::try_from(frame.left).map_or(input.len(), |left| left.min(input.len()));
        frame.left -= count as u64;
        let frame = *frame;
        if frame.left == 0 {
            self.frame = None;
        }
        Some((&input[..count], frame))
    }

    /// The last frame of the message is complete.
    fn end(&mut self) -> Option<Message> {
        (self.utf8, self.fragments) = (Utf8::default(), 0);
        let octets = std::mem::take(&mut self.octets);
        Some(Message { kind: self.kind.take()?, octets })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        shelf::put(std::mem::take(&mut self.octets));
    }
}
