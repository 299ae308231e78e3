//! Masks: each octet of a client's payload is XORed with one of four, in turn (RFC 6455 section 5.3).
//!
//! It hides nothing, for the mask stands before the payload. It keeps a script in a page from choosing the octets that travel, so
//! that no cache on their way can be made to take them for a request and its answer.

// ANCHOR: unmask
/// Undoes the mask, or masks, in place. Returns the mask as the octet after these
/// needs it: a payload may come in pieces of any length.
///
/// Eight octets go at a time; the compiler makes more of it.
pub fn unmask(octets: &mut [u8], mask: [u8; 4]) -> [u8; 4] {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = octets.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (octet, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *octet ^= mask;
    }
    let mut next = mask;
    next.rotate_left(rest.len() % 4);
    next
}
// ANCHOR_END: unmask

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn byte_by_byte(octets: &[u8], mask: [u8; 4]) -> Vec<u8> {
        octets.iter().enumerate().map(|(at, octet)| octet ^ mask[at % 4]).collect()
    }

    #[test]
    fn the_example_of_section_5_7() {
        let mut octets = *b"\x7f\x9f\x4d\x51\x58";
        unmask(&mut octets, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(&octets, b"Hello");
    }

    proptest! {
        #[test]
        fn in_pieces_of_any_length_it_is_the_loop_over_octets(
            octets in prop::collection::vec(any::<u8>(), 0..300),
            mask: [u8; 4],
            cuts in prop::collection::vec(0_usize..300, 0..8),
        ) {
            let expected = byte_by_byte(&octets, mask);
            let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(octets.len())).chain([octets.len()]).collect();
            ends.sort_unstable();
            let (mut ours, mut start, mut next) = (octets.clone(), 0, mask);
            for end in ends {
                next = unmask(&mut ours[start..end], next);
                start = end;
            }
            prop_assert_eq!(&ours, &expected);
            unmask(&mut ours, mask);
            prop_assert_eq!(ours, octets);
        }
    }
}
