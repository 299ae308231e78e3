//! All forms against the reference: block by block, and head by head.

use super::byte::Byte;
use super::swar::Swar;
use super::*;
use crate::http1::error::Error;
use crate::http1::index::HeadIndex;
use crate::http1::limits::HttpLimits;

/// Seeded, so a failure comes again (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(mixed ^ mixed >> 31) * bound as u128) >> 64) as usize
    }

    fn octet(&mut self) -> u8 {
        const TELLING: &[u8] = b"\r\n\r\n:: \tab-Z09/#\0\x1f\x7f\x80\xff@[`{";
        if self.below(3) == 0 { self.below(256) as u8 } else { TELLING[self.below(TELLING.len())] }
    }
}

/// What a form says of the block at `base`, as far as it must say the same as all others: where a target ends, and what the
/// lines are, if there is nothing wrong with them.
fn seen<C: Classify>(by: C, input: &[u8], base: usize) -> [u64; 5] {
    let left = (input.len() - base).min(BLOCK);
    let octets = match input[base..].first_chunk() {
        Some(block) => by.whole(block),
        None => by.tail(input, base),
    };
    let there = if left == BLOCK { u64::MAX } else { valid(left) };
    let masks = by.masks(octets, Carry::LINE_START.runs());
    for mask in [masks.token, masks.colon, masks.cr, masks.lf, masks.bad] {
        assert_eq!(mask & !there, 0, "octets that are not there, in {}", input.escape_ascii());
    }
    let lines = lines(masks, Carry::LINE_START, u64::MAX);
    let is_wrong = lines.wrong & there != 0;
    let stream = if is_wrong { 0 } else { lines.stream & there };
    let target_end = by.target_end(octets, base % BLOCK).min(left) as u64;
    [target_end, masks.cr, masks.lf, u64::from(is_wrong), stream]
}

/// Asserts that all forms see the same in a block.
fn agree_on(input: &[u8], base: usize) {
    let reference = seen(Byte, input, base);
    let shown = || input.escape_ascii();
    assert_eq!(seen(Swar, input, base), reference, "swar, from {base}: {}", shown());
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(by) = avx2::Avx2::detect() {
            assert_eq!(seen(by, input, base), reference, "avx2, from {base}: {}", shown());
        }
        if let Some(by) = avx512::Avx512::detect() {
            assert_eq!(seen(by, input, base), reference, "avx512, from {base}: {}", shown());
        }
    }
}

#[test]
fn every_octet_at_every_place_of_a_block() {
    for filler in [b'a', b' ', b'\t', 0x80, b':', b'\r', b'\n'] {
        for place in 0..BLOCK {
            for octet in 0..=255 {
                let mut block = [filler; BLOCK];
                block[place] = octet;
                agree_on(&block, 0);
            }
        }
    }
}

/// Tails of every length, behind every number of octets that were looked at before; the input is all there is of its memory, so
/// whoever reads beyond it reads what is not its own.
#[test]
fn every_length_at_every_alignment() {
    let mut dice = Dice(1);
    for length in 0..=200 {
        for base in 0..length {
            let input: Box<[u8]> = (0..length).map(|_| dice.octet()).collect();
            agree_on(&input, base);
        }
    }
}

/// Where everything is in a head, or what is wrong with it.
fn outcome(scanner: Scanner, pieces: &[&[u8]]) -> Result<Option<(usize, Vec<u32>)>, Error> {
    let mut index = HeadIndex::with_scanner(scanner);
    for (i, input) in pieces.iter().enumerate() {
        let found = index.parse(input, &HttpLimits::default());
        assert_eq!(index.parse(input, &HttpLimits::default()), found, "told again");
        match found? {
            None if i + 1 < pieces.len() => {}
            None => return Ok(None),
            Some(end) => {
                let positions = index.fields(input).spans().flat_map(|(name, value)| [name.end as u32, value.end as u32]);
                return Ok(Some((end, positions.collect())));
            }
        }
    }
    Ok(None)
}

/// Heads that are mostly right, of lines of all lengths, with an octet or two changed; at every alignment to a vector, whole and
/// cut in two.
#[test]
fn heads_at_every_alignment_and_split() {
    let reference = Scanner::new(Form::Byte).expect("it needs nothing");
    let mut dice = Dice(2);
    for round in 0..4000 {
        let mut head = b"GET /".to_vec();
        head.extend(std::iter::repeat_n(b'x', dice.below(if round % 2 == 0 { 20 } else { 150 })));
        head.extend(b" HTTP/1.1\r\n");
        for _ in 0..dice.below(6) {
            head.extend(std::iter::repeat_n(b'n', 1 + dice.below(if round % 7 == 0 { 140 } else { 20 })));
            head.push(b':');
            head.extend(std::iter::repeat_n(b'v', dice.below(90)));
            head.extend(b"\r\n");
        }
        head.extend(b"\r\n");
        head.extend(std::iter::repeat_n(b'z', dice.below(80)));
        for _ in 0..dice.below(3) {
            let place = dice.below(head.len());
            head[place] = dice.octet();
        }
        let alignment = round % BLOCK;
        let memory = [vec![b'\r'; alignment], head].concat();
        let head = &memory[alignment..];
        let whole = outcome(reference, &[head]);
        let cut = dice.below(head.len() + 1);
        for scanner in Scanner::all() {
            let form = scanner.form();
            assert_eq!(outcome(scanner, &[head]), whole, "{form}: {}", head.escape_ascii());
            assert_eq!(outcome(scanner, &[&head[..cut], head]), whole, "{form}, cut at {cut}: {}", head.escape_ascii());
        }
    }
}
