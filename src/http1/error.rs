//! Why a request is refused, where, and with which status.

use std::fmt;

/// A request that is refused.
///
/// What it says is a function of the octets and the limits alone, never of how the octets were split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where, in octets from the first octet of the message (a skipped CRLF counts).
    ///
    /// For what is wrong with the octets themselves: the first octet after which no continuation could have made a valid
    /// message (for a bare CR, the octet that stands where the LF should be; for a limit, the first octet beyond it). For what
    /// is wrong with the meaning of a whole line or head: the first octet of the target, version or field value concerned.
    pub offset: usize,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize) -> Self {
        Error { kind, offset }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (octet {} of the request; answered {})", self.kind, self.offset, self.kind.status())
    }
}

impl std::error::Error for Error {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $status:literal $says:literal,)*) => {
        /// What is wrong with a request. Each has one status to be answered with; after each the connection must be closed,
        /// because nobody knows where the next request starts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)*
        }

        impl ErrorKind {
            /// The status code to answer with (RFC 9110 section 15, RFC 6585 section 5).
            pub fn status(self) -> u16 {
                match self {
                    $(ErrorKind::$kind => $status,)*
                }
            }
        }

        impl fmt::Display for ErrorKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(ErrorKind::$kind => $says,)*
                })
            }
        }
    };
}

kinds! {
    /// A LF that no CR precedes. RFC 9112 section 2.2 lets a recipient accept it in a head; two recipients that differ on it
    /// see two different messages, so it is refused.
    BareLf 400 "a LF without a CR before it: lines end with CRLF",
    /// A CR that no LF follows (RFC 9112 section 2.2).
    BareCr 400 "a CR without a LF after it: lines end with CRLF",

    /// The request line does not start with a method and one space (RFC 9112 section 3).
    Method 400 "the request line must start with a method (letters, digits or !#$%&'*+-.^_`|~) and one space",
    /// The method is longer than [`HttpLimits::method`](super::HttpLimits::method).
    MethodTooLong 501 "the method is longer than any this server implements",
    /// No target after the method, or two spaces before it.
    TargetEmpty 400 "exactly one space and a request target must follow the method",
    /// A control octet, DEL or `#` in the target.
    TargetOctet 400 "the request target holds a control octet, DEL or a fragment (#)",
    /// The target is longer than [`HttpLimits::target`](super::HttpLimits::target).
    TargetTooLong 414 "the request target is longer than the limit",
    /// The target is of no form, or of one that the method does not go with (RFC 9112 section 3.2).
    TargetForm 400 "the request target does not fit the method: a path that starts with /, an http or https URI with a host and \
        without user information, host:port for CONNECT only, * for OPTIONS only",
    /// No version, two spaces before it, or a malformed one (RFC 9112 section 2.3).
    VersionMalformed 400 "one space, the version (HTTP/ digit . digit) and CRLF must follow the request target",
    /// A well-formed version other than 1.0 and 1.1.
    VersionUnsupported 505 "this server speaks HTTP/1.1 and HTTP/1.0",

    /// White space between the request line and the first field (RFC 9112 section 2.2).
    SpaceBeforeFields 400 "white space between the request line and the first field",
    /// A field line that starts with white space, folded onto the line before (RFC 9112 section 5.2).
    ObsoleteFold 400 "a field line starts with white space: folded lines are obsolete",
    /// A field line that starts with a colon.
    FieldNameEmpty 400 "a field without a name",
    /// An octet in a field name that is no token octet (RFC 9110 section 5.1).
    FieldNameOctet 400 "a field name holds an octet other than letters, digits and !#$%&'*+-.^_`|~",
    /// White space in a field name or between it and the colon (RFC 9112 section 5.1).
    FieldNameSpace 400 "white space between a field name and its colon",
    /// A field line that ends without a colon.
    ColonMissing 400 "a field line without a colon",
    /// A control octet other than HTAB, or DEL, in a field value (RFC 9110 section 5.5).
    FieldValueOctet 400 "a field value holds a control octet or DEL",
    /// Field lines (or trailer lines) longer than the limit in octets.
    FieldsTooLong 431 "the field lines are longer than the limit",
    /// More fields (or trailers) than the limit.
    TooManyFields 431 "more fields than the limit",

    /// An HTTP/1.1 request without Host (RFC 9112 section 3.2).
    HostMissing 400 "an HTTP/1.1 request needs a Host field",
    /// More than one Host field line.
    HostRepeated 400 "more than one Host field",
    /// Host is not `host [ ":" port ]` of RFC 3986, or empty though the target has an authority.
    HostMalformed 400 "the Host field must be a host name or address, and optionally a colon and a port up to 65535",
    /// More than one Content-Length field line, the same or not.
    ContentLengthRepeated 400 "more than one Content-Length field",
    /// Content-Length is not a row of decimal digits, or above 2^64 - 1.
    ContentLengthMalformed 400 "Content-Length must be decimal digits, at most 2^64 - 1",
    /// Transfer-Encoding in an HTTP/1.0 request (RFC 9112 section 6.1).
    TransferEncodingInHttp10 400 "HTTP/1.0 has no Transfer-Encoding",
    /// Transfer-Encoding and Content-Length in one request (RFC 9112 section 6.1): an attempt to smuggle, or a broken client.
    LengthAndTransferEncoding 400 "Content-Length and Transfer-Encoding in one request",
    /// Transfer-Encoding is empty or no list of codings.
    TransferEncodingMalformed 400 "Transfer-Encoding must be a list of codings, and chunked has no parameters",
    /// `chunked` twice, or not as the last coding (RFC 9112 section 6.3).
    ChunkedNotFinal 400 "chunked must be the last transfer coding, once",
    /// A transfer coding other than `chunked`.
    TransferEncodingUnsupported 501 "this server implements no transfer coding but chunked",
    /// The body is, or would become, longer than [`HttpLimits::body`](super::HttpLimits::body).
    BodyTooLarge 413 "the body is longer than the limit",
    /// An expectation other than `100-continue` (RFC 9110 section 10.1.1).
    ExpectationUnknown 417 "this server meets no expectation but 100-continue",

    /// A chunk size that is no row of hexadecimal digits followed by CRLF or an extension (RFC 9112 section 7.1).
    ChunkSizeMalformed 400 "a chunk size must be hexadecimal digits, followed by CRLF or an extension",
    /// A chunk size above 2^64 - 1.
    ChunkSizeOverflow 400 "a chunk size above 2^64 - 1",
    /// A chunk extension that is not `; name` or `; name = value` (RFC 9112 section 7.1.1).
    ChunkExtensionMalformed 400 "a chunk extension must be ;name or ;name=value, the value a token or a quoted string",
    /// More extension octets than [`HttpLimits::chunk_extension_octets`](super::HttpLimits::chunk_extension_octets).
    ChunkExtensionsTooLong 400 "the chunk extensions of the body are longer than the limit",
    /// The octets of a chunk are not followed by CRLF: the size was wrong.
    ChunkEnd 400 "CRLF must follow the octets of a chunk: its size does not fit",
}
