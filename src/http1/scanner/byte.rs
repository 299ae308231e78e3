//! One octet at a time, with a table: the reference.

use super::{Scanner, TARGET, TOKEN, VALUE, run};

/// Looks each octet up in a table.
pub struct Byte;

impl Scanner for Byte {
    #[inline]
    fn token(octets: &[u8]) -> usize {
        run(octets, TOKEN)
    }

    #[inline]
    fn target(octets: &[u8]) -> usize {
        run(octets, TARGET)
    }

    #[inline]
    fn value(octets: &[u8]) -> usize {
        run(octets, VALUE)
    }
}
