//! A corpus of raw HTTP/1.1 requests, written from RFC 9110 and RFC 9112 and not from any parser.
//!
//! The `.txt` files beside this one are the data; [`format`] explains how they are written and reads them, [`answer`] reads
//! what a server sends back and refuses what a strict client would refuse, and [`play`] holds one conversation and compares.
//!
//! # The server a case expects
//!
//! An echo: a request the protocol allows is answered 200 with its own body, except TRACE (405) and CONNECT (501); HEAD gets no
//! body; `GET /bytes/N` gets N octets. Bodies of at most 64 KiB are answered only once they are whole, so a bad chunk yields
//! a clean 400 and never a 200. Errors close. Its limits, in octets unless said otherwise:
//!
//! | method | target | field section | body | chunk extensions of one body | trailer section |
//! |---|---|---|---|---|---|
//! | 32 | 8 KiB | 64 KiB and 256 fields | 1 MiB | 4 KiB | 8 KiB and 64 fields |

pub mod answer;
pub mod escapes;
pub mod format;
pub mod play;

use iolab::http1::HttpLimits;

/// The table above.
pub const LIMITS: HttpLimits = HttpLimits {
    method: 32,
    target: 8 << 10,
    fields_octets: 64 << 10,
    fields: 256,
    body: 1 << 20,
    chunk_extension_octets: 4 << 10,
    trailer_octets: 8 << 10,
    trailers: 64,
};
