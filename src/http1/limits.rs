//! How much of a request is taken before it is refused, and with which status.

/// The most a request may ask a server to hold or to count.
///
/// Each bound is inclusive: a target of exactly [`target`](Self::target) octets is taken. The parser tells a bound broken at
/// the first octet beyond it, so a peer cannot make memory grow by never ending what it started. Give the same limits to all
/// calls that belong to one message.
///
/// Positions in a head are kept as `u32`, so no bound on a part of the head is taken to be above 1 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Octets of the method; beyond: 501 (RFC 9112 section 3).
    pub method: usize,
    /// Octets of the request target; beyond: 414 (RFC 9112 section 3).
    pub target: usize,
    /// Octets of all field lines of the head with their line ends, without the empty line that closes it; beyond: 431 (RFC 6585
    /// section 5).
    pub fields_octets: usize,
    /// Field lines of the head; beyond: 431.
    pub fields: usize,
    /// Octets of the body, whether announced by Content-Length or summed over its chunks; beyond: 413 (RFC 9110 section
    /// 15.5.14).
    pub body: u64,
    /// Octets of chunk extensions, and of leading zeros of chunk sizes, over the whole body; beyond: 400. Chunk extensions are
    /// ignored, so they are nothing but a way of making a server read (RFC 9112 section 7.1.1 asks for such a bound).
    pub chunk_extension_octets: usize,
    /// Octets of all trailer lines, counted like [`fields_octets`](Self::fields_octets); beyond: 431.
    pub trailer_octets: usize,
    /// Trailer lines; beyond: 431.
    pub trailers: usize,
}

impl Default for HttpLimits {
    /// A method of 32 octets (the longest registered one, UPDATEREDIRECTREF, has 17), a target of 8 KiB (RFC 9112
    /// section 3 recommends at least 8000 octets), 256 fields in 64 KiB, a body of 16 MiB, 16 KiB of chunk extensions, 64
    /// trailers in 8 KiB.
    fn default() -> Self {
        HttpLimits {
            method: 32,
            target: 8 << 10,
            fields_octets: 64 << 10,
            fields: 256,
            body: 16 << 20,
            chunk_extension_octets: 16 << 10,
            trailer_octets: 8 << 10,
            trailers: 64,
        }
    }
}

/// No part of a head is longer, whatever the limits say: three such parts still have positions below 2^32.
pub(crate) const LONGEST_PART: usize = 1 << 30;
