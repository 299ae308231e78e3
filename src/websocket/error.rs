//! What ends a connection that a peer has broken, with which code.

use std::fmt;

use super::close::close_code;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $code:ident $says:literal,)*) => {
        /// What is wrong with what a peer has sent. Each has one code to close with; after each the connection is failed (RFC
        /// 6455 section 7.1.7), because nobody knows where the next frame starts, or because it would go on like this.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)*
        }

        impl ErrorKind {
            /// Every kind there is.
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$kind,)*];

            /// The code to close with (RFC 6455 section 7.4.1).
            pub fn code(self) -> u16 {
                match self {
                    $(ErrorKind::$kind => close_code::$code,)*
                }
            }

            /// The reason to close with.
            pub fn reason(self) -> &'static str {
                match self {
                    $(ErrorKind::$kind => $says,)*
                }
            }
        }
    };
}

kinds! {
    /// RSV1, RSV2 or RSV3 is set, and no extension was negotiated (section 5.2).
    ReservedBits PROTOCOL_ERROR "a reserved bit is set, and no extension was negotiated",
    /// An opcode of 3 to 7 or 11 to 15 (section 5.2).
    ReservedOpcode PROTOCOL_ERROR "a reserved opcode",
    /// A ping, pong or close without FIN (section 5.5).
    FragmentedControl PROTOCOL_ERROR "a control frame must not be fragmented",
    /// A ping, pong or close of more than 125 octets (section 5.5).
    LongControl PROTOCOL_ERROR "a control frame has 125 octets at most",
    /// A frame of a client that is not masked (section 5.1).
    Unmasked PROTOCOL_ERROR "a client must mask its frames",
    /// A length in more octets than it needs (section 5.2).
    LengthNotMinimal PROTOCOL_ERROR "a length must be encoded in as few octets as can be",
    /// A length of 64 bits whose first bit is set (section 5.2).
    LengthTopBit PROTOCOL_ERROR "the first bit of a 64-bit length must be 0",
    /// A continuation, and nothing to be continued (section 5.4).
    NothingToContinue PROTOCOL_ERROR "a continuation frame, but no message was begun",
    /// A new message within one (section 5.4).
    MessageWithinMessage PROTOCOL_ERROR "a message was begun before the last one ended",
    /// A close frame whose payload is one octet long: half a code (section 5.5.1).
    CloseTooShort PROTOCOL_ERROR "a close frame with half a code",
    /// A close frame with a code that may not be sent (section 7.4).
    CloseCode PROTOCOL_ERROR "a close code that may not be sent",
    /// A close frame whose reason is not UTF-8 (section 5.5.1).
    CloseReason INVALID_PAYLOAD "the reason of a close frame must be UTF-8",
    /// A text message that is not UTF-8 (section 8.1).
    TextNotUtf8 INVALID_PAYLOAD "a text message must be UTF-8",
    /// A message longer than [`WebSocketLimits::message`](super::WebSocketLimits::message).
    MessageTooLong TOO_BIG "the message is longer than the limit",
    /// A message in more frames than [`WebSocketLimits::fragments`](super::WebSocketLimits::fragments).
    TooManyFragments POLICY "the message is in more fragments than the limit",
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (closed with {})", self.reason(), self.code())
    }
}

impl std::error::Error for ErrorKind {}

#[cfg(test)]
mod tests {
    use super::super::close::{REASON_OCTETS, may_be_sent};
    use super::*;

    #[test]
    fn every_reason_fits_into_a_close_frame() {
        for kind in ErrorKind::ALL {
            assert!(kind.reason().len() <= REASON_OCTETS && may_be_sent(kind.code()), "{kind}");
        }
    }
}
